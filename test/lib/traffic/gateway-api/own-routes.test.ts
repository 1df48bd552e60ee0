import { describe, expect, test } from 'vitest';
import {
  canary,
  type GatewayApiProps,
  gatewayApi,
  successRate,
  type Traffic,
} from '../../../../lib/index.ts';
import { type JsonObject, listAt, type Manifest } from '../../../../lib/manifest/json.ts';
import { mistakeText } from '../../../../lib/mistake.ts';
import { render } from '../../../../lib/render/render.ts';
import { routerMistakes } from '../../../../lib/traffic/mistakes.ts';
import { deployment, mistakesOf, objectIn, sample, workload } from '../../sample.ts';
import { SHOP } from '../route.ts';

const API = 'gateway.networking.k8s.io/v1';

function route(name: string, rules: readonly JsonObject[], spec: JsonObject = {}): Manifest {
  return {
    apiVersion: API,
    kind: 'HTTPRoute',
    metadata: { name },
    spec: {
      parentRefs: [{ name: 'public' }],
      hostnames: [`${name}.example`],
      ...spec,
      rules: [...rules],
    },
  };
}

const to = (name: string, more: JsonObject = {}): JsonObject => ({ name, port: 80, ...more });
const path = (value: string): JsonObject => ({ path: { type: 'PathPrefix', value } });
const header = (name: string): JsonObject => ({
  headers: [{ type: 'Exact', name, value: 'yes' }],
});
const weighed = (name: string, weight: number) => ({
  group: '',
  kind: 'Service',
  name,
  port: 80,
  weight,
});

const APEX: JsonObject = {
  name: 'shop',
  matches: [path('/')],
  filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['x-a'] } }],
  timeouts: { request: '3s' },
  backendRefs: [to('shop')],
};
const OLD: JsonObject = { name: 'old', matches: [path('/old')], backendRefs: [to('old')] };
const BETA: Traffic = {
  weights: { primary: 75, canary: 25 },
  routes: [{ name: 'beta', match: [{ headers: { 'x-beta': { exact: 'yes' } } }] }],
};

function release(routes: readonly string[], ...objects: readonly Manifest[]) {
  return sample({
    traffic: gatewayApi({ routes: [...routes] }),
    strategy: canary({ stepWeights: [25] }),
    analysis: {},
    workload: workload(deployment(), ...objects),
  });
}

function rules(traffic: Traffic, ...given: readonly JsonObject[]): readonly JsonObject[] {
  const context = { ...SHOP, workload: [route('edge', given)] };
  const [only] = gatewayApi({ routes: ['edge'] }).routes(context, traffic);
  return listAt(only?.object, 'spec', 'rules');
}

function wrongs(
  objects: readonly Manifest[],
  traffic: Traffic = { weights: { primary: 75, canary: 25 } },
  props: GatewayApiProps = { routes: objects.map((it) => it.metadata.name) },
): readonly string[] {
  const context = { ...SHOP, workload: objects };
  return routerMistakes(gatewayApi(props), context, [traffic]).map(mistakeText);
}

describe('routes of the author’s', () => {
  test('have the weights of each step, and all of them are waited for; the rest stays as it is', async () => {
    const outside = route('outside', [OLD, APEX]);
    const inside = route('inside', [{ backendRefs: [to('shop')] }], {
      parentRefs: [{ kind: 'Service', group: '', name: 'shop' }],
    });
    const rendered = await render(release(['outside', 'inside'], outside, inside));
    const at = (file: string) => objectIn(rendered, '02-weight-25', file);
    const backendRefs = [weighed('shop-primary', 75), weighed('shop-canary', 25)];
    expect(at('httproute-outside.yaml').spec).toEqual({
      parentRefs: [{ name: 'public' }],
      hostnames: ['outside.example'],
      rules: [OLD, { ...APEX, backendRefs }],
    });
    expect(at('httproute-inside.yaml').spec).toMatchObject({ rules: [{ backendRefs }] });
    for (const file of ['httproute-outside.yaml', 'httproute-inside.yaml']) {
      expect(at(file).metadata.annotations?.['perch/step']).toMatch(/02-weight-25$/);
      expect(rendered.plan.files[file]).toMatchObject({
        role: 'routing',
        asked: true,
        pointers: ['/spec/rules'],
      });
    }
    expect(rendered.plan.shape.routes).toEqual(['HTTPRoute/outside', 'HTTPRoute/inside']);
    expect(Object.keys(rendered.plan.files)).not.toContain('httproute-shop.yaml');
  });

  test('may name both tracks, and keep what else leads to one of them', () => {
    const both = { backendRefs: [to('shop-primary'), to('shop-canary', { weight: 0 })] };
    const testers = { matches: [header('x-tester')], backendRefs: [to('shop-canary')] };
    expect(rules({ weights: { primary: 60, canary: 40 } }, testers, both)).toMatchObject([
      testers,
      { backendRefs: [weighed('shop-primary', 60), weighed('shop-canary', 40)] },
    ]);
  });

  test('keep the filters of a backend on both tracks', () => {
    const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['a'] } }];
    const [only] = rules(
      { weights: { primary: 60, canary: 40 } },
      { backendRefs: [to('shop', { filters })] },
    );
    expect(listAt(only, 'backendRefs')).toMatchObject([{ filters }, { filters }]);
  });

  test('what else a step says stands right above the rule, with its settings and within its matches', () => {
    const made = rules(BETA, OLD, { ...APEX, matches: [path('/shop')] });
    expect(made.map((it) => it.name)).toEqual(['old', undefined, 'shop']);
    expect(made[1]).toEqual({
      matches: [{ ...path('/shop'), headers: [{ type: 'Exact', name: 'x-beta', value: 'yes' }] }],
      filters: APEX.filters,
      timeouts: APEX.timeouts,
      backendRefs: [weighed('shop-primary', 0), weighed('shop-canary', 100)],
    });
  });

  test('of gRPC are those of that kind', () => {
    const calls = { ...route('edge', [{ backendRefs: [to('shop')] }]), kind: 'GRPCRoute' };
    const context = { ...SHOP, workload: [route('edge', [OLD]), calls] };
    const router = gatewayApi({ kind: 'GRPCRoute', routes: ['edge'] });
    const made = router.routes(context, { weights: { primary: 60, canary: 40 } });
    expect(made.map(({ object }) => [object.kind, listAt(object, 'spec', 'rules')])).toEqual([
      ['GRPCRoute', [{ backendRefs: [weighed('shop-primary', 60), weighed('shop-canary', 40)] }]],
    ]);
  });

  test('lead to the one track of a strategy that has no other', () => {
    const context = { ...SHOP, tracks: ['primary'] as const, workload: [route('edge', [APEX])] };
    const router = gatewayApi({ routes: ['edge'] });
    const [only] = router.routes(context, { weights: { primary: 100, canary: 0 } });
    expect(listAt(only?.object, 'spec', 'rules')[0]?.backendRefs).toEqual([
      weighed('shop-primary', 100),
    ]);
    expect(router.mistakes(context, [])).toEqual([]);
  });
});

describe('what is wrong is told with the remedy', () => {
  test('names', async () => {
    expect(await mistakesOf(release(['edge', 'edge'], route('other', [APEX])))).toEqual([
      'shop: traffic.routes names no HTTPRoute, got "edge"; make one of this name in workload (it makes other)',
      'shop: traffic.routes names one HTTPRoute twice, got "edge"; name it once',
    ]);
    expect(wrongs([], undefined, { routes: [] })).toEqual([
      expect.stringContaining('traffic.routes is empty'),
    ]);
    expect(wrongs([], undefined, {})).toEqual([
      expect.stringContaining(
        'traffic.parentRefs is missing, got nothing; name the Gateway that shall route by it, or routes of your own in traffic.routes',
      ),
    ]);
  });

  test('props that shape a route of Perch', () => {
    const props = { routes: ['edge'], parentRefs: [{ name: 'public' }], hostnames: ['a.example'] };
    expect(wrongs([route('edge', [APEX])], undefined, props)).toEqual([
      expect.stringContaining('traffic.parentRefs has no effect beside traffic.routes'),
      expect.stringContaining('traffic.hostnames has no effect beside traffic.routes'),
    ]);
  });

  test.each<[string, JsonObject, string]>([
    ['none of ours', OLD, 'no rule of HTTPRoute edge leads to the release'],
    [
      'another namespace',
      { backendRefs: [to('shop', { namespace: 'other' })] },
      'no rule of HTTPRoute edge leads to the release',
    ],
    [
      'others beside it',
      { name: 'mixed', backendRefs: [to('shop'), to('old')] },
      'rule mixed of HTTPRoute edge leads to the release and elsewhere',
    ],
    [
      'different ports',
      { backendRefs: [to('shop-primary'), to('shop-canary', { port: 81 })] },
      'the backends of rule 1 of HTTPRoute edge differ in more than their names and weights',
    ],
    [
      'copies to a track',
      {
        ...APEX,
        filters: [{ type: 'RequestMirror', requestMirror: { backendRef: to('shop-canary') } }],
      },
      'rule shop of HTTPRoute edge mirrors to a track',
    ],
  ])('a rule with %s', (_, rule, expected) => {
    expect(wrongs([route('edge', [rule])])).toEqual([expect.stringContaining(expected)]);
  });

  test('a step that matches requests which another rule may have', () => {
    const rule = { ...APEX, matches: [path('/')] };
    const rival = { name: 'rival', matches: [header('x-other')], backendRefs: [to('old')] };
    expect(wrongs([route('edge', [rule, rival])], BETA)).toEqual([
      expect.stringContaining(
        'rule rival of HTTPRoute edge may have requests that the strategy matches',
      ),
    ]);
    // A longer path wins whatever the strategy matches, and weights match nothing.
    expect(wrongs([route('edge', [rule, OLD])], BETA)).toEqual([]);
    expect(wrongs([route('edge', [rule, rival])])).toEqual([]);
    const moved = {
      ...BETA,
      routes: [{ name: 'r', match: [{ path: { prefix: '/old/new' } }] as const }],
    };
    expect(wrongs([route('edge', [rule, OLD])], moved)).toHaveLength(1);
  });

  test('a step that matches what no request of the rule has is told with its name', () => {
    const rule = { ...APEX, matches: [{ ...path('/'), ...header('x-beta') }] };
    const other: Traffic = {
      ...BETA,
      routes: [{ name: 'r', match: [{ headers: { 'x-beta': { exact: 'no' } } }] }],
    };
    expect(wrongs([route('edge', [rule])], other)).toEqual([
      expect.stringContaining('no request of rule shop of HTTPRoute edge is one that'),
    ]);
    // Where one rule has none of them, another may.
    const api = { ...APEX, name: 'api', matches: [path('/api')] };
    expect(wrongs([route('edge', [rule]), route('inside', [api])], other)).toEqual([]);
  });

  test('two that take the same requests of one host at one parent', () => {
    const shared = { hostnames: ['shop.example'] };
    expect(wrongs([route('a', [APEX], shared), route('b', [APEX], shared)])).toEqual([
      expect.stringContaining(
        'HTTPRoutes a and b take the same requests of one host at one parent',
      ),
    ]);
    const api = { ...APEX, matches: [path('/api')] };
    expect(wrongs([route('a', [APEX], shared), route('b', [api], shared)])).toEqual([]);
    expect(wrongs([route('a', [APEX]), route('b', [APEX])])).toEqual([]);
  });

  test('a built-in check of a gateway that counts by the places of rules', async () => {
    const of = (metrics: 'contour' | 'envoy-gateway') =>
      sample({
        traffic: gatewayApi({ routes: ['edge'], metrics }),
        strategy: canary({ stepWeights: [25] }),
        analysis: { checks: [successRate({ min: 99 })] },
        workload: workload(deployment(), route('edge', [APEX])),
      });
    expect(await mistakesOf(of('contour'))).toEqual([]);
    expect(await mistakesOf(of('envoy-gateway'))).toEqual([
      expect.stringContaining('this gateway counts by the places of rules'),
    ]);
  });
});
