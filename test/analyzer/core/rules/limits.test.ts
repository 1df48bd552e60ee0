import { describe, expect, test } from 'vitest';
import { detailText } from '../../../../analyzer/commands/status-detail.ts';
import { detailOf } from '../../../../analyzer/core/detail.ts';
import type { PlanTree } from '../../../../analyzer/core/position.ts';
import { contextOf } from '../../../../analyzer/core/rules/decide.ts';
import type { Situation } from '../../../../analyzer/core/situation.ts';
import { isoTime, type StepRecord } from '../../../../analyzer/core/state.ts';
import type { Check } from '../../../../lib/plan/plan.ts';
import { warmUpSecondsOf } from '../../../../lib/plan/warm-up.ts';
import {
  back,
  bounded,
  decision,
  liveSince,
  move,
  moved,
  observation,
  plan,
  rollout,
  type Seen,
  situation,
  step,
  T0,
} from '../fixture.ts';
import { counted, errorTest, evidence, tested } from '../judge/counted.ts';

/** The simulated plans': a point each 10 s, settled after 5 s, a threshold of 3. */
const NOW = T0 + 36;

const FLAKY: Check = { ...bounded('flaky', { max: 5 }), threshold: 4 };
const BRITTLE: Check = { ...bounded('brittle', { max: 5 }), threshold: 1 };
const ABORTING: Check = { ...bounded('aborting', { min: 99 }), abort: { min: 90 }, unit: '%' };

function withChecks(...checks: readonly Check[]): PlanTree {
  const names = checks.map((it) => it.name);
  const steps = { '02-weight-20': { checks: names }, '03-weight-50': { checks: names } };
  return plan('v2', { checks: [...bounds(), ...checks], steps });
}

function bounds(): readonly Check[] {
  return plan('v2').plan.checks;
}

function at(of: PlanTree, left: Partial<StepRecord> = {}): Situation {
  const record = { name: '01-canary-up', at: isoTime(T0 - 100), until: isoTime(T0) };
  const steps = [{ ...record, failedChecks: 0, ...left }];
  return situation({ position: step('02-weight-20'), plan: of, state: { steps } });
}

const bad: Seen = { values: () => 80, live: liveSince(T0) };

describe('a threshold of a check', () => {
  test('that is higher than the release’s holds back what only that check fails', () => {
    const it = decision(at(withChecks(FLAKY)), NOW, bad);
    expect(it.kind).toBe('hold');
    expect(it.reason).toMatch(/^flaky 80 > 5 \(failed check 3 of 4 of its own\)/);
  });

  test('that is lower takes the release back sooner', () => {
    expect(move(at(withChecks(BRITTLE)), T0 + 16, bad)).toMatchObject({
      to: back('02-weight-20', 'routes'),
      verdict: 'fail',
      reason: '1 failed check of brittle at 02-weight-20 (threshold 1 of its own)',
    });
  });

  test('counts over the whole rollout, from what the state keeps', () => {
    const before = at(withChecks(FLAKY), { failedBy: { flaky: 3 } });
    const back = move(before, T0 + 16, bad);
    expect(back.reason).toBe('4 failed checks of flaky at 02-weight-20 (threshold 4 of its own)');
    const { state } = moved(before, back, T0 + 16);
    expect(state.kind === 'known' && state.value.steps.at(-1)).toMatchObject({
      failedChecks: 0,
      failedBy: { flaky: 1 },
    });
    const text = detailText(detailOf(before), T0);
    expect(text).toMatch(/01-canary-up at \S+, with 0 failed checks, and 3 of flaky$/m);
  });

  test.each([
    [BRITTLE, T0 + 16, 'move'],
    [FLAKY, T0 + 36, 'hold'],
    [FLAKY, T0 + 46, 'move'],
  ] as const)(
    'is the one that counts where the canary suffers more from an outage: $0.threshold',
    (check, now, kind) => {
      const outage: Seen = { values: () => 80, primaryValues: () => 6, live: liveSince(T0) };
      const found = decision(at(withChecks(check)), now, outage);
      expect(found.kind).toBe(kind);
      if (kind === 'move')
        expect(found).toMatchObject({ verdict: 'inconclusive', failed: undefined });
    },
  );

  test('counts nothing in a dry run', () => {
    const dry: Check = { ...BRITTLE, dryRun: true };
    expect(decision(at(withChecks(dry)), T0 + 16, bad).kind).toBe('hold');
  });

  test('counts a point at which another check fails as well for both', () => {
    const both = withChecks(bounded('other', { max: 5 }), FLAKY);
    const reason = decision(at(both), T0 + 16, bad).reason;
    expect(reason).toBe(
      'other 80 > 5 (failed check 1 of 3), flaky 80 > 5 (failed check 1 of 4 of its own)',
    );
  });
});

describe('an abort bound', () => {
  const once =
    (value: number, when = T0 + 21) =>
    (time: number) =>
      Math.abs(time - when) < 3 ? value : 99.9;
  const guarded = plan('v2', {
    checks: [...bounds(), ABORTING],
    steps: { '02-weight-20': { checks: ['aborting'] } },
    analysis: { guardSeconds: 2 },
  });

  test('takes the release back for one settled value, whatever the threshold', () => {
    const it = move(at(guarded), T0 + 28, { values: once(80), live: liveSince(T0) });
    expect(it).toMatchObject({
      verdict: 'fail',
      reason: 'aborting 80 % < 90 %, an abort bound, at 02-weight-20',
    });
  });

  test('is held against a value each guard period, between two check points', () => {
    const between = { values: once(80, T0 + 25), live: liveSince(T0) };
    expect(decision(at(guarded), T0 + 28, between).kind).toBe('hold');
    expect(decision(at(guarded), T0 + 29, between).kind).toBe('move');
  });

  test('lets a value between both bounds count as a failed check', () => {
    const it = decision(at(guarded), T0 + 26, {
      values: once(95, T0 + 20),
      live: liveSince(T0),
    });
    expect(it).toMatchObject({
      kind: 'hold',
      reason: 'aborting 95 % < 99 % (failed check 1 of 3)',
    });
  });

  test('that the primary is beyond as well is the environment’s', () => {
    const seen = { values: once(80), primaryValues: once(70), live: liveSince(T0) };
    expect(decision(at(guarded), T0 + 28, seen).kind).toBe('hold');
  });

  test('that the primary fails less is the candidate’s', () => {
    const seen = { values: once(80), primaryValues: once(98), live: liveSince(T0) };
    expect(decision(at(guarded), T0 + 28, seen).kind).toBe('move');
  });

  test('counts before the step is live, and while the release is paused', () => {
    const paused = at(guarded);
    const state = paused.state.kind === 'known' ? paused.state.value : undefined;
    const held = situation({
      position: step('02-weight-20'),
      plan: guarded,
      state: { ...state, paused: { reason: 'lunch' } },
    });
    const live = { kind: 'waiting', reason: 'not synced' } as const;
    expect(move(held, T0 + 28, { values: once(80), live }).transition).toBe('back');
  });

  test('says nothing in a dry run', () => {
    const checks = [...bounds(), { ...ABORTING, dryRun: true as const }];
    const dry = plan('v2', { checks, steps: { '02-weight-20': { checks: ['aborting'] } } });
    expect(decision(at(dry), T0 + 28, { values: once(80), live: liveSince(T0) }).kind).toBe('hold');
  });

  test('that NaN is asked about says nothing', () => {
    const seen = { values: once(Number.NaN), live: liveSince(T0) };
    expect(decision(at(guarded), T0 + 28, seen).kind).toBe('hold');
  });
});

function countedAt(now: number, seen: Seen): number {
  const of = at(plan('v2'));
  return contextOf(observation(of, now, seen), rollout(of), now).failedChecks;
}

describe('a point that fails on either grid counts, and each moment once', () => {
  // Live since 7 s after the commit: its grid has points at 42, 52, 62; that of the commit at 40, 50, 60.
  const live = liveSince(T0 + 7);
  const failing =
    (...when: readonly number[]) =>
    (time: number) =>
      when.includes(time - T0) ? 80 : 99.9;
  const failed = (now: number, ...when: readonly number[]) => {
    const it = decision(at(plan('v2')), T0 + now, { values: failing(...when), live });
    return it.kind === 'hold' ? /failed check (\d)/.exec(it.reason)?.[1] : 'back';
  };

  test.each([
    ['on the grid from live alone', [52], '1'],
    ['on the grid from the commit alone', [50], '1'],
    ['on both within a check period', [50, 52], '1'],
    ['on both, a check period apart', [40, 52], '2'],
    ['all the time: once each check period', [40, 42, 50, 52], '2'],
  ] as const)('%s: %j', (_, when, count) => {
    const now = Math.max(...when) + 5;
    expect(failed(now, ...when)).toBe(count);
  });

  test('the threshold is reached by points of the grid from live', () => {
    expect(failed(57 + 9, 42, 52)).not.toBe('back');
    expect(failed(57 + 10, 42, 52, 62)).toBe('back');
  });

  test('what an analyzer that starts later finds is the same', () => {
    const seen = { values: failing(42, 50, 52), live };
    const counts = [58, 59, 60].map((now) => countedAt(T0 + now, seen));
    expect(counts).toEqual([2, 2, 2]);
  });

  test('what the primary fails as well on the grid from live counts for nobody', () => {
    const values = failing(52);
    const it = decision(at(plan('v2')), T0 + 57, { values, primaryValues: values, live });
    expect(it.reason).toMatch(/1 failed check is not the candidate's; it bakes again$/);
  });
});

describe('while a step warms up', () => {
  const warm = (more: object = {}) =>
    plan('v2', {
      checks: [...bounds(), ABORTING],
      steps: { '02-weight-20': { checks: ['success-rate', 'aborting'] } },
      analysis: { warmUpSeconds: 60, ...more },
    });
  const cold = (until: number) => (time: number) => (time <= T0 + until ? 95 : 99.9);
  // Live at once: windows of 30 s begin after 60 s, so the first point is 95 s after the commit.
  const live = liveSince(T0);

  test('no failed point counts, and none after it whose window reaches into it', () => {
    for (const now of [30, 60, 90])
      expect(decision(at(warm()), T0 + now, { values: cold(89), live })).toMatchObject({
        kind: 'hold',
        reason: '0 of 3 checks passed',
      });
    expect(move(at(warm()), T0 + 120, { values: cold(89), live })).toMatchObject({
      transition: 'next',
    });
  });

  test('what fails later counts as ever', () => {
    expect(move(at(warm()), T0 + 116, { values: cold(999), live }).transition).toBe('back');
  });

  test('nothing counts before the step is live', () => {
    const waiting = { kind: 'waiting', reason: 'not synced' } as const;
    const it = decision(at(warm()), T0 + 300, { values: cold(999), live: waiting });
    expect(it.reason).toBe('02-weight-20 is not live yet: not synced');
  });

  test.each(['tests', 'checks'] as const)(
    'for longer than the inconclusive deadline, no answer of %s is missing',
    (which) => {
      const error = errorTest();
      const analysis = { warmUpSeconds: 600, inconclusiveDeadlineSeconds: 300 };
      const of =
        which === 'checks'
          ? at(warm(analysis))
          : at(tested(evidence([error]), ['02-weight-20'], { analysis }));
      const dark: Seen = {
        values: () => undefined,
        live,
        counts: which === 'checks' ? [] : [counted(rollout(of), error, [])],
      };
      for (const now of [310, 599, 700, 899])
        expect([now, decision(of, T0 + now, dark).kind]).toEqual([now, 'hold']);
      expect(decision(of, T0 + 901, dark)).toMatchObject({
        kind: 'move',
        transition: 'note',
        reason: expect.stringMatching(/^no conclusive answer for 301 s/),
      });
    },
  );

  test('an abort bound holds all the same', () => {
    expect(move(at(warm()), T0 + 30, { values: () => 80, live }).transition).toBe('back');
  });

  test('a step that starts nothing and is not the first with requests has none', () => {
    expect(warmUpSecondsOf(warm().plan, '02-weight-20')).toBe(60);
    expect(warmUpSecondsOf(warm().plan, '03-weight-50')).toBe(0);
    expect(warmUpSecondsOf(warm().plan, '01-canary-up')).toBe(60);
    expect(warmUpSecondsOf(plan('v2').plan, '01-canary-up')).toBe(0);
  });
});
