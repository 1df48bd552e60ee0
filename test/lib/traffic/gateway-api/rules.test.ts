import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HttpRouteMatch, RequestMatch, TextMatch, Traffic } from '../../../../lib/index.ts';
import { type JsonObject, listAt, objectAt } from '../../../../lib/manifest/json.ts';
import { isOfAll } from '../../../../lib/traffic/traffic.ts';
import { tries } from '../../../tries.ts';
import { keepsReturningUsers } from '../returning.ts';
import { rules, wrongs } from '../route.ts';

const WEIGHTS = { primary: 75, canary: 25 };
const backend = (name: string, weight: number) => ({
  group: '',
  kind: 'Service',
  name,
  port: 80,
  weight,
});
const SPLIT = [backend('shop-primary', 75), backend('shop-canary', 25)];
const CANARY = [backend('shop-primary', 0), backend('shop-canary', 100)];
const ROOT = { type: 'PathPrefix', value: '/' };
const COOKIE = { name: 'stay' };
const COOKIES = { name: 'stay', primaryName: 'wait' };
const mirrorTo = (part: object) => ({
  type: 'RequestMirror',
  requestMirror: {
    backendRef: { group: '', kind: 'Service', name: 'shop-canary', port: 80 },
    ...part,
  },
});
const answers = (value: string) => ({
  type: 'ResponseHeaderModifier',
  responseHeaderModifier: { add: [{ name: 'Set-Cookie', value }] },
});

test('matches of all kinds have a rule of their own before that of the weights', () => {
  const match: RequestMatch = {
    path: { prefix: '/api' },
    method: 'GET',
    headers: { 'x-a': { exact: '1' }, 'x-b': { prefix: 'v2.' }, 'x-c': { regex: 'a|b' } },
    cookies: { group: { exact: 'beta' } },
    queryParams: { beta: { exact: 'yes' } },
  };
  const other: RequestMatch = { headers: { 'x-d': { exact: '1' } } };
  const routes = [
    { name: 'one', match: [match] as const },
    { name: 'two', match: [other] as const },
  ];
  expect(rules({ weights: WEIGHTS, routes })).toEqual([
    {
      matches: [
        {
          path: { type: 'PathPrefix', value: '/api' },
          method: 'GET',
          headers: [
            { type: 'Exact', name: 'x-a', value: '1' },
            { type: 'RegularExpression', name: 'x-b', value: '^v2\\..*$' },
            { type: 'RegularExpression', name: 'x-c', value: '^(?:a|b)$' },
            {
              type: 'RegularExpression',
              name: 'cookie',
              value: '^(?:(?:.*;)?[ \\t]*group=beta[ \\t]*(?:;.*)?)$',
            },
          ],
          queryParams: [{ type: 'Exact', name: 'beta', value: 'yes' }],
        },
        { path: ROOT, headers: [{ type: 'Exact', name: 'x-d', value: '1' }] },
      ],
      backendRefs: CANARY,
    },
    { matches: [{ path: ROOT }], backendRefs: SPLIT },
  ]);
});

test('all weights are parts of the total', () => {
  const weights = { primary: 99.4, canary: 0.5, baseline: 0.1 };
  const routes = [{ name: 'a', match: [{ headers: { a: { exact: '1' } } }] as const }];
  const [own, rest] = rules({ weights, routes }, { weightTotal: 1000 });
  expect(own?.backendRefs).toEqual([backend('shop-primary', 0), backend('shop-canary', 1000)]);
  expect(rest?.backendRefs).toEqual([
    backend('shop-primary', 994),
    backend('shop-canary', 5),
    backend('shop-baseline', 1),
  ]);
  expect(wrongs({ weights, routes }, { weightTotal: 1000 })).toEqual([]);
});

test('copies are made beside the weights, a part of them only where the gateway can', () => {
  const matched = { percent: 0.5, match: [{ headers: { a: { exact: '1' } } }] };
  const mirrors = [matched, { percent: 20 }];
  const supports = ['mirrorPercent'] as const;
  const [some, all] = rules({ weights: WEIGHTS, mirrors }, { supports });
  expect(some).toMatchObject({
    matches: [{ headers: [{ name: 'a' }] }],
    filters: [mirrorTo({ fraction: { numerator: 500, denominator: 100_000 } })],
    backendRefs: SPLIT,
  });
  expect(all).toMatchObject({ filters: [mirrorTo({ percent: 20 })], backendRefs: SPLIT });
  expect(wrongs({ weights: WEIGHTS, mirrors }, { supports })).toEqual([]);
  const [every] = rules({ weights: WEIGHTS, mirrors: [{ percent: 100 }] });
  expect(every?.filters).toEqual([mirrorTo({})]);
});

test('settings of the author are those of every rule', () => {
  const filters = [
    { type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['a'] } },
  ] as const;
  const traffic: Traffic = {
    weights: WEIGHTS,
    routes: [{ name: 'a', match: [{ headers: { a: { exact: '1' } } }] }],
    mirrors: [{ percent: 100 }],
  };
  const [own, rest] = rules(traffic, { filters });
  expect(own?.filters).toEqual(filters);
  expect(rest?.filters).toEqual([...filters, mirrorTo({})]);
});

describe('session affinity', () => {
  test('who is given the canary by weight gets a cookie, and whoever has it is given the canary', () => {
    const affinity = { cookie: COOKIE, ends: false };
    const [own, rest] = rules({ weights: WEIGHTS, affinity });
    expect(own).toMatchObject({
      matches: [
        { headers: [{ name: 'cookie', value: expect.stringContaining('stay=abcdef0123') }] },
      ],
      backendRefs: CANARY,
    });
    expect(rest?.backendRefs).toEqual([
      SPLIT[0],
      { ...SPLIT[1], filters: [answers('stay=abcdef0123; Max-Age=86400')] },
    ]);
  });

  test('at its end who has it goes where the weights say, and loses it', () => {
    const [own, rest] = rules({ weights: WEIGHTS, affinity: { cookie: COOKIE, ends: true } });
    const filters = [answers('stay=; Max-Age=0')];
    expect(own?.backendRefs).toEqual(SPLIT.map((it) => ({ ...it, filters })));
    expect(rest?.backendRefs).toEqual(SPLIT);
  });

  test('a cookie of the primary keeps its users there, and is taken back by a rule of its own', () => {
    const affinity = { cookie: COOKIES, ends: false };
    const [own, waiting, rest] = rules({ weights: WEIGHTS, affinity });
    expect(own?.backendRefs).toEqual(CANARY);
    expect(waiting).toMatchObject({
      matches: [
        { headers: [{ name: 'cookie', value: expect.stringContaining('wait=abcdef0123') }] },
      ],
      backendRefs: [backend('shop-primary', 100), backend('shop-canary', 0)],
    });
    expect(rest?.backendRefs).toEqual([
      { ...SPLIT[0], filters: [answers('wait=abcdef0123; Max-Age=86400')] },
      { ...SPLIT[1], filters: [answers('stay=abcdef0123; Max-Age=86400')] },
    ]);
    const ended = rules({ weights: WEIGHTS, affinity: { cookie: COOKIES, ends: true } });
    expect(ended.map((it) => it.backendRefs)).toEqual([
      ...['stay', 'wait'].map((name) =>
        SPLIT.map((it) => ({ ...it, filters: [answers(`${name}=; Max-Age=0`)] })),
      ),
      SPLIT,
    ]);
  });

  test('users who come back never change tracks before the promotion', () => {
    keepsReturningUsers((traffic, jar) => {
      const asked = { path: '/', method: 'GET', headers: {}, queryParams: {} };
      const it = { ...asked, cookies: Object.fromEntries(jar) };
      const backends = listAt(chosen(it, rules(traffic)) ?? {}, 'backendRefs');
      const of = (name: string) => backends.find((one) => one.name === name) ?? {};
      const setBy = (name: string) =>
        listAt(of(name), 'filters').flatMap((one) =>
          listAt(one, 'responseHeaderModifier', 'add').map(({ value }) => String(value)),
        )[0];
      const [primary, canary] = [setBy('shop-primary'), setBy('shop-canary')];
      return {
        to: {
          primary: Number(of('shop-primary').weight),
          canary: Number(of('shop-canary').weight),
        },
        sets: { ...(primary && { primary }), ...(canary && { canary }) },
      };
    });
  });

  test('what Envoy Gateway needs stays beside it', () => {
    const affinity = { cookie: COOKIE, ends: false };
    const [own, rest] = rules({ weights: WEIGHTS, affinity }, { metrics: 'envoy-gateway' });
    const types = (it: JsonObject | undefined) =>
      listAt(it ?? {}, 'backendRefs').map((one) => listAt(one, 'filters').map(({ type }) => type));
    expect(types(own)).toEqual([['RequestHeaderModifier'], ['RequestHeaderModifier']]);
    expect(types(rest)).toEqual([
      ['RequestHeaderModifier'],
      ['RequestHeaderModifier', 'ResponseHeaderModifier'],
    ]);
  });
});

test('where a prefix is replaced each match has a rule of its own, as the API wants it', () => {
  const routes = [
    { name: 'a', match: [{ headers: { a: { exact: '1' } } }, { headers: { b: { exact: '1' } } }] },
  ] as const;
  const filters = [
    {
      type: 'URLRewrite',
      urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
    },
  ] as const;
  const matches = [{ path: { value: '/api' } }];
  const all = rules({ weights: WEIGHTS, routes }, { filters, matches });
  expect(all.map((it) => listAt(it, 'matches').length)).toEqual([1, 1, 1]);
  expect(all.map((it) => it.backendRefs)).toEqual([CANARY, CANARY, SPLIT]);
});

test('calls are matched by their headers', () => {
  const routes = [{ name: 'a', match: [{ headers: { a: { exact: '1' } } }] as const }];
  const header = { type: 'Exact', name: 'a', value: '1' };
  expect(rules({ weights: WEIGHTS, routes }, { kind: 'GRPCRoute' })).toEqual([
    { matches: [{ headers: [header] }], backendRefs: CANARY },
    { backendRefs: SPLIT },
  ]);
  const matches = [{ method: { service: 'shop.Orders' } }];
  const method = { type: 'Exact', service: 'shop.Orders' };
  expect(rules({ weights: WEIGHTS, routes }, { kind: 'GRPCRoute', matches })).toEqual([
    { matches: [{ method, headers: [header] }], backendRefs: CANARY },
    { matches: [{ method }], backendRefs: SPLIT },
  ]);
});

/** A request, and what the traffic of a step wants of it. */
interface Request {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: Readonly<Record<string, string>>;
  readonly queryParams: Readonly<Record<string, string>>;
}

type Fate = 'nowhere' | 'canary' | 'primary' | 'weights' | `takes ${string}` | `copied ${number}`;

function wanted(it: Request, given: readonly RequestMatch[], traffic: Traffic): Fate {
  const { routes = [], mirrors = [], affinity } = traffic;
  const isAny = (all: readonly RequestMatch[]) =>
    all.length === 0 || all.some((one) => holds(it, one));
  if (!isAny(given)) return 'nowhere';
  if (routes.some((one) => isAny(one.match))) return 'canary';
  const { name = '', primaryName = '' } = affinity?.cookie ?? {};
  const isKept = (one: string) => affinity?.ends === false && it.cookies[one] === 'abcdef0123';
  if (isKept(name)) return 'canary';
  if (isKept(primaryName)) return 'primary';
  const old = [name, primaryName].find((one) => it.cookies[one] !== undefined);
  if (affinity?.ends === true && old !== undefined) return `takes ${old}`;
  const some = mirrors.find((one) => !isOfAll(one) && isAny(one.match ?? []));
  const mirror = some ?? mirrors.find(isOfAll);
  return mirror === undefined ? 'weights' : `copied ${mirror.percent}`;
}

/** The request, changed so that it is one of a match. */
function fitting(it: Request, match: RequestMatch): Request {
  const textOf = (one: TextMatch) =>
    'exact' in one ? one.exact : 'prefix' in one ? one.prefix : '';
  const texts = (all: Readonly<Record<string, TextMatch>> = {}) =>
    Object.fromEntries(Object.entries(all).map(([name, one]) => [name, textOf(one)]));
  return {
    path: match.path === undefined ? it.path : textOf(match.path),
    method: match.method ?? it.method,
    headers: { ...it.headers, ...texts(match.headers) },
    cookies: { ...it.cookies, ...texts(match.cookies) },
    queryParams: { ...it.queryParams, ...texts(match.queryParams) },
  };
}

function holds(it: Request, match: RequestMatch): boolean {
  const all = (kind: 'headers' | 'cookies' | 'queryParams') =>
    Object.entries(match[kind] ?? {}).every(([key, text]) => is(it[kind][key], text));
  const { path } = match;
  const isThere =
    path === undefined || ('prefix' in path ? isUnder(it.path, path.prefix) : is(it.path, path));
  const isMethod = match.method === undefined || match.method === it.method;
  return isThere && isMethod && all('headers') && all('cookies') && all('queryParams');
}

function is(value: string | undefined, text: TextMatch): boolean {
  if (value === undefined) return false;
  if ('exact' in text) return value === text.exact;
  if ('prefix' in text) return value.startsWith(text.prefix);
  return new RegExp(`^(?:${text.regex})$`).test(value);
}

function isUnder(path: string, prefix: string): boolean {
  return `${path}/`.startsWith(prefix === '/' ? '/' : `${prefix}/`);
}

/** The rule that a gateway takes by the API's words: the most specific match, and of two equal ones the first. */
function chosen(it: Request, all: readonly JsonObject[]): JsonObject | undefined {
  const entries = all.flatMap((rule) =>
    listAt(rule, 'matches')
      .filter((match) => takes(it, match))
      .map((match) => ({ rule, rank: rankOf(match) })),
  );
  return entries.toSorted((a, b) => compare(b.rank, a.rank))[0]?.rule;
}

function done(it: Request, all: readonly JsonObject[]): Fate {
  const rule = chosen(it, all);
  if (rule === undefined) return 'nowhere';
  const [first, second] = listAt(rule, 'backendRefs');
  if (first?.weight === 0) return 'canary';
  if (second?.weight === 0) return 'primary';
  const taken = /(\w+)=; Max-Age=0/.exec(JSON.stringify(first))?.[1];
  if (taken !== undefined) return `takes ${taken}`;
  const [filter] = listAt(rule, 'filters');
  if (filter === undefined) return 'weights';
  const { percent = 100 } = objectAt(filter, 'requestMirror');
  return `copied ${Number(percent)}`;
}

function takes(it: Request, match: JsonObject): boolean {
  const { type, value } = objectAt(match, 'path');
  const path = String(value);
  const isThere = type === 'Exact' ? it.path === path : isUnder(it.path, path);
  const cookie = Object.entries(it.cookies)
    .map((one) => one.join('='))
    .join('; ');
  const headers = { ...it.headers, ...(cookie === '' ? {} : { cookie }) };
  const isMethod = match.method === undefined || match.method === it.method;
  const named = (kind: string, values: Readonly<Record<string, string>>) =>
    listAt(match, kind).every((one) => {
      const got = values[String(one.name)];
      if (one.type === 'Exact') return got === one.value;
      return got !== undefined && new RegExp(String(one.value)).test(got);
    });
  return isThere && isMethod && named('headers', headers) && named('queryParams', it.queryParams);
}

function rankOf(match: JsonObject): readonly number[] {
  const { type, value } = objectAt(match, 'path');
  return [
    type === 'Exact' ? 1 : 0,
    String(value).length,
    match.method === undefined ? 0 : 1,
    listAt(match, 'headers').length,
    listAt(match, 'queryParams').length,
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a.map((it, index) => it - (b[index] ?? 0)).find((it) => it !== 0) ?? 0;
}

describe('every request goes where the traffic says, by the API’s own precedence', () => {
  const paths = fc.constantFrom('/a', '/', '/a/b', '/ab');
  const names = fc.constantFrom('x', 'y');
  const value = fc.constantFrom('1', '12');
  const text = fc.oneof(
    value.map((exact) => ({ exact })),
    value.map((prefix) => ({ prefix })),
  );
  const some = { minKeys: 1, maxKeys: 2 };
  const few = { maxKeys: 1 };
  const path = fc.oneof(
    paths.map((exact) => ({ exact })),
    paths.map((prefix) => ({ prefix })),
  );
  const method = fc.constantFrom('GET', 'PUT');
  const request: fc.Arbitrary<Request> = fc.record({
    path: paths,
    method,
    headers: fc.dictionary(names, value, some),
    cookies: fc.dictionary(
      fc.constantFrom('x', 'stay', 'wait'),
      fc.constantFrom('1', 'abcdef0123'),
      some,
    ),
    queryParams: fc.dictionary(names, value, some),
  });
  const match: fc.Arbitrary<RequestMatch> = fc.record(
    {
      path,
      method,
      headers: fc.dictionary(names, text, { minKeys: 1, maxKeys: 1 }),
      cookies: fc.dictionary(fc.constant('x'), text, { minKeys: 1 }),
      queryParams: fc.dictionary(names, text, { minKeys: 1, maxKeys: 1 }),
    },
    { requiredKeys: [] },
  );
  const matches = fc.array(match, { minLength: 1, maxLength: 2 });
  const given: fc.Arbitrary<RequestMatch> = fc.record(
    {
      path,
      method,
      headers: fc.dictionary(
        names,
        value.map((exact) => ({ exact })),
        few,
      ),
    },
    { requiredKeys: [] },
  );
  const traffic: fc.Arbitrary<Traffic> = fc.record(
    {
      weights: fc.constant(WEIGHTS),
      routes: fc.array(
        matches.map(([first = {}, ...rest]) => ({ name: 'a', match: [first, ...rest] as const })),
        { maxLength: 2 },
      ),
      mirrors: fc
        .tuple(fc.array(matches, { maxLength: 2 }), fc.constantFrom('first', 'last', 'none'))
        .map(([all, ofAll]) => [
          ...(ofAll === 'first' ? [{ percent: 100 }] : []),
          ...all.map((one, index) => ({ percent: index + 1, match: one })),
          ...(ofAll === 'last' ? [{ percent: 100 }] : []),
        ]),
      affinity: fc.record({ cookie: fc.constantFrom(COOKIE, COOKIES), ends: fc.boolean() }),
    },
    { requiredKeys: ['weights'] },
  ) as fc.Arbitrary<Traffic>;

  const asGiven = (it: RequestMatch): HttpRouteMatch => ({
    ...(it.path && {
      path:
        'prefix' in it.path
          ? { value: it.path.prefix }
          : { type: 'Exact', value: 'exact' in it.path ? it.path.exact : '' },
    }),
    ...(it.method === 'GET' || it.method === 'PUT' ? { method: it.method } : {}),
    ...(it.headers && {
      headers: Object.entries(it.headers).map(([name, one]) => ({
        name,
        value: 'exact' in one ? one.exact : '',
      })),
    }),
  });

  test('unless it is refused', () => {
    const runs = tries(500);
    let said = 0;
    const counts: Record<string, number> = {};
    const requests = fc.array(request, { minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(given, { maxLength: 2 }), traffic, requests, (all, it, asked) => {
        const props = {
          matches: all.map(asGiven),
          supports: ['mirrorPercent', 'backendResponseHeaders'],
        } as const;
        if (wrongs(it, props).length > 0) return;
        said += 1;
        const made = rules(it, props);
        const meant = [...(it.routes ?? []), ...(it.mirrors ?? [])].flatMap(
          (one) => one.match ?? [],
        );
        const pick = (index: number) => meant[index % (meant.length + 1)] ?? {};
        for (const [index, drawn] of asked.entries()) {
          const one = fitting(fitting(drawn, pick(index)), pick(index * 7));
          const fate = wanted(one, all, it);
          counts[fate] = (counts[fate] ?? 0) + 1;
          expect(done(one, made), JSON.stringify({ one, made })).toBe(fate);
        }
      }),
      { numRuns: runs },
    );
    expect(said).toBeGreaterThan(runs / 6.25);
    const plain = ['nowhere', 'canary', 'primary', 'weights', 'copied 1', 'copied 100'];
    for (const fate of [...plain, 'takes stay', 'takes wait'])
      expect(counts[fate] ?? 0, fate).toBeGreaterThan(runs / 50);
  });
});
