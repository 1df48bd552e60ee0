import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  istioCrdsPath,
  type Kubernetes,
  missingKubernetes,
  startKubernetes,
} from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';
import { missingPrometheus, type Prometheus, startPrometheus } from './servers/prometheus.ts';

describe('the real servers start', () => {
  describe('Prometheus', { skip: isMissing(missingPrometheus()) }, () => {
    const start = Date.UTC(2024, 0, 2, 3, 4, 0) / 1000;
    let prometheus: Prometheus;

    beforeAll(async () => {
      prometheus = await startPrometheus({ openMetrics: requests(start) });
    });
    afterAll(() => prometheus?.stop());

    test('answers a range query from the history that it was given', async () => {
      const query = new URLSearchParams({
        query: 'sum(rate(istio_requests_total[1m]))',
        start: String(start + 60),
        end: String(start + 120),
        step: '30',
      });
      const response = await fetch(`${prometheus.url}/api/v1/query_range?${query}`);
      expect(await response.json()).toMatchObject({
        status: 'success',
        data: {
          result: [
            {
              values: [
                [start + 60, '10'],
                [start + 90, '10'],
                [start + 120, '10'],
              ],
            },
          ],
        },
      });
    });
  });

  const missing = missingKubernetes(['kube-controller-manager', 'istio-crds.yaml']);
  describe('Kubernetes', { skip: isMissing(missing) }, () => {
    let kubernetes: Kubernetes;

    beforeAll(async () => {
      kubernetes = await startKubernetes({ crds: [istioCrdsPath()], controllerManager: true });
    });
    afterAll(() => kubernetes?.stop());

    test('keeps a namespace', async () => {
      await kubernetes.kubectl(['create', 'namespace', 'shop']);
      expect(await kubernetes.kubectl(['get', 'namespace', 'shop', '-o', 'name'])).toBe(
        'namespace/shop\n',
      );
    });

    test.each([
      { kind: 'Deployment', valid: deployment({}), wrong: deployment({ replica: 2 }) },
      { kind: 'VirtualService', valid: virtualService({}), wrong: virtualService({ route: [] }) },
    ])('refuses an unknown field of a $kind', async ({ valid, wrong }) => {
      const dryRun = ['apply', '--dry-run=server', '--validate=strict', '--filename=-'];
      expect(await kubernetes.kubectl(dryRun, valid)).toContain('created (server dry run)');
      await expect(kubernetes.kubectl(dryRun, wrong)).rejects.toThrow(
        /strict decoding error: unknown field "spec\.(replica|route)"/,
      );
    });

    test('makes the pods of a Deployment', async () => {
      await kubernetes.kubectl(['apply', '--filename=-'], deployment({ replicas: 2 }));
      const count = ['get', 'pods', '--selector=app=podinfo', '-o', 'name'];
      await expect
        .poll(async () => (await kubernetes.kubectl(count)).split('\n').filter(Boolean), {
          timeout: 30_000,
        })
        .toHaveLength(2);
    });
  });
});

/** Three minutes of ten requests a second, counted every 15 seconds. */
function requests(start: number): string {
  const samples = Array.from({ length: 13 }, (_, index) => {
    const seconds = index * 15;
    return `istio_requests_total{response_code="200"} ${seconds * 10} ${start + seconds}\n`;
  });
  return `# TYPE istio_requests counter\n${samples.join('')}# EOF\n`;
}

function deployment(extra: Readonly<Record<string, unknown>>): string {
  const labels = { app: 'podinfo' };
  const containers = [{ name: 'podinfo', image: 'example.org/podinfo:6.0.0' }];
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'podinfo', namespace: 'default' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
      ...extra,
    },
  });
}

function virtualService(extra: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'podinfo', namespace: 'default' },
    spec: {
      hosts: ['podinfo'],
      http: [{ route: [{ destination: { host: 'podinfo-primary' } }] }],
      ...extra,
    },
  });
}
