import { expect, test } from 'vitest';
import type { JsonObject } from '../../../../lib/manifest/json.ts';
import { conjunction, httpMatch } from '../../../../lib/traffic/istio/match.ts';

test('a request’s condition, as Istio writes it', () => {
  expect(
    httpMatch({
      path: { prefix: '/a' },
      method: 'GET',
      headers: { 'x-a': { regex: 'b+' } },
      cookies: { g: { exact: 'b' } },
      queryParams: { q: { exact: '1' } },
      sourceLabels: { app: 'web' },
    }),
  ).toEqual({
    uri: { prefix: '/a' },
    method: { exact: 'GET' },
    headers: {
      'x-a': { regex: 'b+' },
      cookie: { regex: '(?:.*;)?[ \\t]*g=b[ \\t]*(?:;.*)?' },
    },
    queryParams: { q: { exact: '1' } },
    sourceLabels: { app: 'web' },
  });
});

const uri = (it: JsonObject): JsonObject => ({ uri: it });
const header = (name: string, it: JsonObject): JsonObject => ({ headers: { [name]: it } });

test.each<[JsonObject, JsonObject, JsonObject | 'never' | string]>([
  [{}, uri({ exact: '/a' }), uri({ exact: '/a' })],
  [uri({ prefix: '/a' }), uri({ exact: '/a/b' }), uri({ exact: '/a/b' })],
  [uri({ exact: '/a/b' }), uri({ prefix: '/a' }), uri({ exact: '/a/b' })],
  [uri({ prefix: '/a' }), uri({ prefix: '/a/b' }), uri({ prefix: '/a/b' })],
  [uri({ prefix: '/a/b' }), uri({ prefix: '/a' }), uri({ prefix: '/a/b' })],
  [uri({ prefix: '/a' }), uri({ prefix: '/b' }), 'never'],
  [uri({ exact: '/a' }), uri({ exact: '/b' }), 'never'],
  [uri({ regex: '/a.' }), uri({ regex: '/a.' }), uri({ regex: '/a.' })],
  [uri({ regex: '/a.' }), uri({ exact: '/ab' }), 'uri'],
  [header('X-A', { exact: 'b' }), header('x-a', { prefix: 'b' }), header('X-A', { exact: 'b' })],
  // A header that must only be there.
  [header('x-a', {}), header('x-a', { exact: 'b' }), header('x-a', { exact: 'b' })],
  [header('x-a', { regex: '*' }), header('x-a', { regex: 'b' }), header('x-a', { regex: 'b' })],
  [header('x-a', { regex: 'a' }), header('x-a', { regex: 'b' }), 'headers'],
  [header('a', {}), header('b', { exact: 'c' }), { headers: { a: {}, b: { exact: 'c' } } }],
  [{ queryParams: { q: { exact: 'a' } } }, { queryParams: { q: { exact: 'b' } } }, 'never'],
  [{ sourceLabels: { a: 'b' } }, { sourceLabels: { a: 'c' } }, 'never'],
  [
    { sourceLabels: { a: 'b' } },
    { sourceLabels: { c: 'd' } },
    { sourceLabels: { a: 'b', c: 'd' } },
  ],
  [
    { port: 80, withoutHeaders: { a: {} }, name: 'n' },
    { method: { exact: 'GET' } },
    { port: 80, withoutHeaders: { a: {} }, name: 'n', method: { exact: 'GET' } },
  ],
  [{ withoutHeaders: { A: {} } }, header('a', { regex: 'b' }), 'never'],
  [{ withoutHeaders: { a: { prefix: 'b' } } }, header('a', { exact: 'bc' }), 'never'],
  [{ withoutHeaders: { a: { regex: 'b|c' } } }, header('a', { regex: 'b|c' }), 'never'],
  [
    { withoutHeaders: { a: { exact: 'b' } } },
    header('a', { exact: 'c' }),
    { withoutHeaders: { a: { exact: 'b' } }, ...header('a', { exact: 'c' }) },
  ],
  [{ scheme: { exact: 'https' } }, header(':scheme', { exact: 'http' }), 'never'],
  [{ method: { exact: 'GET' } }, { method: { exact: 'POST' } }, 'never'],
  [{ gateways: ['mesh'] }, { sourceLabels: { a: 'b' } }, 'sourceLabels beside gateways'],
  [
    { ...uri({ prefix: '/a' }), ignoreUriCase: true },
    uri({ exact: '/a' }),
    'uri with ignoreUriCase',
  ],
])('%j and %j: %j', (given, asked, expected) => {
  const met = conjunction(given, asked);
  if (typeof expected === 'object') expect(met).toEqual({ kind: 'match', match: expected });
  else if (expected === 'never') expect(met).toEqual({ kind: 'never' });
  else expect(met).toEqual({ kind: 'inexpressible', field: expected });
});
