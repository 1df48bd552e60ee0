import { listAt, type Manifest, objectAt } from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import { isKind } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { isAutoscaler } from './autoscalers.ts';
import { podSpecOf } from './containers.ts';
import { replicasOf, workloadKindOf } from './workload-kinds.ts';

/** What decides on whether pods of a candidate can start, and count as available in time. */
export interface Start {
  readonly workload: Authored;
  readonly autoscalers: readonly Authored[];
  /** Everything else of the workload. */
  readonly others: readonly Authored[];
  /** How pods of two versions are there at once: on two tracks, for a moment of an update, or not. */
  readonly overlap: 'tracks' | 'update' | 'none';
  /** So long a workload is waited for. */
  readonly deadlineSeconds: number;
}

/** What keeps a workload from ever running a pod of the candidate: the rollout would wait for it in vain. */
export function neverReadyMistakes(start: Start): readonly Mistake[] {
  const { workload, autoscalers } = start;
  const { path, object } = workload;
  const { paused } = objectAt(object, 'spec');
  return [
    ...(autoscalers.length === 0 && replicasOf(object) === 0 ? [noPods(path)] : []),
    ...(paused === true ? [pausedRollout(path)] : []),
    ...autoscalers.filter((it) => isAutoscaler(it.object)).flatMap(pausedAutoscaler),
    ...lateAvailability(start),
    ...claimsOfOnePod(start),
    ...hostPorts(start),
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

const PAUSED = 'autoscaling.keda.sh/paused';
const PAUSED_REPLICAS = 'autoscaling.keda.sh/paused-replicas';

/** KEDA keeps its hands off, or keeps so many pods, while one of these is there. */
function pausedAutoscaler({ path, object }: Authored): readonly Mistake[] {
  const { [PAUSED]: paused = 'false', [PAUSED_REPLICAS]: replicas } =
    object.metadata.annotations ?? {};
  if (replicas !== undefined)
    return Number(replicas) > 0
      ? []
      : [
          {
            path,
            problem: 'its autoscaler is paused at no pods: no version would ever get ready',
            got: { [PAUSED_REPLICAS]: replicas },
            remedy: 'leave the annotation out, or give 1 or more',
          },
        ];
  if (paused === 'false') return [];
  return [
    {
      path,
      problem: 'its autoscaler is paused: a canary would stay without pods, as it is at rest',
      got: { [PAUSED]: paused },
      remedy: `leave the annotation out, or give a number with ${PAUSED_REPLICAS}`,
    },
  ];
}

/** A pod is available once it has been ready for so long. */
function lateAvailability({ workload, deadlineSeconds }: Start): readonly Mistake[] {
  const { path, object } = workload;
  const { minReadySeconds: got } = objectAt(object, 'spec');
  if (typeof got !== 'number' || got < deadlineSeconds) return [];
  const problem = `minReadySeconds is not under analysis.progressDeadline, which is ${deadlineSeconds} s: no version would get ready in time`;
  return [{ path, problem, got, remedy: 'shorten it, or lengthen analysis.progressDeadline' }];
}

/** The second pod would wait for the first one to end. */
function claimsOfOnePod({ workload, others, overlap }: Start): readonly Mistake[] {
  const { path, object } = workload;
  const spec = podSpecOf(object);
  const used = listAt(spec, 'volumes').map((it) => objectAt(it, 'persistentVolumeClaim').claimName);
  const claims = others
    .map((it) => it.object)
    .filter((it) => isKind(it, '', 'PersistentVolumeClaim') && used.includes(it.metadata.name))
    .filter(isOfOnePod);
  const wanting = replicasOf(object) > 1 ? 'many' : overlap;
  if (wanting === 'none') return [];
  const why = {
    tracks: 'both tracks want it, so that the canary would never start',
    update: 'the new pod would wait for the old one to end',
    many: 'several pods want it, and one alone would start',
  }[wanting];
  return claims.map(({ metadata }) => ({
    path,
    problem: `claim ${metadata.name} is for one pod alone (ReadWriteOncePod): ${why}`,
    got: metadata.name,
    remedy: 'use ReadWriteMany, or one replica and a strategy with one track: recreate()',
  }));
}

function isOfOnePod(claim: Manifest): boolean {
  const { accessModes } = objectAt(claim, 'spec');
  return Array.isArray(accessModes) && accessModes.join() === 'ReadWriteOncePod';
}

/** A port of the node can only be had once, and nobody knows how many nodes there are. */
function hostPorts({ workload, overlap }: Start): readonly Mistake[] {
  const { path, object } = workload;
  const kind = workloadKindOf(object)?.kind;
  if (overlap !== 'tracks' && kind !== 'DaemonSet') return [];
  const whose = `${object.kind} ${object.metadata.name}`;
  const spec = podSpecOf(object);
  const remedy =
    kind === 'DaemonSet'
      ? 'leave it out: both tracks run on every node, and the second pod would never start there; ' +
        'manage a DaemonSet that needs it outside of the release'
      : 'leave it out: a pod of the canary needs a node without one of the primary, and may never find it; ' +
        'or use a strategy with one track: recreate()';
  const ports = [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')]
    .flatMap((it) => listAt(it, 'ports'))
    .filter((it) => it.hostPort !== undefined);
  const mistakes: Mistake[] = ports.map((it) => ({
    path,
    problem: `a container of ${whose} has a hostPort`,
    got: it.hostPort,
    remedy,
  }));
  if (spec.hostNetwork === true)
    mistakes.push({ path, problem: `${whose} has hostNetwork`, got: true, remedy });
  return mistakes;
}
