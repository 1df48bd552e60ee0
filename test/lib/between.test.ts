import { describe, expect, test } from 'vitest';
import { Apps, canary, gatewayApi, istio, MistakesError, Release } from '../../lib/index.ts';
import type { ReleaseProps } from '../../lib/release/release-props.ts';
import { deployment, workload } from './sample.ts';

/** What is told of the second of two releases. */
async function between(
  one: Partial<ReleaseProps>,
  other: Partial<ReleaseProps>,
): Promise<readonly string[]> {
  const apps = new Apps();
  const props = {
    namespace: 'prod',
    workload: workload(deployment()),
    service: { port: 80, targetPort: 8080 },
    traffic: istio(),
    strategy: canary({ stepWeight: 50 }),
  };
  new Release(apps, 'cart', { ...props, ...one });
  new Release(apps, 'shop', { ...props, ...other });
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
    const cart = { match: [{ uri: { prefix: '/cart' } }] };
    expect(await between(at('public', cart), at('public'))).toEqual([]);
    expect(await between(at('public', cart), at('public', cart))).toEqual(taken('prod/public'));
    expect(await between(at('mesh'), at('mesh'))).toEqual([]);
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

test('dependsOn of an unknown release', async () => {
  const after = (release: string) => between({}, { dependsOn: [{ release }] });
  expect(await after('cart')).toEqual([]);
  expect(await after('catr')).toEqual(['shop: dependsOn names no release, use cart']);
  expect(await after('database')).toEqual([
    'shop: dependsOn names no release, the others are cart',
  ]);
});
