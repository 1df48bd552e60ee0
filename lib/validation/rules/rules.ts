import type { Manifest } from '../../manifest/json.ts';
import { groupOf } from '../../manifest/manifest.ts';
import { autoscaler, disruptionBudget } from './autoscaling.ts';
import { all, type Check, type Finding, fields, text } from './check.ts';
import { claimSpec } from './claims.ts';
import { configMap, secret } from './configuration.ts';
import { cronJob, job } from './jobs.ts';
import { destinationRule, gateway, virtualService } from './mesh.ts';
import { annotations, isSubdomain, label, labels, serviceName, subdomain } from './names.ts';
import { ingress, networkPolicy } from './networking.ts';
import { grpcRoute, httpRoute } from './routes.ts';
import { service } from './services.ts';
import { daemonSet, deployment, statefulSet } from './workloads.ts';

/** What the API server demands of a kind beyond its schema. */
interface Rules {
  /** @default - a DNS name */
  readonly name?: Check;
  /** @default - its schema says all */
  readonly body?: Check;
}

/** The name becomes a label of pods, which a time is added to for those of a CronJob. */
function short(most: number): Check {
  return text(
    (it) => isSubdomain(it) && it.length <= most,
    `a DNS name of at most ${most} characters`,
    `use at most ${most} lower-case letters, digits, dashes and dots`,
  );
}

/** A part of a URL. */
const segment: Check = text(
  (it) => it !== '.' && it !== '..' && !/[/%]/.test(it),
  'a name without / and %',
  'leave them out',
);

/**
 * By group and kind, as `RELEASE_KINDS` writes them. What only one cluster knows is not here: its classes and ranges,
 * what its webhooks say, and whether what an object names is there.
 */
export const RULES: Readonly<Record<string, Rules>> = {
  'core/ConfigMap': { body: configMap },
  'core/PersistentVolumeClaim': { body: fields({ spec: claimSpec }) },
  'core/Secret': { body: secret },
  'core/Service': { name: serviceName, body: service },
  'core/ServiceAccount': {},
  'apps/DaemonSet': { body: daemonSet },
  'apps/Deployment': { body: deployment },
  'apps/StatefulSet': { name: label, body: statefulSet },
  'autoscaling/HorizontalPodAutoscaler': { body: autoscaler },
  'autoscaling.k8s.io/VerticalPodAutoscaler': {},
  'batch/CronJob': { name: short(52), body: cronJob },
  'batch/Job': { name: short(63), body: job },
  'bitnami.com/SealedSecret': {},
  'gateway.networking.k8s.io/GRPCRoute': { body: grpcRoute },
  'gateway.networking.k8s.io/HTTPRoute': { body: httpRoute },
  'keda.sh/ScaledObject': {},
  'monitoring.coreos.com/PodMonitor': {},
  'monitoring.coreos.com/ServiceMonitor': {},
  'networking.istio.io/DestinationRule': { body: destinationRule },
  'networking.istio.io/Gateway': { body: gateway },
  'networking.istio.io/VirtualService': { body: virtualService },
  'networking.k8s.io/Ingress': { body: ingress },
  'networking.k8s.io/NetworkPolicy': { body: networkPolicy },
  'policy/PodDisruptionBudget': { name: segment, body: disruptionBudget },
  // No release holds them, but a folder of manifests may.
  'rbac.authorization.k8s.io/ClusterRole': { name: segment },
  'rbac.authorization.k8s.io/ClusterRoleBinding': { name: segment },
  'rbac.authorization.k8s.io/Role': { name: segment },
  'rbac.authorization.k8s.io/RoleBinding': { name: segment },
};

/** What the API server would refuse in an object that its schema allows. */
export function ruleFindings(object: Manifest): readonly Finding[] {
  const { name = subdomain, body = all() } = RULES[kindOf(object)] ?? {};
  return [
    ...fields({ metadata: fields({ name, labels, annotations }) })(object, ''),
    ...body(object, ''),
  ];
}

function kindOf({ apiVersion, kind }: Manifest): string {
  return `${groupOf(apiVersion) || 'core'}/${kind}`;
}
