import { describe, expect, test } from 'vitest';
import type { IstioProps, RequestMatch, Traffic } from '../../../../lib/index.ts';
import { HTTP, wrongsOf as mistakes } from '../istio-mesh.ts';

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
      'route testers matches no request that traffic.match lets through',
    ],
    [
      { match: [{ headers: { X: { exact: 'a' } } }] },
      route({ headers: { x: { exact: 'b' } } }),
      'route testers matches no request that traffic.match lets through',
    ],
    [
      { match: [{ withoutHeaders: { 'X-Tester': { regex: '.*' } } }] },
      route({ headers: { 'x-tester': { regex: 'a|b' } } }),
      'route testers matches no request that traffic.match lets through',
    ],
    [
      { match: [{ withoutHeaders: { cookie: { regex: '*' } } }] },
      { affinity: { cookie: { name: 'a' }, ends: false } },
      'the session cookie matches no request that traffic.match lets through',
    ],
    [
      { match: [{ authority: { exact: 'a.example' } }] },
      route({ headers: { ':authority': { prefix: 'b.' } } }),
      'route testers matches no request that traffic.match lets through',
    ],
    [
      { match: [{ uri: { prefix: '/a' } }] },
      { routes: [{ name: 'r', match: [{ method: 'GET' }, { path: { exact: '/b' } }] }] },
      'path: /b in route r matches no request that traffic.match lets through',
    ],
    [
      { match: [{ port: 81 }] },
      {},
      'traffic.match asks for a port that the release does not have, got 81; use 80, or add',
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
    [
      { subsets: { primary: 'v1', canary: 'v1' } },
      {},
      'traffic.subsets gives both tracks one name',
    ],
    [
      { subsets: { primary: 'V1', canary: 'v2' } },
      {},
      'traffic.subsets.primary must be a DNS label',
    ],
    [{ virtualServices: [] }, {}, 'traffic.virtualServices is empty'],
  ])('%j with %j', (props, traffic, said) => {
    expect(mistakes(props, traffic)).toEqual([expect.stringContaining(said)]);
  });

  test('each with the route’s name and its remedy, once for all steps', () => {
    expect(
      mistakes({ match: [{ uri: { exact: '/a' } }] }, route({ path: { prefix: '/b' } })),
    ).toEqual([
      'shop: route testers matches no request that traffic.match lets through, got [{"uri":{"exact":"/a"}}]; let route testers ask for requests that traffic.match has',
    ]);
  });

  // Whatever else they may be, nobody can know it here.
  test.each<[IstioProps, Partial<Traffic>]>([
    [
      { match: [{ withoutHeaders: { x: { exact: 'a' } } }] },
      route({ headers: { x: { prefix: 'a' } } }),
    ],
    [
      { match: [{ withoutHeaders: { x: { regex: 'a+' } } }] },
      route({ headers: { x: { exact: 'aa' } } }),
    ],
    [
      { match: [{ withoutHeaders: { x: { prefix: 'b' } } }] },
      route({ headers: { x: { exact: 'a' } } }),
    ],
    [{ match: [{ port: 443 }], gateways: ['edge', 'mesh'] }, {}],
    [{ match: [{ port: 443, gateways: ['edge'] }], gateways: ['mesh'] }, {}],
    [{ match: [{ port: 443 }], hosts: ['shop.example.com'] }, {}],
    [{ match: [{ port: 443 }], delegation: true }, {}],
  ])('%j with %j is none', (props, traffic) => {
    expect(mistakes(props, traffic)).toEqual([]);
  });

  test('one of several ports may have the requests that another has not', () => {
    const props = {
      match: [
        { port: 80, uri: { prefix: '/a' } },
        { port: 90, uri: { prefix: '/b' } },
      ],
    };
    const ports = [HTTP, { ...HTTP, name: 'http-more', port: 90 }];
    expect(mistakes(props, route({ path: { exact: '/a' } }), ports)).toEqual([]);
    expect(mistakes(props, route({ path: { exact: '/c' } }), ports)).toEqual([
      expect.stringContaining('route testers matches no request that traffic.match lets through'),
    ]);
  });
});
