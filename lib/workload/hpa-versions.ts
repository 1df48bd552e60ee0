import {
  isObject,
  type Json,
  type JsonObject,
  listAt,
  type Manifest,
  objectAt,
} from '../manifest/json.ts';
import { withSpec } from '../manifest/manifest.ts';

/** The version that is written. */
const VERSION = 'autoscaling/v2';

/** Annotations in which autoscaling/v1 kept what it had no field for. */
const ALPHA = /^autoscaling\.alpha\.kubernetes\.io\/(?:metrics|behavior)$/;

/** What the API server uses where autoscaling/v1 gives no target. */
const DEFAULT_CPU_PERCENT = 80;

/** Whether an HPA of another version can be written as one of autoscaling/v2 that means the same. */
export function canBeCurrent({ apiVersion, metadata }: Manifest): boolean {
  const isOfAnnotations = Object.keys(metadata.annotations ?? {}).some((it) => ALPHA.test(it));
  return apiVersion === VERSION || (CONVERSIONS.has(apiVersion) && !isOfAnnotations);
}

/**
 * A HorizontalPodAutoscaler as one of autoscaling/v2, which is what the API server would make of it. Fields by
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/ and, of versions that
 * clusters no longer serve, by the Kubernetes 1.22 API reference.
 */
export function currentHpa(object: Manifest): Manifest {
  const convert = CONVERSIONS.get(object.apiVersion);
  if (convert === undefined) return object;
  return withSpec({ ...object, apiVersion: VERSION }, convert(objectAt(object, 'spec')));
}

const CONVERSIONS = new Map<string, (spec: JsonObject) => JsonObject>([
  ['autoscaling/v1', fromV1],
  ['autoscaling/v2beta1', (spec) => ({ metrics: listAt(spec, 'metrics').map(fromV2beta1) })],
  ['autoscaling/v2beta2', (spec) => spec],
]);

function fromV1({ targetCPUUtilizationPercentage = DEFAULT_CPU_PERCENT }: JsonObject): JsonObject {
  const target = { type: 'Utilization', averageUtilization: targetCPUUtilizationPercentage };
  return {
    targetCPUUtilizationPercentage: undefined,
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }],
  };
}

function fromV2beta1(metric: JsonObject): JsonObject {
  const { type } = metric;
  const key = typeof type === 'string' ? `${type.slice(0, 1).toLowerCase()}${type.slice(1)}` : '';
  const source = metric[key];
  if (!isObject(source)) return metric;
  const { name, container, metricName, selector, metricSelector, target: described } = source;
  const identifier = { name: metricName, selector: selector ?? metricSelector };
  const target = targetOf(source);
  switch (type) {
    case 'Resource':
      return { type, resource: { name, target } };
    case 'ContainerResource':
      return { type, containerResource: { name, container, target } };
    case 'Pods':
      return { type, pods: { metric: identifier, target } };
    case 'Object':
      return { type, object: { describedObject: described, metric: identifier, target } };
    default:
      return { type, [key]: { metric: identifier, target } };
  }
}

function targetOf(source: JsonObject): JsonObject {
  const averageValue = source.targetAverageValue ?? source.averageValue;
  const found: readonly (readonly [string, string, Json | undefined])[] = [
    ['Utilization', 'averageUtilization', source.targetAverageUtilization],
    ['AverageValue', 'averageValue', averageValue],
    ['Value', 'value', source.targetValue],
  ];
  const [type, key, value] = found.find(([, , it]) => it !== undefined) ?? ['Value', 'value', null];
  return { type, [key]: value };
}
