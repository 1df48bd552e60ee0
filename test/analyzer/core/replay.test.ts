import { describe, expect, test } from 'vitest';
import { type Decided, isDecision, momentOf, type Told } from '../../../analyzer/core/decided.ts';
import { type Replay, replay, unjudged } from '../../../analyzer/core/replay.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import { isoTime, type State } from '../../../analyzer/core/state.ts';
import type { Check } from '../../../lib/plan/plan.ts';
import {
  BAD,
  bounded,
  GOOD,
  liveSince,
  move,
  moved,
  notReady,
  observation,
  plan,
  rollout,
  type Seen,
  series,
  situation,
  stateOf,
  step,
  T0,
  type Values,
} from './fixture.ts';
import { type Counts, counted, errorTest, evidence, tested } from './judge/counted.ts';

const NOW = T0 + 200;
const IN_STEP = situation({ position: step('02-weight-20') });

/** A decision that was made of what was seen. */
function decided(seen: Seen, of = IN_STEP, now = NOW): Decided {
  const { verdict, reason, ...rest } = move(of, now, { live: liveSince(T0), ...seen });
  const after = stateOf(moved(of, { ...rest, verdict, reason }, now));
  return { before: of, rollout: rollout(of), after, verdict, reason, at: now };
}

/** The same as an analyzer before format 4 left it. */
function old(it: Decided): Decided {
  const { judged: _, ...after } = it.after;
  return { ...it, after };
}

/** What stores say that hold these values. */
function values(it: Decided, of: Values | { readonly unknown: string }, primary?: Values): Told {
  const { live, now } = momentOf(it);
  return { series: series(it.rollout, live, now, of, primary), counts: [] };
}

function again(it: Decided, told: Told): Replay {
  const other = unjudged(it);
  expect(other?.reason).toBeUndefined();
  return replay(it, momentOf(it), told);
}

const PASS = decided({ values: GOOD });
const FAIL = decided({ values: BAD });

describe('a decision by checks', () => {
  test.each([
    ['pass', PASS, GOOD],
    ['fail', FAIL, BAD],
  ] as const)('holds where the store says the same: %s', (verdict, it, same) => {
    expect(it.verdict).toBe(verdict);
    expect(again(it, values(it, same))).toMatchObject({
      kind: 'holds',
      verdict,
      reason: it.reason,
      found: it.after.judged,
    });
    expect(again(old(it), values(it, same))).toMatchObject({ kind: 'holds', recorded: undefined });
  });

  test('differs where another verdict follows, with the numbers of both', () => {
    expect(again(PASS, values(PASS, BAD))).toMatchObject({
      kind: 'differs',
      verdict: 'fail',
      differences: [
        expect.stringMatching(/^the verdict: pass then, fail now \(\d+ failed checks/),
        expect.stringMatching(/^success-rate: \d+ points, of which 0 failed .* then, .* now$/),
      ],
    });
    expect(again(old(PASS), values(PASS, BAD))).toMatchObject({ kind: 'differs' });
  });

  test('differs where values do that lead to the same', () => {
    const { kind, verdict, differences } = again(
      PASS,
      values(PASS, () => 99.8),
    );
    expect([kind, verdict]).toEqual(['differs', 'pass']);
    expect(differences).toEqual([expect.stringMatching(/: other values, though as many: /)]);
  });

  test('differs where the primary now excuses what failed', () => {
    expect(again(FAIL, values(FAIL, BAD, BAD))).toMatchObject({
      kind: 'differs',
      differences: [
        expect.stringMatching(/^the verdict: fail then, inconclusive now/),
        expect.stringMatching(/^failed checks: \d+ then, 0 now$/),
        expect.stringMatching(/^failed checks of the environment: 0 then, \d+ now$/),
      ],
    });
  });

  test.each([
    ['pass', PASS, GOOD],
    ['fail', FAIL, BAD],
  ] as const)('is lost where the store has less: %s', (_, it, same) => {
    const told = values(it, (at) => (at < T0 + 180 ? undefined : same(at)));
    for (const one of [it, old(it)])
      expect(again(one, told)).toMatchObject({
        kind: 'lost',
        verdict: undefined,
        lost: [
          expect.stringMatching(/^success-rate: the store has nothing of 08:00.* to 08:0[23]/),
        ],
      });
  });

  test('names three gaps at most', () => {
    const told = values(FAIL, (at) => (at % 20 === 0 ? undefined : BAD(at)));
    expect(again(FAIL, told).lost).toEqual([expect.stringMatching(/, .+, .+ and \d+ more times$/)]);
  });

  test('is not answered where the store is not there', () => {
    const reason = expect.stringMatching(/^down$/);
    const told = values(PASS, { unknown: 'down' });
    expect(again(PASS, told)).toMatchObject({ kind: 'unanswered', verdict: undefined, reason });
  });

  test('that the environment led to holds with its outage', () => {
    const outage = { until: NOW - 20, isSure: false };
    const it = decided({ values: BAD, outage });
    expect(it.verdict).toBe('inconclusive');
    expect(again(it, values(it, BAD))).toMatchObject({ kind: 'holds', verdict: 'inconclusive' });
  });
});

describe('a decision by an abort bound', () => {
  const aborting: Check = { ...bounded('aborting', { min: 99 }), abort: { min: 90 } };
  const of = situation({
    position: step('02-weight-20'),
    plan: plan('v2', {
      checks: [...plan('v2').plan.checks, aborting],
      steps: { '02-weight-20': { checks: ['aborting'] } },
      analysis: { guardSeconds: 2 },
    }),
    state: { steps: [left()] },
  });
  // The first check point lies at ten seconds, and settles for five.
  const early = decided({ values: BAD }, of, T0 + 12);
  const late = decided({ values: (at) => (at >= T0 + 95 ? 80 : 99.9) }, of, T0 + 102);

  test.each([
    ['before the first check point', early],
    ['between two check points', late],
  ] as const)('%s holds where the store has the value, and is lost where it has not', (_, it) => {
    expect(it.reason).toBe('aborting 80 < 90, an abort bound, at 02-weight-20');
    const same: Values = (at) => (at >= T0 + 95 || it === early ? 80 : 99.9);
    expect(again(it, values(it, same))).toMatchObject({ kind: 'holds', verdict: 'fail' });
    const gone = values(it, (at) => (same(at) === 80 ? undefined : 99.9));
    expect(again(it, gone)).toMatchObject({
      kind: 'lost',
      lost: [expect.stringMatching(/^aborting: the store has nothing of /)],
    });
  });

  test('differs where the value is another', () => {
    expect(again(early, values(early, GOOD))).toMatchObject({
      kind: 'differs',
      differences: [
        expect.stringMatching(/^the verdict: fail then, inconclusive now/),
        'values beyond abort bounds: 3 then, 0 now',
      ],
    });
  });
});

describe('a decision by tests', () => {
  const error = errorTest({ catastrophe: 0.1 });
  const of = situation({
    position: step('02-weight-20'),
    plan: tested(evidence([error])),
    state: { steps: [left()] },
  });
  const good: Counts = [10_000, 10, 10_000, 10];
  const bad: Counts = [10_000, 900, 10_000, 10];
  const times = (it: Counts, count: number) => Array.from({ length: count }, () => it);
  const counts = (all: readonly (Counts | undefined)[]) => counted(rollout(of), error, all);
  const told = (all: readonly (Counts | undefined)[]): Told => ({
    series: [],
    counts: [counts(all)],
  });
  const safe = decided({ counts: [counts(times(good, 10))] }, of);
  const harm = decided({ counts: [counts(times(bad, 10))] }, of);

  test.each([
    ['pass', safe, good],
    ['fail', harm, bad],
  ] as const)('holds where the counters say the same: %s', (verdict, it, same) => {
    expect(it.verdict).toBe(verdict);
    expect(again(it, told(times(same, 10)))).toMatchObject({ kind: 'holds', verdict });
  });

  test('differs where an interval does', () => {
    const other: Counts = [10_000, 11, 10_000, 10];
    expect(again(safe, told([...times(good, 9), other]))).toMatchObject({
      kind: 'differs',
      differences: [
        'error-rate: 100 of 100,000 canary requests bad (0.1 %), 100 of 100,000 other requests bad (0.1 %) in 10 intervals then, ' +
          '101 of 100,000 canary requests bad (0.101 %), 100 of 100,000 other requests bad (0.1 %) in 10 intervals now',
      ],
    });
  });

  test('is lost where intervals are', () => {
    const less = [...times(good, 1), undefined, undefined, ...times(good, 7)];
    expect(again(safe, told(less))).toMatchObject({
      kind: 'lost',
      lost: [expect.stringMatching(/^error-rate: the store has nothing of \S+ to \S+/)],
    });
  });

  test('holds where only what came since the last interval is other, if the verdict is the same', () => {
    const whole = counts(times(good, 10));
    const tailed = (failed: number): Told => {
      const from = whole.grid.end;
      const one = (value: number) => ({ labels: {}, samples: [{ at: from + 5, value }] });
      const tail = {
        from,
        to: from + 5,
        canary: { kind: 'known', value: [[one(1000)], [one(failed)]] },
        other: { kind: 'known', value: [[one(1000)], [one(1)]] },
      } as const;
      return { series: [], counts: [{ ...whole, tail }] };
    };
    const it = decided({ counts: tailed(1).counts }, of);
    expect(again(it, tailed(2)).kind).toBe('holds');
    const { kind, differences } = again(it, tailed(1000));
    expect(kind).toBe('differs');
    expect(differences.at(-1)).toBe('error-rate: what came since its last interval');
  });

  test('names what the same samples come to otherwise', () => {
    const { judged } = safe.after;
    const after = { ...safe.after, ...(judged && { judged: { ...judged, harm: 1 } }) };
    expect(again({ ...safe, after }, told(times(good, 10)))).toMatchObject({
      kind: 'differs',
      differences: [expect.stringMatching(/^evidence of harm: 2\.718 then, .* now$/)],
    });
  });
});

function left(): State['steps'][number] {
  return { name: '01-canary-up', at: isoTime(T0 - 60), until: isoTime(T0), failedChecks: 0 };
}

describe('what metrics have not led to', () => {
  const reasonOf = (it: Decided) => unjudged(it)?.reason;

  test('is told with its reason', () => {
    const late = decided({ canary: notReady('0 of 2 replicas available', true) });
    expect(reasonOf(late)).toMatch(/^not judged by metrics: the canary is not ready/);
    const unchecked = decided({}, situation({ position: step('01-canary-up') }));
    expect(reasonOf(unchecked)).toBe('not judged by metrics: live and ready');
    const byPerson = { ...PASS, after: { ...PASS.after, by: 'Robin' } };
    expect(reasonOf(byPerson)).toMatch(/^not judged by metrics/);
  });

  test('is a lack of answers', () => {
    const of = situation({
      position: step('02-weight-20'),
      plan: plan('v2', { analysis: { onInconclusive: 'back' } }),
    });
    const it = decided({ values: { unknown: 'down' }, unreachableSince: T0 }, of, T0 + 4000);
    expect(it.verdict).toBe('inconclusive');
    expect(reasonOf(it)).toMatch(/no conclusive answer/);
  });

  test('is a pause for want of pods, in a step that waits for no check', () => {
    const of = situation({
      position: step('02-weight-20'),
      plan: plan('v2', { steps: { '02-weight-20': { stay: { kind: 'wait', seconds: 0 } } } }),
    });
    const it = decided({ canary: notReady('0 of 1'), stuckSince: T0 }, of, T0 + 310);
    expect(it.reason).toMatch(/^nothing has come of 02-weight-20 for 310 s/);
    expect(again(it, values(it, GOOD))).toMatchObject({
      kind: 'unjudged',
      reason: expect.stringMatching(/^not judged by metrics: nothing has come/),
    });
  });

  test('is a pause for want of the cluster, though checks would have passed', () => {
    const waiting = { kind: 'unknown', reason: 'the API server is down' } as const;
    const seen = { live: waiting, unreachableSince: T0 };
    const it = decided(seen, IN_STEP, T0 + 4000);
    expect(isDecision(it.rollout, it.after)).toBe(true);
    const told = values(it, GOOD);
    expect(['unjudged', 'holds']).toContain(replay(it, momentOf(it), told).kind);
  });
});

test('only what leaves a step, or pauses in it, is a decision', () => {
  const is = (before: Situation, after: Partial<State>) =>
    isDecision(rollout(before), { ...PASS.after, ...after });
  const reason = 'lunch';
  expect(is(IN_STEP, { kind: 'next' })).toBe(true);
  expect(is(IN_STEP, { kind: 'note', note: { kind: 'paused', reason } })).toBe(true);
  expect(is(IN_STEP, { kind: 'note', note: { kind: 'paused', reason }, by: 'Ann' })).toBe(false);
  expect(is(IN_STEP, { kind: 'adopt' })).toBe(false);
  expect(is(situation({ position: { kind: 'complete' } }), { kind: 'back' })).toBe(false);
});

test('what is asked again is asked as of the decision', () => {
  expect(momentOf(PASS)).toEqual({
    now: NOW,
    countedAt: NOW,
    live: liveSince(T0),
    outage: undefined,
  });
  expect(momentOf(old(PASS))).toEqual(momentOf(PASS));
  const { live } = observation(IN_STEP, NOW).cluster ?? {};
  expect(live).toEqual(momentOf(PASS).live);
});
