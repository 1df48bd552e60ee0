import { describe, expect, test } from 'vitest';
import { render } from '../../../lib/render/render.ts';
import { deployment, mistakesOf, type SampleObject, sample, workload } from '../sample.ts';

const ingress = (name: string, port: object = { number: 80 }): SampleObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'shop' },
  spec: {
    rules: [
      {
        host: 'shop.example.com',
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port } } }],
        },
      },
    ],
  },
});
const route = (name: string, port: number): SampleObject => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'own' },
  spec: { rules: [{ backendRefs: [{ name, port }] }] },
});
const virtual = (host: string, number = 80): SampleObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'own' },
  spec: {
    hosts: ['a.example.com'],
    http: [{ route: [{ destination: { host, port: { number } } }] }],
  },
});
const metrics: SampleObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'shop-metrics', annotations: { 'perch/tracks': 'both' } },
  spec: { selector: { app: 'shop' }, ports: [{ name: 'metrics', port: 9090 }] },
};

const release = (object: SampleObject, name = 'shop') =>
  sample({ name, workload: workload(deployment(), metrics, object) });

describe('an object that leads to', () => {
  test.each<[string, SampleObject]>([
    ['the apex Service, by number', ingress('shop')],
    ['the apex Service, by name', ingress('shop', { name: 'http' })],
    ['a Service of one track', ingress('shop-canary')],
    ['a Service of the author', ingress('shop-metrics', { name: 'metrics' })],
    ['somebody else’s', ingress('oauth2-proxy')],
    ['the apex Service, as a route', route('shop', 80)],
    ['the apex Service in a mesh', virtual('shop.prod.svc.cluster.local')],
    ['another namespace', virtual('store.other.svc.cluster.local')],
    ['another host', virtual('shop.example.com')],
  ])('%s is right', async (_, object) => {
    expect(await mistakesOf(release(object))).toEqual([]);
  });

  test.each<[string, SampleObject, string]>([
    [
      'a port name',
      ingress('shop', { name: 'web' }),
      'Ingress shop leads to a port that Service shop does not have, got "web"; use one of http (80)',
    ],
    [
      'a port number',
      ingress('shop-metrics'),
      'Ingress shop leads to a port that Service shop-metrics does not have, got 80; use one of metrics (9090)',
    ],
    [
      'a port of a route',
      route('shop', 8080),
      'HTTPRoute own leads to a port that Service shop does not have, got 8080',
    ],
    [
      'a port in a mesh',
      virtual('shop', 8080),
      'VirtualService own leads to a port that Service shop does not have, got 8080',
    ],
  ])('%s that is not there is a mistake', async (_, object, problem) => {
    expect(await mistakesOf(release(object))).toEqual([expect.stringContaining(problem)]);
  });

  test.each<[string, SampleObject]>([
    ['an Ingress', ingress('shop')],
    ['a route', route('shop', 80)],
    ['a mesh', virtual('shop')],
  ])(
    'the Service that a release of another name leaves out is a mistake: %s',
    async (_, object) => {
      expect(await mistakesOf(release(object, 'store'))).toEqual([
        expect.stringMatching(
          /leads to Service shop, which nothing makes.*name store, which is the release's Service/,
        ),
      ]);
    },
  );
});

test('an Ingress that leads to nothing of the release is warned of', async () => {
  const warned = async (object: SampleObject) =>
    (await render(release(object))).warnings.map((it) => it.problem);
  const problem = 'Ingress shop leads to no Service of the release';
  expect(await warned(ingress('oauth2-proxy'))).toContain(problem);
  expect(await warned(ingress('shop'))).not.toContain(problem);
});
