import * as z from 'zod';
import { type Manifest, objectAt } from '../../manifest/json.ts';
import { isKind, withSpec } from '../../manifest/manifest.ts';
import type { Counts } from '../../metrics/counts.ts';
import type { Mistake } from '../../mistake.ts';
import { fields } from '../../props/fields.ts';
import { made } from '../../props/made.ts';
import { selectorOf } from '../../workload/track-label.ts';
import { type Capabilities, cannot, matchesBy, type Shares } from '../capabilities.ts';
import type { Router, RouterContext, Routing } from '../router.ts';
import type { Traffic } from '../traffic.ts';

/** How a Service alone leads requests to two tracks. */
export interface KubernetesProps extends z.infer<typeof kubernetesProps> {}

/** The schema of `KubernetesProps`. */
export const kubernetesProps = fields({
  /**
   * `switch`: Service `<name>` selects the pods of one track, so that all requests go over at once.
   * `replicas`: it selects the pods of both, and the canary gets requests as it gets pods; without an autoscaler.
   * @default 'switch'
   */
  split: z.enum(['switch', 'replicas']).optional(),
});

/** Over this a canary would need more than 19 pods for each of the primary's. */
const MOST_BY_REPLICAS = 95;

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
    policies: () => [],
  } as const;
  if (split === 'replicas')
    return {
      ...common,
      kinds: [],
      splits: { kind: 'pods', canaryReplicas },
      apexSelects: 'both',
      mistakes: replicaMistakes,
      routes: () => [],
    };
  return {
    ...common,
    kinds: [{ group: '', kind: 'Service' }],
    splits: { kind: 'requests', weights: ALL_OR_NONE },
    apexSelects: 'primary',
    mistakes: () => [],
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

/** The number of pods whose share of all is closest to the percent; at least one. */
function canaryReplicas(canaryPercent: number, primaryReplicas: number): number {
  if (canaryPercent <= 0) return 0;
  // No number of pods is all of them; what asks for it is refused.
  const share = Math.min(canaryPercent, 99.99) / 100;
  const wanted = (primaryReplicas * share) / (1 - share);
  const off = (pods: number) => Math.abs(pods / (primaryReplicas + pods) - share);
  const low = Math.max(1, Math.floor(wanted));
  return off(low) < off(low + 1) ? low : low + 1;
}

function replicaMistakes(context: RouterContext, traffics: readonly Traffic[]): Mistake[] {
  const { path, workload } = context;
  const scaler = workload.find(isScaler);
  if (scaler !== undefined)
    return [
      {
        path,
        problem: 'the number of pods is the weight here, and something else decides about it',
        got: `${scaler.kind} ${scaler.metadata.name}`,
        remedy: 'release a Deployment without an autoscaler, or use a mesh or gateway',
      },
    ];
  const weights = weightsOf(traffics);
  const tooHigh = weights
    .filter((it) => it > MOST_BY_REPLICAS)
    .map((got) => ({
      path,
      problem: `no reasonable number of pods gives the canary ${got} %`,
      got,
      remedy: `use weights up to ${MOST_BY_REPLICAS}, or kubernetes() with blueGreen()`,
    }));
  return tooHigh.length > 0 ? tooHigh : coarseMistakes(path, weights, primaryReplicas(workload));
}

/** Few pods make few weights: what they would give must be near to what was asked for, and differ. */
function coarseMistakes(path: string, weights: readonly number[], primary: number): Mistake[] {
  const pods = weights.map((it) => canaryReplicas(it, primary));
  const of = `${primary} ${primary === 1 ? 'pod' : 'pods'} of the primary`;
  const remedy = 'use fewer and higher weights, or more replicas';
  return weights.flatMap((got, index) => {
    const count = pods[index] ?? 0;
    const share = Math.round((count * 100) / (primary + count));
    if (share > 2 * got) {
      const problem = `beside ${of} even one pod gives the canary ${share} %, which is far from ${got} %`;
      return [{ path, problem, got, remedy }];
    }
    const first = pods.indexOf(count);
    if (first === index) return [];
    const problem = `beside ${of}, ${weights[first]} % and ${got} % are both ${count} of the canary`;
    return [{ path, problem, got, remedy }];
  });
}

function weightsOf(traffics: readonly Traffic[]): readonly number[] {
  return [...new Set(traffics.map((it) => it.weights.canary))];
}

/** A DaemonSet has a pod on each node, whatever anybody asks for. */
function isScaler(object: Manifest): boolean {
  return (
    isKind(object, 'autoscaling', 'HorizontalPodAutoscaler') ||
    isKind(object, 'keda.sh', 'ScaledObject') ||
    isKind(object, 'apps', 'DaemonSet')
  );
}

function primaryReplicas(workload: readonly Manifest[]): number {
  const deployment = workload.find((it) => isKind(it, 'apps', 'Deployment'));
  const { replicas } = objectAt(deployment ?? {}, 'spec');
  return typeof replicas === 'number' ? replicas : 1;
}
