import { Duration } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import {
  canary,
  compare,
  latency,
  type ReleaseProps,
  render,
  rollout,
  successRate,
} from '../../../lib/index.ts';
import { describeSteps, durationText, times, uncheckedText } from '../../../lib/plan/describe.ts';
import { sample } from '../sample.ts';

const { plan } = await render(
  sample({
    strategy: canary({ stepWeights: [20, 50] }),
    analysis: {
      checkPeriod: Duration.seconds(30),
      bakeTime: Duration.seconds(100),
      settleTime: Duration.seconds(10),
      threshold: 3,
      progressDeadline: Duration.seconds(200),
      syncInterval: Duration.seconds(7),
      checks: [successRate({ min: 99, window: Duration.minutes(2) })],
    },
  }),
);

test('the rows of the table', () => {
  expect(describeSteps(plan)).toEqual([
    {
      step: '00-init',
      weights: '100 / 0',
      writes: 'first release only: 4 files, nothing routed yet',
      bake: '–',
      gate: 'live; primary ready',
    },
    {
      step: '01-canary-up',
      weights: '100 / 0',
      writes:
        'Deployment shop-canary, DestinationRule shop-canary, DestinationRule shop-primary and 4 more',
      bake: '–',
      gate: 'live; canary and primary ready',
    },
    {
      step: '02-weight-20',
      weights: '80 / 20',
      writes: 'VirtualService shop',
      bake: '1 min 40 s',
      gate: 'live; canary and primary ready; 4 passing points of success-rate',
    },
    {
      step: '03-weight-50',
      weights: '50 / 50',
      writes: 'VirtualService shop',
      bake: '1 min 40 s',
      gate: 'live; canary and primary ready; 4 passing points of success-rate',
    },
    {
      step: '04-promote',
      weights: '50 / 50',
      writes: 'Deployment shop-primary, VirtualService shop',
      bake: '–',
      gate: 'live; primary and canary ready; guarded by success-rate',
    },
    {
      step: '05-weight-0',
      weights: '100 / 0',
      writes: 'VirtualService shop',
      bake: '–',
      gate: 'live; primary ready',
    },
    {
      step: '06-complete',
      weights: '100 / 0',
      writes: 'the steady state, exactly: 8 files',
      bake: '–',
      gate: 'none: the rollout is over',
    },
  ]);
});

test('the times, by hand', () => {
  // The fourth point lies 120 + 10 + 3 · 30 s after a step is live, and is judged 10 s later.
  const step = 120 + 10 + 3 * 30 + 10;
  const guard = 120 + 10 + 10;
  expect(times(plan)).toEqual({
    // One point must pass in the promotion, which is guarded.
    promoteMinSeconds: 2 * step + guard,
    // Six commits to sync, two starts, two failed points that are not yet too many.
    promoteWorstSeconds: 2 * step + guard + 6 * 7 + 2 * 200 + 2 * 30,
    // Third failed point of the grid that begins one period after the commit.
    rollbackMinSeconds: 3 * 30 + 10,
    // A window to fill and a point just missed; then the primary's rollback, and two commits to sync.
    rollbackWorstSeconds: 3 * 30 + 10 + 120 + 30 + 200 + 2 * 7,
  });
});

test('without checks each weight waits for its bake time, and only a deadline leads back', async () => {
  const analysis = {
    bakeTime: Duration.seconds(30),
    progressDeadline: Duration.seconds(50),
    syncInterval: Duration.seconds(1),
    checks: [],
  };
  const bare = (await render(sample({ analysis }))).plan;
  expect(describeSteps(bare)[2]?.gate).toBe('live; canary and primary ready; 30 s old');
  expect(times(bare)).toEqual({
    promoteMinSeconds: 2 * 30,
    promoteWorstSeconds: 2 * 30 + 6 + 2 * 50,
    rollbackMinSeconds: 0,
    rollbackWorstSeconds: 50 + 50 + 2,
  });
});

test('what only reports takes nothing back, so the times do not know its threshold', async () => {
  const of = async (...checks: ReturnType<typeof successRate>[]) =>
    times((await render(sample({ analysis: { checks } }))).plan);
  const dry = successRate({ name: 'dry', min: 99, threshold: 1, abort: { min: 90 }, dryRun: true });
  const deciding = successRate({ min: 99 });
  expect(await of(deciding, dry)).toEqual(await of(deciding));
  expect(await of(dry)).toMatchObject({ rollbackMinSeconds: 0 });
});

test.each([
  [0, '0 s'],
  [59, '59 s'],
  [60, '1 min'],
  [3661, '1 h 1 min 1 s'],
  [86_400, '24 h'],
])('%i seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

test('a release without any check says so, and what judges the candidate instead', async () => {
  const hook = { url: 'https://load.example.com/', name: 'load' };
  const said = async (props: Partial<ReleaseProps>) =>
    uncheckedText((await render(sample(props))).plan);
  expect(await said({})).toBeUndefined();
  expect(await said({ analysis: { checks: [] } })).toBe(
    'no check judges the candidate, only its readiness',
  );
  expect(await said({ skipAnalysis: true })).toBe(
    'no check judges the candidate, only its readiness',
  );
  expect(await said({ analysis: { checks: [] }, hooks: [rollout(hook)] })).toBe(
    'no check judges the candidate, only its readiness and hook load',
  );
});

test('a check’s own threshold and its abort bounds change how soon a rollback begins', () => {
  const [check] = plan.checks;
  if (check === undefined) throw new Error('expected a check');
  const only = (more: object) => times({ ...plan, checks: [{ ...check, ...more }] });
  const { rollbackMinSeconds: least, rollbackWorstSeconds: worst } = times(plan);
  // Three failed checks, one every 30 s; or one, or five of its own.
  expect(only({ threshold: 1 })).toMatchObject({
    rollbackMinSeconds: least - 60,
    rollbackWorstSeconds: worst - 60,
  });
  expect(only({ threshold: 5 }).rollbackWorstSeconds).toBe(worst + 60);
  // A guard period and the settle time; what lies between both bounds takes as long as before.
  expect(only({ abort: { min: 90 } })).toMatchObject({
    rollbackMinSeconds: 5 + 10,
    rollbackWorstSeconds: worst,
  });
});

describe('with tests of evidence', () => {
  const tested = (analysis: ReleaseProps['analysis']) =>
    render(
      sample({
        strategy: canary({ stepWeights: [20, 50] }),
        analysis: { bakeTime: Duration.seconds(60), settleTime: Duration.seconds(15), ...analysis },
      }),
    );
  const checks = [compare.errorRate()];

  test('times have what it takes at the requests that are expected', async () => {
    const { plan, files } = await tested({ checks, evidence: { requestsPerSecond: 100 } });
    // 2,498 requests at 20 a second, and 4,996 at 50: 125 and 100 s, in intervals of 15 s that settle for 15 s.
    expect(times(plan).promoteMinSeconds).toBe(135 + 15 + (105 + 15));
    const { plan: idle } = await tested({ checks: [] });
    const more = times(plan).promoteWorstSeconds - times(idle).promoteWorstSeconds;
    expect(more).toBe(135 + 15 + 15 + (105 + 15 + 15) - 2 * 60);
    expect(files.get('PLAN.md')).not.toContain('What evidence takes');
  });

  test.each([
    [undefined, /30 min without proof a person decides/],
    ['back', /30 min without proof the release rolls back/],
  ] as const)(
    'a rate that never suffices is told, and what comes of it: %s',
    async (onInconclusive, expected) => {
      const pageOf = async (requestsPerSecond: number) => {
        const it = await tested({ checks, onInconclusive, evidence: { requestsPerSecond } });
        return String(it.files.get('PLAN.md'));
      };
      const slow = await pageOf(2);
      expect(slow).toContain('At that rate 02-weight-20, 03-weight-50 cannot be left in time');
      expect(slow).toMatch(expected);
      expect(await pageOf(6)).toContain('At that rate 02-weight-20 cannot be left in time');
      expect(await pageOf(100)).not.toContain('cannot be left in time');
    },
  );

  test('dry runs are waited for by nobody, and the gate does not name them', async () => {
    const gateOf = async (all: Parameters<typeof tested>[0]) =>
      describeSteps((await tested(all)).plan).find((it) => it.step === '02-weight-20')?.gate;
    const dry = [
      compare.latency({ dryRun: true }),
      latency({ max: Duration.millis(500), dryRun: true }),
    ];
    expect(await gateOf({ checks: [...checks, successRate({ min: 99 }), ...dry] })).toMatch(
      /1 passing point of success-rate; evidence of error-rate$/,
    );
    expect(await gateOf({ checks: dry })).toMatch(
      /1 passing point of latency-p99 \(dry run\); evidence of latency \(dry run\)$/,
    );
  });

  test('times say that they lack it where nobody says how many there are', async () => {
    const { plan, files } = await tested({ checks });
    expect(times(plan).promoteMinSeconds).toBe(2 * 60);
    expect(files.get('PLAN.md')).toContain('What evidence takes depends on the requests');
  });

  test('a least bake time is in the table, in the gate and in the least time', async () => {
    const { plan } = await tested({
      checks: [...checks, successRate({ min: 99 })],
      checkPeriod: Duration.seconds(30),
      bakeTime: Duration.minutes(10),
      leastBakeTime: Duration.minutes(1),
      evidence: { requestsPerSecond: 1000 },
    });
    const row = describeSteps(plan).find((it) => it.step === '02-weight-20');
    expect(row?.bake).toBe('1 min to 10 min');
    expect(row?.gate).toContain(
      '20 passing points of success-rate, or 2 once the next step is proved safe; evidence of error-rate',
    );
    // A window, twice the settle time, and one period; the promotion has one point.
    expect(times(plan).promoteMinSeconds).toBe(2 * (60 + 2 * 15 + 30) + 60 + 2 * 15);
  });

  test('a least bake time needs tests, and is no longer than the bake time', async () => {
    const least = { leastBakeTime: Duration.minutes(1) };
    await expect(tested({ ...least, checks: [successRate({ min: 99 })] })).rejects.toThrow(
      'analysis.leastBakeTime is for steps that tests end early',
    );
    await expect(tested({ ...least, checks, bakeTime: Duration.seconds(30) })).rejects.toThrow(
      'analysis.leastBakeTime is over the bake time',
    );
  });
});

test('a warm-up is part of the gate and of the times of steps that start something, and of no others', async () => {
  const analysis = { checks: [successRate({ min: 99 })], bakeTime: Duration.seconds(60) };
  const strategy = canary({ stepWeights: [20, 50] });
  const { plan: usual } = await render(sample({ strategy, analysis }));
  const warmUp = Duration.seconds(90);
  const { plan: warm } = await render(sample({ strategy, analysis: { ...analysis, warmUp } }));
  const gates = describeSteps(warm).map((it) => it.gate.includes('; warm for 1 min 30 s; '));
  expect(gates).toEqual([false, false, true, false, true, false, false]);
  // The first requests, and the pods of the promotion.
  expect(times(warm).promoteMinSeconds - times(usual).promoteMinSeconds).toBe(2 * 90);
});
