import type { Json, JsonObject, Manifest } from '../../../lib/manifest/json.ts';
import { type Case, letters, of } from './case.ts';

const metadata = { name: 'shop', namespace: 'default' };
const GATEWAY = 'gateway.networking.k8s.io/v1';

const HTTP: Manifest = { apiVersion: GATEWAY, kind: 'HTTPRoute', metadata, spec: {} };
const GRPC: Manifest = { apiVersion: GATEWAY, kind: 'GRPCRoute', metadata, spec: {} };

const filters = (...all: readonly JsonObject[]): Json => [{ filters: [...all] }];
const rewrite = (path: JsonObject): JsonObject => ({ type: 'URLRewrite', urlRewrite: { path } });
const PREFIX = { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' };
const FULL = { type: 'ReplaceFullPath', replaceFullPath: '/' };
const REDIRECT = { type: 'RequestRedirect', requestRedirect: {} };
const HEADERS = { type: 'RequestHeaderModifier', requestHeaderModifier: {} };
/** Another type of filter with what it needs. */
const TYPES = [
  ['URLRewrite', 'urlRewrite'],
  ['RequestRedirect', 'requestRedirect'],
  ['RequestHeaderModifier', 'requestHeaderModifier'],
  ['ResponseHeaderModifier', 'responseHeaderModifier'],
  ['ExtensionRef', 'extensionRef'],
  ['CORS', 'cors'],
];
const OPTIONS: Readonly<Record<string, JsonObject>> = {
  extensionRef: { group: 'a.b', kind: 'C', name: 'd' },
};
const MIRROR = {
  type: 'RequestMirror',
  requestMirror: { backendRef: { name: 'shop', port: 80 } },
};
const backend = (more: JsonObject): Json => [
  { backendRefs: [{ name: 'shop', port: 80, ...more }] },
];
const path = (value: string, type = 'PathPrefix'): Json => [
  { matches: [{ path: { type, value } }] },
];
const matches = (count: number): JsonObject => ({
  matches: Array.from({ length: count }, (_, index) => ({ path: { value: `/${index}` } })),
});

const http: readonly Case[] = [
  of(HTTP, '/metadata/name', ['A'], [letters(253)]),
  of(
    HTTP,
    '/spec/rules',
    [
      filters(HEADERS, HEADERS),
      filters(REDIRECT, rewrite(FULL)),
      ...TYPES.map(([type = '']) => filters({ type })),
      ...TYPES.map(([, field = '']) => filters({ ...MIRROR, [field]: OPTIONS[field] ?? {} })),
      filters(rewrite({ type: 'ReplacePrefixMatch' })),
      filters(rewrite({ ...PREFIX, replaceFullPath: '/' })),
      filters({ ...HEADERS, requestMirror: MIRROR.requestMirror }),
      filters(rewrite({ type: 'ReplaceFullPath' })),
      filters(rewrite({ ...FULL, replacePrefixMatch: '/' })),
      [{ ...Object(backend({}))[0], filters: [REDIRECT] }],
      [{ filters: [rewrite(PREFIX)], matches: [{ path: { type: 'Exact', value: '/a' } }] }],
      [{ filters: [rewrite(PREFIX)], ...matches(2) }],
      backend({ filters: [HEADERS, HEADERS] }),
      [{ backendRefs: [{ name: 'shop' }] }],
      path('a'),
      path('/a//b'),
      path('/a/../b'),
      path('/a/.'),
      path('/a%2fb'),
      path('/a b'),
      path('/a#b'),
      [{ timeouts: { request: '1s', backendRequest: '1001ms' } }],
      [{ sessionPersistence: { cookieConfig: { lifetimeType: 'Permanent' } } }],
      filters({
        type: 'RequestMirror',
        requestMirror: {
          backendRef: { name: 'a', port: 80 },
          percent: 1,
          fraction: { numerator: 1 },
        },
      }),
      filters({ type: 'RequestMirror', requestMirror: { backendRef: { name: 'a' } } }),
      [{ ...matches(64) }, { ...matches(64) }, {}],
      [{ name: 'a' }, { name: 'a' }],
    ],
    [
      filters(HEADERS, rewrite(FULL)),
      filters(MIRROR, MIRROR),
      filters(REDIRECT),
      filters(rewrite(PREFIX)),
      [{ filters: [rewrite(PREFIX)], ...matches(1) }],
      backend({ filters: [HEADERS] }),
      [{ backendRefs: [{ group: 'a.b', kind: 'C', name: 'd' }] }],
      path('/a/..b'),
      path('/a%20b', 'Exact'),
      path('a b', 'RegularExpression'),
      [{ timeouts: { request: '1s', backendRequest: '1000ms' } }],
      [
        {
          sessionPersistence: {
            cookieConfig: { lifetimeType: 'Permanent' },
            absoluteTimeout: '1h',
          },
        },
      ],
      [{ timeouts: { request: '0s', backendRequest: '1h' } }],
      [{ ...matches(64) }, { ...matches(64) }],
      [{ name: 'a' }, { name: 'b' }, {}],
    ],
  ),
];

const gateway = (more: JsonObject): JsonObject => ({ name: 'a', ...more });
const parents: readonly Case[] = [HTTP, GRPC].map((base) =>
  of(
    base,
    '/spec/parentRefs',
    [
      [gateway({ sectionName: 'a' }), gateway({})],
      [gateway({ sectionName: 'a' }), gateway({ sectionName: 'a' })],
      [gateway({ port: 80 }), gateway({ port: 80 })],
    ],
    [
      [gateway({}), gateway({ namespace: 'b' })],
      [gateway({ sectionName: 'a' }), gateway({ sectionName: 'b' })],
      [gateway({ port: 80 }), gateway({ port: 81 })],
    ],
  ),
);

const grpc: readonly Case[] = [
  of(
    GRPC,
    '/spec/rules',
    [
      filters(HEADERS, HEADERS),
      filters({ type: 'RequestMirror' }),
      [{ backendRefs: [{ name: 'shop' }] }],
      [{ name: 'a' }, { name: 'a' }],
      [{ matches: [{ method: {} }] }],
      [{ matches: [{ method: { service: 'a-b' } }] }],
      [{ matches: [{ method: { method: 'a.b' } }] }],
    ],
    [
      [{ matches: [{ method: { service: '.A_1.b', method: '_c' } }] }],
      [{ matches: [{ method: { type: 'RegularExpression', service: 'a-b' } }] }],
      filters(HEADERS),
      backend({ filters: [HEADERS] }),
    ],
  ),
];

/** Routes of the Gateway API. */
export const ROUTES: readonly Case[] = [...http, ...parents, ...grpc];
