import { Duration } from 'cdk8s';
import { withJobSteps } from '../release/jobs.ts';
import type { ReleaseProps } from '../release/release-props.ts';
import type { StepDraft } from '../strategy/strategy.ts';
import { type Pods, podsAt, podsBetween, type Room, shareOf } from '../traffic/pods.ts';
import { withoutPromotion } from './existing.ts';

/**
 * The steps of a release's strategy with all else that the release says about them: Jobs, no analysis, pods that
 * stand for weights, or no pods at all.
 *
 * @param room of the primary's pods; undefined where an autoscaler says how many there are
 */
export function draftsOf(
  props: Pick<ReleaseProps, 'strategy' | 'jobs' | 'skipAnalysis' | 'traffic' | 'existing'>,
  room: Room | undefined,
): readonly StepDraft[] {
  const own = props.strategy.steps();
  const all = props.skipAnalysis === true ? own.map(unjudged) : withJobSteps(own, props.jobs ?? []);
  if (props.existing !== undefined) return withoutPromotion(all);
  const { tracks } = props.strategy;
  if (props.traffic.splits.kind === 'requests' || room === undefined) return all;
  if (!tracks.includes('canary')) return all;
  return byPods(all, room);
}

function unjudged(it: StepDraft): StepDraft {
  const { own: _, bake: __, atLeast: ___, gate: ____, hooks: _____, jobs: ______, ...draft } = it;
  return { ...draft, checks: 'none', bake: Duration.seconds(0) };
}

/**
 * One Service over both tracks: a weight is a number of pods, and it takes a step for each change of one track. All traffic on
 * the canary is what the promotion does pod by pod.
 */
function byPods(drafts: readonly StepDraft[], room: Room): readonly StepDraft[] {
  const all = withoutWhole(drafts);
  return all.flatMap((draft, index) => {
    const from = podsAt(all[index - 1]?.traffic.weights.canary ?? 0, room);
    const between = podsBetween(from, podsAt(draft.traffic.weights.canary, room), room);
    const states = between.length === 0 ? [from] : between;
    return states.map((pods, at) =>
      withPods(
        at === states.length - 1 ? draft : onTheWay(draft, pods, states[at - 1] ?? from),
        pods,
      ),
    );
  });
}

function withoutWhole(drafts: readonly StepDraft[]): readonly StepDraft[] {
  const isSplit = ({ traffic: { weights } }: StepDraft) =>
    weights.canary > 0 && weights.canary < 100;
  return drafts.flatMap((it, index) => {
    const before = drafts.slice(0, index).filter(isSplit).at(-1);
    if (it.traffic.weights.canary < 100 || before === undefined) return [it];
    return it.phase === 'Progressing' ? [] : [{ ...it, traffic: before.traffic }];
  });
}

/** A state on the way to a step asks for nothing but that its pods get ready, while the checks are watched. */
function onTheWay(draft: StepDraft, pods: Pods, before: Pods): StepDraft {
  const { own: _, bake: __, points: ___, atLeast: ____, ...asked } = draft;
  const { gate: _____, hooks: ______, jobs: _______, isPromotion: ________, ...rest } = asked;
  const track = pods.canary === before.canary ? 'primary' : 'canary';
  return {
    ...rest,
    name: `${track}-${pods[track]}`,
    ready: ['canary', 'primary'],
    checks: draft.phase === 'Progressing' && draft.checks !== 'none' ? 'guard' : draft.checks,
  };
}

function withPods(draft: StepDraft, pods: Pods): StepDraft {
  const canary = percentOf(pods);
  const runs = pods.canary > 0;
  return {
    ...draft,
    primaryReplicas: pods.primary,
    canary: runs ? { kind: 'replicas', replicas: pods.canary } : { kind: 'none' },
    traffic: { ...draft.traffic, weights: { primary: hundredths(100 - canary), canary } },
    ready: runs ? draft.ready : draft.ready.filter((it) => it !== 'canary'),
  };
}

/** With two decimals, and over 0 where there is a pod. */
function percentOf(pods: Pods): number {
  return pods.canary === 0 ? 0 : Math.max(0.01, hundredths(shareOf(pods)));
}

function hundredths(percent: number): number {
  return Math.round(percent * 100) / 100;
}
