import { describe, expect, test } from 'vitest';
import type { IstioProps, RequestMatch, Traffic } from '../../../../lib/index.ts';
import { wrongsOf as mistakes } from '../istio-mesh.ts';

describe('what of a step’s traffic is refused', () => {
  const route = (match: RequestMatch): Partial<Traffic> => ({
    routes: [{ name: 'testers', match: [match] }],
  });

  test.each<[IstioProps, Partial<Traffic>, string]>([
    [{}, route({}), 'a match asks for nothing, got "anything"; say which requests'],
    [{}, route({ headers: { 'X-A': { exact: 'b' } } }), 'has a header that is not in lower case'],
    [{}, route({ headers: { a: { prefix: '' } } }), 'header a is compared with nothing'],
    [{}, route({ path: { exact: 'a' } }), 'the path is not absolute, got "path: a"'],
    [{}, route({ path: { regex: '/(?!a)' } }), 'the regex of path is none that Istio takes'],
    [{}, route({ headers: { a: { regex: '(' } } }), 'the regex of header a is none that Istio'],
    [
      {},
      route({ headers: { cookie: { exact: 'a' } }, cookies: { a: { exact: 'b' } } }),
      'a match has cookies beside the header cookie',
    ],
    [{}, route({ cookies: { a: { exact: 'b'.repeat(1024) } } }), 'cookies need more than 1024'],
    [{}, route({ cookies: { a: { regex: 'b;' } } }), 'the value of cookie a has ;, which may pass'],
    [{}, { mirrors: [{ percent: 0 }] }, 'a mirror must copy a percentage of the requests, got 0'],
    [
      {},
      { mirrors: [{ percent: 0.00005 }] },
      'traffic istio cannot copy 0.00005 % of the requests',
    ],
    [{}, { mirrors: [{ percent: 1 }, { percent: 2 }] }, 'a step has two mirrors of all requests'],
    [
      { match: [{ uri: { prefix: '/a' } }] },
      route({ path: { exact: '/b' } }),
      'route testers matches no request: traffic.match lets none of them through',
    ],
    [
      { match: [{ uri: { regex: '/a.*' } }] },
      route({ path: { prefix: '/a' } }),
      'route testers and traffic.match together need uri, which one condition of Istio cannot say',
    ],
    [
      { match: [{ headers: { Cookie: { regex: '.*x.*' } } }] },
      { affinity: { cookie: { name: 'a' }, ends: true } },
      'the session cookie and traffic.match together need headers',
    ],
    [
      { match: [{ gateways: ['edge'] }], gateways: ['edge', 'mesh'] },
      route({ sourceLabels: { a: 'b' } }),
      'together need sourceLabels beside gateways',
    ],
    [
      { match: [{ uri: { prefix: '/a' }, ignoreUriCase: true }] },
      route({ path: { prefix: '/a/b' } }),
      'together need uri with ignoreUriCase',
    ],
    [
      { gateways: ['edge'] },
      route({ sourceLabels: { a: 'b' } }),
      'cannot match requests by labels of the client’s pod: a gateway does not know them',
    ],
    [
      { rewrite: { uri: '/' }, match: [{ uri: { prefix: '/a' } }] },
      route({ path: { prefix: '/a/b' } }),
      'asks for a path, and the rewrite of traffic.match would replace another part of it',
    ],
    [
      { headers: { response: { remove: ['Set-Cookie'] } } },
      { affinity: { cookie: { name: 'a' }, ends: false } },
      'traffic.match changes Set-Cookie, which session affinity needs',
    ],
    [{ routes: ['a'] }, {}, 'traffic.routes has no effect without traffic.virtualService'],
  ])('%j with %j', (props, traffic, said) => {
    expect(mistakes(props, traffic)).toEqual([expect.stringContaining(said)]);
  });

  test('each with the route’s name and its remedy, once for all steps', () => {
    expect(
      mistakes({ match: [{ uri: { exact: '/a' } }] }, route({ path: { prefix: '/b' } })),
    ).toEqual([
      'shop: route testers matches no request: traffic.match lets none of them through, got [{"uri":{"exact":"/a"}}]; let route testers ask for requests that traffic.match has',
    ]);
  });
});
