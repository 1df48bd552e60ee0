import { objectAt } from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { isAutoscaler } from './autoscalers.ts';
import { replicasOf } from './workload-kinds.ts';

/** What keeps a workload from ever running a pod of the candidate: the rollout would wait for it in vain. */
export function neverReadyMistakes(
  workload: Authored,
  autoscalers: readonly Authored[],
): readonly Mistake[] {
  const { path, object } = workload;
  const { paused } = objectAt(object, 'spec');
  return [
    ...(autoscalers.length === 0 && replicasOf(object) === 0 ? [noPods(path)] : []),
    ...(paused === true ? [pausedRollout(path)] : []),
    ...autoscalers.filter((it) => isAutoscaler(it.object)).flatMap(pausedAutoscaler),
  ];
}

function noPods(path: string): Mistake {
  return {
    path,
    problem: 'replicas is 0: no version would ever get ready, and the primary would lose its pods',
    got: 0,
    remedy: 'run 1 or more, or take the release out of apps/ and remove it',
  };
}

function pausedRollout(path: string): Mistake {
  return {
    path,
    problem: 'the workload is paused: its controller would start no pod of a new version',
    got: { paused: true },
    remedy: 'leave paused out; `suspend: true` holds the release',
  };
}

/** KEDA keeps its hands off, or keeps so many pods, while one of these is there. */
function pausedAutoscaler({ path, object }: Authored): readonly Mistake[] {
  const replicas = object.metadata.annotations?.['autoscaling.keda.sh/paused-replicas'];
  if (replicas === undefined || Number(replicas) > 0) return [];
  return [
    {
      path,
      problem: 'its autoscaler is paused at no pods: no version would ever get ready',
      got: { 'autoscaling.keda.sh/paused-replicas': replicas },
      remedy: 'leave the annotation out, or give 1 or more',
    },
  ];
}
