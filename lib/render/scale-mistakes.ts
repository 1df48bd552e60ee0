import { PROGRESS_DEADLINE } from '../analysis/analysis.ts';
import { type Manifest, objectAt } from '../manifest/json.ts';
import { withSpec } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import type { TrackProps } from '../release/release-props.ts';
import type { StepDraft } from '../strategy/strategy.ts';
import { boundMistakes, isAutoscaler } from '../workload/autoscalers.ts';
import { budgetMistakes } from '../workload/budgets.ts';
import { neverReadyMistakes, type Start } from '../workload/never-ready.ts';
import {
  partitionOf,
  replicasOf,
  type WorkloadKind,
  workloadKindOf,
} from '../workload/workload-kinds.ts';
import type { ObjectsInput, ReleaseObjects } from './objects.ts';

/** What is wrong with how many pods the steps and tracks want, given what runs them. */
export function scaleMistakes(
  input: ObjectsInput,
  objects: ReleaseObjects,
  drafts: readonly StepDraft[],
): Mistake[] {
  const { workload, parts, path } = input;
  const kind = workload && workloadKindOf(workload.object);
  if (workload === undefined || kind === undefined) return [];
  const tracks = input.props.strategy.tracks;
  const written = withSpec(workload.object, input.props.strategy.deployment ?? {});
  const { progressDeadline = PROGRESS_DEADLINE } = input.props.analysis ?? {};
  const autoscalers = tracks
    .flatMap((track) => objects.running(track, { kind: 'full' }))
    .filter((it) => isAutoscaler(it.object));
  return [
    ...autoscalers.flatMap((it) => boundMistakes(it.path, it.object)),
    ...(kind.autoscaled ? [] : parts.autoscalers).map((it) => ({
      path: it.path,
      problem: `a ${kind.kind} has no autoscaler in a release`,
      got: it.object.metadata.name,
      remedy: AUTOSCALED[kind.kind] ?? 'leave it out',
    })),
    ...neverReadyMistakes({
      workload: { ...workload, object: written },
      autoscalers: parts.autoscalers,
      others: parts.others,
      overlap: tracks.includes('canary') ? 'tracks' : updateOf(written),
      deadlineSeconds: progressDeadline.toSeconds(),
    }),
    ...parts.companions.flatMap((it) => budgetMistakes(it, leastPods(input, objects, drafts))),
    ...trackMistakes(path, kind, input),
    ...countMistakes(path, input),
    ...draftMistakes(path, kind, drafts),
    ...(kind.tracked ? [] : partitionMistakes(path, replicasOf(workload.object), drafts)),
  ];
}

/** Other kinds delete a pod before they make its next. */
function updateOf(written: Manifest): Start['overlap'] {
  const isRolling = objectAt(written, 'spec', 'strategy').type !== 'Recreate';
  return written.kind === 'Deployment' && isRolling ? 'update' : 'none';
}

/** Of a canary that never runs beside the primary, as many as of the primary. */
function leastPods(
  { workload }: ObjectsInput,
  objects: ReleaseObjects,
  drafts: readonly StepDraft[],
): { readonly primary: number; readonly canary: number } {
  const count = (track: 'primary' | 'canary', scale: StepDraft['canary']): number => {
    const found = objects.running(track, scale).find((it) => workloadKindOf(it.object));
    return objects.leastPods(track, scale) ?? (found === undefined ? 0 : replicasOf(found.object));
  };
  const full = count('primary', { kind: 'full' });
  const isSized = workload !== undefined && workloadKindOf(workload.object)?.sized === true;
  const scales = isSized ? drafts.map((it) => it.canary).filter((it) => it.kind !== 'none') : [];
  return { primary: full, canary: Math.min(full, ...scales.map((it) => count('canary', it))) };
}

const AUTOSCALED: Readonly<Partial<Record<WorkloadKind['kind'], string>>> = {
  DaemonSet: 'leave it out: there is one pod on each node',
  StatefulSet: 'leave it out: which pods are updated is counted from a number that Git knows',
};

function trackMistakes(path: string, kind: WorkloadKind, { props }: ObjectsInput): Mistake[] {
  const { strategy, tracks } = props;
  const isTwo = strategy.tracks.includes('canary');
  const mistakes: Mistake[] = [];
  if (!kind.tracked && isTwo)
    mistakes.push({
      path,
      problem: `a ${kind.kind} has no tracks: a second one would have volumes and names of its own`,
      got: strategy.kind,
      remedy: 'use a strategy that changes the one that is there: partitions({ percents: […] })',
    });
  if (strategy.deployment !== undefined && kind.kind !== 'Deployment')
    mistakes.push({
      path,
      problem: `strategy ${strategy.kind} says how a Deployment is updated, and this is a ${kind.kind}`,
      got: strategy.deployment,
      remedy: kind.tracked
        ? 'use one that shifts traffic, such as canary({ stepWeights: [5, 20, 50] })'
        : 'use partitions({ percents: [25, 50] })',
    });
  if (tracks?.canary !== undefined && !isTwo)
    mistakes.push({
      path,
      problem: 'tracks.canary has no effect: the strategy has one track',
      got: tracks.canary,
      remedy: 'leave it out',
    });
  return mistakes;
}

/** Numbers of a track that nothing reads. */
function countMistakes(path: string, { props, parts, workload }: ObjectsInput): Mistake[] {
  const autoscaled = parts.autoscalers.length > 0;
  const sized = workload !== undefined && workloadKindOf(workload.object)?.sized === true;
  const { primary, canary } = props.tracks ?? {};
  const given = { primary, canary };
  return (['primary', 'canary'] as const).flatMap((track) =>
    (['replicas', 'minReplicas', 'maxReplicas'] as const).flatMap((key) => {
      const { replicas, minReplicas, maxReplicas }: TrackProps = given[track] ?? {};
      const got = { replicas, minReplicas, maxReplicas }[key];
      if (got === undefined) return [];
      const field = `tracks.${track}.${key}`;
      if (!Number.isInteger(got) || got < 1)
        return [{ path, problem: `${field} must be a whole number`, got, remedy: 'use 1 or more' }];
      if (key === 'replicas' ? sized && !autoscaled : autoscaled) return [];
      const remedy = autoscaled
        ? 'an autoscaler rules: give minReplicas and maxReplicas'
        : sized
          ? 'no autoscaler rules: give replicas of the canary; the primary has those of the workload'
          : 'leave it out: there is one pod on each node';
      return [{ path, problem: `${field} has no effect`, got, remedy }];
    }),
  );
}

function draftMistakes(path: string, kind: WorkloadKind, drafts: readonly StepDraft[]): Mistake[] {
  const scaled = drafts.filter(
    ({ canary: { kind: scale } }) => scale !== 'full' && scale !== 'none',
  );
  const partial = drafts.filter((it) => it.updatedPercent !== undefined);
  return [
    ...(kind.sized ? [] : scaled).map((it) => ({
      path,
      problem: `step ${it.name} scales the canary, and nodes decide how many pods a ${kind.kind} has`,
      got: it.canary,
      remedy: 'run it in full',
    })),
    ...(kind.kind === 'StatefulSet' ? [] : partial).map((it) => ({
      path,
      problem: `step ${it.name} updates a part of the pods, and a ${kind.kind} updates all or none`,
      got: it.updatedPercent,
      remedy: 'use a StatefulSet, or a strategy that shifts traffic',
    })),
  ];
}

/** A step that updates no pod more than the one before would pass for nothing. */
function partitionMistakes(
  path: string,
  replicas: number,
  drafts: readonly StepDraft[],
): Mistake[] {
  const updated = (it: StepDraft) => replicas - partitionOf(replicas, it.updatedPercent ?? 100);
  const partial = drafts.filter((it) => it.updatedPercent !== undefined);
  return partial.flatMap((it, index) => {
    const next = partial[index + 1];
    if (
      next === undefined ||
      updated(it) !== updated(next) ||
      it.updatedPercent === next.updatedPercent
    )
      return [];
    return [
      {
        path,
        problem: `${it.updatedPercent} % and ${next.updatedPercent} % are both ${updated(it)} of ${replicas} pods`,
        got: [it.updatedPercent, next.updatedPercent],
        remedy: 'leave one of the steps out, or run more replicas',
      },
    ];
  });
}
