import { expect, test } from 'vitest';
import { objectStore } from '../../../analyzer/simulated/object-store.ts';
import { playTraffic } from '../../../analyzer/simulated/traffic.ts';
import { playWorkloads } from '../../../analyzer/simulated/workloads.ts';

/** A release whose mesh sends 80 % to one version and 20 % to another, and copies half of them to the second. */
function played() {
  let now = 1000;
  const clock = () => now;
  const store = objectStore(() => true, clock);
  const metadata = (name: string) => ({ name, namespace: 'prod' });
  for (const [name, image] of [
    ['shop-primary', 'good'],
    ['shop-canary', 'bad'],
  ]) {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: { containers: [{ image }] } };
    const service = { apiVersion: 'v1', kind: 'Service', metadata: metadata(String(name)) };
    store.apply({ ...service, spec: { selector: labels } }, 'test', now);
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: service.metadata };
    store.apply({ ...deployment, spec: { replicas: 1, template } }, 'test', now);
  }
  const to = (host: string, weight: number) => ({ destination: { host }, weight });
  const http = [
    {
      route: [to('shop-primary', 80), to('shop-canary', 20)],
      mirror: { host: 'shop-canary' },
      mirrorPercentage: { value: 50 },
    },
  ];
  const apiVersion = 'networking.istio.io/v1';
  const mesh = { apiVersion, kind: 'VirtualService', metadata: metadata('shop'), spec: { http } };
  store.apply(mesh, 'test', now);
  const workloads = playWorkloads({ store, clock, startSeconds: 10 });
  const asked: [string, number][] = [];
  const traffic = playTraffic({
    store,
    workloads,
    clock,
    release: { namespace: 'prod', name: 'shop' },
    behaviour: (image, percent) => {
      asked.push([image, percent]);
      return { successRate: image === 'bad' ? 50 : 99, latencyP99Ms: 100 };
    },
  });
  const pass = (seconds: number) => {
    now += seconds;
    workloads.beat();
    traffic.beat();
  };
  return { traffic, pass, asked };
}

test('requests and copies follow the routes to pods that are available, and to no others', () => {
  const { traffic, pass, asked } = played();
  pass(5);
  expect(traffic.seen('shop-primary', { from: 1000, to: 1005 })).toBeUndefined();
  pass(10);
  expect(asked).toEqual([
    ['good', 80],
    ['bad', 70],
  ]);
  const window = { from: 1005, to: 1015 };
  const [primary, canary] = ['shop-primary', 'shop-canary'].map((it) => traffic.seen(it, window));
  expect(primary?.requests).toBe(320);
  expect(canary?.requests).toBe(280);
  expect(primary?.successRate).toBeCloseTo(99, 0);
  expect(canary?.successRate).toBeCloseTo(50, 0);
});

test('a window has its end and not its start', () => {
  const { traffic, pass } = played();
  pass(5);
  pass(10);
  expect(traffic.seen('shop-primary', { from: 1014, to: 1015 })).toBeDefined();
  expect(traffic.seen('shop-primary', { from: 1015, to: 1025 })).toBeUndefined();
});
