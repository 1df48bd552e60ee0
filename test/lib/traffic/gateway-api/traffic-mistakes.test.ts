import { expect, test } from 'vitest';
import type { GatewayApiProps, Mirror, RequestMatch, Traffic } from '../../../../lib/index.ts';
import { wrongs } from '../route.ts';

const WEIGHTS = { primary: 100, canary: 0 };
const A: RequestMatch = { headers: { a: { exact: '1' } } };

const matched = (...match: [RequestMatch, ...RequestMatch[]]): Traffic => ({
  weights: WEIGHTS,
  routes: [{ name: 'a', match }],
});
const mirrored = (...mirrors: Mirror[]): Traffic => ({ weights: WEIGHTS, mirrors });
const kept = (ends: boolean): Traffic => ({
  weights: WEIGHTS,
  affinity: { cookie: { name: 'stay' }, ends },
});

const ONE_OF_TWO = 'let the matches of the route and of the strategy ask for different things';
const partial = (what: string, got: string) =>
  `cannot copy ${what}: not every gateway can, and Contour 1.33 takes it and copies all, got ${got}; mirror 100 %, or say supports: ['mirrorPercent'] if your GatewayClass lists HTTPRouteRequestPercentageMirror in its supportedFeatures`;

test.each<[string, Traffic, Partial<GatewayApiProps>, string[]]>([
  [
    'weights between whole parts',
    { weights: { primary: 99.5, canary: 0.5 } },
    {},
    [
      'traffic gateway-api cannot give a track 0.5 % of the requests: its weights are whole numbers that add up to 100, got 0.5; use fewer decimals, or raise traffic.weightTotal',
    ],
  ],
  [
    'the same with enough parts',
    { weights: { primary: 99.5, canary: 0.5 } },
    { weightTotal: 1000 },
    [],
  ],
  [
    'labels of the source',
    matched({ sourceLabels: { app: 'web' } }),
    {},
    [
      'traffic gateway-api cannot match requests by labels of the client’s pod: the Gateway API does not know them, got {"app":"web"}; let those clients send a header and match it, or use istio()',
    ],
  ],
  [
    'a call by what calls do not have',
    matched({ method: 'GET', cookies: { a: { exact: '1' } } }),
    { kind: 'GRPCRoute' },
    [
      'traffic gateway-api cannot match requests by cookies: a GRPCRoute matches calls by headers, got {"a":{"exact":"1"}}; match a header',
      'traffic gateway-api cannot match requests by method: a GRPCRoute matches calls by headers, got "GET"; match a header',
    ],
  ],
  [
    'many cookies',
    matched({
      cookies: { a: { exact: '' }, b: { exact: '' }, c: { exact: '' }, d: { exact: '' } },
    }),
    {},
    [
      'a match asks for more than 3 cookies at once, got ["a","b","c","d"]; ask for one that says it all',
    ],
  ],
  [
    'a cookie and its header',
    matched({ cookies: { a: { exact: '' } }, headers: { cookie: { prefix: 'a' } } }),
    {},
    [
      'a match asks for cookies and for the header that holds them, got {"prefix":"a"}; ask for one of the two',
    ],
  ],
  [
    'a cookie that runs on',
    matched({ cookies: { a: { regex: '\\B' } } }),
    {},
    [
      'the value of cookie a has \\B, which may pass its end, got {"regex":"\\\\B"}; a value holds no semicolon: use literals, ., \\d, \\w, \\s, groups, and classes without a semicolon in them',
    ],
  ],
  [
    'a header that all requests have otherwise',
    matched(A),
    { matches: [{ headers: [{ name: 'A', value: '2' }] }] },
    [
      'no request of traffic.matches is one that the strategy matches, got [{"headers":{"a":{"exact":"1"}}}]; match what traffic.matches lets through',
    ],
  ],
  [
    'a path beside those of the route',
    matched({ path: { prefix: '/b' } }),
    { matches: [{ path: { value: '/a' } }] },
    [
      'no request of traffic.matches is one that the strategy matches, got [{"path":{"prefix":"/b"}}]; match what traffic.matches lets through',
    ],
  ],
  [
    'a path below those of the route',
    matched({ path: { prefix: '/a/b' } }),
    { matches: [{ path: { value: '/a' } }] },
    [],
  ],
  [
    'a header by two conditions',
    matched({ headers: { a: { prefix: '1' } } }),
    { matches: [{ headers: [{ name: 'a', value: '1' }] }] },
    [
      `one match of the Gateway API cannot ask for header a twice, got [{"type":"Exact","name":"a","value":"1"},{"type":"RegularExpression","name":"a","value":"^1.*$"}]; ${ONE_OF_TWO}`,
    ],
  ],
  [
    'two cookies in two rules',
    {
      ...matched({ cookies: { a: { exact: '1' } } }),
      mirrors: [{ percent: 100, match: [{ cookies: { b: { exact: '1' } } }] }],
    },
    {},
    [],
  ],
  [
    'a path by a regular expression',
    matched({ path: { regex: '/a.*' } }),
    { matches: [{ path: { value: '/a' } }] },
    [
      `one match of the Gateway API cannot ask for a path by a regular expression twice, got [{"type":"PathPrefix","value":"/a"},{"type":"RegularExpression","value":"^(?:/a.*)$"}]; ${ONE_OF_TWO}`,
    ],
  ],
  [
    'everything that the route is for',
    matched(A),
    { matches: [{ headers: [{ name: 'a', value: '1' }] }] },
    [
      'the matches of the strategy take every request of traffic.matches, got [{"headers":{"a":{"exact":"1"}}}]; match fewer, or use weights',
    ],
  ],
  [
    'a path where one is replaced',
    matched({ path: { prefix: '/b' } }),
    {
      filters: [
        {
          type: 'URLRewrite',
          urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
        },
      ],
    },
    [
      'a match of the strategy has a path where a filter of the route replaces a prefix, got {"prefix":"/b"}; match something else: the gateway would replace the path of the match',
    ],
  ],
  [
    'exactly the 128 matches of all rules that the CRD takes',
    matched(A),
    { matches: Array.from({ length: 64 }, (_, index) => ({ path: { value: `/${index}` } })) },
    [],
  ],
  [
    'more than a route holds',
    matched(
      A,
      ...Array.from({ length: 64 }, (_, index) => ({ headers: { b: { exact: `${index}` } } })),
    ),
    {},
    [
      'a route has 16 rules at most, 64 matches in one and 128 in all, got "2 rules with 66 matches"; match fewer things in the route and in the strategy',
    ],
  ],
  [
    'copies of a part',
    mirrored({ percent: 5 }),
    {},
    [`traffic gateway-api ${partial('5 % of the requests', '5')}`],
  ],
  [
    'copies of a part, of the author’s',
    { weights: WEIGHTS },
    {
      filters: [
        {
          type: 'RequestMirror',
          requestMirror: { backendRef: { name: 'b', port: 80 }, percent: 5 },
        },
      ],
    },
    [
      `traffic.filters ${partial('a part of the requests', '{"backendRef":{"name":"b","port":80},"percent":5}')}`,
    ],
  ],
  [
    'copies of a part where that is known',
    mirrored({ percent: 5 }),
    { supports: ['mirrorPercent'] },
    [],
  ],
  [
    'copies of parts finer than a fraction',
    mirrored({ percent: 0.0005 }),
    { supports: ['mirrorPercent'] },
    [
      'traffic gateway-api cannot copy 0.0005 % of the requests: its fractions are parts of 100000, got 0.0005; use fewer decimals',
    ],
  ],
  [
    'copies of some requests beside those of all',
    mirrored({ percent: 100 }, { percent: 100, match: [A] }),
    {},
    [],
  ],
  [
    'cookies for calls',
    kept(true),
    { kind: 'GRPCRoute' },
    [
      'traffic gateway-api cannot keep users by a session cookie: clients of gRPC keep none, got "stay"; leave affinity out',
    ],
  ],
  [
    'cookies by a gateway that may not know them',
    kept(false),
    { metrics: undefined } as object,
    [
      'traffic gateway-api cannot keep users by a session cookie: not every gateway changes the answers of one backend, got "stay"; say supports: [\'backendResponseHeaders\'] if yours takes a ResponseHeaderModifier in backendRefs, or leave affinity out',
    ],
  ],
  [
    'cookies beside sessions',
    kept(false),
    { channel: 'experimental', sessionPersistence: { sessionName: 's' } },
    [
      'sessionPersistence of the route would keep requests on the primary that the strategy sends to the canary, got {"sessionName":"s"}; leave it out',
    ],
  ],
])('%s', (_, traffic, props, expected) => {
  expect(wrongs(traffic, props)).toEqual(expected.map((it) => `shop: ${it}`));
});
