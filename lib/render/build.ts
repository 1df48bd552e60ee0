import type { Labels } from '../manifest/json.ts';
import { type Authored, podLabels } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { TRACKS } from '../names.ts';
import type { Track } from '../plan/plan.ts';
import { jobMistakes, withJobSteps } from '../release/jobs.ts';
import type { Release } from '../release/release.ts';
import type { ReleaseProps } from '../release/release-props.ts';
import type { VerbatimObject } from '../release/verbatim.ts';
import { countMistakes } from '../strategy/stages.ts';
import type { StepDraft } from '../strategy/strategy.ts';
import { routerMistakes, unroutedMistakes } from '../traffic/mistakes.ts';
import { type Room, roomOf } from '../traffic/pods.ts';
import { backendMistakes } from '../workload/backends.ts';
import {
  podSelectorMistakes,
  serviceObjectMistakes,
  tracksMistakes,
  versionedMistakes,
} from '../workload/configuration.ts';
import { probePortMistakes } from '../workload/containers.ts';
import { missingKeys } from '../workload/content-keys.ts';
import { annotationMistakes } from '../workload/own-annotations.ts';
import { type Parts, partMistakes, partsOf } from '../workload/parts.ts';
import { unboundRoleMistakes } from '../workload/roles.ts';
import { targetMistakes } from '../workload/service.ts';
import { bothOf, keepsLabels, selectorOf, trackLabelOf } from '../workload/track-label.ts';
import { unknownReferences } from '../workload/unknown-references.ts';
import { hashedMistakes, isContent } from '../workload/versioned.ts';
import { runWorkload, type Workload } from '../workload/workload.ts';
import { replicasOf, workloadKindOf } from '../workload/workload-kinds.ts';
import { draftsOf } from './drafts.ts';
import { existingDraftMistakes } from './existing.ts';
import { type ObjectsInput, objectsOf, type ReleaseObjects, servicesIn } from './objects.ts';
import { scaleMistakes } from './scale-mistakes.ts';

/** What a release's workload became. */
export interface Built {
  /** What the author made. */
  readonly authored: readonly Authored[];
  readonly objects: ReleaseObjects | undefined;
  readonly drafts: readonly StepDraft[];
  readonly mistakes: readonly Mistake[];
  readonly warnings: readonly Mistake[];
}

/**
 * Makes the release's objects; without anything that has pods there are none to make.
 *
 * @param verbatim files that are copied byte for byte: pods start anew when they change
 */
export function build(release: Release, verbatim: readonly VerbatimObject[] = []): Built {
  const { path, props, names } = release;
  const made = madeBy(release);
  const parts = partsOf(made.objects, (it) => props.traffic.owns(it));
  const threw = made.thrown === undefined ? [] : [made.thrown];
  const early = [...threw, ...made.mistakes, ...earlyMistakes(release, made, parts)];
  const workload = parts.workloads[0];
  const common = { authored: made.objects, warnings: made.warnings };
  if (workload === undefined && props.existing === undefined)
    return { ...common, objects: undefined, drafts: [], mistakes: early };
  const label = trackLabelOf(workload?.object, names.apex, props.selectorLabel);
  const authored = made.objects.map((it) => it.object);
  const input = { path, props, names, parts, workload, verbatim, label, authored };
  const drafts = draftsOf(props, podRoom(parts));
  const objects = objectsOf(input);
  return {
    ...common,
    objects,
    drafts,
    mistakes: [...early, ...lateMistakes(release, input, objects, drafts)],
  };
}

function madeBy({ path, props, names }: Release): Workload {
  const home = { path, name: names.apex, namespace: names.namespace };
  return props.workload === undefined
    ? { objects: [], mistakes: [], warnings: [], constructs: [], thrown: undefined }
    : runWorkload(home, props.workload);
}

function earlyMistakes(release: Release, made: Workload, parts: Parts): Mistake[] {
  const { path, props, names } = release;
  // A workload that threw, or that there is none of, has no objects to judge.
  const isPartial = made.thrown !== undefined || made.mistakes.length > 0;
  if (made.objects.length === 0 && (isPartial || props.workload === undefined)) return [];
  const secrets = props.allowLiteralSecrets === true;
  const namespace = knownNamespace(release);
  const sharedTriggers = props.tracks?.sharedTriggers ?? [];
  const context = { path, names, namespace, sharedTriggers, isPartial };
  return [
    ...made.objects
      .filter((it) => isContent(it.object))
      .flatMap((it) => versionedMistakes(it, secrets ? 'allowed' : 'refused')),
    ...made.objects.flatMap((it) => [...hashedMistakes(it), ...annotationMistakes(it)]),
    ...partMistakes(context, made.objects, parts),
  ];
}

/** Where the release's objects must be; undefined where the author's answer to that is wrong. */
export function knownNamespace({ flawed, names }: Release): string | undefined {
  return flawed.has('namespace') ? undefined : names.namespace;
}

/**
 * Whether all that decides on the steps is right; what is wrong with two things together can be said of whole ones
 * alone.
 */
export function isSure({ flawed }: Release): boolean {
  return !['strategy', 'traffic', 'service', 'jobs', 'hooks', 'existing'].some((it) =>
    flawed.has(it),
  );
}

/** What can be seen once it is known how the tracks are told apart. */
function lateMistakes(
  release: Release,
  input: ObjectsInput,
  objects: ReleaseObjects,
  drafts: readonly StepDraft[],
): Mistake[] {
  const { path, props, names, label } = input;
  const pods = podsOf(props.strategy.tracks, objects);
  const selectors = TRACKS.map((track) => selectorOf(label, track));
  const { apex, primary, canary } = names;
  const taken = props.service === undefined ? [] : [apex, primary, canary];
  const jobs = withJobSteps(props.strategy.steps(), props.jobs ?? []);
  return [
    ...(release.flawed.has('service') || !input.workload || !props.service
      ? []
      : targetMistakes(path, props.service, input.workload.object)),
    ...(isSure(release)
      ? [
          ...(input.workload === undefined
            ? existingDraftMistakes(path, drafts)
            : scaleMistakes(input, objects, drafts)),
          ...selectorLabelMistakes(input),
          ...trafficMistakes(props, objects, drafts),
          ...podSplitMistakes(path, props, drafts),
          ...rootMistakes(path, props),
          ...jobMistakes(path, input.parts.jobs, jobs, selectors),
        ]
      : []),
    ...input.parts.others.flatMap((it) => serviceObjectMistakes(it, { taken, label, pods })),
    ...input.parts.others.flatMap((it) => podSelectorMistakes(it, label)),
    ...unboundRoleMistakes(
      input.parts.others,
      objects.configuration.map((it) => it.object),
    ),
    ...dangling(input, objects),
    ...Object.values(input.parts)
      .flat()
      .flatMap((it) => [...tracksMistakes(it, label), ...unknownReferences(it, objects.hashed)]),
    ...metadataMistakes(input),
  ];
}

/** References to what the release does not have, and nobody else can. */
function dangling({ parts, workload, names }: ObjectsInput, objects: ReleaseObjects): Mistake[] {
  if (workload === undefined) return [];
  const { metadata } = workload.object;
  const reachable = { services: servicesIn(objects), names, workload: metadata.name };
  const all = Object.values(parts).flat();
  const contents = all.map((it) => it.object);
  return [
    ...parts.others.flatMap((it) => backendMistakes(it, reachable)),
    ...all.flatMap((it) => [...missingKeys(it, contents), ...probePortMistakes(it)]),
  ];
}

/** Where pods stand for weights, the router is shown the weights that were asked for, and not what became of them. */
function trafficMistakes(
  { traffic, strategy }: ReleaseProps,
  { context, routed }: ReleaseObjects,
  drafts: readonly StepDraft[],
): readonly Mistake[] {
  const wanted = traffic.splits.kind === 'pods' ? strategy.steps() : drafts;
  const traffics = wanted.map((it) => it.traffic);
  return routed === undefined
    ? unroutedMistakes(traffic, context, traffics)
    : routerMistakes(traffic, routed, traffics);
}

/** What cannot be had where pods stand for weights. */
function podSplitMistakes(
  path: string,
  { traffic, strategy, analysis, service }: ReleaseProps,
  drafts: readonly StepDraft[],
): Mistake[] {
  if (traffic.splits.kind === 'requests') return [];
  const remedy = 'use fewer weights, or a larger maxSurge of the Deployment';
  // What the strategy itself has too many of, it says.
  const isLong = strategy.mistakes(path).length === 0;
  const mistakes = isLong ? countMistakes(path, drafts, remedy) : [];
  const delay = analysis?.rollbackDelay?.toSeconds() ?? 0;
  const [users, requests] = service === undefined ? ['work', 'work'] : ['users', 'requests'];
  const orRoute = service === undefined ? '' : ', or route the requests';
  if (delay > 0)
    mistakes.push({
      path,
      problem: `analysis.rollbackDelay would leave ${users} on a bad canary: its pods are its share of the ${requests}`,
      got: `${delay} s`,
      remedy: `leave it out${orRoute}`,
    });
  const sized = strategy
    .steps()
    .find(({ canary }) => canary.kind === 'replicas' || canary.kind === 'percent');
  if (sized !== undefined)
    mistakes.push({
      path,
      problem: `step ${sized.name} sets the canary's size, which is its share of the ${requests} here`,
      got: sized.canary,
      remedy: `set weights alone${orRoute}`,
    });
  return mistakes;
}

/** Where no mesh or gateway reads the routes, they are in the cluster of the pods. */
function rootMistakes(path: string, { roots = 'one', traffic }: ReleaseProps): Mistake[] {
  if (roots === 'one' || traffic.groups.length > 0) return [];
  const problem = `roots cannot lie apart: traffic ${traffic.kind} writes nothing that a mesh or gateway reads`;
  return [{ path, problem, got: roots, remedy: 'leave roots out' }];
}

/** An autoscaler's number is nobody's to know, and neither is that of the nodes. */
function podRoom({ autoscalers, workloads }: Parts): Room | undefined {
  const workload = workloads[0]?.object;
  if (workload === undefined || autoscalers.length > 0) return undefined;
  return workloadKindOf(workload)?.sized === true
    ? roomOf(workload, replicasOf(workload))
    : undefined;
}

function podsOf(tracks: readonly Track[], objects: ReleaseObjects): readonly Labels[] {
  return tracks
    .flatMap((track) => objects.running(track, { kind: 'full' }))
    .map((it) => it.object)
    .filter((it) => workloadKindOf(it) !== undefined)
    .map(podLabels);
}

/** The label that tells the tracks apart cannot be one that they share. */
function selectorLabelMistakes({ path, props, label }: ObjectsInput): Mistake[] {
  if (props.traffic.apexSelects === 'primary' || keepsLabels(label)) return [];
  if (bothOf(label)[label.key] === undefined) return [];
  const problem = 'selectorLabel would match both tracks: the router gives it one value on both';
  return [{ path, problem, got: label.key, remedy: 'choose another label' }];
}

/** Labels by which pods are found have one value for all that find them. */
function metadataMistakes({ path, props, label }: ObjectsInput): Mistake[] {
  return TRACKS.flatMap((track) => {
    const taken = Object.keys(selectorOf(label, track));
    const given = Object.keys(props.tracks?.[track]?.metadata?.labels ?? {});
    return given
      .filter((it) => taken.includes(it))
      .map((got) => ({
        path,
        problem: `tracks.${track}.metadata.labels has a label by which the pods are selected`,
        got,
        remedy: 'use another key',
      }));
  });
}
