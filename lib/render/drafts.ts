import { Duration } from 'cdk8s';
import { withJobSteps } from '../release/jobs.ts';
import type { ReleaseProps } from '../release/release-props.ts';
import type { StepDraft } from '../strategy/strategy.ts';
import { withoutPromotion } from './existing.ts';

/**
 * The steps of a release's strategy with all else that the release says about them: Jobs, no analysis, pods that
 * stand for weights, or no pods at all.
 *
 * @param primaryReplicas how many pods the primary runs; undefined where an autoscaler says
 */
export function draftsOf(
  props: Pick<ReleaseProps, 'strategy' | 'jobs' | 'skipAnalysis' | 'traffic' | 'existing'>,
  primaryReplicas: number | undefined,
): readonly StepDraft[] {
  const own = props.strategy.steps();
  const all = props.skipAnalysis === true ? own.map(unjudged) : withJobSteps(own, props.jobs ?? []);
  if (props.existing !== undefined) return withoutPromotion(all);
  const { splits } = props.traffic;
  if (splits.kind === 'requests' || primaryReplicas === undefined) return all;
  return all.map((it) => {
    const replicas = splits.canaryReplicas(it.traffic.weights.canary, primaryReplicas);
    return withReplicas(it, replicas, primaryReplicas);
  });
}

function unjudged(it: StepDraft): StepDraft {
  const { own: _, bake: __, gate: ___, hooks: ____, jobs: _____, ...draft } = it;
  return { ...draft, checks: 'none', bake: Duration.seconds(0) };
}

/** One Service over both tracks: the canary's share of the pods is its share of the requests. */
function withReplicas(draft: StepDraft, replicas: number, primaryReplicas: number): StepDraft {
  if (draft.canary.kind === 'none') return draft;
  const percent = (replicas * 100) / (primaryReplicas + replicas);
  const rounded = Math.round(percent * 1e4) / 1e4;
  return {
    ...draft,
    canary: replicas === 0 ? { kind: 'none' } : { kind: 'replicas', replicas },
    traffic: { ...draft.traffic, weights: { primary: 100 - rounded, canary: rounded } },
    ready: replicas === 0 ? draft.ready.filter((it) => it !== 'canary') : draft.ready,
  };
}
