import { describe, expect, test } from 'vitest';
import {
  blueGreen,
  canary,
  Duration,
  job,
  kubernetes,
  type ReleaseProps,
  recreate,
  render,
} from '../../../lib/index.ts';
import { objectAt } from '../../../lib/manifest/json.ts';
import { withJobSteps } from '../../../lib/release/jobs.ts';
import {
  configMap,
  deployment,
  mistakesOf,
  objectIn,
  type SampleObject,
  sample,
  workload,
} from '../sample.ts';

function tests(name = 'tests', spec: object = {}, labels: object = { app: 'tests' }): SampleObject {
  const pod = { restartPolicy: 'Never', containers: [{ name: 'main', image: 'tests:1' }] };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { backoffLimit: 0, template: { metadata: { labels }, spec: pod }, ...spec },
  };
}

function release(objects: readonly SampleObject[], props: Partial<ReleaseProps> = {}) {
  return sample({
    workload: workload(deployment(), ...objects),
    jobs: [job('tests', { before: 'traffic' })],
    ...props,
  });
}

describe('where a Job runs', () => {
  const names = (...jobs: Parameters<typeof withJobSteps>[1]) =>
    withJobSteps(canary({ stepWeights: [20] }).steps(), jobs).map((it) => it.name);

  test('before the first traffic, and before the promotion', () => {
    expect(names(job('a', { before: 'traffic' }), job('b', { before: 'promotion' }))).toEqual([
      'init',
      'canary-up',
      'job-a',
      'weight-20',
      'job-b',
      'promote',
      'weight-0',
      'complete',
    ]);
  });

  test('several, one after the other, in the order in which they are named', () => {
    const all = names(job('b', { before: 'traffic' }), job('a', { before: 'traffic' }));
    expect(all.slice(1, 5)).toEqual(['canary-up', 'job-b', 'job-a', 'weight-20']);
  });

  test('without traffic for a canary, before the promotion', () => {
    const all = withJobSteps(recreate().steps(), [job('a', { before: 'traffic' })]);
    expect(all.map((it) => it.name)).toEqual(['init', 'job-a', 'recreate', 'complete']);
  });

  test('everything else stands as in the step before it', () => {
    const all = withJobSteps(canary({ stepWeights: [20] }).steps(), [
      job('a', { before: 'traffic' }),
      job('b', { before: 'promotion' }),
    ]);
    const [up, a, to20, b] = all.slice(1, 5);
    const same = ({ traffic, primary, canary: scale, ready }: (typeof all)[number]) => ({
      traffic,
      primary,
      scale,
      ready,
    });
    for (const [it, before] of [
      [a, up],
      [b, to20],
    ] as const) {
      if (it === undefined || before === undefined) throw new Error('a step is missing');
      expect(same(it)).toEqual(same(before));
      expect(it.phase).toBe('Progressing');
    }
    // Who already has users is guarded meanwhile.
    expect([a?.checks, b?.checks]).toEqual(['none', 'guard']);
  });

  test('a strategy without a promotion has no place for one', () => {
    const drafts = canary({ stepWeights: [20] })
      .steps()
      .filter((it) => it.phase !== 'Promoting');
    expect(withJobSteps(drafts, [job('a', { before: 'promotion' })])).toEqual(drafts);
  });
});

describe('a Job in a plan', () => {
  test('is a file of its step alone, that the step waits for', async () => {
    const rendered = await render(release([tests()]));
    const { plan } = rendered;
    const [file] = Object.entries(plan.files)
      .filter(([, it]) => it.role === 'job')
      .map(([it]) => it);
    if (file === undefined) throw new Error('there is no Job');
    expect(file).toMatch(/^job-tests-[0-9a-f]{10}\.yaml$/);
    expect(plan.files[file]).toMatchObject({ kind: 'Job', asked: true });
    expect(plan.steps.filter((it) => it.files.includes(file)).map((it) => it.name)).toEqual([
      '02-job-tests',
    ]);
    expect(plan.steps.flatMap((it) => it.jobs ?? [])).toEqual([file]);
  });

  test('is named by candidate and content: another of either is another Job', async () => {
    const name = async (spec: object, image: string) => {
      const pods = deployment({
        containers: [{ name: 'main', image, ports: [{ name: 'http', containerPort: 8080 }] }],
      });
      const { plan } = await render(
        sample({
          workload: workload(pods, tests('tests', spec)),
          jobs: [job('tests', { before: 'traffic' })],
        }),
      );
      return Object.values(plan.files).find((it) => it.role === 'job')?.name;
    };
    const first = await name({}, 'shop:1');
    expect(await name({}, 'shop:1')).toBe(first);
    expect(await name({ backoffLimit: 3 }, 'shop:1')).not.toBe(first);
    expect(await name({}, 'shop:2')).not.toBe(first);
  });

  test('reads the ConfigMaps of the candidate', async () => {
    const pod = {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: 'tests:1', envFrom: [{ configMapRef: { name: 'a' } }] }],
    };
    const template = { metadata: { labels: { app: 'tests' } }, spec: pod };
    const rendered = await render(release([tests('tests', { template }), configMap('a')]));
    const file = rendered.plan.steps[2]?.jobs?.[0] ?? '';
    const object = objectIn(rendered, '02-job-tests', file);
    expect(JSON.stringify(objectAt(object, 'spec', 'template', 'spec'))).toMatch(
      /"name":"a-[0-9a-f]{8}"/,
    );
  });

  test('is left out with skipAnalysis, and is no mistake then', async () => {
    const { plan } = await render(release([tests()], { skipAnalysis: true }));
    expect(plan.steps.map((it) => it.name)).not.toContain('02-job-tests');
  });

  test('runs before a switch, too', async () => {
    const strategy = blueGreen({ iterations: 2 });
    const { plan } = await render(
      release([tests()], {
        strategy,
        traffic: kubernetes(),
        analysis: { bakeTime: Duration.minutes(1) },
      }),
    );
    const at = plan.steps.findIndex((it) => (it.jobs ?? []).length > 0);
    expect(plan.steps.slice(0, at + 1).every((it) => it.weights.canary === 0)).toBe(true);
    expect(plan.steps[at + 1]?.weights.canary).toBe(100);
  });
});

describe('what is wrong with a Job', () => {
  test.each<[string, () => ReturnType<typeof release>, RegExp]>([
    [
      'nobody makes it',
      () => release([]),
      /a step waits for a Job that the workload does not make.*makes none/s,
    ],
    [
      'nobody waits for it',
      () => release([tests()], { jobs: [] }),
      /no step waits for Job tests.*before: 'traffic'/s,
    ],
    [
      'two wait for it',
      () =>
        release([tests()], {
          jobs: [job('tests', { before: 'traffic' }), job('tests', { before: 'promotion' })],
        }),
      /two steps wait for one Job, which runs once/,
    ],
    [
      'it goes away',
      () => release([tests('tests', { ttlSecondsAfterFinished: 60 })]),
      /ttlSecondsAfterFinished of Job tests.*run it again/s,
    ],
    [
      'it never runs',
      () => release([tests('tests', { suspend: true })]),
      /spec\.suspend of Job tests/,
    ],
    [
      'users reach it',
      () => release([tests('tests', {}, { app: 'shop', 'perch/track': 'primary', tier: 'web' })]),
      /the pod labels of Job tests.*requests of users/s,
    ],
  ])('%s', async (_, make, expected) => {
    expect((await mistakesOf(make())).join('\n')).toMatch(expected);
  });
});
