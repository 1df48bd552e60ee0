import { Duration } from 'cdk8s';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { canary, istio, type ReleaseProps, type Rendered, render } from '../../lib/index.ts';
import { hashOf, isObject, type Json, objectAt } from '../../lib/json.ts';
import { parsePlan } from '../../lib/plan/parse.ts';
import { DIGEST_ANNOTATION, lastStep, STEP_ANNOTATION, type Step } from '../../lib/plan/plan.ts';
import { isManifest } from '../../lib/workload.ts';
import { configMap, deployment, hpa, objectIn, sample, workload } from './sample.ts';

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
    { numRuns: 40 },
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
    { numRuns: 30 },
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
    { numRuns: 40 },
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
    expect(JSON.stringify(objectAt(object, 'spec'))).not.toContain('perch/');
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

test('without checks each weight is kept for its bake time', async () => {
  const { plan } = await render(sample({ analysis: { bakeTime: Duration.minutes(5) } }));
  expect(plan.steps.flatMap((it) => it.checks)).toEqual([]);
  expect(plan.steps.map((it) => it.bakeSeconds)).toEqual([0, 0, 300, 300, 0, 0, 0]);
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
