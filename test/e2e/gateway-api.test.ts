import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubernetes } from '../../analyzer/cluster/kubernetes.ts';
import { clusterQuestions, liveness, target } from '../../analyzer/core/cluster/liveness.ts';
import { files, type PlanTree, type Position, positionText } from '../../analyzer/core/position.ts';
import { podinfoGateway } from '../../apps/podinfo-gateway.ts';
import {
  Duration,
  type GatewayApiProps,
  gatewayApi,
  type HttpRouteProps,
  type RequestMatch,
  Testing,
  type Traffic,
} from '../../lib/index.ts';
import { routerMistakes } from '../../lib/traffic/mistakes.ts';
import { AT_REST } from '../../lib/traffic/traffic.ts';
import { mistakesOf } from '../lib/sample.ts';
import { SHOP } from '../lib/traffic/route.ts';
import { type Applier, applier } from './applier.ts';
import { allPositions, plans, rolloutAt, variant } from './plans.ts';
import { assetPath, missingAssets } from './servers/assets.ts';
import { type Kubernetes, missingKubernetes, startKubernetes } from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';

const all = plans();
const podinfo = (image: string) => podinfoGateway(Testing.apps(), { image });
const PARENT = { name: 'contour', namespace: 'projectcontour' };

/** The example with another route. */
const withRoute = (props: GatewayApiProps) =>
  variant(podinfo('podinfo:6'), { traffic: gatewayApi(props), analysis: {} });

const A: RequestMatch = { headers: { a: { exact: '1' } }, cookies: { c: { exact: '1' } } };
const B: RequestMatch = { headers: { b: { exact: '1' } } };
const REPLACED = {
  type: 'URLRewrite',
  urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
} as const;
const DRY_RUN = ['apply', '--dry-run=server', '--validate=strict', '--filename=-'];

/** So many different matches, all to the canary. */
function matching(count: number): Traffic {
  const more = Array.from({ length: count - 1 }, (_, index) => ({
    headers: { a: { exact: `${index}` } },
  }));
  return { ...AT_REST, routes: [{ name: 'many', match: [B, ...more] }] };
}

/** The route for a step's traffic, of which synth says this. */
function routeText(traffic: Traffic, props: Partial<HttpRouteProps>, mistakes: unknown[]): string {
  const router = gatewayApi({ parentRefs: [PARENT], metrics: 'contour', ...props });
  const context = { ...SHOP, names: { ...SHOP.names, namespace: 'edge' } };
  expect(routerMistakes(router, context, [traffic])).toEqual(mistakes);
  return JSON.stringify(router.routes(context, traffic)[0]?.object);
}

const missing = missingKubernetes() ?? missingAssets('Kubernetes', ['gateway-api-crds.yaml']);
describe('routes of the Gateway API on a real API server', { skip: isMissing(missing) }, () => {
  let server: Kubernetes;
  let apply: Applier;
  let old: PlanTree;
  let next: PlanTree;

  // Without controllers: nobody but the test writes.
  beforeAll(async () => {
    server = await startKubernetes({ crds: [assetPath('gateway-api-crds.yaml')] });
    await server.kubectl(['create', 'namespace', 'edge']);
    apply = applier(server);
    old = await all.add(podinfo('podinfo:6'));
    next = await all.add(podinfo('podinfo:7'));
  });
  afterAll(() => server?.stop());

  test('every set of files that a position stands for is valid', async () => {
    const refused: string[] = [];
    for (const position of allPositions(next.plan))
      await apply.dryRun(all.texts(files(position, next, old))).catch((error: Error) => {
        refused.push(`${positionText(position)}: ${error.message}`);
      });
    expect(refused).toEqual([]);
  });

  /** What the analyzer says of a position that was applied, once the cluster is as it is. */
  async function look(position: Position, plan: PlanTree, stable: PlanTree) {
    const rollout = rolloutAt({
      position,
      plan,
      stable,
      before: undefined,
      at: Date.now() / 1000 - 3600,
    });
    const asked = [...rollout.files].filter(([, it]) => it.info.asked);
    const targets = asked.map(([file, it]) => target(file, it.info, all.text(it.oid)));
    const questions = clusterQuestions(rollout, targets);
    const cluster = kubernetes({ kubeconfig: server.kubeconfigPath });
    const answer = await cluster.read(questions.map((it) => it.ref));
    if (answer.kind === 'unknown') throw new Error(answer.reason);
    const readings = { kind: 'known', value: answer.value.objects } as const;
    return liveness(rollout, questions, readings, { kind: 'unasked' }, Date.now() / 1000);
  }

  test('a step is live with the defaults of the server in it, and not once its route was edited', async () => {
    const position: Position = { kind: 'step', step: '02-weight-5' };
    await apply.apply(all.texts(files(position, next, old)));
    expect(await look(position, next, old)).toMatchObject({ kind: 'live' });
    const edits = [
      '[{"op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 50}]',
      '[{"op": "remove", "path": "/spec/rules/0/backendRefs/1/weight"}]',
      '[{"op": "replace", "path": "/spec/rules/0/matches/0/path/value", "value": "/other"}]',
      '[{"op": "add", "path": "/spec/rules/-", "value": {}}]',
      '[{"op": "remove", "path": "/spec/rules/0/timeouts"}]',
    ];
    for (const edit of edits) {
      const patch = ['patch', 'httproute', 'podinfo', '--namespace=edge', '--type=json'];
      await server.kubectl([...patch, `--patch=${edit}`]);
      expect(await look(position, next, old), edit).toMatchObject({
        kind: 'waiting',
        reason: expect.stringContaining('HTTPRoute edge/podinfo differs at /spec/rules'),
      });
      await apply.apply(all.texts(files(position, next, old)));
      expect(await look(position, next, old), edit).toMatchObject({ kind: 'live' });
    }
  });

  const everything: HttpRouteProps = {
    parentRefs: [
      { ...PARENT, sectionName: 'http' },
      { ...PARENT, sectionName: 'https' },
    ],
    hostnames: ['*.example.com'],
    matches: [
      {
        path: { value: '/api' },
        method: 'GET',
        headers: [{ name: 'x-user', value: '.*', type: 'RegularExpression' }],
        queryParams: [{ name: 'q', value: '1' }],
      },
    ],
    filters: [
      { type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['x'] } },
      {
        type: 'ResponseHeaderModifier',
        responseHeaderModifier: { set: [{ name: 'a', value: 'b' }] },
      },
      {
        type: 'URLRewrite',
        urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
      },
      {
        type: 'RequestMirror',
        requestMirror: {
          backendRef: { name: 'm', port: 80 },
          fraction: { numerator: 1, denominator: 1000 },
        },
      },
      { type: 'ExtensionRef', extensionRef: { group: 'example.com', kind: 'Limit', name: 'l' } },
    ],
    timeouts: { request: Duration.millis(61_500), backendRequest: Duration.seconds(0) },
  };

  test.each<[string, GatewayApiProps]>([
    ['everything of the standard channel', { ...everything, supports: ['mirrorPercent'] }],
    ['what Envoy Gateway needs', { parentRefs: [PARENT], metrics: 'envoy-gateway' }],
    [
      'everything of the experimental channel',
      {
        parentRefs: [PARENT],
        channel: 'experimental',
        retry: { codes: [503], attempts: 2, backoff: Duration.millis(250) },
        sessionPersistence: { sessionName: 's', absoluteTimeout: Duration.hours(36) },
      },
    ],
    [
      'a GRPCRoute',
      {
        kind: 'GRPCRoute',
        parentRefs: [PARENT],
        matches: [{ method: { service: 'a.B', method: 'C' } }, { method: { method: 'D' } }],
        filters: [
          { type: 'RequestMirror', requestMirror: { backendRef: { name: 'm', port: 80 } } },
        ],
        metrics: 'envoy-gateway',
      },
    ],
  ])('%s is taken', async (_, props) => {
    const tree = await all.add(withRoute(props));
    await apply.dryRun(all.texts(files({ kind: 'complete' }, tree, undefined)));
  });

  test.each<[string, Traffic, Partial<HttpRouteProps>]>([
    [
      'matches, copies and affinity at once',
      {
        weights: { primary: 89.5, canary: 10, baseline: 0.5 },
        routes: [
          { name: 'a', match: [{ ...A, method: 'GET', queryParams: { q: { regex: 'a|b' } } }] },
        ],
        mirrors: [
          { percent: 0.5, match: [{ headers: { b: { prefix: '2' } }, path: { prefix: '/api' } }] },
          { percent: 20 },
        ],
        affinity: { cookie: { name: 'stay', path: '/' }, ends: false },
      },
      { weightTotal: 1000, supports: ['mirrorPercent'] },
    ],
    [
      'the end of affinity',
      { weights: { primary: 100, canary: 0 }, affinity: { cookie: { name: 'stay' }, ends: true } },
      { metrics: 'envoy-gateway' },
    ],
    [
      'matches where a prefix is replaced',
      { weights: { primary: 100, canary: 0 }, routes: [{ name: 'a', match: [A, B] }] },
      { filters: [REPLACED], matches: [{ path: { value: '/api' } }] },
    ],
    ['as many matches as a rule holds', matching(64), {}],
    // One more is that of the weights.
    ['as many rules as a route holds', matching(15), { filters: [REPLACED] }],
  ])('%s: what a step can say is taken', async (_, traffic, props) => {
    await server.kubectl(DRY_RUN, routeText(traffic, props, []));
  });

  test.each<[string, Traffic, Partial<HttpRouteProps>, string]>([
    ['too many matches', matching(65), {}, 'must have at most 64 items'],
    ['too many rules', matching(16), { filters: [REPLACED] }, 'must have at most 16 items'],
    [
      'an exact path where a prefix is replaced',
      { ...matching(1), routes: [{ name: 'a', match: [{ path: { exact: '/a' } }] }] },
      { filters: [REPLACED] },
      'exactly one PathPrefix match must be specified',
    ],
  ])('%s: a mistake, and would be refused', async (_, traffic, props, said) => {
    const text = routeText(traffic, props, [expect.anything()]);
    await expect(server.kubectl(DRY_RUN, text)).rejects.toThrow(said);
  });

  // Synth does what the server would do: without the one, a mistake would stop a rollout on its way.
  test.each<[object, string]>([
    [{ parentRefs: [PARENT, PARENT] }, 'sectionName or port must be'],
    [{ matches: [{ path: { value: 'api' } }] }, "start with '/'"],
    [{ matches: [{ path: { value: '/a//b' } }] }, "must not contain '//'"],
    [{ matches: [{ path: { value: '/a/..' } }] }, "must not end with '/..'"],
    [{ matches: [{ path: { value: '/a b' } }] }, 'valid characters'],
    [
      { timeouts: { request: Duration.seconds(1), backendRequest: Duration.seconds(2) } },
      'backendRequest timeout cannot be longer',
    ],
    [
      {
        channel: 'experimental',
        sessionPersistence: { cookieConfig: { lifetimeType: 'Permanent' } },
      },
      'AbsoluteTimeout must be specified',
    ],
    [
      {
        matches: [{ path: { type: 'Exact', value: '/a' } }],
        filters: everything.filters?.filter((it) => it.type === 'URLRewrite'),
      },
      'exactly one PathPrefix match must be specified',
    ],
    [
      {
        filters: [1, 2].map(() => ({
          type: 'RequestHeaderModifier',
          requestHeaderModifier: { remove: ['a'] },
        })),
      },
      'RequestHeaderModifier filter cannot be repeated',
    ],
    [
      {
        matches: [{ queryParams: ['1', '2'].map((value) => ({ name: 'a', value })) }],
      },
      'Duplicate value',
    ],
    [{ kind: 'GRPCRoute', matches: [{ method: { service: 'a-b' } }] }, 'valid characters'],
    [{ timeouts: { request: Duration.millis(0.5) } }, 'should match'],
    [{ hostnames: ['Example.com'] }, 'should match'],
    [{ parentRefs: [{ ...PARENT, port: 0 }] }, 'greater than or equal to 1'],
  ])('%j is a mistake, and would be refused', async (props, said) => {
    const release = withRoute({ parentRefs: [PARENT], ...props } as GatewayApiProps);
    expect(await mistakesOf(release)).not.toEqual([]);
    const context = { ...SHOP, names: { ...SHOP.names, namespace: 'edge' } };
    const [route] = release.props.traffic.routes(context, AT_REST);
    const text = JSON.stringify(route?.object);
    await expect(
      server.kubectl(['apply', '--dry-run=server', '--filename=-'], text),
    ).rejects.toThrow(said);
  });

  // What the props refuse never gets into an object: it is put there by hand.
  test.each<[object, object, string]>([
    [
      {},
      { filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https' } }] },
      'RequestRedirect filter must not be used together with backendRefs',
    ],
    [{ kind: 'GRPCRoute' }, { matches: [{ method: {} }] }, "One or both of 'service' or 'method'"],
  ])('%j with %j is refused by the props, as by the API server', async (props, rule, said) => {
    const wrong = withRoute({ parentRefs: [PARENT], ...props, ...rule } as GatewayApiProps);
    expect(await mistakesOf(wrong)).not.toEqual([]);
    const right = withRoute({ parentRefs: [PARENT], ...props } as GatewayApiProps);
    const context = { ...SHOP, names: { ...SHOP.names, namespace: 'edge' } };
    const [route] = right.props.traffic.routes(context, AT_REST);
    const object = JSON.parse(JSON.stringify(route?.object));
    Object.assign(object.spec.rules[0], rule);
    await expect(
      server.kubectl(['apply', '--dry-run=server', '--filename=-'], JSON.stringify(object)),
    ).rejects.toThrow(said);
  });
});
