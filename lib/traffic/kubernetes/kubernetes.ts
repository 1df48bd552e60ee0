import * as z from 'zod';
import type { Manifest } from '../../manifest/json.ts';
import { isKind, withSpec } from '../../manifest/manifest.ts';
import type { Counts } from '../../metrics/counts.ts';
import type { Mistake } from '../../mistake.ts';
import { fields } from '../../props/fields.ts';
import { made } from '../../props/made.ts';
import { boundsOf, isAutoscaler } from '../../workload/autoscalers.ts';
import { selectorOf } from '../../workload/track-label.ts';
import { replicasOf } from '../../workload/workload-kinds.ts';
import { type Capabilities, cannot, matchesBy, type Shares } from '../capabilities.ts';
import { podsAt, type Room, roomOf, shareOf } from '../pods.ts';
import type { ReleaseContext, Router, RouterContext, Routing } from '../router.ts';
import type { Traffic } from '../traffic.ts';

/** How a Service alone leads requests to two tracks. */
export interface KubernetesProps extends z.infer<typeof kubernetesProps> {}

/** The schema of `KubernetesProps`. */
export const kubernetesProps = fields({
  /**
   * `switch`: Service `<name>` selects the pods of one track, so that all requests go over at once.
   * `replicas`: it selects the pods of both, and the canary gets requests as it gets pods, while the primary gives its own
   * up, so that no more run than the workload's `replicas` and its `maxSurge`; without an autoscaler. A release whose pods
   * take work themselves needs no Service for that.
   * @default 'switch'
   */
  split: z.enum(['switch', 'replicas']).optional(),
});

/** For clusters without a mesh and without a gateway that splits: nothing but Services. */
export function kubernetes(props: KubernetesProps = {}): Router {
  return made('kubernetes', kubernetesProps, props, kubernetesOf, () => kubernetesOf({}));
}

function kubernetesOf({ split = 'switch' }: KubernetesProps): Router {
  const common = {
    kind: 'kubernetes',
    groups: [],
    capabilities: () => WEIGHTS_ALONE,
    counts: () => UNCOUNTED,
    claims: () => [],
    owns: () => false,
    mistakes: () => [],
    policies: () => [],
  } as const;
  if (split === 'replicas')
    return {
      ...common,
      kinds: [],
      splits: { kind: 'pods', mistakes: replicaMistakes },
      apexSelects: 'both',
      routes: () => [],
    };
  return {
    ...common,
    kinds: [{ group: '', kind: 'Service' }],
    splits: { kind: 'requests', weights: ALL_OR_NONE },
    apexSelects: 'primary',
    routes: (context, traffic) => [switched(context, traffic)],
  };
}

const ALL_OR_NONE: Shares = {
  kind: 'shares',
  total: 1,
  because: 'a Service that switches leads all of them to one track',
  remedy: "use blueGreen(), kubernetes({ split: 'replicas' }), or a mesh or gateway",
};

const UNREAD = cannot(
  'a Service passes connections on, and reads no request',
  'use istio() or gatewayApi(), or leave it out of the strategy',
);

const WEIGHTS_ALONE: Capabilities = {
  matches: matchesBy([], UNREAD),
  mirrors: UNREAD,
  affinity: UNREAD,
  baseline: cannot('a Service has no weights', UNREAD.remedy),
};

const UNCOUNTED: Counts = {
  kind: 'none',
  problem: {
    problem: 'a Service counts no requests',
    got: 'kubernetes()',
    remedy: 'ask for what the pods count themselves, with query()',
  },
};

function switched(context: RouterContext, { weights }: Traffic): Routing {
  const selector = { ...selectorOf(context.label, weights.canary === 100 ? 'canary' : 'primary') };
  return { object: withSpec(context.apex, { selector }), pointers: ['/spec/selector'] };
}

function replicaMistakes(context: ReleaseContext, traffics: readonly Traffic[]): Mistake[] {
  const { path, workload, tracks } = context;
  // With one track nothing has a weight.
  if (!tracks.includes('canary')) return [];
  const unsized = workload.flatMap((it) => unsizedMistakes(path, it));
  if (unsized.length > 0) return unsized;
  const deployment = workload.find((it) => isKind(it, 'apps', 'Deployment'));
  if (deployment === undefined) return [];
  const room = roomOf(deployment, replicasOf(deployment));
  const weights = weightsOf(traffics);
  const below = weights.filter((it) => it > 0 && it < 100);
  if (below.length === 0 && weights.includes(100))
    return [
      {
        path,
        problem: 'no number of pods gives the canary 100 %: that is the promotion, pod by pod',
        got: 100,
        remedy:
          'use a weight under 100 before it; with a Service, kubernetes() and blueGreen() switch all',
      },
    ];
  return coarseMistakes(path, below, room);
}

/** Few pods make few weights: what they would give must be near to what was asked for, and differ. */
function coarseMistakes(path: string, weights: readonly number[], room: Room): Mistake[] {
  const shares = weights.map((it) => podsAt(it, room));
  const all = `${room.wanted} ${room.wanted === 1 ? 'pod' : 'pods'} and ${room.surge} more at most`;
  const remedy = 'use fewer and higher weights, more replicas, or a larger maxSurge';
  return weights.flatMap((got, index) => {
    const pods = shares[index] ?? { primary: 1, canary: 0 };
    const { primary, canary } = pods;
    const share = Math.round(shareOf(pods));
    const far = share > 2 * got || 100 - share > 2 * (100 - got);
    if (far) {
      const problem = `with ${all} the nearest to ${got} % is ${share} %, which is far from it`;
      return [{ path, problem, got, remedy }];
    }
    const first = shares.findIndex((it) => it.primary === primary && it.canary === canary);
    if (first === index) return [];
    const problem = `with ${all}, ${weights[first]} % and ${got} % are both ${canary} of ${primary + canary}`;
    return [{ path, problem, got, remedy }];
  });
}

function weightsOf(traffics: readonly Traffic[]): readonly number[] {
  return [...new Set(traffics.map((it) => it.weights.canary))];
}

/** Objects that decide about the number of pods, whatever a step asks for. docs/design.md says why none is divided. */
function unsizedMistakes(path: string, object: Manifest): Mistake[] {
  const { kind, metadata } = object;
  if (isKind(object, 'apps', 'DaemonSet'))
    return [
      {
        path,
        problem: 'the number of pods is the weight here, and nodes decide about it',
        got: `${kind} ${metadata.name}`,
        remedy: 'release a Deployment, or use a mesh or gateway',
      },
    ];
  if (!isAutoscaler(object)) return [];
  const { min, max } = boundsOf(object);
  return [
    {
      path,
      problem:
        'the number of pods is the weight here, and an autoscaler changes it: one for each track would change the shares as ' +
        "their loads differ, and take the primary's pods before the canary has grown to the load",
      got: `${kind} ${metadata.name} of ${min} to ${max} pods`,
      remedy: `run the pods of the highest load without it (replicas: ${max}), or use a mesh or gateway, whose weights are none of pods`,
    },
  ];
}
