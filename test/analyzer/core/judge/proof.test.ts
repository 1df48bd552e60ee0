import { describe, expect, test } from 'vitest';
import type { TestCounts } from '../../../../analyzer/core/judge/counts.ts';
import {
  comparisonIncrements,
  WORSE_RATIOS,
} from '../../../../analyzer/core/judge/evidence/comparison.ts';
import { type Proof, prove } from '../../../../analyzer/core/judge/proof.ts';
import { saidOf, testLine } from '../../../../analyzer/core/judge/proof-text.ts';
import { recordOf } from '../../../../analyzer/core/judge/weighing.ts';
import type { Rollout } from '../../../../analyzer/core/situation.ts';
import { isoTime } from '../../../../analyzer/core/state.ts';
import type { Evidence, Test } from '../../../../lib/plan/evidence.ts';
import type { Stay } from '../../../../lib/plan/plan.ts';
import {
  bounded,
  decision,
  liveSince,
  move,
  moved,
  rollout,
  situation,
  stateOf,
  step,
  T0,
} from '../fixture.ts';
import {
  type Counts,
  counted,
  errorTest,
  evidence,
  GOLDEN,
  latencyTest,
  tested,
} from './counted.ts';

const LIVE = liveSince(T0);
/** Before the deadline of undecided tests. */
const LATER = T0 + 290;

function at(name: string, of: Evidence, steps?: readonly string[]) {
  const left = { name: '01-canary-up', at: isoTime(T0 - 60), until: isoTime(T0), failedChecks: 0 };
  return situation({ position: step(name), plan: tested(of, steps), state: { steps: [left] } });
}

function proofOf(of: Rollout, counts: readonly TestCounts[], live = LIVE): Proof {
  const it = prove(of, counts, live);
  if (it === undefined) throw new Error('no test is weighed');
  return it;
}

/** Good intervals of an hour at 20 requests a second, a fifth of them the canary's. */
const quiet = (count: number): Counts[] => Array.from({ length: count }, () => [60, 0, 240, 0]);
const failing = (count: number): Counts[] => Array.from({ length: count }, () => [60, 30, 240, 0]);

test('the evidence of harm is the mean over all starts and ratios, as a direct sum has it', () => {
  const it = errorTest();
  const of = rollout(at('02-weight-20', evidence([it]), ['02-weight-20']));
  const margin = { relative: 1.5, absolute: 0.001 };
  const logs = GOLDEN.map(([nC, xC, nP, xP]) =>
    comparisonIncrements(
      { canary: { requests: nC, bad: xC }, primary: { requests: nP, bad: xP } },
      WORSE_RATIOS,
      margin,
    ),
  );
  for (const [last] of GOLDEN.entries()) {
    const from = (first: number) =>
      WORSE_RATIOS.map((_, j) =>
        Math.exp(logs.slice(first, last + 1).reduce((sum, all) => sum + (all[j] ?? 0), 0)),
      ).reduce((sum, e) => sum + e / WORSE_RATIOS.length, 0);
    const starts = GOLDEN.slice(0, last + 1).map((_, k) => 0.25 / ((k + 1) * (k + 2)));
    const staked = 0.5 + starts.reduce((sum, one) => sum + one, 0);
    const direct = starts.reduce((sum, weight, k) => sum + weight * from(k), 0.5 * from(0));
    const proof = proofOf(of, [counted(of, it, GOLDEN.slice(0, last + 1))]);
    expect(proof.harm).toBeCloseTo(Math.log(direct + 1 - staked), 9);
  }
});

describe('what is proved', () => {
  const it = errorTest({ catastrophe: 0.1, capped: true });
  const of = at('02-weight-20', evidence([it]));

  test('a canary that fails half of its requests goes back, and the commit says what was seen', () => {
    const counts = [counted(rollout(of), it, failing(1))];
    const back = move(of, LATER, { counts });
    expect(back).toMatchObject({ transition: 'back', verdict: 'fail' });
    expect(back.reason).toMatch(
      /^error-rate: 30 of 60 canary requests bad \(50 %\), 0 of 240 other requests bad \(0 %\) at 02-weight-20: catastrophe; evidence of harm /,
    );
  });

  test('the difference of both shares is told with the interval that it lies in', () => {
    const counts = [counted(rollout(of), it, failing(1))];
    const difference = 'difference 22.9 to 73.6 percentage points (99 %)';
    const back = move(of, LATER, { counts });
    expect(back.reason).toMatch(/; difference 22\.9 to 73\.6 percentage points \(99 %\)$/);
    const [said] = (back.proof?.tests ?? []).map(saidOf);
    expect(said && testLine(said)).toContain(`other requests bad (0 %); ${difference}; evidence`);
    expect(said?.difference).toMatchObject({
      low: expect.closeTo(22.86, 1),
      high: expect.closeTo(73.62, 1),
      confidence: 0.99,
    });
    const silent = decision(of, LATER, { counts: [counted(rollout(of), it, [])] });
    expect(silent.reason).not.toContain('difference');
  });

  test('a canary as good as the primary goes on once the next step is known to be safe', () => {
    const few = decision(of, LATER, { counts: [counted(rollout(of), it, quiet(10))] });
    expect(few).toMatchObject({ kind: 'hold' });
    expect(few.reason).toMatch(
      /^not sure yet that the next step is safe: needs [\d,]+ more canary requests, about /,
    );
    const many = move(of, LATER, { counts: [counted(rollout(of), it, quiet(60))] });
    expect(many).toMatchObject({ transition: 'next', verdict: 'pass' });
  });

  test('without requests the need is what a canary without errors would take', () => {
    const none = decision(of, LATER, { counts: [counted(rollout(of), it, [])] });
    expect(none.reason).toBe(
      'not sure yet that the next step is safe: needs 2,498 more canary requests',
    );
  });

  test('nothing is not enough', () => {
    for (const intervals of [[], quiet(3).map((): Counts => [0, 0, 300, 0])]) {
      const it_ = decision(of, T0 + 60, { counts: [counted(rollout(of), it, intervals)] });
      expect(it_.kind).toBe('hold');
    }
    expect(decision(of, T0 + 60, {}).kind).toBe('hold');
  });

  test('counters that cannot be read hold, and say why', () => {
    const unknown = { kind: 'unknown', reason: 'the store is down' } as const;
    const counts = [{ ...counted(rollout(of), it, quiet(60)), other: unknown }];
    expect(decision(of, T0 + 60, { counts })).toMatchObject({
      kind: 'hold',
      reason: 'inconclusive: error-rate: the store is down',
    });
  });

  test('intervals from before the step was live prove harm, and no safety', () => {
    const late = { live: liveSince(T0 + 3600) };
    const good = [counted(rollout(of), it, quiet(60))];
    expect(decision(of, LATER, { counts: good, ...late }).kind).toBe('hold');
    const bad = [counted(rollout(of), it, failing(3))];
    const waiting = { live: { kind: 'waiting', reason: 'not synced' } as const };
    expect(move(of, T0 + 60, { counts: bad, ...waiting }).transition).toBe('back');
  });
});

describe('a rollout', () => {
  test('keeps the evidence of steps that it has left, and asks for fresh proof of safety', () => {
    const it = errorTest();
    const first = at('02-weight-20', evidence([it]));
    const on = move(first, LATER, { counts: [counted(rollout(first), it, quiet(80))] });
    const second = moved(first, on, LATER);
    const [record] = stateOf(second).evidence ?? [];
    expect(record).toMatchObject({
      test: 'error-rate',
      canary: { requests: 4800, bad: [0] },
      other: { requests: 19_200, bad: [0] },
    });
    const next = proofOf(
      rollout(second),
      [counted(rollout(second), it, quiet(1))],
      liveSince(LATER),
    );
    expect(next.tests[0]?.canary.requests).toBe(4860);
    expect(next.isSafe).toBe(false);
    expect(next.requests).toBe(60);
  });

  test('finds what sets in late sooner than without a restart', () => {
    const it = errorTest({ capped: true });
    const first = at('02-weight-20', evidence([it]));
    const on = move(first, LATER, { counts: [counted(rollout(first), it, quiet(200))] });
    const second = rollout(moved(first, on, LATER));
    const few: Counts[] = Array.from({ length: 24 }, () => [150, 6, 150, 0]);
    expect(proofOf(second, [counted(second, it, few)]).blame).toBeDefined();
  });

  test('blames nobody while the primary misses the objective as well', () => {
    const it = errorTest({ question: { kind: 'objective', limit: 0.01 } });
    const of = at('02-weight-20', evidence([it]));
    const both: Counts[] = Array.from({ length: 20 }, () => [60, 6, 240, 24]);
    const held = decision(of, LATER, { counts: [counted(rollout(of), it, both)] });
    expect(held.kind).toBe('hold');
    expect(held.reason).toMatch(/^the environment is degraded: error-rate: /);
  });

  test('is decided by no dry run', () => {
    const dry = errorTest({ name: 'dry', share: 0 });
    const it = errorTest();
    const of = at('02-weight-20', evidence([it, dry]));
    const counts = [counted(rollout(of), it, quiet(80)), counted(rollout(of), dry, failing(80))];
    const on = move(of, LATER, { counts });
    expect(on.transition).toBe('next');
    expect(on.proof?.tests.map((one) => one.test.name)).toEqual(['error-rate', 'dry']);
  });
});

describe('between two intervals', () => {
  const it = errorTest({ catastrophe: 0.1, capped: true });
  const of = at('02-weight-20', evidence([it]));
  const whole = counted(rollout(of), it, quiet(4));
  const { end } = whole.grid;
  const said = (at: number, values: readonly number[]) => ({
    kind: 'known' as const,
    value: values.map((value) => [{ labels: {}, samples: [{ at, value }] }]),
  });
  const tail = (requests: number, bad: number, from = end) => ({
    ...{ from, to: from + 5 },
    canary: said(from + 5, [requests, bad]),
    other: said(from + 5, [80, 0]),
  });

  test('a catastrophe is seen at once', () => {
    const back = move(of, end + 5, { counts: [{ ...whole, tail: tail(20, 20) }] });
    expect(back).toMatchObject({ transition: 'back', verdict: 'fail' });
    expect(back.reason).toContain(': catastrophe; ');
  });

  test('the commit tells what it was proved of', () => {
    const back = move(of, end + 5, { counts: [{ ...whole, tail: tail(20, 20) }] });
    expect(back.reason).toMatch(/^error-rate: 20 of 260 canary requests bad /);
  });

  test('the interval in which the step got live is of two splits, and is not weighed', () => {
    const hit = counted(rollout(of), it, [...quiet(3), [60, 60, 240, 16]]);
    expect(prove(rollout(of), [hit], LIVE)?.blame).toBeDefined();
    expect(prove(rollout(of), [hit], liveSince(end - 5))?.blame).toBeUndefined();
  });

  test('what is not over is not kept, and proves no safety', () => {
    const counts = [{ ...whole, tail: tail(2000, 0) }];
    const found = prove(rollout(of), counts, LIVE);
    expect(found).toEqual({
      ...found,
      isSafe: false,
      requests: 240,
    });
    expect(found?.weighed.map((it) => recordOf(it.weighing).canary)).toEqual([
      { requests: 240, bad: [0] },
    ]);
  });

  test('a canary that was not there at the last interval is not counted', () => {
    const gone = { ...whole, grid: { ...whole.grid, end: end + 15 } };
    const counts = [{ ...gone, tail: tail(500, 500, end + 15) }];
    expect(prove(rollout(of), counts, LIVE)?.blame).toBeUndefined();
  });
});

describe('what a test cannot see', () => {
  const errors = errorTest();
  const objective = errorTest({
    name: 'objective',
    question: { kind: 'objective', limit: 0.01 },
    share: 0,
  });
  /** Requests to the canary alone: nobody counts those of the primary. */
  const blind = (of: Rollout, it: typeof errors) => ({
    ...counted(of, it, quiet(80)),
    other: { kind: 'known' as const, value: [[], []] },
  });

  test('a comparison without the other track holds, also where no harm seen is enough', () => {
    const of = at('02-weight-20', evidence([errors], { advance: 'no-harm-seen' }));
    const held = decision(of, LATER, { counts: [blind(rollout(of), errors)] });
    expect(held).toMatchObject({
      kind: 'hold',
      reason:
        'too few requests to tell: error-rate needs 20 of each track, and has 4,800 of the canary and 0 of the other one',
    });
  });

  test('a test that counts nothing holds beside one that is proved', () => {
    const [own, other] = [{ ...errors, share: 0.5 }, errorTest({ name: 'other', share: 0.5 })];
    const of = at('02-weight-20', evidence([own, other]));
    const nothing = { kind: 'known' as const, value: [[], []] };
    const counts = [
      counted(rollout(of), own, quiet(80)),
      { ...counted(rollout(of), other, []), canary: nothing, other: nothing },
    ];
    expect(decision(of, LATER, { counts }).kind).toBe('hold');
  });

  test('a test that counts too little holds though the others have proved enough', () => {
    const own = errorTest({
      name: 'own',
      question: { kind: 'objective', limit: 0.5 },
      share: 0.5,
    });
    const slow = latencyTest({ share: 0.5 });
    const of = at('02-weight-20', evidence([own, slow], { budget: 0.4 }));
    const nothing = { kind: 'known' as const, value: [[]] };
    const empty = counted(rollout(of), slow, []);
    const bounds = [{ le: 100, share: 0.1 }];
    const counts = [
      counted(rollout(of), own, quiet(80)),
      { ...empty, bounds, canary: nothing, other: nothing },
    ];
    const held = decision(of, LATER, { counts });
    expect(held.kind).toBe('hold');
    expect(held.reason).toMatch(/^too few requests to tell: latency needs 20 of each track/);
  });

  test('a dry run holds nothing: not for want of requests, and not for an objective that both miss', () => {
    const of = at('02-weight-20', evidence([errors, objective], { advance: 'no-harm-seen' }));
    const dry = (intervals: readonly Counts[]) => [
      counted(rollout(of), errors, quiet(80)),
      counted(rollout(of), objective, intervals),
    ];
    const both: Counts[] = Array.from({ length: 20 }, () => [60, 6, 240, 24]);
    for (const intervals of [[], both])
      expect(decision(of, LATER, { counts: dry(intervals) })).toMatchObject({
        kind: 'move',
        transition: 'next',
      });
  });
});

describe('a step that evidence may end early', () => {
  const it = errorTest();
  const staying = (stay: Stay, checks: readonly string[]) => {
    const left = at('02-weight-20', evidence([it]));
    const of = tested(evidence([it]));
    const steps = of.plan.steps.map((one) =>
      one.name === '02-weight-20' ? { ...one, checks: [...checks], stay } : one,
    );
    const known = checks.map((name) => bounded(name, { min: 99 }));
    const changed = { ...of, plan: { ...of.plan, steps, checks: known } };
    return situation({
      position: step('02-weight-20'),
      plan: changed,
      state: { steps: [...stateOf(left).steps] },
    });
  };
  const sure = (of: ReturnType<typeof staying>) => ({
    counts: [counted(rollout(of), it, quiet(60))],
  });
  const unsure = (of: ReturnType<typeof staying>) => ({
    counts: [counted(rollout(of), it, quiet(10))],
  });

  test('waits for the least time once the next step is proved safe, and for the whole one before', () => {
    const of = staying({ kind: 'wait', seconds: 3000, leastSeconds: 280 }, []);
    expect(decision(of, T0 + 279, sure(of))).toMatchObject({ reason: 'bakes for 280 s' });
    expect(move(of, LATER, sure(of))).toMatchObject({ transition: 'next', verdict: 'pass' });
    expect(decision(of, LATER, unsure(of))).toMatchObject({ reason: 'bakes for 3000 s' });
  });

  test('asks for fewer passing points of its checks, and never for fewer than the least time has', () => {
    const of = staying({ kind: 'bake', seconds: 600, leastSeconds: 50 }, ['depth']);
    const early = move(of, LATER, sure(of));
    expect(early.reason).toMatch(/^5 of 5 checks passed; evidence of harm /);
    expect(decision(of, LATER, unsure(of)).reason).toBe('26 of 60 checks passed');
    const short = staying({ kind: 'bake', seconds: 600, leastSeconds: 500 }, ['depth']);
    expect(decision(short, LATER, sure(short)).reason).toBe('26 of 50 checks passed');
  });

  test('looks again when the next interval may prove it', () => {
    const of = staying({ kind: 'wait', seconds: 3000, leastSeconds: 30 }, []);
    const held = decision(of, LATER, unsure(of));
    expect(held.kind === 'hold' && (held.untilSeconds ?? Infinity) - LATER).toBeLessThanOrEqual(15);
  });

  test('is not ended while a failure is the newest answer', () => {
    const of = staying({ kind: 'bake', seconds: 600, leastSeconds: 50 }, ['depth']);
    const values = (time: number) => (time > LATER - 12 ? 80 : 99.9);
    expect(decision(of, LATER, { ...sure(of), values }).reason).toMatch(/^depth 80 < 99 /);
  });
});

describe('while a step warms up', () => {
  const warming = (it: Test) => {
    const of = at('02-weight-20', evidence([it]));
    if (of.plan.kind !== 'known') throw new Error('expected a plan');
    const { value } = of.plan;
    const analysis = { ...value.plan.analysis, warmUpSeconds: 60 };
    return situation({
      position: step('02-weight-20'),
      plan: { ...value, plan: { ...value.plan, analysis } },
      state: { steps: [...stateOf(of).steps] },
    });
  };

  test('its intervals count neither against the candidate nor for it', () => {
    const it = errorTest({ capped: true });
    const of = rollout(warming(it));
    const cold = proofOf(of, [counted(of, it, [...failing(3), ...quiet(1)])]);
    expect(cold).toMatchObject({ harm: 0, requests: 0 });
    const [later, usual] = [of, rollout(at('02-weight-20', evidence([it])))].map((one) =>
      proofOf(one, [counted(one, it, [...quiet(4), ...failing(3)])]),
    );
    expect(later?.harm).toBeGreaterThan(0);
    expect(later?.requests).toBeLessThan(usual?.requests ?? 0);
  });

  test('a catastrophe takes the candidate back all the same', () => {
    const it = errorTest({ catastrophe: 0.1, capped: true });
    const of = warming(it);
    const back = move(of, T0 + 50, { counts: [counted(rollout(of), it, failing(2))] });
    expect(back.reason).toContain(': catastrophe; ');
  });
});
