import { Duration } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import { istio, type Traffic } from '../../../../lib/index.ts';
import { type JsonObject, listAt, objectAt } from '../../../../lib/manifest/json.ts';
import { mistakeText } from '../../../../lib/mistake.ts';
import { render } from '../../../../lib/render/render.ts';
import { routerMistakes } from '../../../../lib/traffic/mistakes.ts';
import {
  deployment,
  mistakesOf,
  objectIn,
  type SampleObject,
  sample,
  workload,
} from '../../sample.ts';
import { contextOf, fateOf, HTTP } from '../istio-mesh.ts';

describe('the author’s own VirtualService', () => {
  const own = (http: unknown): SampleObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'edge', annotations: { note: 'mine' } },
    spec: { hosts: ['a.example'], gateways: ['gw'], http },
  });
  const other = {
    name: 'other',
    match: [{ uri: { prefix: '/old' } }],
    route: [{ destination: { host: 'old' }, weight: 100 }],
  };
  const both = {
    name: 'both',
    route: [
      {
        destination: { host: 'shop-primary' },
        weight: 100,
        headers: { request: { set: { a: 'b' } } },
      },
      { destination: { host: 'shop-canary.prod.svc.cluster.local' } },
    ],
  };
  /** The author sends testers to the canary, whatever its weight is. */
  const testers = {
    name: 'testers',
    match: [{ headers: { 'x-tester': { exact: 'yes' } } }],
    route: [{ destination: { host: 'shop-canary' }, weight: 100 }],
  };
  const release = (...http: unknown[]) =>
    sample({
      traffic: istio({ virtualServices: [{ name: 'edge' }] }),
      workload: workload(deployment(), own(http)),
    });

  test('only the weights of routes that name both tracks are ours', async () => {
    const rendered = await render(release(other, testers, both));
    const at = (step: string) =>
      objectAt(objectIn(rendered, step, 'virtualservice-edge.yaml'), 'spec');
    expect(at('02-weight-25')).toEqual({
      hosts: ['a.example'],
      gateways: ['gw'],
      http: [
        other,
        testers,
        {
          ...both,
          route: [
            { ...both.route[0], weight: 75 },
            { ...both.route[1], weight: 25 },
          ],
        },
      ],
    });
    expect(rendered.plan.shape.routes).toEqual(['VirtualService/edge']);
    expect(rendered.plan.files['virtualservice-edge.yaml']).toMatchObject({
      role: 'routing',
      pointers: ['/spec/http'],
    });
    expect(Object.keys(rendered.plan.files)).not.toContain('virtualservice-shop.yaml');
    expect(
      objectIn(rendered, '02-weight-25', 'virtualservice-edge.yaml').metadata.annotations,
    ).toMatchObject({ note: 'mine' });
  });

  test.each([
    [true, ['primary', 'canary']],
    [{ primary: 'v1', canary: 'v2' }, ['v1', 'v2']],
  ] as const)(
    'subsets of the apex host are tracks too, by the names of %j',
    async (subsets, [primary, canary]) => {
      const subset = (name: string) => ({ destination: { host: 'shop.prod', subset: name } });
      const http = [{ route: [subset(canary), subset(primary)] }];
      const traffic = istio({ virtualServices: [{ name: 'edge' }], subsets });
      const rendered = await render(
        sample({ traffic, workload: workload(deployment(), own(http)) }),
      );
      const at = (file: string) => objectAt(objectIn(rendered, '02-weight-25', file), 'spec');
      expect(at('virtualservice-edge.yaml').http).toEqual([
        {
          route: [
            { ...subset(canary), weight: 25 },
            { ...subset(primary), weight: 75 },
          ],
        },
      ]);
      const rule = objectAt(
        objectIn(rendered, '01-canary-up', 'destinationrule-shop.yaml'),
        'spec',
      );
      expect(rule.subsets).toEqual([
        { name: primary, labels: { app: 'shop', 'perch/track': 'primary' } },
        { name: canary, labels: { app: 'shop', 'perch/track': 'canary' } },
      ]);
      const unknown = [{ route: [subset('stable'), subset('next')] }];
      expect(
        await mistakesOf(sample({ traffic, workload: workload(deployment(), own(unknown)) })),
      ).toEqual([
        expect.stringContaining(
          `give one route the destination shop, or its subsets ${primary} and ${canary}`,
        ),
      ]);
    },
  );

  test('subsets that a rule of the author’s has already are one mistake', () => {
    const rule = (host: string, ...subsets: readonly string[]): SampleObject => ({
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'DestinationRule',
      metadata: { name: 'mine' },
      spec: { host, subsets: subsets.map((name) => ({ name, labels: { version: name } })) },
    });
    const traffic: Traffic = { weights: { primary: 100, canary: 0 } };
    const router = istio({ subsets: { primary: 'v1', canary: 'v2' } });
    const mistakes = (it: SampleObject) =>
      routerMistakes(router, contextOf([HTTP], [it]), [traffic]).map(mistakeText);
    const told = (got: string) =>
      `shop: DestinationRule mine has subsets of shop that the release writes, and Istio takes one of the two, got "${got}"; leave them out there: their policies go into traffic.trackPolicies`;
    expect(mistakes(rule('shop.prod.svc.cluster.local', 'v2', 'v3'))).toEqual([told('v2')]);
    expect(mistakes(rule('shop', 'v2', 'v1'))).toEqual([told('v1, v2')]);
    expect([...mistakes(rule('shop', 'v3')), ...mistakes(rule('other', 'v1'))]).toEqual([]);
  });

  // Nobody would write a rule for them, and the Service of the apex would have no pod of the canary.
  test('subsets that traffic.subsets does not say are no tracks', async () => {
    const subset = (name: string) => ({ destination: { host: 'shop', subset: name } });
    expect(await mistakesOf(release({ route: [subset('primary'), subset('canary')] }))).toEqual([
      expect.stringContaining('shop-canary, or say the names of its subsets in traffic.subsets'),
    ]);
  });

  describe('a route to the Service that users know', () => {
    const apex = {
      name: 'apex',
      timeout: '3s',
      route: [
        {
          destination: { host: 'shop.prod.svc', port: { number: 80 } },
          headers: { request: { set: { a: 'b' } } },
        },
      ],
    };

    test('leads to both tracks by the weights, with all that it says besides', async () => {
      const rendered = await render(release(other, apex));
      const { spec } = objectIn(rendered, '02-weight-25', 'virtualservice-edge.yaml');
      const to = (host: string, weight: number) => ({
        ...apex.route[0],
        destination: { host, port: { number: 80 } },
        weight,
      });
      expect(objectAt(spec).http).toEqual([
        other,
        { ...apex, route: [to('shop-primary', 75), to('shop-canary', 25)] },
      ]);
    });

    test('leads to its subsets where there are some', async () => {
      const traffic = istio({ virtualServices: [{ name: 'edge' }], subsets: true });
      const rendered = await render(
        sample({ traffic, workload: workload(deployment(), own([apex])) }),
      );
      const { spec } = objectIn(rendered, '02-weight-25', 'virtualservice-edge.yaml');
      expect(listAt(objectAt(spec), 'http')[0]?.route).toMatchObject([
        { destination: { host: 'shop.prod.svc', subset: 'primary' }, weight: 75 },
        { destination: { host: 'shop.prod.svc', subset: 'canary' }, weight: 25 },
      ]);
    });

    test('is the author’s where other routes are named, or others stand beside it', async () => {
      const traffic = istio({ virtualServices: [{ name: 'edge', routes: ['both'] }] });
      const rendered = await render(
        sample({ traffic, workload: workload(deployment(), own([apex, both])) }),
      );
      const { spec } = objectIn(rendered, '02-weight-25', 'virtualservice-edge.yaml');
      expect(listAt(objectAt(spec), 'http')[0]).toEqual(apex);
      const beside = { route: [...apex.route, { destination: { host: 'old' }, weight: 10 }] };
      expect(await mistakesOf(release(beside))).toEqual([
        expect.stringContaining('no route of VirtualService edge leads to the release'),
      ]);
    });

    test('leads to the one track of a strategy that has no other', () => {
      const context = { ...contextOf([HTTP], [own([apex])]), tracks: ['primary'] as const };
      const router = istio({ virtualServices: [{ name: 'edge' }] });
      const [routing] = router.routes(context, { weights: { primary: 100, canary: 0 } });
      expect(listAt(routing?.object, 'spec', 'http')[0]?.route).toMatchObject([
        { destination: { host: 'shop-primary' }, weight: 100 },
      ]);
      expect(router.mistakes(context, [])).toEqual([]);
    });
  });

  describe('several', () => {
    const named = (name: string, spec: JsonObject): SampleObject => ({
      ...own([]),
      metadata: { name },
      spec,
    });
    const shop = { route: [{ destination: { host: 'shop' } }] };
    const traffic = istio({ virtualServices: [{ name: 'mesh' }, { name: 'edge' }] });
    const mesh = named('mesh', { hosts: ['shop'], http: [shop] });
    const edge = named('edge', { hosts: ['a.example'], gateways: ['gw'], http: [both] });

    test('have the weights of each step, and all of them are waited for', async () => {
      const rendered = await render(
        sample({ traffic, workload: workload(deployment(), mesh, edge) }),
      );
      for (const file of ['virtualservice-mesh.yaml', 'virtualservice-edge.yaml']) {
        const { spec, metadata } = objectIn(rendered, '02-weight-25', file);
        expect(spec).toMatchObject({ http: [{ route: [{ weight: 75 }, { weight: 25 }] }] });
        expect(metadata.annotations?.['perch/step']).toMatch(/02-weight-25$/);
        expect(rendered.plan.files[file]).toMatchObject({
          role: 'routing',
          asked: true,
          pointers: ['/spec/http'],
        });
      }
      expect(rendered.plan.shape.routes).toEqual(['VirtualService/mesh', 'VirtualService/edge']);
    });

    test('each must be there once, lead to the release, and know what the steps match', () => {
      const mistakes = (...objects: readonly SampleObject[]) =>
        routerMistakes(traffic, contextOf([HTTP], objects), [
          {
            weights: { primary: 100, canary: 0 },
            routes: [{ name: 'r', match: [{ sourceLabels: { app: 'web' } }] }],
          },
        ]).map(mistakeText);
      expect(mistakes(mesh, edge)).toEqual([
        expect.stringContaining('labels of the client’s pod: a gateway does not know them'),
      ]);
      expect(mistakes(mesh)).toEqual([
        'shop: traffic.virtualServices names no VirtualService, got "edge"; make one of this name in workload (it makes mesh)',
      ]);
      expect(mistakes(mesh, named('edge', { hosts: ['b.example'], http: [other] }))).toEqual([
        expect.stringContaining('no route of VirtualService edge leads to the release'),
      ]);
      const twice = istio({ virtualServices: [{ name: 'mesh' }, { name: 'mesh' }] });
      expect(routerMistakes(twice, contextOf([HTTP], [mesh]), []).map(mistakeText)).toEqual([
        'shop: traffic.virtualServices names a VirtualService twice, got "mesh"; name it once, with all of its routes',
      ]);
    });

    test('where one has no request that a step matches, another may', () => {
      const beta = { ...both, match: [{ headers: { 'x-beta': { exact: 'no' } } }] };
      const closed = (name: string) => named(name, { hosts: [name], http: [beta] });
      const step: Traffic = {
        weights: { primary: 100, canary: 0 },
        routes: [{ name: 'r', match: [{ headers: { 'x-beta': { exact: 'yes' } } }] }],
      };
      const mistakes = (...objects: readonly SampleObject[]) =>
        routerMistakes(traffic, contextOf([HTTP], objects), [step]).map(mistakeText);
      expect(mistakes(mesh, closed('edge'))).toEqual([]);
      expect(mistakes(closed('mesh'), closed('edge'))).toEqual([
        expect.stringContaining('route r matches no request that'),
      ]);
    });

    test('two that take the requests of one host at one gateway are a mistake', () => {
      const mistakes = (one: JsonObject, two: JsonObject) =>
        routerMistakes(traffic, contextOf([HTTP], [named('mesh', one), named('edge', two)]), []);
      const all = { http: [shop] };
      const some = { http: [{ ...shop, match: [{ uri: { prefix: '/a' } }] }] };
      const at = (spec: JsonObject, ...gateways: readonly string[]) => ({
        hosts: ['a.example'],
        ...(gateways.length === 0 ? {} : { gateways: [...gateways] }),
        ...spec,
      });
      expect(mistakes(at(all), at(some, 'mesh', 'gw')).map(mistakeText)).toEqual([
        'shop: VirtualServices mesh and edge take the requests of one host at one gateway, and Istio follows one of them, got "a.example at mesh"; leave the host or the gateway out of one of them',
      ]);
      expect(mistakes(at(all, 'gw'), at(all, 'prod/gw')).map(mistakeText)).toEqual([
        expect.stringContaining('got "a.example at prod/gw"'),
      ]);
      // At a gateway Istio joins them, and their conditions tell the requests apart.
      expect(mistakes(at(all, 'gw'), at(some, 'gw'))).toEqual([]);
      expect(mistakes(at(all, 'gw'), at(all))).toEqual([]);
      const hosts = (host: string) => ({ ...all, hosts: [host] });
      expect(mistakes(hosts('shop'), hosts('shop.prod.svc'))).toHaveLength(1);
    });
  });

  test('mistakes', async () => {
    expect(await mistakesOf(release(other))).toEqual([
      expect.stringMatching(
        /^shop: no route of VirtualService edge leads to the release, got \[.*; give one route the destination shop, or shop-primary and shop-canary$/,
      ),
    ]);
    expect(
      await mistakesOf(release({ route: [...both.route, { destination: { host: 'old' } }] })),
    ).toEqual([expect.stringContaining('names more than the two tracks')]);
    expect(
      await mistakesOf(
        sample({
          traffic: istio({
            virtualServices: [{ name: 'edge' }],
            hosts: ['a'],
            timeout: Duration.seconds(1),
          }),
        }),
      ),
    ).toEqual([
      expect.stringContaining(
        'traffic.hosts has no effect beside traffic.virtualServices, got ["a"]',
      ),
      expect.stringContaining(
        'traffic.timeout has no effect beside traffic.virtualServices, got "1s"',
      ),
      'shop: traffic.virtualServices names no VirtualService, got "edge"; make one of this name in workload (it makes none)',
    ]);
  });

  test('what no request has that any of its routes gets is a mistake, and so is a port of nobody', () => {
    const of = (name: string, match: JsonObject) => ({ ...both, name, match: [match] });
    const mistakes = (spec: JsonObject, ...http: readonly JsonObject[]) => {
      const edge = { ...own(http), spec: { hosts: ['shop'], http: [...http], ...spec } };
      const traffic: Traffic = {
        weights: { primary: 100, canary: 0 },
        routes: [{ name: 'r', match: [{ headers: { x: { exact: 'a' } } }] }],
      };
      const router = istio({ virtualServices: [{ name: 'edge' }] });
      return routerMistakes(router, contextOf([HTTP], [edge]), [traffic]).map(mistakeText);
    };
    const closed = of('closed', { withoutHeaders: { x: {} } });
    const other = of('other', { headers: { X: { exact: 'b' } } });
    expect(mistakes({}, closed, of('open', { uri: { prefix: '/a' } }))).toEqual([]);
    expect(mistakes({}, closed, other)).toEqual([
      expect.stringContaining(
        'route r matches no request that http route closed of VirtualService edge or http route other of VirtualService edge lets through',
      ),
    ]);
    const late = of('late', { port: 8080 });
    expect(mistakes({ hosts: ['shop', 'shop.prod'] }, late)).toEqual([
      'shop: http route late of VirtualService edge asks for a port that the release does not have, got 8080; use 80, or add the port to service',
    ]);
    for (const spec of [{ gateways: ['edge'] }, { hosts: ['shop.example.com'] }, { hosts: [] }])
      expect(mistakes(spec, late)).toEqual([]);
  });

  test('flagger 1715 and 673: everything but our weights stays as the author wrote it', async () => {
    const odd = {
      exportTo: ['.'],
      hosts: ['a.example', '*.b.example'],
      gateways: ['gw', 'mesh'],
      http: [
        {
          name: 'old',
          match: [{ uri: { regex: '/o.*' }, ignoreUriCase: true }],
          redirect: { uri: '/' },
        },
        { name: 'teapot', match: [{ uri: { exact: '/tea' } }], directResponse: { status: 418 } },
        {
          name: 'both',
          match: [{ uri: { prefix: '/' }, statPrefix: 'x', withoutHeaders: { a: { exact: '' } } }],
          fault: { delay: { fixedDelay: '1s', percentage: { value: 0.1 } } },
          corsPolicy: { allowOrigins: [{ regex: '.*' }], maxAge: '24h' },
          headers: { request: { add: { 'x-a': 'b' } } },
          timeout: '9s',
          route: [
            { destination: { host: 'shop-canary', port: { number: 8080 } } },
            { destination: { host: 'shop-primary.prod' }, weight: 100 },
          ],
        },
        { name: 'else', delegate: { name: 'else', namespace: 'other' } },
      ],
      tcp: [{ match: [{ port: 1 }], route: [{ destination: { host: 'db' } }] }],
      tls: [
        {
          match: [{ sniHosts: ['a.example'], port: 443 }],
          route: [
            { destination: { host: 'shop-primary' }, weight: 99 },
            { destination: { host: 'shop-canary' }, weight: 1 },
          ],
        },
      ],
    };
    const edge = { ...own([]), spec: odd };
    const traffic = istio({ virtualServices: [{ name: 'edge' }] });
    const rendered = await render(sample({ traffic, workload: workload(deployment(), edge) }));
    const { spec } = objectIn(rendered, '02-weight-25', 'virtualservice-edge.yaml');
    const expected = structuredClone(odd);
    expected.http[2] = {
      ...expected.http[2],
      route: expected.http[2]?.route?.map((it, index) => ({ ...it, weight: [25, 75][index] })),
    } as (typeof expected.http)[2];
    for (const [index, it] of (expected.tls[0]?.route ?? []).entries())
      it.weight = [75, 25][index] ?? 0;
    expect(spec).toEqual(expected);
    expect(rendered.plan.files['virtualservice-edge.yaml']?.pointers).toEqual([
      '/spec/http',
      '/spec/tcp',
      '/spec/tls',
    ]);
  });

  test('one of TCP routes alone gets no http', async () => {
    const route = ['shop-primary', 'shop-canary'].map((host) => ({ destination: { host } }));
    const edge = { ...own([]), spec: { hosts: ['a.example'], tcp: [{ route }] } };
    const traffic = istio({ virtualServices: [{ name: 'edge' }] });
    const rendered = await render(sample({ traffic, workload: workload(deployment(), edge) }));
    const { spec } = objectIn(rendered, '02-weight-25', 'virtualservice-edge.yaml');
    expect(spec).toMatchObject({ tcp: [{ route: [{ weight: 75 }, { weight: 25 }] }] });
    expect(spec).not.toHaveProperty('http');
  });

  const named = (routes: readonly string[], ...http: unknown[]) =>
    sample({
      traffic: istio({ virtualServices: [{ name: 'edge', routes }] }),
      workload: workload(deployment(), own(http)),
    });

  test('named routes are ours, others stay the author’s also where they name both tracks', async () => {
    const half = { ...both, name: 'half' };
    const rendered = await render(named(['both'], half, both));
    const { spec } = objectIn(rendered, '02-weight-25', 'virtualservice-edge.yaml');
    expect(objectAt(spec).http).toMatchObject([half, { route: [{ weight: 75 }, { weight: 25 }] }]);
    expect(await mistakesOf(named(['bot', 'old'], both, { ...other, name: 'old' }))).toEqual([
      'shop: traffic.virtualServices names no http route of VirtualService edge, got "bot"; use one of both, old',
      'shop: an http route of VirtualService edge does not lead to the release, got "old"; give it the destination shop, or shop-primary and shop-canary',
    ]);
  });

  describe('a step’s other traffic', () => {
    const traffic: Traffic = {
      weights: { primary: 90, canary: 10 },
      routes: [{ name: 'beta', match: [{ headers: { 'x-beta': { exact: 'yes' } } }] }],
      affinity: { cookie: { name: 'shop' }, ends: false },
    };
    const edge = (...http: unknown[]) => contextOf([HTTP], [own(http)]);
    const shop = { ...both, match: [{ uri: { prefix: '/shop' } }], timeout: '3s' };
    const last = { route: [{ destination: { host: 'web' } }] };

    test('stands right above the route, within its match: routes before and after keep what is theirs', () => {
      const [routing] = istio({ virtualServices: [{ name: 'edge' }] }).routes(
        edge(other, shop, last),
        traffic,
      );
      const spec = objectAt(routing?.object, 'spec');
      const http = listAt(spec, 'http');
      expect(http.map((it) => it.name)).toEqual([
        'other',
        'both-beta',
        'both-session',
        'both',
        undefined,
      ]);
      expect(http.slice(1, 4).map((it) => it.timeout)).toEqual(['3s', '3s', '3s']);
      const beta = { 'x-beta': 'yes' };
      expect(fateOf(spec, { path: '/shop/1', headers: beta })?.route).toBe('both-beta');
      expect(fateOf(spec, { path: '/old', headers: beta })?.route).toBe('other');
      expect(fateOf(spec, { path: '/', headers: beta })?.to).toEqual({ web: 100 });
    });

    test('what cannot be said together is told with the route’s name', () => {
      const mirrored = { ...shop, mirror: { host: 'audit' } };
      const copies = { ...traffic, mirrors: [{ percent: 1 }] };
      const cookie = { ...shop, match: [{ headers: { cookie: { exact: 'a' } } }] };
      const router = istio({ virtualServices: [{ name: 'edge' }] });
      expect(router.mistakes(edge(mirrored), [copies])).toEqual([
        expect.objectContaining({
          problem:
            'http route both of VirtualService edge has a mirror already, which a step needs for the canary',
        }),
      ]);
      expect(router.mistakes(edge(cookie), [traffic])).toEqual([
        expect.objectContaining({
          problem:
            'the session cookie and http route both of VirtualService edge together need headers, which one condition of Istio cannot say',
        }),
      ]);
    });

    test('what its gateways do not know, or no http route of ours can say, is refused', () => {
      const wrongs = (spec: object, traffic: Traffic) =>
        routerMistakes(
          istio({ virtualServices: [{ name: 'edge' }] }),
          contextOf([HTTP], [{ ...own([]), spec }]),
          [traffic],
        ).map(mistakeText);
      const weights = { primary: 100, canary: 0 };
      const source = [{ name: 'web', match: [{ sourceLabels: { app: 'web' } }] as const }];
      expect(wrongs({ gateways: ['gw'], http: [shop] }, { weights, routes: source })).toEqual([
        expect.stringContaining('labels of the client’s pod: a gateway does not know them'),
      ]);
      const tcp = [{ route: shop.route }];
      expect(wrongs({ tcp }, { weights, mirrors: [{ percent: 1 }] })).toEqual([
        expect.stringContaining('cannot copy requests: no http route leads to the release'),
      ]);
      expect(wrongs({ tcp }, { weights })).toEqual([]);
    });

    test('a baseline has the settings of the canary’s destination', () => {
      const weights = { primary: 80, canary: 10, baseline: 10 };
      const [routing] = istio({ virtualServices: [{ name: 'edge' }] }).routes(edge(both), {
        weights,
      });
      const [rule] = listAt(routing?.object, 'spec', 'http');
      expect(listAt(rule, 'route')[2]).toEqual({
        destination: { host: 'shop-baseline' },
        weight: 10,
      });
    });
  });
});
