import { describe, expect, test } from 'vitest';
import {
  abTest,
  blueGreen,
  canary,
  Duration,
  gatewayApi,
  istio,
  kubernetes,
  latency,
  query,
  type ReleaseProps,
  ramped,
  recreate,
  shadow,
  steps,
  successRate,
  Testing,
} from '../../../lib/index.ts';
import { listAt, objectAt } from '../../../lib/manifest/json.ts';
import { hasService } from '../../../lib/plan/plan.ts';
import { partitions } from '../../../lib/strategy/partitions.ts';
import { deployment, hpa, mistakesOf, objectIn, sample, workload } from '../sample.ts';

const BY_PODS = kubernetes({ split: 'replicas' });
const FAILED = query({
  name: 'failed',
  query: 'sum(rate(queue_jobs_failed_total{pod=~"{{target}}-.*"}[{{interval}}]))',
  max: 1,
});
const REPLICAS = deployment({}, { spec: { replicas: 5 } });

/** Pods that take work from a queue. */
function worker(more: Partial<ReleaseProps> = {}) {
  return sample({
    workload: workload(REPLICAS),
    service: undefined,
    traffic: BY_PODS,
    strategy: canary({ stepWeights: [20, 60] }),
    analysis: { checks: [FAILED] },
    ...more,
  });
}

describe('a canary by pods', () => {
  test('moves pods alone: no Service, no route, and the step’s mark is on the canary', async () => {
    const rendered = await Testing.render(worker());
    const { plan, files } = rendered;
    expect([...files.keys()].filter((it) => /service|route/.test(it))).toEqual([]);
    expect(Object.keys(plan.files).sort()).toEqual([
      'deployment-shop-canary.yaml',
      'deployment-shop-primary.yaml',
    ]);
    const pods = plan.steps.map((it) => `${it.name} ${it.pods?.canary}/${it.pods?.primary}`);
    expect(pods).toEqual([
      '00-init 0/5',
      '01-canary-up 0/5',
      '02-canary-1 1/5',
      '03-weight-20 1/4',
      '04-canary-3 3/4',
      '05-weight-60 3/2',
      '06-promote 3/2',
      '07-primary-4 3/4',
      '08-canary-1 1/4',
      '09-primary-5 1/5',
      '10-weight-0 0/5',
      '11-complete 0/5',
    ]);
    for (const { name } of plan.steps.slice(1, -1)) {
      const { metadata } = objectIn(rendered, name, 'deployment-shop-canary.yaml');
      expect(metadata.annotations?.['perch/step']).toBe(`${plan.candidate}/${name}`);
    }
    expect(plan.checks[0]?.ask.canary).toContain('{pod=~"shop-canary-.*"}');
  });

  test('says so in the plan', async () => {
    const { plan, files } = await Testing.render(worker());
    expect(hasService(plan.shape)).toBe(false);
    expect(plan.shape).toMatchObject({ apex: 'shop', targetPorts: [], routes: [] });
    expect(plan.shape).not.toHaveProperty('apexSelector');
    expect(files.get('PLAN.md')).toContain('- no Service: its pods take work themselves');
    expect(files.get('PLAN.md')).toContain('83.33 / 16.67 (1 of 6 pods)');
    expect(files.get('PLAN.md')).not.toContain('routed');
  });

  test('has the pods that it would have with a Service', async () => {
    const alone = await Testing.render(worker());
    const service = { port: 80, targetPort: 8080 };
    const served = await Testing.render(worker({ service }));
    for (const [path, content] of alone.files)
      if (/deployment/.test(path)) expect(served.files.get(path)).toBe(content);
    expect(hasService(served.plan.shape)).toBe(true);
  });
});

describe('one track', () => {
  test.each([
    ['recreate', recreate(), kubernetes()],
    ['ramped', ramped(), kubernetes()],
    ['ramped by pods', ramped(), BY_PODS],
  ])('%s writes its workload alone, which has the step’s mark', async (_, strategy, traffic) => {
    const rendered = await Testing.render(worker({ strategy, traffic }));
    expect(Object.keys(rendered.plan.files)).toEqual(['deployment-shop-primary.yaml']);
    const [, step] = rendered.plan.steps;
    const { metadata } = objectIn(rendered, step?.name ?? '', 'deployment-shop-primary.yaml');
    expect(metadata.annotations).toHaveProperty('perch/step');
  });

  test('partitions', async () => {
    const set = { serviceName: 'shop', podManagementPolicy: 'Parallel', replicas: 4 };
    const object = { ...deployment({}, { spec: set }), kind: 'StatefulSet' };
    const strategy = partitions({ percents: [25, 50] });
    const release = worker({ workload: workload(object), strategy, traffic: kubernetes() });
    const { plan } = await Testing.render(release);
    expect(Object.keys(plan.files)).toEqual(['statefulset-shop-primary.yaml']);
  });

  test.each([
    ['kubernetes()', kubernetes()],
    ['by pods', BY_PODS],
  ])('an HPA by an object of the author’s leaves it as it is: %s', async (_, traffic) => {
    const metric = {
      type: 'Object',
      object: {
        describedObject: { apiVersion: 'v1', kind: 'Service', name: 'shop' },
        metric: { name: 'waiting' },
        target: { type: 'Value', value: '10' },
      },
    };
    const rendered = await Testing.render(
      worker({
        workload: workload(deployment(), hpa({ metrics: [metric] })),
        strategy: ramped(),
        traffic,
        tracks: { sharedTriggers: ['waiting'] },
      }),
    );
    const scaler = objectIn(rendered, '00-init', 'horizontalpodautoscaler-shop-primary.yaml');
    const [given] = listAt(scaler, 'spec', 'metrics');
    expect(objectAt(given, 'object', 'describedObject').name).toBe('shop');
  });
});

describe('a Service is missing', () => {
  const orPods = "give service: { port: … }, or use kubernetes({ split: 'replicas' }) without one";
  const orNone = 'give service: { port: … }, or use kubernetes() without one';

  test.each<[string, Partial<ReleaseProps>, string, string?]>([
    ['in a mesh', { traffic: istio() }, 'traffic istio leads requests to Services'],
    [
      'in a mesh with one track',
      { traffic: istio(), strategy: recreate() },
      'traffic istio leads',
      orNone,
    ],
    [
      'at a gateway',
      { traffic: gatewayApi({ parentRefs: [{ name: 'public' }], metrics: 'contour' }) },
      'traffic gateway-api leads requests to Services',
    ],
    [
      'that switches',
      { traffic: kubernetes(), strategy: blueGreen() },
      'strategy blue-green has two tracks, and a Service leads requests to one of them',
    ],
  ])('%s', async (_, props, problem, remedy = orPods) => {
    const found = await mistakesOf(worker(props));
    expect(found).toEqual([expect.stringContaining(`shop: service is missing: ${problem}`)]);
    expect(found[0]).toContain(remedy);
  });

  test('beside existing ones', async () => {
    const existing = { stable: 'blue', candidate: 'green' };
    const found = await mistakesOf(
      worker({ workload: undefined, existing, traffic: istio(), analysis: {} }),
    );
    expect(found).toEqual([
      'shop: service is missing: routes to existing Services need their port; give service: { port: … }',
    ]);
  });

  test('is not said where the router is wrong, and nothing that would follow from it', async () => {
    const wrong = Object.assign({ ...BY_PODS }, { splits: undefined });
    const checks = [successRate({ min: 99 }), FAILED];
    const found = await mistakesOf(worker({ traffic: wrong, analysis: { checks } }));
    expect(found).toEqual([expect.stringContaining('traffic is not a router')]);
  });

  test('a mistake elsewhere does not ask for one', async () => {
    const found = await mistakesOf(worker({ namespace: 'A' }));
    expect(found).toEqual([expect.stringContaining('namespace must be a DNS label')]);
  });
});

describe('what needs requests is refused', () => {
  const because = 'the release has no Service, so it gets no requests';

  test.each([
    ['match requests by headers', abTest({ match: [{ headers: { a: { exact: 'b' } } }] })],
    ['copy requests', shadow({ percent: 10 })],
    ['copy requests', canary({ stepWeights: [20], mirror: { percent: 10 } })],
    [
      'keep users by a session cookie',
      canary({ stepWeights: [20], sessionAffinity: { name: 'session' } }),
    ],
    ['give the baseline a weight', steps([{ setWeight: 20 }, { baseline: true }])],
  ])('%s', async (what, strategy) => {
    const found = await mistakesOf(worker({ strategy }));
    expect(found).toContainEqual(
      expect.stringContaining(`traffic kubernetes cannot ${what}: ${because}`),
    );
  });

  test.each([successRate({ min: 99 }), latency({ max: Duration.millis(500) })])(
    'the check $name',
    async (check) => {
      const found = await mistakesOf(worker({ analysis: { checks: [check] } }));
      const problem = 'the release has no Service, so nobody counts its requests';
      expect(found[0]).toContain(`(${check.name}): ${problem}`);
      expect(found[0]).toContain('ask for what the pods count themselves, with query()');
    },
  );

  test.each(['service', 'port'])('the variable %s', async (name) => {
    const check = query({ name: 'own', query: `up{a="{{${name}}}",b="{{target}}"}`, min: 1 });
    expect(await mistakesOf(worker({ analysis: { checks: [check] } }))).toEqual([
      expect.stringMatching(
        `variable ${name} has no value: the release has no Service, got .*; select by {{target}}, or give service`,
      ),
    ]);
  });

  test('an Ingress to a Service that nobody makes', async () => {
    const ingress = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'shop' },
      spec: { defaultBackend: { service: { name: 'shop', port: { number: 80 } } } },
    };
    expect(await mistakesOf(worker({ workload: workload(REPLICAS, ingress) }))).toEqual([
      expect.stringMatching(
        /Ingress shop leads to Service shop, which nothing makes.*; give the release a service, or/,
      ),
    ]);
  });

  test('a number of pods that is no share of them is told as ever', async () => {
    const found = await mistakesOf(worker({ strategy: canary({ stepWeights: [20, 21] }) }));
    expect(found).toEqual([expect.stringContaining('20 % and 21 % are both')]);
  });
});

test('a Service of the author’s may have the release’s name', async () => {
  const metrics = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'shop', annotations: { 'perch/tracks': 'both' } },
    spec: { selector: { app: 'shop' }, ports: [{ name: 'metrics', port: 9090 }] },
  };
  const rendered = await Testing.render(worker({ workload: workload(REPLICAS, metrics) }));
  expect(rendered.plan.steps[0]?.files).toContain('service-shop.yaml');
  expect(hasService(rendered.plan.shape)).toBe(false);
});
