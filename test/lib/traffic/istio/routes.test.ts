import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type HttpMatch,
  type IstioProps,
  istio,
  type RequestMatch,
  type TextMatch,
  type Traffic,
} from '../../../../lib/index.ts';
import { type JsonObject, objectAt } from '../../../../lib/manifest/json.ts';
import { routerMistakes } from '../../../../lib/traffic/mistakes.ts';
import { tries } from '../../../tries.ts';
import { contextOf, type Fate, fateOf, type Request } from '../istio-mesh.ts';
import { cookiesIn, requestHolds } from '../requests.ts';
import { keepsReturningUsers } from '../returning.ts';

const split = (canary: number) => ({ primary: 100 - canary, canary });

function specOf(traffic: Traffic, props: IstioProps = {}): JsonObject {
  const [routing] = istio(props).routes(contextOf(), traffic);
  return objectAt(routing?.object, 'spec');
}

function fate(traffic: Traffic, request: Request, props: IstioProps = {}): Fate | undefined {
  return fateOf(specOf(traffic, props), request);
}

const CANARY = { 'shop-canary': 100 };
const PRIMARY = { 'shop-primary': 100 };
const HEADERS = (headers: Readonly<Record<string, string>>): Request => ({ headers });

describe('matched routes', () => {
  const only = (match: RequestMatch, more: Partial<Traffic> = {}): Traffic => ({
    weights: split(0),
    routes: [{ name: 'testers', match: [match] }],
    ...more,
  });

  test.each<[RequestMatch, Request, Request]>([
    [{ headers: { 'x-a': { exact: 'b' } } }, HEADERS({ 'x-a': 'b' }), HEADERS({ 'x-a': 'bc' })],
    [{ headers: { 'x-a': { prefix: 'b' } } }, HEADERS({ 'x-a': 'bc' }), HEADERS({ 'x-a': 'ab' })],
    [{ headers: { 'x-a': { regex: 'b+' } } }, HEADERS({ 'x-a': 'bb' }), HEADERS({ 'x-a': 'bbc' })],
    [
      { cookies: { g: { exact: 'b' } } },
      HEADERS({ cookie: 'a=1; g=b' }),
      HEADERS({ cookie: 'a=g=b' }),
    ],
    [{ queryParams: { v: { exact: '2' } } }, { query: { v: '2' } }, { query: { v: '22', w: '2' } }],
    [{ sourceLabels: { app: 'web' } }, { labels: { app: 'web', a: 'b' } }, { labels: { a: 'b' } }],
    [{ path: { prefix: '/v2/' } }, { path: '/v2/a' }, { path: '/v22' }],
    [{ path: { exact: '/v2' } }, { path: '/v2' }, { path: '/v2/' }],
    [{ path: { regex: '/v\\d' } }, { path: '/v2' }, { path: '/v2/' }],
    [{ method: 'POST' }, { method: 'POST' }, { method: 'GET' }],
    [
      { method: 'POST', headers: { 'x-a': { exact: 'b' } } },
      { method: 'POST', headers: { 'x-a': 'b' } },
      { method: 'POST' },
    ],
  ])('%j', (match, inside, outside) => {
    expect(fate(only(match), inside)).toMatchObject({ route: 'testers', to: CANARY });
    expect(fate(only(match), outside)).toMatchObject({ route: undefined, to: PRIMARY });
  });

  test('are within the author’s own match, whichever of his and of theirs holds', () => {
    const props: IstioProps = { match: [{ uri: { prefix: '/shop' } }, { uri: { exact: '/' } }] };
    const traffic = only({ headers: { 'x-a': { exact: 'b' } } });
    expect(fate(traffic, { path: '/shop/1', headers: { 'x-a': 'b' } }, props)?.to).toEqual(CANARY);
    expect(fate(traffic, { path: '/', headers: { 'x-a': 'b' } }, props)?.to).toEqual(CANARY);
    expect(fate(traffic, { path: '/' }, props)?.to).toEqual(PRIMARY);
    expect(fate(traffic, { path: '/else', headers: { 'x-a': 'b' } }, props)).toBeUndefined();
  });

  test('have the settings of the route that they stand for', () => {
    const props: IstioProps = {
      retries: { attempts: 2 },
      headers: { request: { set: { a: 'b' } } },
    };
    const http = specOf(only({ method: 'POST' }), props).http;
    const settings = { retries: { attempts: 2 }, headers: { request: { set: { a: 'b' } } } };
    expect(http).toMatchObject([settings, settings]);
  });
});

describe('mirrors', () => {
  const copies = { to: 'shop-canary', percent: 12.5 };

  test('of all requests are on the weighted route', () => {
    const traffic = { weights: split(0), mirrors: [{ percent: 12.5 }] };
    expect(specOf(traffic).http).toMatchObject([
      {
        mirror: { host: 'shop-canary', port: { number: 80 } },
        mirrorPercentage: { value: 12.5 },
      },
    ]);
    expect(fate(traffic, {})).toEqual({ route: undefined, to: PRIMARY, cookies: {}, copies });
  });

  test('of some requests leave the others alone, and none of them changes where a request goes', () => {
    const match = [{ path: { prefix: '/read' } }] as const;
    const traffic = { weights: split(0), mirrors: [{ percent: 12.5, match }] };
    expect(fate(traffic, { path: '/read/1' })).toMatchObject({ to: PRIMARY, copies });
    expect(fate(traffic, { path: '/write' })).toEqual({
      route: undefined,
      to: PRIMARY,
      cookies: {},
    });
    const shifted = { ...traffic, weights: split(20) };
    const to = { 'shop-primary': 80, 'shop-canary': 20 };
    expect(fate(shifted, { path: '/read/1' })).toMatchObject({ to, copies });
    expect(fate(shifted, { path: '/write' })).toMatchObject({ to });
  });

  test('a request that is matched to the canary is not copied to it as well', () => {
    const routes = [{ name: 'testers', match: [{ method: 'POST' }] as const }];
    const traffic = { weights: split(0), routes, mirrors: [{ percent: 100 }] };
    expect(fate(traffic, { method: 'POST' })).toEqual({
      route: 'testers',
      to: CANARY,
      cookies: {},
    });
  });

  test('flagger E: a step that mirrors does mirror, so no rollout waits for copies that never come', () => {
    const step = (canary: number) => ({ weights: split(canary), mirrors: [{ percent: 10 }] });
    for (const canary of [0, 50]) expect(fate(step(canary), {})?.copies?.percent).toBe(10);
  });
});

describe('session affinity', () => {
  const cookie = { name: 'shop', path: '/', secure: true };
  const on = (canary: number, ends = false): Traffic => ({
    weights: split(canary),
    affinity: { cookie, ends },
  });
  const user = HEADERS({ cookie: 'a=1; shop=c0ffee1234; b=2' });
  const old = HEADERS({ cookie: 'shop=0123456789' });
  const given = 'shop=c0ffee1234; Max-Age=86400; Path=/; Secure';
  const taken = 'shop=; Max-Age=0; Path=/; Secure';

  test.each([1, 25, 100])(
    'at %i percent users of the canary stay, and only it gives the cookie',
    (canary) => {
      expect(fate(on(canary), user)).toEqual({ route: 'session', to: CANARY, cookies: {} });
      for (const other of [{}, old, HEADERS({ cookie: 'myshop=c0ffee1234' })])
        expect(fate(on(canary), other)).toEqual({
          route: undefined,
          to: canary === 100 ? CANARY : { 'shop-primary': 100 - canary, 'shop-canary': canary },
          cookies: { 'shop-canary': given },
        });
    },
  );

  test.each([0, 40, 100])(
    'at the end, at %i percent, users go where all go and lose the cookie',
    (canary) => {
      const { to } = fate({ weights: split(canary) }, {}) ?? {};
      const cookies = { 'shop-primary': taken, 'shop-canary': taken };
      for (const it of [user, old])
        expect(fate(on(canary, true), it)).toEqual({ route: 'session-ends', to, cookies });
      expect(fate(on(canary, true), {})).toEqual({ route: undefined, to, cookies: {} });
    },
  );

  test('a cookie of the primary keeps its users there, and both are taken back one after the other', () => {
    const both = { ...cookie, primaryName: 'old' };
    const step = (ends: boolean): Traffic => ({
      weights: split(25),
      affinity: { cookie: both, ends },
    });
    const here = HEADERS({ cookie: 'old=c0ffee1234' });
    const kept = { route: 'session-primary', to: PRIMARY, cookies: {} };
    expect(fate(step(false), here)).toEqual(kept);
    // Two requests at once may have been given both.
    const torn = HEADERS({ cookie: 'old=c0ffee1234; shop=c0ffee1234' });
    expect(fate(step(false), torn)?.to).toEqual(CANARY);
    const of = (value: string) => `${value}; Path=/; Secure`;
    const cookies = { 'shop-primary': of('old=c0ffee1234; Max-Age=86400'), 'shop-canary': given };
    for (const other of [{}, HEADERS({ cookie: 'old=0123456789' })])
      expect(fate(step(false), other)?.cookies).toEqual(cookies);
    const gone = of('old=; Max-Age=0');
    expect(fate(step(true), here)).toMatchObject({
      route: 'session-primary-ends',
      cookies: { 'shop-primary': gone, 'shop-canary': gone },
    });
    expect(fate(step(true), torn)?.cookies).toEqual({
      'shop-primary': taken,
      'shop-canary': taken,
    });
  });

  test('users who come back never change tracks before the promotion', () => {
    keepsReturningUsers((traffic, jar) => {
      const header = [...jar].map((it) => it.join('=')).join('; ');
      const { to, cookies } = fate(traffic, header === '' ? {} : HEADERS({ cookie: header })) ?? {};
      return {
        to: { primary: to?.['shop-primary'] ?? 0, canary: to?.['shop-canary'] ?? 0 },
        sets: {
          ...(cookies?.['shop-primary'] && { primary: cookies['shop-primary'] }),
          ...(cookies?.['shop-canary'] && { canary: cookies['shop-canary'] }),
        },
      };
    });
  });

  test('another candidate has another value: who has the old one is drawn anew', () => {
    const context = { ...contextOf(), candidate: 'deadbeef00' };
    const [next] = istio().routes(context, on(25));
    expect(fateOf(objectAt(next?.object, 'spec'), user)?.route).toBeUndefined();
  });

  test('a baseline gives no cookie, and takes it back like the others', () => {
    const weights = { primary: 80, canary: 10, baseline: 10 };
    const all = { 'shop-primary': taken, 'shop-canary': taken, 'shop-baseline': taken };
    expect(fate({ ...on(0), weights }, {})?.cookies).toEqual({ 'shop-canary': given });
    expect(fate({ ...on(0, true), weights }, user)?.cookies).toEqual(all);
  });
});

test('every request goes where the step says, whatever the author matches', () => {
  const text: fc.Arbitrary<TextMatch> = fc.oneof(
    fc.constantFrom('a', 'ab', 'b').map((exact) => ({ exact })),
    fc.constantFrom('a', 'b').map((prefix) => ({ prefix })),
    fc.constantFrom('a+', '[^b]').map((regex) => ({ regex })),
  );
  const path: fc.Arbitrary<TextMatch> = fc.oneof(
    fc.constantFrom('/a', '/a/b', '/b').map((exact) => ({ exact })),
    fc.constantFrom('/', '/a', '/a/').map((prefix) => ({ prefix })),
  );
  const labels = fc.record({ app: fc.constantFrom('web', 'cli') });
  const asked: fc.Arbitrary<RequestMatch> = fc.oneof(
    fc.record({ path }),
    fc.record({ headers: fc.record({ x: text }) }),
    fc.record({ headers: fc.record({ x: text, y: text }), path }),
    fc.record({ cookies: fc.record({ g: text }) }),
    fc.record({ queryParams: fc.record({ q: text }), method: fc.constant('GET') }),
    fc.record({ sourceLabels: labels }),
  );
  const own: fc.Arbitrary<HttpMatch> = fc.oneof(
    fc.record({ uri: path }),
    fc.record({ headers: fc.record({ X: text }), uri: path }),
    fc.record({ method: fc.constantFrom('GET', 'POST').map((exact) => ({ exact })) }),
    fc.record({ sourceLabels: labels }),
    fc.record({ gateways: fc.constantFrom(['mesh'], ['edge', 'mesh']) }),
    fc.record({ withoutHeaders: fc.constant({}) }),
  );
  const match = fc.tuple(asked, fc.array(asked, { maxLength: 1 }));
  const routes = fc.array(match, { maxLength: 2 });
  const plain = asked.filter((it) => it.cookies === undefined);
  const mirrors = fc.array(fc.record({ percent: fc.constantFrom(5, 50), match: fc.array(plain) }), {
    maxLength: 2,
  });
  const affinity = fc.option(
    fc.record({
      ends: fc.boolean(),
      cookie: fc.constantFrom({ name: 's' }, { name: 's', primaryName: 'p' }),
    }),
    { nil: undefined },
  );
  const pick = (...all: readonly string[]) => fc.constantFrom(...all);
  const request: fc.Arbitrary<Request> = fc.record({
    path: pick('/', '/a', '/a/b', '/ab', '/b'),
    method: pick('GET', 'POST'),
    headers: fc.record(
      {
        x: pick('a', 'ab', 'b'),
        y: pick('a', 'b'),
        cookie: pick('g=a', 's=c0ffee1234; g=b', 's=old', 'xs=c0ffee1234', 'p=c0ffee1234'),
      },
      { requiredKeys: [] },
    ),
    query: fc.record({ q: pick('a', 'b') }, { requiredKeys: [] }),
    labels: fc.record({ app: pick('web', 'cli') }, { requiredKeys: [] }),
    gateway: pick('mesh', 'edge'),
  });
  const inputs = fc.record({
    routes,
    mirrors,
    affinity,
    canary: fc.constantFrom(0, 30, 100),
    match: fc.array(own, { maxLength: 2 }),
    requests: fc.array(request, { minLength: 5, maxLength: 15 }),
  });
  const runs = tries(120);
  let judged = 0;
  fc.assert(
    fc.property(inputs, (input) => {
      const traffic: Traffic = {
        weights: split(input.canary),
        routes: input.routes.map(([first, rest], index) => ({
          name: `r${index}`,
          match: [first, ...rest],
        })),
        mirrors: input.mirrors,
        ...(input.affinity === undefined ? {} : { affinity: input.affinity }),
      };
      const props: IstioProps = {
        gateways: ['mesh', 'edge'],
        ...(input.match.length === 0 ? {} : { match: input.match }),
      };
      fc.pre(routerMistakes(istio(props), contextOf(), [traffic]).length === 0);
      for (const it of input.requests) {
        const open = fate({ weights: split(input.canary) }, it, props);
        const { route: _, ...found } = fate(traffic, it, props) ?? {};
        expect(found).toEqual(open === undefined ? {} : expected(traffic, it, open));
        judged += 1;
      }
    }),
    { numRuns: runs },
  );
  expect(judged).toBeGreaterThanOrEqual(runs * 5);

  function expected(
    { routes: all = [], mirrors: copied = [], affinity: session }: Traffic,
    it: Request,
    open: Fate,
  ) {
    if (all.some((one) => one.match.some((any) => requestHolds(any, it))))
      return { to: CANARY, cookies: {} };
    const { primaryName } = session?.cookie ?? {};
    const sent = (wanted: string | undefined) =>
      cookiesIn(it.headers?.cookie).find(([name]) => name === wanted)?.[1];
    if (session?.ends === false && sent('s') === 'c0ffee1234') return { to: CANARY, cookies: {} };
    if (session?.ends === false && sent(primaryName) === 'c0ffee1234')
      return { to: PRIMARY, cookies: {} };
    const some = copied.filter(({ match: any = [] }) => any.length > 0);
    const mirror =
      some.find(({ match: any = [] }) => any.some((one) => requestHolds(one, it))) ??
      copied.find(({ match: any = [] }) => any.length === 0);
    const given = (name: string) => `${name}=c0ffee1234; Max-Age=86400`;
    const old = ['s', primaryName].find((name) => sent(name) !== undefined);
    const taken = `${old}=; Max-Age=0`;
    const cookies =
      session?.ends === false
        ? {
            'shop-canary': given('s'),
            ...(primaryName === undefined ? {} : { 'shop-primary': given(primaryName) }),
          }
        : session?.ends === true && old !== undefined
          ? { 'shop-primary': taken, 'shop-canary': taken }
          : {};
    return {
      to: open.to,
      cookies,
      ...(mirror === undefined ? {} : { copies: { to: 'shop-canary', percent: mirror.percent } }),
    };
  }
});
