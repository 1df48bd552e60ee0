import { describe, expect, test } from 'vitest';
import { rulesOf } from '../../../analyzer/simulated/reach.ts';
import type { Manifest } from '../../../analyzer/simulated/server-side-apply.ts';
import { replicasOf } from '../../../analyzer/simulated/workloads.ts';

function service(name: string, selector: object): Manifest {
  return { kind: 'Service', metadata: { name }, spec: { selector } };
}

function deployment(name: string, labels: object, replicas?: number): Manifest {
  return {
    kind: 'Deployment',
    metadata: { name },
    spec: { ...(replicas === undefined ? {} : { replicas }), template: { metadata: { labels } } },
  };
}

const PODS = [
  deployment('shop-primary', { app: 'shop-primary', of: 'shop' }, 3),
  deployment('shop-canary', { app: 'shop-canary', of: 'shop' }, 0),
];
const TRACKS = [
  service('shop-primary', { app: 'shop-primary' }),
  service('shop-canary', { app: 'shop-canary' }),
];

test('a VirtualService leads to what the Services behind its hosts select, and its last rule asks for nothing', () => {
  const to = (host: string) => ({ destination: { host } });
  const http = [
    { match: [{ headers: {} }], route: [to('shop-canary.prod.svc')] },
    {
      route: [
        { ...to('shop-primary'), weight: 80 },
        { ...to('shop-canary'), weight: 20 },
      ],
      mirror: { host: 'shop-canary' },
      mirrorPercentage: { value: 10 },
    },
  ];
  const mesh = { kind: 'VirtualService', metadata: { name: 'shop' }, spec: { http } };
  const canary = (weight: number) => ({ workloads: ['shop-canary'], weight });
  expect(rulesOf([...PODS, ...TRACKS, mesh], 'shop')).toEqual([
    { asks: [{ headers: {} }], to: [canary(100)], copies: [] },
    {
      asks: [],
      to: [{ workloads: ['shop-primary'], weight: 80 }, canary(20)],
      copies: [canary(10)],
    },
  ]);
});

test('a subset that no rule knows selects nothing', () => {
  const destination = { host: 'shop', subset: 'canary' };
  const spec = { http: [{ route: [{ destination }] }] };
  const mesh = { kind: 'VirtualService', metadata: { name: 'shop' }, spec };
  const apex = service('shop', { of: 'shop' });
  const subsets = [{ name: 'canary', labels: { app: 'shop-canary' } }];
  const rule = {
    kind: 'DestinationRule',
    metadata: { name: 'x' },
    spec: { host: 'shop', subsets },
  };
  const workloadsOf = (objects: readonly Manifest[]) =>
    rulesOf(objects, 'shop')[0]?.to[0]?.workloads;
  expect(workloadsOf([...PODS, apex, mesh])).toEqual([]);
  expect(workloadsOf([...PODS, apex, mesh, rule])).toEqual(['shop-canary']);
});

test('an HTTPRoute splits and copies by the names of Services', () => {
  const backendRefs = [
    { name: 'shop-primary', weight: 90 },
    { name: 'shop-canary', weight: 10 },
  ];
  const filters = [
    { type: 'RequestMirror', requestMirror: { backendRef: { name: 'shop-canary' } } },
  ];
  const spec = { rules: [{ matches: [{}], backendRefs, filters }] };
  const route = { kind: 'HTTPRoute', metadata: { name: 'shop' }, spec };
  const [rule] = rulesOf([...PODS, ...TRACKS, route], 'shop');
  expect(rule?.to.map((it) => it.weight)).toEqual([90, 10]);
  expect(rule?.copies).toEqual([{ workloads: ['shop-canary'], weight: 100 }]);
});

describe('routes of an author’s own', () => {
  const own = (kind: string, name: string, spec: object): Manifest => ({
    kind,
    metadata: { name },
    spec,
  });
  const APEX = service('shop', { app: 'shop-primary' });
  const split = (of: (name: string, weight: number) => object, canary: number) => [
    of('shop-primary', 100 - canary),
    of('shop-canary', canary),
  ];
  const shares = (objects: readonly Manifest[]) =>
    rulesOf([...PODS, ...TRACKS, APEX, ...objects], 'shop').map(({ asks, to }) => [
      asks.length,
      ...to.map((it) => it.weight),
    ]);

  test('are followed each, where they lead to the release', () => {
    const refs = (canary: number) => ({
      rules: [
        { matches: [{}], backendRefs: split((name, weight) => ({ name, weight }), canary) },
        { matches: [{}, {}], backendRefs: [{ name: 'old' }] },
      ],
    });
    const [edge, inside] = [
      own('HTTPRoute', 'edge', refs(20)),
      own('HTTPRoute', 'inside', refs(0)),
    ];
    const elsewhere = own('HTTPRoute', 'docs', { rules: [{ backendRefs: [{ name: 'docs' }] }] });
    expect(shares([edge, inside, elsewhere])).toEqual([
      [1, 80, 20],
      [2, 1],
      [1, 100, 0],
      [2, 1],
    ]);
    // By the Service alone.
    expect(shares([elsewhere])).toEqual([[0, 100]]);
    // Of another release in the same cluster.
    expect(rulesOf([...PODS, ...TRACKS, edge], 'shop')).toEqual([]);
  });

  test('stand before the one with the release’s name, whose last rule is for all other requests', () => {
    const route = split((host, weight) => ({ destination: { host }, weight }), 10);
    const edge = own('VirtualService', 'edge', { http: [{ match: [{}], route }] });
    const shop = own('VirtualService', 'shop', { http: [{ match: [{}], route }] });
    expect(shares([shop, edge])).toEqual([
      [1, 90, 10],
      [0, 90, 10],
    ]);
  });
});

test('without routes a Service leads to all pods that it selects; without one nobody is reached', () => {
  const both = { workloads: ['shop-primary', 'shop-canary'], weight: 100 };
  expect(rulesOf([...PODS, service('shop', { of: 'shop' })], 'shop')[0]?.to).toEqual([both]);
  expect(rulesOf(PODS, 'shop')).toEqual([]);
});

test('a workload asks for as many pods as it says; an autoscaler gives one at least', () => {
  expect(PODS.map(replicasOf)).toEqual([3, 0]);
  expect(replicasOf(deployment('x', {}))).toBe(1);
});
