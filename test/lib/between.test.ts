import { describe, expect, test } from 'vitest';
import {
  Apps,
  canary,
  gatewayApi,
  istio,
  Manifests,
  MistakesError,
  Release,
} from '../../lib/index.ts';
import type { ReleaseProps } from '../../lib/release/release-props.ts';
import { configMap, deploymentOf, type SampleObject, workload } from './sample.ts';

/** What is told of the second of two releases, and of what is made beside them. */
async function between(
  one: Partial<ReleaseProps>,
  other: Partial<ReleaseProps>,
  make: (apps: Apps) => void = () => undefined,
): Promise<readonly string[]> {
  const apps = new Apps();
  const props = {
    namespace: 'prod',
    service: { port: 80, targetPort: 8080 },
    traffic: istio(),
    strategy: canary({ stepWeight: 50 }),
  };
  new Release(apps, 'cart', { ...props, workload: workload(deploymentOf('cart')), ...one });
  new Release(apps, 'shop', { ...props, workload: workload(deploymentOf('shop')), ...other });
  make(apps);
  const error = await apps.render().catch((it: unknown) => it);
  return error instanceof MistakesError
    ? error.mistakes.map((it) => `${it.path}: ${it.problem}, ${it.remedy}`)
    : [];
}

describe('one host claimed by two releases on the same gateway', () => {
  const taken = (gateway: string) => [
    `shop: release cart takes the same requests at gateway ${gateway}, give each release a host of its own, or matches that differ`,
  ];

  test('of Istio', async () => {
    const at = (gateway: string, more = {}) => ({
      traffic: istio({ hosts: ['shop.example.com'], gateways: [gateway], ...more }),
    });
    expect(await between(at('prod/public'), at('public'))).toEqual(taken('prod/public'));
    expect(await between(at('public'), { ...at('public'), namespace: 'other' })).toEqual([]);
    // A short name is one of the release's namespace.
    const twins = { traffic: istio({ gateways: ['edge/public'] }), name: 'twin' };
    expect(await between(twins, { ...twins, namespace: 'other' })).toEqual([]);
    const cart = { match: [{ uri: { prefix: '/cart' } }] };
    expect(await between(at('public', cart), at('public'))).toEqual([]);
    expect(await between(at('public', cart), at('public', cart))).toEqual(taken('prod/public'));
    const either = { match: [...cart.match, { uri: { prefix: '/basket' } }] };
    expect(await between(at('public', cart), at('public', either))).toEqual(taken('prod/public'));
  });

  test('of the mesh, where Istio follows one route of a host, whatever it matches', async () => {
    const at = (uri: string) => ({
      traffic: istio({ hosts: ['shop.example.com'], match: [{ uri: { prefix: uri } }] }),
    });
    expect(await between(at('/cart'), at('/shop'))).toEqual([
      'shop: release cart takes the same requests at gateway mesh, give each release a host of its own',
    ]);
  });

  test('of the Gateway API', async () => {
    const at = (sectionName: string | undefined, more = {}) => ({
      traffic: gatewayApi({
        parentRefs: [{ name: 'public', ...(sectionName === undefined ? {} : { sectionName }) }],
        ...more,
      }),
    });
    expect(await between(at(undefined), at(undefined))).toEqual(taken('prod/public'));
    expect(await between(at('http'), at('http'))).toEqual(taken('prod/public:http'));
    expect(await between(at('http'), at('https'))).toEqual([]);
    const hostnames = ['shop.example.com'];
    expect(await between(at(undefined), at(undefined, { hostnames }))).toEqual([]);
  });
});

describe('one host claimed by routes of the author’s own', () => {
  const requests = (gateway: string) => [
    `shop: release cart takes the same requests at gateway ${gateway}, give each release a host of its own, or matches that differ`,
  ];

  describe('of the Gateway API', () => {
    const route = (name: string, path: string, namespace = 'edge'): SampleObject => ({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: `${name}-edge` },
      spec: {
        parentRefs: [{ name: 'public', namespace }],
        hostnames: ['example.com'],
        rules: [
          {
            matches: [{ path: { type: 'PathPrefix', value: path } }],
            backendRefs: [{ name, port: 80 }],
          },
        ],
      },
    });
    const own = (name: string, path: string, namespace?: string) => ({
      traffic: gatewayApi({ routes: [`${name}-edge`] }),
      workload: workload(deploymentOf(name), route(name, path, namespace)),
    });
    const ours = gatewayApi({
      parentRefs: [{ name: 'public', namespace: 'edge' }],
      hostnames: ['example.com'],
    });

    test('two releases share it by its paths alone', async () => {
      expect(await between(own('cart', '/cart'), own('shop', '/shop'))).toEqual([]);
      expect(await between(own('cart', '/'), own('shop', '/'))).toEqual(requests('edge/public'));
      expect(await between(own('cart', '/'), own('shop', '/', 'other'))).toEqual([]);
    });

    test('a route of Perch is in the way of one of the author’s', async () => {
      expect(await between({ traffic: ours }, own('shop', '/'))).toEqual(requests('edge/public'));
      expect(await between(own('cart', '/'), { traffic: ours })).toEqual(requests('edge/public'));
      expect(await between(own('cart', '/cart'), { traffic: ours })).toEqual([]);
    });

    test('one route that both write is told as an object', async () => {
      const both = (name: string) => ({
        traffic: gatewayApi({ routes: ['shared-edge'] }),
        workload: workload(deploymentOf(name), {
          ...route(name, `/${name}`),
          metadata: { name: 'shared-edge' },
        }),
      });
      const remedy = 'rename it in one of them, or make what they share in a folder of `Manifests`';
      expect(await between(both('cart'), both('shop'))).toEqual([
        `shop: release cart writes HTTPRoute shared-edge as well, ${remedy}`,
      ]);
    });
  });

  describe('of Istio', () => {
    const own = (name: string, spec: object, match?: object) => ({
      traffic: istio({ virtualServices: [{ name: `${name}-edge` }] }),
      workload: workload(deploymentOf(name), {
        apiVersion: 'networking.istio.io/v1',
        kind: 'VirtualService',
        metadata: { name: `${name}-edge` },
        spec: {
          hosts: ['example.com'],
          ...spec,
          http: [
            {
              ...(match === undefined ? {} : { match: [match] }),
              route: [{ destination: { host: name } }],
            },
          ],
        },
      }),
    });
    const at = { gateways: ['edge/public'] };
    const told = async (...of: Parameters<typeof between>) =>
      (await between(...of)).map((it) => it.replace(/, (?:give|rename) .*$/, ''));

    test('two releases share it by its paths alone', async () => {
      const cart = own('cart', at, { uri: { prefix: '/cart' } });
      const shop = own('shop', at, { uri: { prefix: '/shop' } });
      expect(await between(cart, shop)).toEqual([]);
      expect(await between(own('cart', at), own('shop', at))).toEqual(requests('edge/public'));
      const ours = { traffic: istio({ hosts: ['example.com'], gateways: ['edge/public'] }) };
      expect(await between(ours, own('shop', at))).toEqual(requests('edge/public'));
      expect(await between(cart, ours)).toEqual([]);
    });

    test('in the mesh no host is shared, another release’s Service neither', async () => {
      const taken = ['shop: release cart takes the same requests at gateway mesh'];
      expect(await told(own('cart', {}), own('shop', {}))).toEqual(taken);
      expect(
        await told({}, own('shop', { hosts: ['shop', 'cart.prod.svc.cluster.local'] })),
      ).toEqual(taken);
      expect(await told({}, own('shop', { hosts: ['shop', 'cart.other'] }))).toEqual([]);
      expect(await told(own('cart', { exportTo: ['.'] }), own('shop', {}))).toEqual([]);
    });
  });
});

test('dependsOn of an unknown release', async () => {
  const after = (release: string) => between({}, { dependsOn: [{ release }] });
  expect(await after('cart')).toEqual([]);
  expect(await after('catr')).toEqual(['shop: dependsOn names no release, use cart']);
  expect(await after('database')).toEqual([
    'shop: dependsOn names no release, the others are cart',
  ]);
});

test('dependsOn where there is no other release says so', async () => {
  const apps = new Apps();
  new Release(apps, 'shop', {
    namespace: 'prod',
    workload: workload(deploymentOf('shop')),
    service: { port: 80, targetPort: 8080 },
    traffic: istio(),
    strategy: canary({ stepWeight: 50 }),
    dependsOn: [{ release: 'database' }],
  });
  await expect(apps.render()).rejects.toThrow('got "database"; there is no other');
});

describe('an object that two of them would write', () => {
  const account: SampleObject = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'app' },
  };
  const both = (object: SampleObject) =>
    [
      { workload: workload(deploymentOf('cart'), object) },
      { workload: workload(deploymentOf('shop'), object) },
    ] as const;
  const remedy = 'rename it in one of them, or make what they share in a folder of `Manifests`';

  test('is told with both releases and the object', async () => {
    expect(await between(...both(account))).toEqual([
      `shop: release cart writes ServiceAccount app as well, ${remedy}`,
    ]);
    expect(await between(...both(configMap('settings')))).toEqual([
      expect.stringMatching(/^shop: release cart writes ConfigMap settings-[0-9a-f]{8} as well/),
    ]);
    const [one, other] = both(account);
    expect(await between(one, { ...other, namespace: 'other' })).toEqual([]);
  });

  test('also where it is a Service of a track', async () => {
    const named = { name: 'cart-canary' };
    const [first] = await between({}, named);
    expect(first).toBe(`shop: release cart writes Service cart-canary as well, ${remedy}`);
  });

  test('also in a folder of manifests', async () => {
    const folder = (apps: Apps) =>
      void new Manifests(apps, 'shared', (scope) =>
        workload({ ...account, metadata: { name: 'app', namespace: 'prod' } })(scope),
      );
    const [one] = both(account);
    expect(await between({}, {}, folder)).toEqual([]);
    expect(await between(one, {}, folder)).toEqual([
      'shared: release cart writes ServiceAccount app as well, leave it out of one of them',
    ]);
  });
});

test('pods that the Services of another release would select', async () => {
  const told = (which: string) => [
    `shop: ${which}, and send them its requests, let each workload select by a label that only its own pods have`,
  ];
  const same = { workload: workload(deploymentOf('cart')) };
  expect(await between({}, same)).toEqual(told('release cart would select the pods of this one'));
  expect(await between({}, { ...same, namespace: 'other' })).toEqual([]);
  const narrow = {
    workload: workload(deploymentOf('cart', {}, { role: 'worker' })),
  };
  expect(await between({}, narrow)).toEqual(told('release cart would select the pods of this one'));
  expect(await between(narrow, same)).toEqual(told('it would select the pods of release cart'));
});
