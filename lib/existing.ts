import type { Mistake } from './mistake.ts';
import { type Names, serviceNameMistakes } from './names.ts';
import type { Placed } from './objects.ts';
import type { ReleaseProps } from './release-props.ts';
import type { StepDraft } from './strategy/strategy.ts';

/** Two Services that somebody else makes, with pods that somebody else runs. */
export interface ExistingServices {
  /** Name of the Service that has the traffic now: the candidate of the release before. */
  readonly stable: string;
  /** Name of the Service that is to get it. In a first release it may be the stable one. */
  readonly candidate: string;
  /**
   * What the candidate's pods run. A new version of a Service that was a candidate before is a new candidate.
   * @default - the Service's name tells
   */
  readonly version?: string;
}

/** The names by which routes lead to the two Services. */
export function existingNames(names: Names, { stable, candidate }: ExistingServices): Names {
  return { ...names, primary: stable, canary: candidate };
}

/** What is wrong with a release that brings its own Services, or brings nothing. */
export function existingMistakes(path: string, props: ReleaseProps, names: Names): Mistake[] {
  const { existing, workload } = props;
  if (existing === undefined)
    return workload === undefined
      ? [{ path, problem: 'there is nothing to release', remedy: 'give workload, or existing' }]
      : [];
  if (workload !== undefined)
    return [
      {
        path,
        problem: 'existing is given beside workload',
        got: existing,
        remedy: 'keep one of them',
      },
    ];
  return [
    ...serviceNameMistakes(path, 'existing.stable', existing.stable),
    ...serviceNameMistakes(path, 'existing.candidate', existing.candidate),
    ...UNUSED.filter(([, used]) => used(props)).map(([field]) => ({
      path,
      problem: `${field} has no effect beside existing`,
      remedy: 'leave it out: pods and Services are none of this release’s',
    })),
    ...routeMistakes(path, props, names),
  ];
}

const UNUSED: readonly (readonly [string, (props: ReleaseProps) => boolean])[] = [
  ['tracks', (it) => it.tracks !== undefined],
  ['selectorLabel', (it) => it.selectorLabel !== undefined],
  ['allowLiteralSecrets', (it) => it.allowLiteralSecrets === true],
  ['jobs', (it) => (it.jobs ?? []).length > 0],
  ['service.targetPort', (it) => it.service.targetPort !== undefined],
  ['service.portDiscovery', (it) => it.service.portDiscovery === true],
  ['service.apex', (it) => it.service.apex !== undefined],
  ['service.primary', (it) => it.service.primary !== undefined],
  ['service.canary', (it) => it.service.canary !== undefined],
];

/** Everything that a release without pods cannot do. */
function routeMistakes(path: string, { strategy, traffic }: ReleaseProps, names: Names): Mistake[] {
  const mistakes: Mistake[] = [];
  if (!strategy.tracks.includes('canary'))
    mistakes.push({
      path,
      problem: `strategy ${strategy.kind} changes pods, and existing has none`,
      remedy: 'use one that shifts traffic, such as canary({ stepWeights: [5, 20, 50] })',
    });
  if (traffic.shares === undefined && Object.keys(traffic.sharedLabels(names)).length > 0)
    mistakes.push({
      path,
      problem: `traffic ${traffic.kind} tells versions apart by labels, and existing has no pods to label`,
      remedy: 'lead to a Service for each version: leave subsets out',
    });
  if (traffic.shares !== undefined)
    mistakes.push({
      path,
      problem: `traffic ${traffic.kind} lets pods stand for weights, and existing has none`,
      remedy: 'use a router, such as istio() or gatewayApi({ … })',
    });
  return mistakes;
}

/** What is wrong with what a release of existing Services would write. */
export function existingRouteMistakes(
  path: string,
  drafts: readonly StepDraft[],
  routes: readonly Placed[],
): Mistake[] {
  const mistakes: Mistake[] = [];
  const service = routes.find(({ object }) => object.kind === 'Service');
  if (service !== undefined)
    mistakes.push({
      path,
      problem: 'traffic would be split by a Service of the release, and existing has its own',
      got: service.object.metadata.name,
      remedy:
        'use a router that leads to a Service for each version: istio() without subsets, or gatewayApi({ … })',
    });
  if (drafts.some((it) => it.baseline === true))
    mistakes.push({
      path,
      problem: 'a step compares with a baseline, and existing has no pods to run one',
      remedy: 'leave the baseline out',
    });
  return mistakes;
}

/**
 * The steps of a strategy where there is nothing to promote: the candidate's Service stays where the traffic is.
 * From the promotion on all requests go there; what then changes nothing is left out.
 */
export function withoutPromotion(drafts: readonly StepDraft[]): readonly StepDraft[] {
  const promotion = drafts.findIndex((it) => it.phase === 'Promoting');
  const bare = drafts.map(
    (it, index): StepDraft => ({
      ...it,
      ready: [],
      canary: { kind: 'none' },
      primary: 'stable',
      ...(promotion >= 0 && index >= promotion ? arrived(it) : {}),
    }),
  );
  return bare.filter((it, index) => {
    const before = bare[index - 1];
    const isLast = index === bare.length - 1;
    if (isLast || before === undefined || promotion < 0 || index < promotion) return true;
    return isAsked(it) || JSON.stringify(it.traffic) !== JSON.stringify(before.traffic);
  });
}

function arrived({ name, traffic }: StepDraft): Pick<StepDraft, 'name' | 'traffic'> {
  const { routes: _, mirrors: __, ...rest } = traffic;
  return {
    name: name.replace(/^(?:promote|weight-.*)$/, 'weight-100'),
    traffic: { ...rest, weights: { primary: 0, canary: 100 } },
  };
}

/** Whether a step holds anything up. */
function isAsked({ gate, hooks = [], own = [] }: StepDraft): boolean {
  return gate !== undefined || hooks.length > 0 || own.length > 0;
}
