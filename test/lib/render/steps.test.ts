import { Duration } from 'cdk8s';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  blueGreen,
  canary,
  istio,
  kubernetes,
  type ReleaseProps,
  type Rendered,
  ramped,
  render,
  steps,
  successRate,
} from '../../../lib/index.ts';
import { hashOf, isObject, type Json, objectAt } from '../../../lib/manifest/json.ts';
import { isManifest } from '../../../lib/manifest/manifest.ts';
import { parsePlan } from '../../../lib/plan/parse.ts';
import {
  DIGEST_ANNOTATION,
  lastStep,
  STEP_ANNOTATION,
  type Step,
  TRACK_LABEL,
} from '../../../lib/plan/plan.ts';
import { tries } from '../../tries.ts';
import {
  configMap,
  deployment,
  hpa,
  objectIn,
  type SampleObject,
  sample,
  workload,
} from '../sample.ts';

function textOf(rendered: Rendered, step: Step, file: string): string {
  const content = rendered.files.get(`steps/${step.name}/${file}`);
  if (content === undefined) throw new Error(`${step.name} lists ${file}, it is missing`);
  return Buffer.from(content).toString('utf8');
}

/** A file's object without what differs between steps by design. */
function unmarked(text: string): Json {
  const object: unknown = parse(text);
  if (!isManifest(object)) throw new Error('no object');
  const {
    [DIGEST_ANNOTATION]: _,
    [STEP_ANNOTATION]: __,
    ...annotations
  } = object.metadata.annotations ?? {};
  return { ...object, metadata: { ...object.metadata, annotations } };
}

const weight = fc.integer({ min: 1, max: 100 });
const strategies = fc
  .record({
    stepWeights: fc
      .uniqueArray(weight, { minLength: 1, maxLength: 8 })
      .map((it) => it.sort((a, b) => a - b)),
    stepWeightPromotion: fc.option(fc.integer({ min: 5, max: 100 }), { nil: undefined }),
  })
  .map(({ stepWeights, stepWeightPromotion }) =>
    canary(
      stepWeightPromotion === undefined ? { stepWeights } : { stepWeights, stepWeightPromotion },
    ),
  );
const CONTAINER = { name: 'main', image: 'a:1', envFrom: [{ configMapRef: { name: 'a' } }] };
const releases = fc
  .record({
    strategy: strategies,
    scaled: fc.boolean(),
    subsets: fc.boolean(),
    replicas: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ strategy, scaled, subsets, replicas }): Partial<ReleaseProps> => {
    const app = deployment({ containers: [CONTAINER] }, { spec: { replicas } });
    const made = scaled ? [app, hpa(), configMap('a')] : [app, configMap('a')];
    return { strategy, traffic: istio({ subsets }), workload: workload(...made) };
  });

test('any plan is one that the analyzer reads, and its files are those it lists', async () => {
  await fc.assert(
    fc.asyncProperty(releases, async (props) => {
      const { plan, files } = await render(sample(props));
      expect(parsePlan(String(files.get('plan.yaml')), 'plan.yaml')).toEqual(plan);
      const listed = plan.steps.flatMap((step) =>
        step.files.map((it) => `steps/${step.name}/${it}`),
      );
      expect([...files.keys()].sort()).toEqual(['PLAN.md', 'plan.yaml', ...listed].sort());
      expect(new Set(plan.steps.flatMap((it) => it.files))).toEqual(
        new Set(Object.keys(plan.files)),
      );
    }),
    { numRuns: tries(40) },
  );
});

test('weights in the routes are those of the step, and every step but init marks a route', async () => {
  await fc.assert(
    fc.asyncProperty(releases, async (props) => {
      const rendered = await render(sample(props));
      const { plan } = rendered;
      for (const step of plan.steps.slice(1)) {
        const route = objectIn(rendered, step.name, 'virtualservice-shop.yaml');
        expect(route.metadata.annotations?.[STEP_ANNOTATION]).toBe(
          `${plan.candidate}/${step.name}`,
        );
        const [http] = objectAt(route, 'spec').http as { route: { weight: number }[] }[];
        expect(http?.route.map((it) => it.weight)).toEqual([
          step.weights.primary,
          step.weights.canary,
        ]);
      }
      expect(plan.steps[0]?.files.filter((it) => plan.files[it]?.role === 'routing')).toEqual([]);
    }),
    { numRuns: tries(30) },
  );
});

test('all steps but the last, laid over each other, differ from the complete set only where they may', async () => {
  await fc.assert(
    fc.asyncProperty(releases, async (props) => {
      const rendered = await render(sample(props));
      const { plan } = rendered;
      const fold = new Map<string, string>();
      for (const step of plan.steps.slice(1, -1))
        for (const it of step.files) fold.set(it, textOf(rendered, step, it));
      const last = lastStep(plan);
      const complete = new Map(last.files.map((it) => [it, textOf(rendered, last, it)]));
      for (const [file, text] of complete) {
        if (plan.files[file]?.role === 'canary') continue;
        const before = fold.get(file);
        if (plan.files[file]?.role === 'routing')
          expect(unmarked(before ?? '')).toEqual(unmarked(text));
        else expect(before).toBe(text);
      }
      // What the last step removes belongs to the canary's track.
      for (const file of fold.keys())
        if (!complete.has(file)) expect(plan.files[file]?.role).toBe('canary');
    }),
    { numRuns: tries(40) },
  );
});

test('init is the complete set without the apex Service and the routes, byte for byte', async () => {
  const rendered = await render(
    sample({ workload: workload(deployment(), hpa(), configMap('a')) }),
  );
  const { plan } = rendered;
  const [init] = plan.steps;
  const last = lastStep(plan);
  if (init === undefined) throw new Error('no steps');
  const expected = last.files.filter(
    (it) => it !== 'service-shop.yaml' && plan.files[it]?.role !== 'routing',
  );
  expect(init.files).toEqual(expected);
  for (const it of expected) expect(textOf(rendered, init, it)).toBe(textOf(rendered, last, it));
});

test('a digest is the hash of the file without it, and never reaches the pods', async () => {
  const { files } = await render(
    sample({
      workload: workload(deployment({}, { metadata: { annotations: { a: 'b' } } }), configMap('a')),
    }),
  );
  for (const [path, content] of files) {
    if (!path.startsWith('steps/')) continue;
    const object: unknown = parse(String(content));
    if (!isManifest(object)) throw new Error(path);
    const { [DIGEST_ANNOTATION]: digest, ...annotations } = object.metadata.annotations ?? {};
    const { annotations: _, ...metadata } = object.metadata;
    const bare = Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
    expect(digest, path).toBe(hashOf({ ...object, metadata: bare }, 16));
    const spec = JSON.stringify(objectAt(object, 'spec'));
    expect(spec.replaceAll(TRACK_LABEL, '')).not.toContain('perch/');
  }
});

test('marks that an author wrote are ours to write', async () => {
  const marked = deployment(
    {},
    { metadata: { annotations: { 'perch/step': 'x', 'perch/digest': 'y' } } },
  );
  const rendered = await render(sample({ workload: workload(marked) }));
  const { annotations } = objectIn(
    rendered,
    '01-canary-up',
    'deployment-shop-canary.yaml',
  ).metadata;
  expect(annotations).toEqual({ [DIGEST_ANNOTATION]: expect.stringMatching(/^[0-9a-f]{16}$/) });
});

const WAIT = { kind: 'wait', seconds: 0 };

test('without checks each weight is kept for its bake time', async () => {
  const { plan } = await render(sample({ analysis: { bakeTime: Duration.minutes(5) } }));
  expect(plan.steps.flatMap((it) => it.checks)).toEqual([]);
  expect(plan.steps.map((it) => it.stay)).toEqual(
    [0, 0, 300, 300, 0, 0, 0].map((seconds) => ({ kind: 'wait', seconds })),
  );
});

test('every file says whose object it is', async () => {
  const { plan } = await render(
    sample({ workload: workload(deployment(), hpa(), configMap('a')) }),
  );
  const roles = Object.entries(plan.files).map(
    ([file, it]) => `${file.replace(/-[0-9a-f]{8}\./, '.')} ${it.role} ${it.asked}`,
  );
  expect(roles.sort()).toEqual([
    'configmap-a.yaml versioned true',
    'deployment-shop-canary.yaml canary true',
    'deployment-shop-primary.yaml primary true',
    'destinationrule-shop-canary.yaml routing true',
    'destinationrule-shop-primary.yaml routing true',
    'horizontalpodautoscaler-shop-canary.yaml canary true',
    'horizontalpodautoscaler-shop-primary.yaml primary true',
    'service-shop-canary.yaml configuration true',
    'service-shop-primary.yaml configuration true',
    'service-shop.yaml configuration true',
    'virtualservice-shop.yaml routing true',
  ]);
  expect(
    isObject(plan.files['virtualservice-shop.yaml']) &&
      plan.files['virtualservice-shop.yaml'].pointers,
  ).toEqual(['/spec/http']);
});

describe('a step writes what differs from the one before', () => {
  /** Files of each step between the first and the last by the step's name, without the hash of a name. */
  async function written(props: Partial<ReleaseProps>): Promise<Readonly<Record<string, string>>> {
    const { plan } = await render(sample(props));
    const short = (file: string) => file.replace('.yaml', '').replace(/-[0-9a-f]{8,10}$/, '-HASH');
    return Object.fromEntries(
      plan.steps.slice(1, -1).map((it) => [it.name, it.files.map(short).join(' ')]),
    );
  }

  const ROUTE = 'virtualservice-shop';
  const CANARY = 'deployment-shop-canary';
  const FIRST =
    'destinationrule-shop-canary destinationrule-shop-primary service-shop-canary service-shop-primary service-shop';

  function files(...all: readonly string[]): string {
    return all
      .flatMap((it) => it.split(' '))
      .sort()
      .join(' ');
  }

  test('the canary’s scale: its workload alone beside the routes', async () => {
    const list = steps([
      { setCanaryScale: { replicas: 2 } },
      { setWeight: 10 },
      { setCanaryScale: { percent: 50 } },
      { setWeight: 20 },
    ]);
    const all = await written({
      strategy: list,
      workload: workload(deployment({}, { spec: { replicas: 10 } })),
    });
    const sorted = Object.fromEntries(Object.entries(all).map(([name, it]) => [name, files(it)]));
    expect(sorted).toEqual({
      '01-canary-up': files(CANARY, FIRST, ROUTE),
      '02-weight-10': files(ROUTE),
      '03-scale-50-percent': files(CANARY, ROUTE),
      '04-weight-20': files(ROUTE),
      '05-promote': files('deployment-shop-primary', ROUTE),
      '06-weight-0': files(ROUTE),
    });
  });

  test('how many pods must be ready is said where an autoscaler rules and the scale differs', async () => {
    const list = steps([{ setWeight: 10 }, { setCanaryScale: { replicas: 1 } }, { setWeight: 20 }]);
    const of = { strategy: list, workload: workload(deployment(), hpa()) };
    const { plan } = await render(sample(of));
    expect(plan.workloads.canary?.minReplicas).toBe(2);
    expect(plan.steps.map((it) => [it.name, it.minReplicas?.canary])).toEqual([
      ['00-init', undefined],
      ['01-canary-up', undefined],
      ['02-weight-10', undefined],
      ['03-scale-1', 1],
      ['04-weight-20', 1],
      ['05-promote', 1],
      ['06-weight-0', 1],
      ['07-complete', undefined],
    ]);
    expect((await written(of))['03-scale-1']).toContain('horizontalpodautoscaler-shop-canary');
  });

  test('the baseline has the size of the canary beside it, and is as ready as that', async () => {
    const list = steps([
      { setCanaryScale: { replicas: 1 } },
      { setWeight: 10 },
      { baseline: true },
    ]);
    const release = (objects: readonly SampleObject[]) =>
      render(sample({ strategy: list, workload: workload(...objects) }));
    const sized = await release([deployment({}, { spec: { replicas: 5 } })]);
    const text = String(sized.files.get('as-stable/baseline/deployment-shop-baseline.yaml'));
    expect(parse(text).spec.replicas).toBe(1);
    const { plan } = await release([deployment(), hpa()]);
    expect(plan.workloads.baseline?.minReplicas).toBe(1);
    expect(plan.workloads.canary?.minReplicas).toBe(2);
  });

  test('the baseline: no file of a step, and a folder for the rollout after this one', async () => {
    const list = steps([{ setWeight: 10 }, { baseline: true }, { setWeight: 20 }]);
    const { plan, files: all } = await render(sample({ strategy: list }));
    expect(plan.baseline).toEqual(['deployment-shop-baseline.yaml', 'service-shop-baseline.yaml']);
    expect([...all.keys()].filter((it) => it.startsWith('as-stable/'))).toEqual(
      plan.baseline?.map((it) => `as-stable/baseline/${it}`),
    );
    expect(plan.steps.flatMap((it) => it.files).filter((it) => /baseline/.test(it))).toEqual([]);
    const running = plan.steps.filter((it) => it.baseline === true);
    expect(running.map((it) => it.name)).toEqual([
      '03-baseline-up',
      '04-baseline',
      '05-weight-20',
      '06-baseline-weight-0',
    ]);
    expect(plan.workloads.baseline?.file).toBe('deployment-shop-baseline.yaml');
    for (const it of plan.baseline ?? []) expect(plan.files[it]?.role).toBe('baseline');
  });

  test('a pause without a router: the canary’s workload carries the mark, and nothing else of it changes', async () => {
    const list = steps([{ setWeight: 50 }, { pause: Duration.minutes(1) }]);
    const rendered = await render(
      sample({
        strategy: list,
        traffic: kubernetes({ split: 'replicas' }),
        analysis: { bakeTime: Duration.minutes(1) },
        workload: workload(deployment({}, { spec: { replicas: 2 } })),
      }),
    );
    const { plan } = rendered;
    const marked = plan.steps.slice(1, -1).map((it) => {
      const object = objectIn(rendered, it.name, 'deployment-shop-canary.yaml');
      expect(object.metadata.annotations?.[STEP_ANNOTATION]).toBe(`${plan.candidate}/${it.name}`);
      return JSON.stringify(objectAt(object, 'spec', 'template'));
    });
    // Pods are made anew only when their template changes.
    expect(new Set(marked).size).toBe(1);
    const last = objectIn(rendered, plan.steps.at(-1)?.name ?? '', 'deployment-shop-canary.yaml');
    expect(last.metadata.annotations).not.toHaveProperty(STEP_ANNOTATION);
  });

  test('one track: the primary’s own workload carries the mark', async () => {
    const traffic = kubernetes({ split: 'replicas' });
    const analysis = { bakeTime: Duration.minutes(1) };
    const rendered = await render(sample({ strategy: ramped(), traffic, analysis }));
    const { plan } = rendered;
    const object = objectIn(rendered, '01-ramped', 'deployment-shop-primary.yaml');
    expect(object.metadata.annotations?.[STEP_ANNOTATION]).toBe(`${plan.candidate}/01-ramped`);
    expect(Object.keys(plan.files).filter((it) => it.includes('canary'))).toEqual([]);
  });

  test('the apex Service as a route is written by each step that switches, once', async () => {
    const analysis = { bakeTime: Duration.minutes(1) };
    const { plan } = await render(
      sample({ strategy: blueGreen(), traffic: kubernetes(), analysis }),
    );
    expect(plan.files['service-shop.yaml']).toMatchObject({
      role: 'routing',
      pointers: ['/spec/selector'],
    });
    for (const it of plan.steps.slice(1))
      expect(it.files.filter((file) => file === 'service-shop.yaml')).toHaveLength(1);
    expect(plan.steps[0]?.files).not.toContain('service-shop.yaml');
  });

  test('skipAnalysis: the same steps and files, that wait for nothing', async () => {
    const list = steps([{ setWeight: 10 }, { pause: 'until-approved' }]);
    const judged = await written({ strategy: list });
    expect(await written({ strategy: list, skipAnalysis: true })).toEqual(judged);
    const { plan } = await render(sample({ strategy: list, skipAnalysis: true }));
    for (const it of plan.steps)
      expect([it.checks, it.stay, it.gates, it.hooks, it.jobs]).toEqual([
        [],
        { kind: 'wait', seconds: 0 },
        undefined,
        undefined,
        undefined,
      ]);
  });

  test('two roots: what a mesh reads and all the rest, in every folder', async () => {
    const list = steps([{ setWeight: 10 }, { baseline: true }]);
    const { plan, files: all } = await render(
      sample({ strategy: list, roots: 'mesh-and-workload' }),
    );
    for (const [file, { kind }] of Object.entries(plan.files))
      expect(file.split('/')[0]).toBe(
        /VirtualService|DestinationRule/.test(kind) ? 'mesh' : 'workload',
      );
    expect(plan.workloads.canary?.file).toBe('workload/deployment-shop-canary.yaml');
    expect([...all.keys()]).toContain('as-stable/baseline/workload/deployment-shop-baseline.yaml');
    expect(parsePlan(String(all.get('plan.yaml')), 'plan.yaml')).toEqual(plan);
    expect(new Set(plan.steps.slice(2, 4).flatMap((it) => it.files))).toEqual(
      new Set(['mesh/virtualservice-shop.yaml']),
    );
  });
});

test('points are those of the step, else those of the bake time', async () => {
  const analysis = {
    checkPeriod: Duration.seconds(10),
    bakeTime: Duration.minutes(2),
    checks: [successRate({ min: 99 })],
  };
  const { plan } = await render(
    sample({ strategy: blueGreen({ iterations: 3 }), traffic: istio(), analysis }),
  );
  expect(plan.steps.map((it) => [it.name, it.stay])).toEqual([
    ['00-init', WAIT],
    ['01-canary-up', WAIT],
    ['02-preview', { kind: 'bake', seconds: 30 }],
    ['03-switch', { kind: 'bake', seconds: 120 }],
    ['04-promote', { kind: 'guard', points: 1 }],
    ['05-switch-back', WAIT],
    ['06-complete', WAIT],
  ]);
});
