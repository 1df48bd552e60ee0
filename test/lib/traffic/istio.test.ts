import { Duration } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import { type IstioProps, istio } from '../../../lib/index.ts';
import { type JsonObject, objectAt } from '../../../lib/json.ts';
import { render } from '../../../lib/render.ts';
import { mistakesOf, objectIn, sample } from '../sample.ts';

async function spec(props: IstioProps, step = '02-weight-25'): Promise<JsonObject> {
  const rendered = await render(sample({ traffic: istio(props) }));
  return objectAt(objectIn(rendered, step, 'virtualservice-shop.yaml'), 'spec');
}

const SPLIT = [
  { destination: { host: 'shop-primary', port: { number: 80 } }, weight: 75 },
  { destination: { host: 'shop-canary', port: { number: 80 } }, weight: 25 },
];

describe('hosts and gateways', () => {
  test.each<[IstioProps, string[], string[]]>([
    [{}, ['shop'], ['mesh']],
    [{ hosts: ['a.example'], gateways: ['ns/gw'] }, ['a.example', 'shop'], ['ns/gw']],
    [{ hosts: ['shop'], gateways: [] }, ['shop'], ['mesh']],
    [{ hosts: ['*'], gateways: ['gw', 'mesh'] }, ['*'], ['gw', 'mesh']],
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
        { name: 'primary', labels: { app: 'shop-primary' } },
        { name: 'canary', labels: { app: 'shop-canary' } },
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
    ).toEqual({ 'perch/release': 'shop' });
    for (const track of ['primary', 'canary'])
      expect(
        objectAt(
          objectIn(rendered, '06-complete', `deployment-shop-${track}.yaml`),
          'spec',
          'template',
          'metadata',
        ).labels,
      ).toMatchObject({ 'perch/release': 'shop', app: `shop-${track}` });
    expect(rendered.plan.files['destinationrule-shop.yaml']?.pointers).toEqual(['/spec/subsets']);
  });
});

test.each([{ appProtocol: 'TCP' }, { portName: 'tcp-redis' }])(
  '%j is not supported yet',
  async (more) => {
    expect(await mistakesOf(sample({ service: { port: 80, targetPort: 8080, ...more } }))).toEqual([
      expect.stringContaining('TCP routes are not supported yet'),
    ]);
  },
);
