import { Duration } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import { isShown, target } from '../../../../analyzer/core/cluster/liveness.ts';
import {
  canary,
  type IstioProps,
  istio,
  type Strategy,
  type Traffic,
  type Weights,
} from '../../../../lib/index.ts';
import { type JsonObject, listAt, objectAt } from '../../../../lib/manifest/json.ts';
import { DIGEST_ANNOTATION } from '../../../../lib/plan/plan.ts';
import { render } from '../../../../lib/render/render.ts';
import type { ServicePort } from '../../../../lib/workload/service.ts';
import { type RouterUnderTest, routerContract, trackIn } from '../../../contract/routers.ts';
import { mistakesOf, objectIn, sample } from '../../sample.ts';
import { contextOf, fateOf, HTTP, wrongsOf as mistakes } from '../istio-mesh.ts';

async function spec(props: IstioProps, step = '02-weight-25'): Promise<JsonObject> {
  const rendered = await render(sample({ traffic: istio(props) }));
  return objectAt(objectIn(rendered, step, 'virtualservice-shop.yaml'), 'spec');
}

const weightsIn: RouterUnderTest['weightsIn'] = (object) =>
  [...listAt(object, 'spec', 'http'), ...listAt(object, 'spec', 'tcp')].map((rule) =>
    Object.fromEntries(
      listAt(rule, 'route').map((it) => {
        const { host, subset } = objectAt(it, 'destination');
        return [subset ?? trackIn(host), Number(it.weight)];
      }),
    ),
  );
const TCP = { service: { port: 6379, targetPort: 8080, appProtocol: 'tcp' } };
routerContract('istio', { router: istio(), weightsIn });
const subsets = istio({ subsets: true, weightTotal: 1000 });
routerContract('istio by subsets', { router: subsets, weightsIn });
const named = istio({ subsets: { primary: 'v1', canary: 'v2' } });
const TRACK_OF: Readonly<Record<string, string>> = { v1: 'primary', v2: 'canary' };
const ofNamed: RouterUnderTest['weightsIn'] = (object) =>
  weightsIn(object).map((all) =>
    Object.fromEntries(Object.entries(all).map(([name, it]) => [TRACK_OF[name] ?? name, it])),
  );
routerContract('istio by named subsets', { router: named, weightsIn: ofNamed });
routerContract('istio at a gateway', { router: istio({ gateways: ['edge'] }), weightsIn });
routerContract('istio for connections', { router: istio(), weightsIn, release: TCP });

const SPLIT = [
  { destination: { host: 'shop-primary', port: { number: 80 } }, weight: 75 },
  { destination: { host: 'shop-canary', port: { number: 80 } }, weight: 25 },
];

describe('hosts and gateways', () => {
  test.each<[IstioProps, string[], string[]]>([
    [{}, ['shop'], ['mesh']],
    [{ hosts: ['a.example'], gateways: ['ns/gw'] }, ['a.example', 'shop'], ['ns/gw']],
    [{ hosts: ['shop'], gateways: [] }, ['shop'], ['mesh']],
    [{ hosts: ['*'], gateways: ['gw', 'ns/gw'] }, ['*'], ['gw', 'ns/gw']],
  ])('%j', async (props, hosts, gateways) => {
    expect(await spec(props)).toEqual({ hosts, gateways, http: [{ route: SPLIT }] });
  });

  test('a delegate has neither', async () => {
    expect(await spec({ delegation: true })).toEqual({ http: [{ route: SPLIT }] });
    expect(
      await mistakesOf(
        sample({ traffic: istio({ delegation: true, hosts: ['a'], gateways: ['b'] }) }),
      ),
    ).toEqual([
      'shop: traffic.hosts cannot be given with delegation, got ["a"]; leave hosts to the VirtualService that delegates, or leave delegation out',
      'shop: traffic.gateways cannot be given with delegation, got ["b"]; leave gateways to the VirtualService that delegates, or leave delegation out',
    ]);
  });
});

test('every setting of a route reaches the VirtualService as Istio writes it', async () => {
  const props: IstioProps = {
    match: [
      {
        uri: { prefix: '/api' },
        headers: { 'x-user': { regex: '.*' } },
        method: { exact: 'GET' },
        withoutHeaders: { a: { exact: 'b' } },
      },
    ],
    rewrite: { uri: '/', authority: 'shop' },
    retries: { attempts: 3, perTryTimeout: Duration.millis(1500), retryOn: '5xx' },
    timeout: Duration.minutes(1),
    headers: { request: { set: { a: 'b' }, remove: ['c'] }, response: { add: { d: 'e' } } },
    corsPolicy: {
      allowOrigins: [{ exact: 'https://a.example' }],
      allowMethods: ['GET'],
      maxAge: Duration.hours(1),
      allowCredentials: true,
    },
  };
  expect((await spec(props)).http).toEqual([
    {
      match: props.match,
      rewrite: props.rewrite,
      retries: { attempts: 3, perTryTimeout: '1.5s', retryOn: '5xx' },
      timeout: '60s',
      headers: props.headers,
      corsPolicy: { ...props.corsPolicy, maxAge: '3600s' },
      route: SPLIT,
    },
  ]);
});

describe('DestinationRules', () => {
  const trafficPolicy = {
    loadBalancer: { simple: 'LEAST_REQUEST' },
    connectionPool: {
      tcp: { maxConnections: 10, connectTimeout: '5s' },
      http: { http2MaxRequests: 100, maxRequestsPerConnection: 2 },
    },
    outlierDetection: {
      consecutive5xxErrors: 5,
      interval: '30s',
      baseEjectionTime: '30s',
      splitExternalLocalOriginErrors: true,
    },
    tls: { mode: 'ISTIO_MUTUAL' },
  };

  test('one for each track, in the first and the last step', async () => {
    const rendered = await render(sample({ traffic: istio({ trafficPolicy }) }));
    for (const track of ['primary', 'canary']) {
      const file = `destinationrule-shop-${track}.yaml`;
      for (const step of ['01-canary-up', '06-complete'])
        expect(objectAt(objectIn(rendered, step, file)).spec).toEqual({
          host: `shop-${track}`,
          trafficPolicy,
        });
      expect(rendered.plan.files[file]).toMatchObject({ role: 'routing', asked: true });
      expect(
        rendered.plan.steps.filter((it) => it.files.includes(file)).map((it) => it.name),
      ).toEqual(['01-canary-up', '06-complete']);
    }
  });

  test('subsets: one host, one rule, and the apex Service selects both tracks', async () => {
    const rendered = await render(sample({ traffic: istio({ subsets: true, trafficPolicy }) }));
    expect(objectAt(objectIn(rendered, '01-canary-up', 'destinationrule-shop.yaml')).spec).toEqual({
      host: 'shop',
      trafficPolicy,
      subsets: [
        { name: 'primary', labels: { app: 'shop', 'perch/track': 'primary' } },
        { name: 'canary', labels: { app: 'shop', 'perch/track': 'canary' } },
      ],
    });
    const [route] = objectAt(objectIn(rendered, '02-weight-25', 'virtualservice-shop.yaml'), 'spec')
      .http as JsonObject[];
    expect(route?.route).toEqual([
      { destination: { host: 'shop', subset: 'primary', port: { number: 80 } }, weight: 75 },
      { destination: { host: 'shop', subset: 'canary', port: { number: 80 } }, weight: 25 },
    ]);
    expect(
      objectAt(objectIn(rendered, '06-complete', 'service-shop.yaml'), 'spec').selector,
    ).toEqual({ app: 'shop' });
    for (const track of ['primary', 'canary'])
      expect(
        objectAt(
          objectIn(rendered, '06-complete', `deployment-shop-${track}.yaml`),
          'spec',
          'template',
          'metadata',
        ).labels,
      ).toMatchObject({ app: 'shop', 'perch/track': track });
    expect(rendered.plan.files['destinationrule-shop.yaml']?.pointers).toEqual(['/spec/subsets']);
  });
});

describe('policies of one track', () => {
  const trafficPolicy = {
    loadBalancer: { simple: 'LEAST_REQUEST' },
    tls: { mode: 'ISTIO_MUTUAL' },
    portLevelSettings: [{ port: { number: 80 }, connectionPool: { http: { maxRetries: 1 } } }],
  };
  const trackPolicies = {
    canary: {
      outlierDetection: { consecutive5xxErrors: 1, interval: Duration.millis(1500) },
      tls: { mode: 'DISABLE' },
    },
  };
  const policyOf = async (props: IstioProps, name: string) => {
    const rendered = await render(sample({ traffic: istio(props) }));
    return objectAt(objectIn(rendered, '01-canary-up', `destinationrule-${name}.yaml`), 'spec');
  };

  test('take the place of the shared one, field by field', async () => {
    const props = { trafficPolicy, trackPolicies };
    expect(await policyOf(props, 'shop-primary')).toEqual({ host: 'shop-primary', trafficPolicy });
    expect(await policyOf(props, 'shop-canary')).toEqual({
      host: 'shop-canary',
      trafficPolicy: {
        ...trafficPolicy,
        outlierDetection: { consecutive5xxErrors: 1, interval: '1.5s' },
        tls: { mode: 'DISABLE' },
      },
    });
  });

  test('are a subset’s own where there are subsets', async () => {
    const props = { trafficPolicy, trackPolicies, subsets: true };
    expect(await policyOf(props, 'shop')).toMatchObject({
      trafficPolicy,
      subsets: [
        { name: 'primary', labels: { app: 'shop', 'perch/track': 'primary' } },
        { name: 'canary', trafficPolicy: { tls: { mode: 'DISABLE' } } },
      ],
    });
  });

  test('one Service on both sides has one rule', () => {
    const context = contextOf();
    const names = { ...context.names, canary: context.names.primary };
    const policies = istio({ trafficPolicy }).policies({ ...context, names });
    expect(policies.map((it) => it.object.metadata.name)).toEqual(['shop-primary']);
    const [routing] = istio().routes({ ...context, names }, { weights: split(10) });
    expect(objectAt(routing?.object, 'spec').http).toMatchObject([
      { route: [{ weight: 90 }, { weight: 10 }] },
    ]);
  });
});

const split = (canary: number) => ({ primary: 100 - canary, canary });

const specOf = (
  props: IstioProps,
  traffic: Traffic,
  ports?: readonly [ServicePort, ...ServicePort[]],
) => objectAt(istio(props).routes(contextOf(ports), traffic)[0]?.object, 'spec');

describe('weights', () => {
  const weightsIn = (props: IstioProps, weights: Weights) =>
    listAt(listAt(specOf(props, { weights }), 'http')[0], 'route').map((it) => it.weight);

  test('parts of a percent, where their sum may be more than 100', () => {
    const weights = { primary: 99.5, canary: 0.5 };
    expect(weightsIn({ weightTotal: 1000 }, weights)).toEqual([995, 5]);
    expect(weightsIn({ weightTotal: 10000 }, { primary: 99.97, canary: 0.03 })).toEqual([9997, 3]);
    expect(mistakes({ weightTotal: 1000 }, { weights })).toEqual([]);
    expect(mistakes({}, { weights })).toEqual([
      'shop: traffic istio cannot give a track 0.5 % of the requests: its weights are whole numbers that add up to 100, got 0.5; use fewer decimals, or raise traffic.weightTotal',
    ]);
  });

  test('of a baseline: a third destination, by its own host', () => {
    const weights = { primary: 80, canary: 10, baseline: 10 };
    for (const subsets of [false, true])
      expect(listAt(listAt(specOf({ subsets }, { weights }), 'http')[0], 'route')[2]).toEqual({
        destination: { host: 'shop-baseline', port: { number: 80 } },
        weight: 10,
      });
  });

  test('a baseline is under the policy that the canary is under', () => {
    const trafficPolicy = { loadBalancer: { simple: 'RANDOM' } };
    const traffic = { weights: { primary: 80, canary: 10, baseline: 10 } };
    expect(mistakes({ trafficPolicy }, traffic)).toEqual([
      'shop: the baseline has no policy, and would be compared with a canary that has one, got ["loadBalancer"]; add baseline to traffic.trackPolicies: {} gives it traffic.trafficPolicy',
    ]);
    const props = { trafficPolicy, trackPolicies: { baseline: {} } };
    expect(mistakes(props, traffic)).toEqual([]);
    expect(
      istio(props)
        .policies(contextOf())
        .map((it) => it.object.spec),
    ).toContainEqual({
      host: 'shop-baseline',
      trafficPolicy,
    });
  });

  test('argo 4424: no weight is negative, and no sum is above the whole', () => {
    const said = 'shop: the weights of a step must add up to 100';
    for (const weights of [
      { primary: -25, canary: 125 },
      { primary: 40, canary: 60, baseline: 60 },
      { primary: 10, canary: 10 },
    ])
      expect(mistakes({}, { weights })).toEqual([expect.stringContaining(said)]);
  });
});

describe('ports', () => {
  const METRICS: ServicePort = { ...HTTP, name: 'http-metrics', port: 9090, targetPort: 9090 };
  const REDIS: ServicePort = { ...HTTP, name: 'tcp-redis', port: 6379, targetPort: 6379 };
  const hostsAt = (port: number, weights = split(20)) => [
    { destination: { host: 'shop-primary', port: { number: port } }, weight: weights.primary },
    { destination: { host: 'shop-canary', port: { number: port } }, weight: weights.canary },
  ];
  const traffic = { weights: split(20) };

  test('each has a route with the same weights, the first one takes the rest', () => {
    expect(specOf({}, traffic, [HTTP, METRICS, REDIS, { ...HTTP, protocol: 'UDP' }])).toEqual({
      hosts: ['shop'],
      gateways: ['mesh'],
      http: [
        { name: 'http-metrics', match: [{ port: 9090 }], route: hostsAt(9090) },
        { route: hostsAt(80) },
      ],
      tcp: [{ route: hostsAt(6379) }],
    });
  });

  test('what arrives at a gateway’s own port is meant for the first', () => {
    const spec = specOf({ gateways: ['edge', 'mesh'] }, traffic, [HTTP, METRICS]);
    expect(fateOf(spec, { port: 443, gateway: 'edge' })?.route).toBeUndefined();
    expect(fateOf(spec, { port: 9090 })?.route).toBe('http-metrics');
  });

  test('the author’s match holds on each of them, within its own port', () => {
    const match = [{ uri: { prefix: '/a' } }, { uri: { prefix: '/b' }, port: 80 }];
    const [metrics, rest] = listAt(specOf({ match }, traffic, [HTTP, METRICS]), 'http');
    expect(metrics?.match).toEqual([{ uri: { prefix: '/a' }, port: 9090 }]);
    expect(rest?.match).toEqual(match);
    const elsewhere = specOf({ match: [{ port: 80 }] }, traffic, [HTTP, METRICS]);
    expect(listAt(elsewhere, 'http')).toHaveLength(1);
  });

  test('a matched route is above every port’s', () => {
    const routes = [{ name: 'testers', match: [{ method: 'POST' }] as const }];
    const spec = specOf({}, { weights: split(0), routes }, [HTTP, METRICS, REDIS]);
    expect(listAt(spec, 'http').map((it) => it.name)).toEqual([
      'http-metrics-testers',
      'http-metrics',
      'testers',
      undefined,
    ]);
    expect(spec.tcp).toEqual([{ route: hostsAt(6379, split(0)) }]);
  });

  test.each([
    { appProtocol: 'TCP' },
    { portName: 'tcp-redis' },
    { portName: 'mongo' },
    { appProtocol: 'redis' },
  ])('%j alone: connections are weighted', async (more) => {
    const service = { port: 6379, targetPort: 8080, ...more };
    const rendered = await render(sample({ service }));
    const { spec } = objectIn(rendered, '02-weight-25', 'virtualservice-shop.yaml');
    expect(spec).toEqual({
      hosts: ['shop'],
      gateways: ['mesh'],
      tcp: [{ route: hostsAt(6379, split(25)) }],
    });
    expect(rendered.plan.files['virtualservice-shop.yaml']?.pointers).toEqual(['/spec/tcp']);
  });

  test('gRPC is routed by http routes', async () => {
    const service = { port: 80, targetPort: 8080, appProtocol: 'grpc', portName: 'grpc' };
    const rendered = await render(sample({ service }));
    const { spec } = objectIn(rendered, '02-weight-25', 'virtualservice-shop.yaml');
    expect(objectAt(spec).http).toEqual([{ route: SPLIT }]);
  });

  test('connections can only be weighted', () => {
    const cookie = { name: 'a' };
    const asked = {
      routes: [{ name: 'testers', match: [{ method: 'POST' }] as const }],
      mirrors: [{ percent: 5 }],
      affinity: { cookie, ends: false },
    };
    const remedy = 'use a strategy that shifts weights alone, or give the release an HTTP port';
    const said = (what: string, got: string) =>
      `shop: traffic istio cannot ${what}: no http route leads to the release, and connections can only be weighted, got ${got}; ${remedy}`;
    expect(mistakes({ timeout: Duration.seconds(1) }, asked, [REDIS])).toEqual([
      said('match requests by method', '"POST"'),
      said('copy requests', '5'),
      said('keep users by a session cookie', '"a"'),
      'shop: traffic.timeout has no effect: no port of the release speaks HTTP, got ["tcp-redis 6379"]; leave it out',
    ]);
    expect(mistakes({}, asked, [HTTP, REDIS])).toEqual([]);
    expect(mistakes({ delegation: true }, {}, [HTTP, REDIS])).toEqual([
      expect.stringContaining('a TCP port cannot be routed with delegation'),
    ]);
  });

  test('a port of which the pods end TLS themselves cannot be split', () => {
    expect(mistakes({}, {}, [{ ...HTTP, name: 'https' }])).toEqual([
      expect.stringContaining(
        'Istio cannot split a port by which the pods themselves speak TLS, got "https 80"',
      ),
    ]);
  });
});

describe('what the cluster must show', () => {
  const traffic: Traffic = {
    weights: split(20),
    routes: [{ name: 'testers', match: [{ headers: { 'x-a': { exact: 'b' } } }] }],
    mirrors: [{ percent: 10, match: [{ method: 'GET' }] }],
  };
  const [routing] = istio().routes(contextOf(), traffic);
  /** Whether the step's file counts as shown once somebody has changed its http routes in the cluster. */
  const shows = (change: (http: JsonObject[]) => void): boolean => {
    const object = JSON.parse(JSON.stringify(routing?.object));
    const text = JSON.stringify({
      ...object,
      metadata: { ...object.metadata, annotations: { [DIGEST_ANNOTATION]: 'd' } },
    });
    const { apiVersion, kind, metadata } = object;
    const asked = target(
      'virtualservice-shop.yaml',
      {
        role: 'routing',
        apiVersion,
        kind,
        ...metadata,
        asked: true,
        pointers: [...(routing?.pointers ?? [])],
      },
      text,
    );
    const live = JSON.parse(text);
    change(live.spec.http);
    const question = { kind: 'there', target: asked, ref: asked.ref } as const;
    return isShown(question, { kind: 'found', object: live });
  };

  test('flagger N, 929 and PR 1692: weights that somebody else wrote are not taken for a step’s', () => {
    expect(shows(() => undefined)).toBe(true);
    const reset = (it: JsonObject, index: number) => ({ ...it, weight: index === 0 ? 100 : 0 });
    const half = (it: JsonObject) => ({ ...it, weight: 50 });
    for (const change of [reset, half])
      expect(
        shows((http) => {
          const last = http.pop();
          http.push({ ...last, route: listAt(last, 'route').map(change) });
        }),
      ).toBe(false);
  });

  test.each<[string, (http: JsonObject[]) => void]>([
    ['a matched route is gone', (http) => void http.shift()],
    ['a route stands before ours', (http) => void http.unshift({ route: [] })],
    ['a match is another', (http) => void http.splice(0, 1, { ...http[0], match: [{ port: 1 }] })],
    ['a mirror is gone', (http) => void http.splice(1, 1, { ...http[1], mirror: undefined })],
  ])('%s', (_, change) => {
    expect(shows(change)).toBe(false);
  });

  test('defaults that a server fills in are no edit', () => {
    expect(shows((http) => void http.splice(1, 1, { ...http[1], timeout: '0s' }))).toBe(true);
  });
});

test('everything at once is accepted by the API’s schema', async () => {
  const cookie = {
    name: 'shop',
    path: '/',
    secure: true,
    sameSite: 'Lax',
    httpOnly: true,
  } as const;
  const traffic: Traffic = {
    weights: { primary: 80, canary: 10, baseline: 10 },
    routes: [{ name: 'testers', match: [{ cookies: { g: { exact: 'b' } }, method: 'GET' }] }],
    mirrors: [{ percent: 0.5, match: [{ queryParams: { a: { prefix: 'b' } } }] }],
    affinity: { cookie, ends: false },
  };
  const strategy = canary({ stepWeight: 25, maxWeight: 50 });
  const all: Strategy = {
    ...strategy,
    steps: () => strategy.steps().map((it) => (it.checks === 'bake' ? { ...it, traffic } : it)),
  };
  const service = {
    port: 80,
    targetPort: 8080,
    ports: [{ port: 6379, targetPort: 8080, appProtocol: 'tcp' }],
  };
  const rendered = await render(sample({ strategy: all, service }));
  const object = objectIn(rendered, '02-weight-25', 'virtualservice-shop.yaml');
  expect(listAt(object, 'spec', 'http').map((it) => it.name)).toEqual([
    'testers',
    'session',
    'mirror-1',
    undefined,
  ]);
  expect(rendered.plan.files['virtualservice-shop.yaml']?.pointers).toEqual([
    '/spec/http',
    '/spec/tcp',
  ]);
});
