import { Duration } from 'cdk8s';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CanaryProps,
  canary,
  type GatewayApiProps,
  type GrpcRouteProps,
  gatewayApi,
  type HttpRouteProps,
} from '../../../../lib/index.ts';
import { type JsonObject, listAt, objectAt } from '../../../../lib/manifest/json.ts';
import { render } from '../../../../lib/render/render.ts';
import { routerContract, trackIn } from '../../../contract/routers.ts';
import { tries } from '../../../tries.ts';
import { deployment, mistakesOf, objectIn, sample, workload } from '../../sample.ts';

const PARENT = { name: 'public', namespace: 'gateways' };

/** A release behind that Gateway; more of the route can be given. */
function release(more: Partial<HttpRouteProps> = {}) {
  return of({ parentRefs: [PARENT], ...more });
}

function calls(more: Partial<GrpcRouteProps> = {}) {
  return of({ kind: 'GRPCRoute', parentRefs: [PARENT], ...more });
}

function of(props: GatewayApiProps, strategy: CanaryProps = { stepWeights: [25] }) {
  return sample({ traffic: gatewayApi(props), strategy: canary(strategy), analysis: {} });
}

async function rule(it: ReturnType<typeof of>, file = 'httproute-shop.yaml'): Promise<JsonObject> {
  const route = objectIn(await render(it), '02-weight-25', file);
  const [first, ...more] = listAt(route, 'spec', 'rules');
  if (first === undefined || more.length > 0) throw new Error('not one rule');
  return first;
}

const ROUTERS: Readonly<Record<string, GatewayApiProps>> = {
  gatewayApi: { parentRefs: [PARENT] },
  Contour: { parentRefs: [PARENT], metrics: 'contour' },
  'Envoy Gateway': {
    parentRefs: [PARENT],
    metrics: 'envoy-gateway',
    supports: ['mirrorPercent'],
    weightTotal: 1000,
  },
  'Istio’s gateway': { parentRefs: [PARENT], metrics: 'istio' },
  'Contour for gRPC': { kind: 'GRPCRoute', parentRefs: [PARENT], metrics: 'contour' },
  'Envoy Gateway for gRPC': { kind: 'GRPCRoute', parentRefs: [PARENT], metrics: 'envoy-gateway' },
};
for (const [name, props] of Object.entries(ROUTERS))
  routerContract(name, {
    router: gatewayApi(props),
    weightsIn: (object) =>
      listAt(object, 'spec', 'rules').map((rule) =>
        Object.fromEntries(
          listAt(rule, 'backendRefs').map((it) => [trackIn(it.name), Number(it.weight)]),
        ),
      ),
  });

const backend = (name: string, weight: number) => ({
  group: '',
  kind: 'Service',
  name,
  port: 80,
  weight,
});
const BACKENDS = [backend('shop-primary', 75), backend('shop-canary', 25)];
const EVERYTHING = [{ path: { type: 'PathPrefix', value: '/' } }];

test('the least route: one rule for everything, with what the API server would fill in', async () => {
  const rendered = await render(release());
  expect(objectIn(rendered, '02-weight-25', 'httproute-shop.yaml')).toEqual({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'shop', namespace: 'prod', annotations: expect.anything() },
    spec: {
      parentRefs: [{ ...PARENT, group: 'gateway.networking.k8s.io', kind: 'Gateway' }],
      rules: [{ matches: EVERYTHING, backendRefs: BACKENDS }],
    },
  });
  expect(rendered.plan.files['httproute-shop.yaml']).toMatchObject({
    role: 'routing',
    asked: true,
    pointers: ['/spec/rules'],
  });
  expect(rendered.plan.shape.routes).toEqual(['HTTPRoute/shop']);
  // The apex Service is for those who do not come through the Gateway: they get the primary.
  const apex = objectIn(rendered, '05-complete', 'service-shop.yaml');
  expect(objectAt(apex, 'spec').selector).toEqual({ app: 'shop', 'perch/track': 'primary' });
});

test('every setting of an HTTPRoute reaches it as the API writes it', async () => {
  const filters: HttpRouteProps['filters'] = [
    {
      type: 'RequestHeaderModifier',
      requestHeaderModifier: { set: [{ name: 'a', value: 'b' }], remove: ['c'] },
    },
    {
      type: 'ResponseHeaderModifier',
      responseHeaderModifier: { add: [{ name: 'd', value: 'e' }] },
    },
    {
      type: 'URLRewrite',
      urlRewrite: {
        hostname: 'shop.internal',
        path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' },
      },
    },
    {
      type: 'RequestMirror',
      requestMirror: { backendRef: { name: 'recorder', port: 80 }, percent: 5 },
    },
    {
      type: 'ExtensionRef',
      extensionRef: { group: 'example.com', kind: 'RateLimit', name: 'shop' },
    },
  ];
  const it = release({
    hostnames: ['shop.example.com', '*.shop.example.com'],
    channel: 'experimental',
    supports: ['mirrorPercent'],
    matches: [
      {
        path: { value: '/api' },
        method: 'GET',
        headers: [{ name: 'x-user', value: 'a.*', type: 'RegularExpression' }],
        queryParams: [{ name: 'beta', value: '1' }],
      },
    ],
    filters,
    timeouts: { request: Duration.minutes(90), backendRequest: Duration.millis(1500) },
    retry: { codes: [502, 503], attempts: 2, backoff: Duration.millis(100) },
    sessionPersistence: {
      sessionName: 'shop',
      type: 'Cookie',
      absoluteTimeout: Duration.hours(1),
      cookieConfig: { lifetimeType: 'Permanent' },
    },
  });
  expect(await rule(it)).toEqual({
    matches: [
      {
        path: { type: 'PathPrefix', value: '/api' },
        method: 'GET',
        headers: [{ name: 'x-user', value: 'a.*', type: 'RegularExpression' }],
        queryParams: [{ name: 'beta', value: '1', type: 'Exact' }],
      },
    ],
    filters,
    timeouts: { request: '1h30m', backendRequest: '1s500ms' },
    retry: { codes: [502, 503], attempts: 2, backoff: '100ms' },
    sessionPersistence: {
      sessionName: 'shop',
      type: 'Cookie',
      absoluteTimeout: '1h',
      cookieConfig: { lifetimeType: 'Permanent' },
    },
    backendRefs: BACKENDS,
  });
});

test('matches without a path, and no matches at all, hold for every path', async () => {
  const headers = [{ name: 'x-tester', value: 'yes' }];
  const matches = [{ headers: [{ ...headers[0], type: 'Exact' }], ...EVERYTHING[0] }];
  expect((await rule(release({ matches: [{ headers }] }))).matches).toEqual(matches);
  expect((await rule(release({ matches: [] }))).matches).toEqual(EVERYTHING);
});

test('a timeout of zero is written, because it means no limit', async () => {
  const { timeouts } = await rule(release({ timeouts: { request: Duration.seconds(0) } }));
  expect(timeouts).toEqual({ request: '0s' });
});

test('a GRPCRoute routes services and methods', async () => {
  const it = calls({
    matches: [
      { method: { service: 'shop.v1.Orders' } },
      {
        method: { method: 'Get', type: 'RegularExpression' },
        headers: [{ name: 'a', value: 'b' }],
      },
    ],
    filters: [
      {
        type: 'RequestHeaderModifier',
        requestHeaderModifier: { set: [{ name: 'a', value: 'b' }] },
      },
    ],
  });
  expect(await rule(it, 'grpcroute-shop.yaml')).toEqual({
    matches: [
      { method: { type: 'Exact', service: 'shop.v1.Orders' } },
      {
        method: { type: 'RegularExpression', method: 'Get' },
        headers: [{ type: 'Exact', name: 'a', value: 'b' }],
      },
    ],
    filters: [
      {
        type: 'RequestHeaderModifier',
        requestHeaderModifier: { set: [{ name: 'a', value: 'b' }] },
      },
    ],
    backendRefs: BACKENDS,
  });
  expect(await rule(calls(), 'grpcroute-shop.yaml')).toEqual({ backendRefs: BACKENDS });
});

test('in a mesh the parent is a Service', async () => {
  const parentRefs = [{ group: '', kind: 'Service', name: 'shop', port: 80 }];
  const route = objectIn(
    await render(release({ parentRefs })),
    '05-complete',
    'httproute-shop.yaml',
  );
  expect(objectAt(route, 'spec').parentRefs).toEqual(parentRefs);
});

test('Envoy Gateway counts the tracks apart where each backend has a filter', async () => {
  const filters = [
    { type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['perch-track'] } },
  ];
  const backendRefs = BACKENDS.map((it) => ({ ...it, filters }));
  expect(await rule(release({ metrics: 'envoy-gateway' }))).toMatchObject({ backendRefs });
  for (const metrics of ['contour', 'istio'] as const)
    expect((await rule(release({ metrics }))).backendRefs).toEqual(BACKENDS);
});

const strategy: fc.Arbitrary<CanaryProps> = fc.oneof(
  fc.record({
    stepWeight: fc.integer({ min: 5, max: 100 }),
    maxWeight: fc.integer({ min: 1, max: 100 }),
    stepWeightPromotion: fc.integer({ min: 10, max: 100 }),
  }),
  fc
    .uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 })
    .map((all) => ({ stepWeights: all.sort((a, b) => a - b) })),
);

test('in every step both tracks are in the route, with the weights of the plan, and their sum is 100', async () => {
  await fc.assert(
    fc.asyncProperty(strategy, fc.boolean(), async (given, grpc) => {
      const props: GatewayApiProps = grpc
        ? { kind: 'GRPCRoute', parentRefs: [PARENT] }
        : { parentRefs: [PARENT] };
      const rendered = await render(of(props, given));
      const file = grpc ? 'grpcroute-shop.yaml' : 'httproute-shop.yaml';
      for (const step of rendered.plan.steps.slice(1)) {
        const [only] = listAt(objectIn(rendered, step.name, file), 'spec', 'rules');
        const weights = listAt(only, 'backendRefs').map((it) => [it.name, it.weight]);
        expect(weights).toEqual([
          ['shop-primary', step.weights.primary],
          ['shop-canary', step.weights.canary],
        ]);
        expect(step.weights.primary + step.weights.canary).toBe(100);
      }
    }),
    { numRuns: tries(20) },
  );
});

describe('mistakes', () => {
  const untyped = (props: object) => release(props as Partial<HttpRouteProps>);
  const modifier = (...names: string[]) => ({
    type: 'RequestHeaderModifier' as const,
    requestHeaderModifier: { set: names.map((name) => ({ name, value: 'x' })) },
  });
  const prefix = {
    type: 'URLRewrite' as const,
    urlRewrite: { path: { type: 'ReplacePrefixMatch' as const, replacePrefixMatch: '/' } },
  };
  const exact = { path: { type: 'Exact' as const, value: '/a' } };
  const mirror = (name: string, namespace?: string) => ({
    type: 'RequestMirror' as const,
    requestMirror: { backendRef: { name, port: 80, ...(namespace && { namespace }) } },
  });

  test.each<[string, ReturnType<typeof of>, string[]]>([
    [
      'nobody routes by it',
      release({ parentRefs: [] }),
      [
        'traffic.parentRefs is empty, got []; name the Gateway that shall route by it, or routes of your own in traffic.routes',
      ],
    ],
    [
      'one Gateway twice',
      release({ parentRefs: [PARENT, { ...PARENT, sectionName: 'https' }] }),
      [
        '/spec/parentRefs/0/sectionName of HTTPRoute shop must be given, or port, where a parent is named twice, got nothing; add it, or leave one of them out',
      ],
    ],
    [
      'one listener twice',
      release({ parentRefs: [1, 2].map(() => ({ ...PARENT, sectionName: 'https' })) }),
      [
        '/spec/parentRefs/1 of HTTPRoute shop has the same parent, sectionName and port as another, got "gateway.networking.k8s.io/Gateway/gateways/public/https/"; change one of them',
      ],
    ],
    [
      'what the standard channel lacks',
      release({ retry: { attempts: 1 }, sessionPersistence: {} }),
      [
        'traffic.retry is in the experimental channel of the Gateway API alone, got "channel: standard"; install that channel and say `channel: \'experimental\'`, or leave retry out',
        'traffic.sessionPersistence is in the experimental channel of the Gateway API alone, got "channel: standard"; install that channel and say `channel: \'experimental\'`, or leave sessionPersistence out',
      ],
    ],
    [
      'what a GRPCRoute lacks',
      untyped({ kind: 'GRPCRoute', timeouts: { request: Duration.seconds(1) } }),
      [
        'gatewayApi has no prop timeouts; use one of parentRefs, routes, hostnames, metrics, channel, sessionPersistence, weightTotal, supports, kind, matches, filters',
      ],
    ],
    [
      'a redirect',
      untyped({ filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https' } }] }),
      [
        'filters[0].type of gatewayApi is not supported, got "RequestRedirect"; use a filter that forwards requests; put a route of its own with a redirect into workload',
      ],
    ],
    [
      'one filter twice',
      release({ filters: [modifier('a'), modifier('b')] }),
      [
        '/spec/rules/0/filters/1 of HTTPRoute shop has the same type as another, got "RequestHeaderModifier"; change one of them',
      ],
    ],
    [
      'a header twice',
      release({ filters: [modifier('X-User', 'x-user')], matches: [{ queryParams: [] }] }),
      [
        'a header or query parameter stands twice in one list of traffic, got "x-user"; keep one of them',
      ],
    ],
    [
      'a prefix replaced where there is none',
      release({ filters: [prefix], matches: [exact] }),
      [
        '/spec/rules/0/matches of HTTPRoute shop must be one PathPrefix with a filter that has ReplacePrefixMatch, got [{"path":{"type":"Exact","value":"/a"}}]; make a rule for each prefix',
      ],
    ],
    [
      'a mirror to a track',
      release({ filters: [mirror('shop-canary')] }),
      [
        'traffic.filters mirrors to a track, got "shop-canary"; mirror to a Service of its own: copies would count in the canary’s checks',
      ],
    ],
    [
      'attempts longer than the request',
      release({
        timeouts: { request: Duration.seconds(1), backendRequest: Duration.seconds(2) },
      }),
      [
        '/spec/rules/0/timeouts/backendRequest of HTTPRoute shop must be at most request, got "2s"; lower it',
      ],
    ],
    [
      'a cookie for ever',
      release({
        channel: 'experimental',
        sessionPersistence: { cookieConfig: { lifetimeType: 'Permanent' } },
      }),
      [
        '/spec/rules/0/sessionPersistence/absoluteTimeout of HTTPRoute shop must be given with a cookie that is Permanent, got nothing; add it',
      ],
    ],
    [
      'a path that is relative',
      release({ matches: [exact, { path: { value: 'api' } }] }),
      [
        '/spec/rules/0/matches/1/path/value of HTTPRoute shop must be a path that begins with /, without //, /./, /../, # or %2F, got "api"; correct it',
      ],
    ],
    [
      'a gRPC service that is none',
      calls({ matches: [{ method: { service: 'shop-orders' } }] }),
      [
        '/spec/rules/0/matches/0/method/service of GRPCRoute shop must be the name of a gRPC service, got "shop-orders"; write it as package.Service',
      ],
    ],
    [
      'a gateway that is not known',
      untyped({ metrics: 'traefik' }),
      [
        'metrics of gatewayApi is not supported, got "traefik"; use one of contour, envoy-gateway, istio, or leave it out and ask with `query`',
      ],
    ],
  ])('%s', async (_, it, expected) => {
    expect(await mistakesOf(it)).toEqual(expected.map((text) => `shop: ${text}`));
  });

  test('another kind of route', async () => {
    expect(await mistakesOf(untyped({ kind: 'TCPRoute' }))).toContain(
      'shop: kind of gatewayApi is not supported, got "TCPRoute"; use one of HTTPRoute, GRPCRoute',
    );
  });

  test.each([
    { hostnames: ['Shop.example.com'] },
    { timeouts: { request: Duration.millis(0.5) } },
    { parentRefs: [{ name: 'public', port: 0 }] },
  ])('the schema finds the rest: %j', async (props) => {
    const [first] = await mistakesOf(untyped(props));
    expect(first).toMatch(/^shop: \/spec\/.* of (HTTP|GRPC)Route shop /);
  });

  test.each([
    [{ matches: [{ pathh: { value: '/' } }] }, 'matches[0] of gatewayApi has no prop pathh'],
    [{ kind: 'GRPCRoute', filters: [prefix] }, 'filters[0].type of gatewayApi is not supported'],
    [{ matches: [{ method: 'get' }] }, 'matches[0].method of gatewayApi is not supported'],
    [{ weightTotal: 200 }, 'weightTotal of gatewayApi is not supported, got 200; use one of 100'],
  ])('the types of the props find: %j', async (props, expected) => {
    expect(await mistakesOf(untyped(props))).toEqual([expect.stringContaining(expected)]);
  });

  test('a mirror to a Service of that name in another namespace is none', async () => {
    expect(await mistakesOf(release({ filters: [mirror('shop-canary', 'copies')] }))).toEqual([]);
  });

  test('a route of the author under the release’s name', async () => {
    const route = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'shop' },
      spec: { rules: [{ filters: [{ type: 'RequestRedirect', requestRedirect: {} }] }] },
    };
    const it = sample({
      traffic: gatewayApi({ parentRefs: [PARENT] }),
      workload: workload(deployment(), route),
      analysis: {},
    });
    expect(await mistakesOf(it)).toEqual([
      'shop/object-1: the release makes a HTTPRoute of this name already, got "shop"; rename it or leave it out',
    ]);
  });
});
