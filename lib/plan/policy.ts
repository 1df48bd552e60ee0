import { directiveRefusal } from './directives.ts';
import type { HeldObject, Refusal } from './refusal.ts';
import { isClusterScoped } from './scope.ts';

/** What releases may hold. */
export interface Policy {
  /** `<group>/<Kind>`, with `core` for the group without a name. */
  readonly kinds: ReadonlySet<string>;
}

/**
 * Kinds that every release may hold: what an application is made of. None of them gives anybody a right, reaches
 * into another namespace by itself, or makes a GitOps tool apply something else. docs/security.md has the reasons.
 */
export const RELEASE_KINDS: readonly string[] = [
  'core/ConfigMap',
  'core/PersistentVolumeClaim',
  'core/Secret',
  'core/Service',
  'core/ServiceAccount',
  'apps/DaemonSet',
  'apps/Deployment',
  'apps/StatefulSet',
  'autoscaling/HorizontalPodAutoscaler',
  'autoscaling.k8s.io/VerticalPodAutoscaler',
  'batch/CronJob',
  'batch/Job',
  'bitnami.com/SealedSecret',
  'gateway.networking.k8s.io/GRPCRoute',
  'gateway.networking.k8s.io/HTTPRoute',
  'keda.sh/ScaledObject',
  'monitoring.coreos.com/PodMonitor',
  'monitoring.coreos.com/ServiceMonitor',
  'networking.istio.io/DestinationRule',
  'networking.istio.io/Gateway',
  'networking.istio.io/VirtualService',
  'networking.k8s.io/Ingress',
  'networking.k8s.io/NetworkPolicy',
  'policy/PodDisruptionBudget',
];

/** The policy with some kinds more. */
export function policyWith(more: readonly string[] = []): Policy {
  return { kinds: new Set([...RELEASE_KINDS, ...more]) };
}

/** Why a kind cannot be allowed, such as `rbac.authorization.k8s.io/Role`; undefined where it can. */
export function kindFault(kind: string): string | undefined {
  if (!/^(?:core|[a-z0-9]([-a-z0-9.]*[a-z0-9])?)\/[A-Z][A-Za-z0-9]*$/.test(kind))
    return 'expected group/Kind, such as networking.k8s.io/Ingress, or core/Endpoints for the group without a name';
  return isOutside(kind)
    ? 'it belongs to no namespace, and a release only holds objects of its own namespace'
    : undefined;
}

/** Why nothing may be released there; undefined where it may. */
export function namespaceRefusal(namespace: string): Refusal | undefined {
  if (!namespace.startsWith('kube-')) return undefined;
  const problem = `is for namespace ${namespace}, which belongs to Kubernetes itself`;
  return { problem, remedy: 'use another' };
}

/** Why a release must not hold an object of this kind; undefined where it may. */
export function kindRefusal(it: HeldObject, policy: Policy): Refusal | undefined {
  const key = kindKey(it);
  const holds = `holds ${it.kind} ${it.name} (${it.apiVersion})`;
  const remedy = 'take it out of the release and manage it elsewhere';
  if (isOutside(key)) return { problem: `${holds}, which belongs to no namespace`, remedy };
  if (policy.kinds.has(key)) return undefined;
  const problem = `${holds}, a kind that releases may not hold`;
  return kindFault(key) === undefined ? { problem, remedy, kind: key } : { problem, remedy };
}

/** Allowed kinds can still hold what gives a right, takes somebody's traffic, or makes a step that is never live. */
export function contentRefusal(it: HeldObject): Refusal | undefined {
  const rule = CONTENT[kindKey(it)];
  return rule?.(it) ?? directiveRefusal(it);
}

const CONTENT: Readonly<Record<string, (it: HeldObject) => Refusal | undefined>> = {
  'core/Secret': (it) => secretTypeRefusal(it, it.at('type')),
  'bitnami.com/SealedSecret': (it) => secretTypeRefusal(it, it.at('spec', 'template', 'type')),
  'external-secrets.io/ExternalSecret': (it) =>
    secretTypeRefusal(it, it.at('spec', 'target', 'template', 'type')) ?? otherKindRefusal(it),
  'core/Service': (it) => {
    const given = it.at('spec', 'externalIPs');
    // cdk8s-plus writes the empty list, which takes nothing.
    if (given === undefined || (Array.isArray(given) && given.length === 0)) return undefined;
    return {
      problem: `holds Service ${it.name} with spec.externalIPs, which takes the traffic to these addresses from everybody`,
      remedy: 'leave them out',
    };
  },
};

function secretTypeRefusal(it: HeldObject, type: unknown): Refusal | undefined {
  if (type === undefined) return undefined;
  if (typeof type === 'string' && !TOKENS.has(type) && !type.startsWith('ENC[')) return undefined;
  return {
    problem: `holds ${it.kind} ${it.name} of type ${String(type)}`,
    remedy:
      'a Secret for a token, or of a type that cannot be read, belongs into no release; use another type',
  };
}

/** External Secrets can make objects of any kind that its own rights allow. */
function otherKindRefusal(it: HeldObject): Refusal | undefined {
  const manifest = it.at('spec', 'target', 'manifest');
  if (manifest === undefined) return undefined;
  const [apiVersion, kind] = ['apiVersion', 'kind'].map((key) =>
    it.at('spec', 'target', 'manifest', key),
  );
  if (apiVersion === 'v1' && kind === 'ConfigMap') return undefined;
  return {
    problem: `holds ${it.kind} ${it.name}, which makes a ${String(kind)} of ${String(apiVersion)} that no plan contains`,
    remedy: 'let it make a Secret, or a ConfigMap',
  };
}

/** Kubernetes fills the first with a token that never ends; the second lets a machine join the cluster. */
const TOKENS: ReadonlySet<string> = new Set([
  'kubernetes.io/service-account-token',
  'bootstrap.kubernetes.io/token',
]);

function kindKey({ apiVersion, kind }: Pick<HeldObject, 'apiVersion' | 'kind'>): string {
  const slash = apiVersion.indexOf('/');
  return `${slash < 0 ? 'core' : apiVersion.slice(0, slash)}/${kind}`;
}

/**
 * Whether the API server takes a namespace in such an object away. Of a custom kind nobody here can know it; that its
 * name begins with Cluster is the custom.
 */
function isOutside(key: string): boolean {
  const [group = '', kind = ''] = key.split('/');
  return isClusterScoped(group === 'core' ? '' : group, kind) || /^Cluster[A-Z]/.test(kind);
}
