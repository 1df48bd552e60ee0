import { describe, expect, test } from 'vitest';
import { askedKinds, pluralOf } from '../../../lib/in-cluster/resources.ts';
import { twoReleases } from '../folder.ts';

// The end-to-end suite holds the rule against what a real API server serves.
test.each([
  ['', 'Service', 'services'],
  ['', 'Endpoints', 'endpoints'],
  ['', 'ConfigMap', 'configmaps'],
  ['networking.k8s.io', 'Ingress', 'ingresses'],
  ['networking.k8s.io', 'NetworkPolicy', 'networkpolicies'],
  ['networking.istio.io', 'Gateway', 'gateways'],
  ['networking.istio.io', 'ServiceEntry', 'serviceentries'],
  ['telemetry.istio.io', 'Telemetry', 'telemetries'],
  ['keda.sh', 'ScaledObject', 'scaledobjects'],
  ['bitnami.com', 'SealedSecret', 'sealedsecrets'],
  ['external-secrets.io', 'ExternalSecret', 'externalsecrets'],
  ['autoscaling.k8s.io', 'VerticalPodAutoscaler', undefined],
  ['argoproj.io', 'Workflow', undefined],
])('%s/%s is %s', (group, kind, plural) => {
  expect(pluralOf(group, kind)).toBe(plural);
});

describe('what plans ask for', () => {
  test('each kind once for each namespace, and never Secrets', async () => {
    const { releases } = await twoReleases().render();
    const kinds = askedKinds(releases.map((it) => it.plan));
    const names = (namespace: string) =>
      kinds
        .filter((it) => it.namespace === namespace)
        .map((it) => it.kind)
        .sort();
    expect(names('prod')).toEqual([
      'Deployment',
      'DestinationRule',
      'HorizontalPodAutoscaler',
      'Service',
      'VirtualService',
    ]);
    expect(names('web')).toEqual(['Deployment', 'DestinationRule', 'Service', 'VirtualService']);
  });
});
