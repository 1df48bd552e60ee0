import {
  hasService,
  identityOf,
  type Plan,
  type Shape,
  TRACK_LABEL,
} from '../../../lib/plan/plan.ts';
import { atRest } from '../position.ts';
import type { Situation } from '../situation.ts';

/**
 * Why the newest plan must not be pinned: what its files and its signature say, and what cannot follow the stable
 * plan; undefined where it may be.
 *
 * @param stable the plan that it would follow; undefined before the first
 */
export function refusal(
  { dist, refused, state }: Situation,
  stable: Plan | undefined,
): string | undefined {
  if (dist.kind !== 'known') return undefined;
  const next = dist.value.plan;
  const reasons = [
    ...(refused ?? []),
    ...(stable === undefined
      ? []
      : [
          ...movedAway(next, stable),
          ...baselineMissing(next, stable),
          ...sizesMissing(next, stable),
          ...servicesMixedUp(next, stable),
          ...rootsMoved(next, stable, state),
          ...serviceTaken(next, stable, state),
          ...refusals(next.shape, stable.shape),
        ]),
  ];
  return reasons.length === 0 ? undefined : reasons.join('; ');
}

function movedAway(next: Plan, stable: Plan): readonly string[] {
  if (next.namespace === stable.namespace) return [];
  return [
    `the namespace changed from ${stable.namespace} to ${next.namespace}: give the new one a release of its own`,
  ];
}

/** The baseline runs the stable version, as its own plan rendered it. */
function baselineMissing(next: Plan, stable: Plan): readonly string[] {
  const wants = next.steps.some((it) => it.baseline === true);
  if (!wants || stable.baseline !== undefined || identityOf(next) === identityOf(stable)) return [];
  return [
    'its steps compare with a baseline, and the stable plan was rendered without one: release the same version ' +
      'with these steps first, so that the next one finds its baseline',
  ];
}

/** The primary gives pods up to the canary, and the stable version's own plan rendered it with fewer. */
function sizesMissing(next: Plan, stable: Plan): readonly string[] {
  if (identityOf(next) === identityOf(stable)) return [];
  const promotion = next.steps.findIndex((it) => it.phase === 'Promoting');
  const before = next.steps.slice(1, promotion < 0 ? undefined : promotion);
  const wanted = [...new Set(before.flatMap((it) => it.pods?.primary ?? []))];
  const missing = wanted.filter((it) => stable.sizes?.includes(it) !== true);
  if (missing.length === 0) return [];
  return [
    `its steps need the primary at these sizes: ${missing.join(', ')}; and the stable plan was rendered for ` +
      `${stable.sizes?.join(', ') ?? 'none of that'}: release the same version with these weights and replicas first`,
  ];
}

/** The first step would take all traffic from the Service that has it to the one that the plan takes for it. */
function servicesMixedUp(next: Plan, stable: Plan): readonly string[] {
  const [now, before] = [next.shape.services, stable.shape.services];
  if (now === undefined || before === undefined || identityOf(next) === identityOf(stable))
    return [];
  if (now.stable === before.candidate) return [];
  return [
    `existing.stable is ${now.stable}, and ${before.candidate} has the traffic since the last release: ` +
      `set existing.stable: '${before.candidate}'`,
  ];
}

/** Between two plans of other roots `live/` would hold an object in two files, which no sync tool takes. */
function rootsMoved(next: Plan, stable: Plan, state: Situation['state']): readonly string[] {
  const isApart = ({ files }: Plan) => Object.keys(files).some((it) => it.includes('/'));
  if (isApart(next) === isApart(stable) || isAlone(next, stable, state)) return [];
  return ['its roots changed: change them at rest, and in a commit that changes no version'];
}

/** Who still used it would lose it; nobody should have to ask whether the new version was it. */
function serviceTaken(next: Plan, stable: Plan, state: Situation['state']): readonly string[] {
  const isKept = hasService(next.shape) || !hasService(stable.shape);
  if (isKept || isAlone(next, stable, state)) return [];
  return [
    `Service ${stable.shape.apex} is gone from the plan: take it away at rest, and in a commit that changes no version`,
  ];
}

/** Whether it changes configuration alone, at rest. */
function isAlone(next: Plan, stable: Plan, state: Situation['state']): boolean {
  const rests = state.kind !== 'known' || atRest(state.value.position);
  return rests && identityOf(next) === identityOf(stable);
}

/**
 * Why a plan must not follow the stable one: changes that a cluster would refuse, or that could not be
 * taken back. Each reason names what changed and the remedy; none means that it may start.
 */
export function refusals(next: Shape, stable: Shape): readonly string[] {
  return RULES.flatMap((rule) => rule(next, stable));
}

/** What an author writes to keep the selector of a track. */
function keptBy(selector: Readonly<Record<string, string>>): string {
  const [label] = Object.keys(selector);
  return TRACK_LABEL in selector || label === undefined
    ? 'keep the labels that the workload selects by, and leave selectorLabel out'
    : `keep the name, and set selectorLabel: '${label}'`;
}

type Rule = (next: Shape, stable: Shape) => readonly string[];

const RULES: readonly Rule[] = [
  function workloadRenamed(next, stable) {
    if (next.kind === stable.kind && next.workload === stable.workload) return [];
    return [
      `the workload changed from ${stable.kind} ${stable.workload} to ${next.kind} ${next.workload}: ` +
        'give the new one a release of its own and remove the old release afterwards',
    ];
  },
  function selectorsChanged(next, stable) {
    return (['primary', 'canary'] as const)
      .filter((track) => {
        const [now, before] = [next.selectors[track], stable.selectors[track]];
        // A track that comes or goes has nothing that could be changed.
        return now !== undefined && before !== undefined && sorted(now) !== sorted(before);
      })
      .map(
        (track) =>
          `the selector of the ${track} changed from ${sorted(stable.selectors[track])} to ` +
          `${sorted(next.selectors[track])}, and selectors are immutable: ${keptBy(stable.selectors[track] ?? {})}`,
      );
  },
  function fixedChanged(next, stable) {
    if (next.kind !== stable.kind) return [];
    const [now, before] = [next.fixed ?? {}, stable.fixed ?? {}];
    const keys = [...new Set([...Object.keys(now), ...Object.keys(before)])].sort();
    return keys
      .filter((key) => now[key] !== before[key])
      .map(
        (key) =>
          `${key} of ${stable.kind} ${stable.workload} changed from ${before[key] ?? 'none'} to ` +
          `${now[key] ?? 'none'}, and a cluster never changes it: keep it, or give the new one a release of its own`,
      );
  },
  function apexRenamed(next, stable) {
    if (next.apex === stable.apex || !hasService(stable)) return [];
    return [
      `the apex Service changed from ${stable.apex} to ${next.apex}: its users would lose it; ` +
        'give the new name a release of its own',
    ];
  },
  function apexLosesPods({ apexSelector = {} }, { podLabels }) {
    const missing = Object.entries(apexSelector).filter(([key, it]) => podLabels?.[key] !== it);
    if (podLabels === undefined || missing.length === 0) return [];
    return [
      `the apex Service would select ${sorted(apexSelector)}, which the pods that run now do not have, and the first ` +
        'step writes it while they still serve: keep the way in which the router finds pods, or give the new one a ' +
        'release of its own',
    ];
  },
  function routesRenamed(next, stable) {
    return stable.routes
      .filter((route) => !next.routes.includes(route))
      .map(
        (route) =>
          `the route ${route} is gone from the plan, and the rollback could not restore it in one step: ` +
          'keep its name, or release under another id',
      );
  },
  function targetPortUnknown(next, stable) {
    return next.targetPorts
      .filter((port) => !stable.targetPorts.includes(port) && !declares(stable, port))
      .map(
        (port) =>
          `the Service's targetPort ${port} is not declared by the pods that run now, and the first step ` +
          'writes Services while they still serve: release the pods with the new port first',
      );
  },
  function primaryGainsHpa(next, stable) {
    if (!next.autoscaled || stable.autoscaled) return [];
    return [
      'the primary gains an HPA, and dropping `replicas` would reset it to 1 while it serves. The hand-over is ' +
        'by hand: with the sync suspended, change the number through the scale subresource ' +
        `(kubectl scale deployment/${next.workload} --replicas=N, another N than now), then start the ` +
        'release over; see "Hand over to an HPA" in docs/adopt.md',
    ];
  },
];

function declares(shape: Shape, port: number | string): boolean {
  return shape.ports.some((it) => it.name === port || it.number === port);
}

function sorted(labels: Readonly<Record<string, string>> = {}): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
}
