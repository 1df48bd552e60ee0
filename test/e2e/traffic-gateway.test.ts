import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { GatewayApiProps, MatchedRoute, RequestMatch, Traffic } from '../../lib/index.ts';
import { gatewayApi, steps } from '../../lib/index.ts';
import { routerMistakes } from '../../lib/traffic/mistakes.ts';
import { SHOP } from '../lib/traffic/route.ts';
import { isMissing } from './servers/missing.ts';
import { clopperPearson } from './stack/binomial.ts';
import { printLogsOnFailure } from './stack/failures.ts';
import { startLoad } from './stack/load.ts';
import { since, total } from './stack/player/player.ts';
import { shop } from './stack/shop.ts';
import { missingStack, type Stack, type StackOptions, startStack } from './stack/stack.ts';
import { until } from './stack/until.ts';
import { type Asking, cookiesOf, type User, userOf } from './traffic-users.ts';

const OPTIONS: StackOptions = { gateway: true };
const HOST = 'prod.example.com';
const PRIMARY = 'example/shop:1.0.0';
const CANARY = 'example/shop:2.0.0';
const AT_REST = { primary: 100, canary: 0 };

const missing = await missingStack(OPTIONS);
describe('a step’s traffic at a real Contour and Envoy', { skip: isMissing(missing) }, () => {
  let stack: Stack;
  let user: User;
  let version = 0;

  beforeAll(async () => {
    stack = await startStack(OPTIONS);
    user = userOf(stack.gateway.url, HOST);
    await stack.kubernetes.kubectl(['create', 'namespace', 'prod']);
    const two = shop('prod', { canaryPercent: 0 })
      .split('---\n')
      .filter((it) => it !== '');
    const tracks = two.filter((it) => !it.includes('HTTPRoute'));
    const third = tracks
      .filter((it) => it.includes('shop-canary'))
      .map((it) => it.replaceAll('shop-canary', 'shop-baseline').replaceAll('2.0.0', '1.0.0'));
    const all = [...tracks, ...third].map((it) => `---\n${it}`).join('');
    await stack.kubernetes.kubectl(['apply', '--filename=-'], all);
    for (const it of ['primary', 'canary', 'baseline'])
      await stack.kubernetes.kubectl([
        'rollout',
        'status',
        `deployment/shop-${it}`,
        '--namespace=prod',
        '--timeout=60s',
      ]);
    // Envoy may learn of a track's pods after the first route that leads there.
    for (const weights of [
      AT_REST,
      { primary: 0, canary: 100 },
      { primary: 0, canary: 0, baseline: 100 },
    ]) {
      await routed({ weights });
      await until(async () => (await user.ask({ kind: 'probe' })).status === 200, 20);
    }
  }, 300_000);
  afterAll(async () => {
    user?.close();
    await stack?.stop();
  }, 60_000);
  beforeEach(() => printLogsOnFailure(stack));

  /** Applies the route of a step, and waits until Envoy answers by it. */
  async function routed(traffic: Traffic, props: Partial<GatewayApiProps> = {}): Promise<void> {
    version += 1;
    const own = { set: [{ name: 'x-route', value: `${version}` }] };
    const router = gatewayApi({
      parentRefs: [stack.gateway.parentRef],
      hostnames: [HOST],
      metrics: 'contour',
      filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: own }],
      ...props,
    } as GatewayApiProps);
    expect(routerMistakes(router, SHOP, [traffic])).toEqual([]);
    const [route] = router.routes(SHOP, traffic);
    const apply = [
      'apply',
      '--server-side',
      '--force-conflicts',
      '--validate=strict',
      '--filename=-',
    ];
    await stack.kubernetes.kubectl(apply, JSON.stringify(route?.object));
    const path =
      props.matches?.[0] && 'path' in props.matches[0] ? props.matches[0].path?.value : '/';
    await until(async () => {
      const { headers } = await user.ask({ kind: 'probe', path: path ?? '/' });
      return headers['x-route'] === `${version}`;
    }, 20);
  }

  /** Where so many requests went, as the pods counted them; copies apart. */
  async function fate(asking: Omit<Asking, 'kind'>, count = 40) {
    const earlier = await stack.player.counts();
    const kind = `kind ${++version}`;
    const answers = await user.askAll({ ...asking, kind }, count);
    // What the gateway answers itself reaches no pod.
    expect(answers.filter((it) => it.status !== 200)).toEqual([]);
    await until(async () => {
      const done = since(earlier, await stack.player.counts());
      return total(done, (it) => it.kind === kind) === count;
    }, 5);
    // A copy may come after the answer.
    await new Promise((done) => setTimeout(done, 200));
    const counted = since(earlier, await stack.player.counts());
    const of = (workload: string, as: string) =>
      total(counted, (it) => it.workload === workload && it.kind === as);
    return {
      answers,
      primary: of('shop-primary', kind),
      canary: of('shop-canary', kind),
      baseline: of('shop-baseline', kind),
      copies: of('shop-canary', `copy of ${kind}`),
      stray: total(counted, (it) => it.kind.startsWith('copy') && it.workload !== 'shop-canary'),
    };
  }

  const matched = (...match: [RequestMatch, ...RequestMatch[]]): MatchedRoute => ({
    name: 'matched',
    match,
  });

  test('a thousand parts, of three tracks', { timeout: 60_000 }, async () => {
    await routed({ weights: { primary: 79.5, canary: 15.5, baseline: 5 } }, { weightTotal: 1000 });
    const { primary, canary, baseline } = await fate({}, 3000);
    for (const [count, share] of [
      [primary, 0.795],
      [canary, 0.155],
      [baseline, 0.05],
    ] as const) {
      const [low, high] = clopperPearson(count, 3000);
      expect(share).toBeGreaterThan(low);
      expect(share).toBeLessThan(high);
    }
  });

  test('every request that matches reaches the canary, and no other', {
    timeout: 60_000,
  }, async () => {
    await routed(
      {
        weights: AT_REST,
        routes: [
          matched(
            { headers: { 'x-canary': { exact: 'always' } } },
            { headers: { 'x-user': { prefix: 'beta.' } } },
            { headers: { 'x-tier': { regex: 'gold|silver' } } },
            { cookies: { group: { exact: 'beta' } } },
            { queryParams: { canary: { exact: '1' } } },
            { path: { prefix: '/next' } },
            { path: { exact: '/one' }, method: 'GET' },
          ),
        ],
      },
      // A longer path wins over more headers, whatever the order.
      { matches: [{ path: { value: '/' } }, { path: { value: '/shop' } }] },
    );
    const canary: Omit<Asking, 'kind'>[] = [
      { headers: { 'x-canary': 'always' } },
      { headers: { 'X-Canary': 'always' }, path: '/shop/cart' },
      { headers: { 'x-user': 'beta.1' } },
      { headers: { 'x-tier': 'silver' } },
      { headers: { cookie: 'a=b; group=beta; c=d' } },
      { headers: { cookie: 'group=beta' }, path: '/shop' },
      { path: '/shop?canary=1' },
      { path: '/?a=b&canary=1' },
      { path: '/next/page' },
      { path: '/one' },
    ];
    for (const it of canary)
      expect(await fate(it), JSON.stringify(it)).toMatchObject({ canary: 40, primary: 0 });
    const primary: Omit<Asking, 'kind'>[] = [
      {},
      { path: '/shop' },
      { headers: { 'x-canary': 'never' } },
      { headers: { 'x-user': 'betas' } },
      { headers: { 'x-tier': 'golden' } },
      { headers: { cookie: 'group=betas' } },
      { headers: { cookie: 'subgroup=beta; a=group=beta' } },
      { path: '/?canary=10' },
      { path: '/nextpage' },
      { path: '/one/two' },
    ];
    for (const it of primary)
      expect(await fate(it), JSON.stringify(it)).toMatchObject({ canary: 0, primary: 40 });
  });

  test('copies go to the canary, and answers come from the primary', {
    timeout: 60_000,
  }, async () => {
    const metrics = async () => {
      const text = await (await fetch(stack.gateway.metricsUrl)).text();
      const line =
        /^envoy_cluster_upstream_rq\{envoy_response_code="200",envoy_cluster_name="prod_shop-canary_80"\} (\d+)/m;
      return Number(line.exec(text)?.[1] ?? 0);
    };
    await routed({ weights: AT_REST, mirrors: [{ percent: 100 }] });
    const before = await metrics();
    const all = await fate({}, 100);
    expect(all).toMatchObject({ primary: 100, canary: 0, copies: 100, stray: 0 });
    expect(all.answers.every((it) => it.image === PRIMARY)).toBe(true);
    // The built-in checks judge by copies too.
    expect((await metrics()) - before).toBeGreaterThanOrEqual(100);

    await routed({
      weights: AT_REST,
      routes: [matched({ headers: { a: { exact: '1' } } })],
      mirrors: [{ percent: 100, match: [{ headers: { b: { exact: '1' }, c: { exact: '1' } } }] }],
    });
    const [b, ab] = [
      { b: '1', c: '1' },
      { a: '1', b: '1', c: '1' },
    ];
    expect(await fate({ headers: b })).toMatchObject({ primary: 40, canary: 0, copies: 40 });
    // The match of the copies is the more specific one, and yet this is the canary's request.
    expect(await fate({ headers: ab })).toMatchObject({ primary: 0, canary: 40, copies: 0 });
    expect(await fate({})).toMatchObject({ primary: 40, canary: 0, copies: 0 });
  });

  test('Contour copies all where a part was asked for, so synth refuses a part', {
    timeout: 60_000,
  }, async () => {
    await routed({ weights: AT_REST, mirrors: [{ percent: 5 }] }, { supports: ['mirrorPercent'] });
    expect(await fate({}, 100)).toMatchObject({ primary: 100, copies: 100 });
    const router = gatewayApi({ parentRefs: [{ name: 'public' }], metrics: 'contour' });
    const mirrors = [{ percent: 5 }];
    expect(routerMistakes(router, SHOP, [{ weights: AT_REST, mirrors }])).toHaveLength(1);
  });

  test('who was on the canary stays there, until the cookie is taken back', {
    timeout: 60_000,
  }, async () => {
    const cookie = { name: 'shop-track', path: '/', httpOnly: true } as const;
    const given = `${SHOP.candidate}; Max-Age=86400; Path=/; HttpOnly`;
    await routed({ weights: { primary: 50, canary: 50 }, affinity: { cookie, ends: false } });
    const { answers } = await fate({}, 200);
    for (const it of answers) {
      const cookies = cookiesOf(it);
      expect(cookies.get('application')).toBe('its-own');
      expect(cookies.get('shop-track')).toBe(it.image === CANARY ? given : undefined);
    }
    expect(answers.filter((it) => it.image === CANARY).length).toBeGreaterThan(50);
    const returning = { headers: { cookie: `a=b; shop-track=${SHOP.candidate}` } };
    for (const canary of [50, 1, 0]) {
      await routed({
        weights: { primary: 100 - canary, canary },
        affinity: { cookie, ends: false },
      });
      expect(await fate(returning)).toMatchObject({ canary: 40, primary: 0 });
    }
    const older = { headers: { cookie: 'shop-track=0000000000' } };
    expect(await fate(older)).toMatchObject({ canary: 0, primary: 40 });

    await routed({ weights: AT_REST, affinity: { cookie, ends: true } });
    for (const it of [returning, older]) {
      const ended = await fate(it);
      expect(ended).toMatchObject({ canary: 0, primary: 40 });
      for (const one of ended.answers)
        expect(cookiesOf(one).get('shop-track')).toBe('; Max-Age=0; Path=/; HttpOnly');
    }
    const none = await fate({});
    expect(none.answers.some((it) => cookiesOf(it).has('shop-track'))).toBe(false);
    await routed({ weights: AT_REST });
    expect(await fate(returning)).toMatchObject({ canary: 0, primary: 40 });
  });

  test('with a cookie for each track, who was on one stays there, until both are taken back', {
    timeout: 60_000,
  }, async () => {
    const cookie = { name: 'shop-canary', primaryName: 'shop-primary', path: '/' } as const;
    const value = `${SHOP.candidate}; Max-Age=86400; Path=/`;
    await routed({ weights: { primary: 50, canary: 50 }, affinity: { cookie, ends: false } });
    const { answers } = await fate({}, 200);
    for (const it of answers) {
      const isCanary = it.image === CANARY;
      expect(cookiesOf(it).get('application')).toBe('its-own');
      expect(cookiesOf(it).get('shop-canary')).toBe(isCanary ? value : undefined);
      expect(cookiesOf(it).get('shop-primary')).toBe(isCanary ? undefined : value);
    }
    expect(answers.filter((it) => it.image === CANARY).length).toBeGreaterThan(50);
    const mine = (name: string, more = '') => ({
      headers: { cookie: `a=b; ${name}=${SHOP.candidate}${more}` },
    });
    const both = mine('shop-primary', `; shop-canary=${SHOP.candidate}`);
    for (const canary of [1, 99]) {
      await routed({
        weights: { primary: 100 - canary, canary },
        affinity: { cookie, ends: false },
      });
      expect(await fate(mine('shop-canary'))).toMatchObject({ canary: 40, primary: 0 });
      expect(await fate(mine('shop-primary'))).toMatchObject({ canary: 0, primary: 40 });
      // Who asked twice at once may have got both.
      expect(await fate(both)).toMatchObject({ canary: 40, primary: 0 });
    }
    // Of an earlier rollout: chosen anew.
    const older = { headers: { cookie: 'shop-primary=0000000000' } };
    expect((await fate(older)).canary).toBeGreaterThan(30);

    await routed({ weights: AT_REST, affinity: { cookie, ends: true } });
    for (const name of ['shop-canary', 'shop-primary']) {
      const ended = await fate(mine(name));
      expect(ended).toMatchObject({ canary: 0, primary: 40 });
      for (const one of ended.answers) expect(cookiesOf(one).get(name)).toBe('; Max-Age=0; Path=/');
    }
  });

  test('a baseline comes and goes while requests are made: each is answered', {
    timeout: 120_000,
  }, async () => {
    const items = [{ setWeight: 20 }, { baseline: true }, { baseline: false }] as const;
    const walk = steps(items)
      .steps()
      .map((it) => it.traffic)
      .filter(({ weights }) => weights.canary === 20);
    expect(walk.map(({ weights }) => weights.baseline)).toContain(20);
    await routed({ weights: AT_REST });
    const load = startLoad({ url: stack.gateway.url, host: HOST, perSecond: 300 });
    for (const traffic of [walk, walk, walk].flat()) {
      await routed(traffic);
      // A cluster that is in no route any more has to be gone before it can be missing.
      await new Promise((done) => setTimeout(done, 700));
    }
    const { byStatus } = await load.stop();
    expect(Object.keys(byStatus)).toEqual(['200']);
  });
});
