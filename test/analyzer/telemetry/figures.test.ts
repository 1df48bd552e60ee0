import { describe, expect, test } from 'vitest';
import { withRollout } from '../../../analyzer/core/rollout.ts';
import {
  fellAt,
  figures,
  figuresAtRest,
  isGoingBack,
  returnedAt,
  situationOf,
} from '../../../analyzer/telemetry/figures.ts';
import {
  BAD,
  back,
  bounded,
  COMPLETE,
  liveSince,
  moved,
  plan,
  rollout,
  STABLE,
  situation,
  stateOf,
  step,
  T0,
  unstarted,
  V2,
} from '../core/fixture.ts';
import { type Counts, counted, errorTest, evidence, tested } from '../core/judge/counted.ts';
import { outcomeOf } from './outcome.ts';

const at20 = situation({ position: step('02-weight-20') });

describe('the figures of a release', () => {
  test('under way: its phase, the committed weight, the newest values', () => {
    const it = outcomeOf(at20, T0 + 60, { values: (at) => (at < T0 + 45 ? 90 : 99.5) });
    expect(it.decision.kind).toBe('hold');
    expect(figures(it)).toEqual({
      phase: 'Progressing',
      weight: 20,
      failedChecks: 2,
      checks: new Map([['success-rate', 99.5]]),
      evidence: new Map(),
      inconclusiveSince: 0,
      unsyncedSince: 0,
      isOverdue: false,
    });
  });

  test('under way with tests: their e-values', () => {
    const it = errorTest({ catastrophe: 0.1 });
    const of = situation({ position: step('02-weight-20'), plan: tested(evidence([it])) });
    const bad: Counts[] = [[100, 40, 400, 0]];
    const outcome = outcomeOf(of, T0 + 30, { counts: [counted(rollout(of), it, bad)] });
    const [found] = [...figures(outcome).evidence];
    expect(found?.[0]).toBe('error-rate');
    expect(found?.[1].harm).toBeGreaterThan(100);
    expect(found?.[1].safety).toBeLessThan(1);
  });

  test('that moved are those after the move', () => {
    const it = outcomeOf(at20, T0 + 500);
    expect(it.decision).toMatchObject({ kind: 'move', transition: 'next' });
    expect(figures(it)).toMatchObject({ phase: 'Progressing', weight: 50 });
  });

  test('that could not be pushed are those before', () => {
    expect(figures(outcomeOf(at20, T0 + 500, {}, false))).toMatchObject({ weight: 20 });
  });

  test('after a move equal those that the next tick reads from Git', () => {
    const it = outcomeOf(at20, T0 + 500);
    if (it.decision.kind !== 'move') throw new Error('it moves');
    const { lastCommit: _, ...read } = moved(at20, it.decision, T0 + 500);
    expect(situationOf(it)).toMatchObject(read);
  });

  test('with missing data say since when', () => {
    const missing = (seconds: number) =>
      figures(outcomeOf(at20, T0 + seconds, { values: () => undefined }));
    const expected = { inconclusiveSince: T0, checks: new Map() };
    expect(missing(100)).toMatchObject({ ...expected, phase: 'Progressing' });
    // Past the deadline it is paused; the answers are missing all the same.
    expect(missing(500)).toMatchObject({ ...expected, phase: 'Paused' });
  });

  test('on the rollback count what failed before it', () => {
    const failing = outcomeOf(at20, T0 + 500, { values: BAD });
    if (failing.decision.kind !== 'move') throw new Error('it rolls back');
    const now = figures(failing);
    expect(now).toMatchObject({ phase: 'RollingBack', weight: 0, inconclusiveSince: 0 });
    const next = moved(at20, failing.decision, T0 + 500);
    expect(figures(outcomeOf(next, T0 + 501, { live: { kind: 'waiting', reason: 'x' } }))).toEqual({
      ...now,
      checks: new Map(),
      unsyncedSince: T0 + 500,
    });
  });

  test('of a rollback that does not arrive say that it is overdue', () => {
    const back = situation({ position: { kind: 'back', step: '02-weight-20', part: 'routes' } });
    const dark = { live: { kind: 'unknown', reason: 'refused' } } as const;
    expect(figures(outcomeOf(back, T0 + 100, dark)).isOverdue).toBe(false);
    expect(figures(outcomeOf(back, T0 + 999, dark)).isOverdue).toBe(true);
  });

  test('that never started, or whose files cannot be read, are empty', () => {
    expect(figures(outcomeOf(unstarted(plan('v1')), T0))).toMatchObject({
      phase: 'Initializing',
      weight: 0,
      failedChecks: 0,
    });
    const state = { kind: 'broken', reason: 'no YAML' } as const;
    expect(figures(outcomeOf(withRollout({ ...at20, state }), T0))).toMatchObject({
      phase: 'Paused',
      weight: 0,
    });
  });
});

test.each([
  [situation({ position: COMPLETE })],
  [situation({ position: COMPLETE, state: { paused: { reason: 'lunch' } } })],
  [
    situation({
      position: STABLE,
      state: { failed: { candidate: V2.plan.candidate, step: '02-weight-20', reason: 'bad' } },
    }),
  ],
])('at rest the state alone gives the figures that a whole look gives (%#)', (of) => {
  expect(figuresAtRest(stateOf(of))).toEqual(figures(outcomeOf(of, T0 + 10)));
});

describe('a rollback', () => {
  test('begins at the newest failed check point', () => {
    const it = outcomeOf(at20, T0 + 500, { values: (at) => (at <= T0 + 300 ? 80 : 99.9) });
    expect(it.decision).toMatchObject({ transition: 'back', verdict: 'fail' });
    const fell = fellAt(it) ?? 0;
    expect(fell).toBeLessThanOrEqual(T0 + 300);
    expect(fell).toBeGreaterThan(T0 + 300 - V2.plan.analysis.checkSeconds);
  });

  test('begins with no dry run, whatever has failed in it since', () => {
    const dry = { ...bounded('dry', { max: 5 }), dryRun: true as const };
    const checks = [...V2.plan.checks, dry];
    const of = situation({
      position: step('02-weight-20'),
      plan: plan('v2', {
        checks,
        steps: { '02-weight-20': { checks: checks.map((it) => it.name) } },
      }),
    });
    // The dry run alone fails where values are 99.9.
    const values = (at: number) => (at <= T0 + 100 ? 80 : 99.9);
    expect(fellAt(outcomeOf(of, T0 + 300, { values }))).toBeLessThanOrEqual(T0 + 100);
  });

  test('that was not pushed, blames nobody or takes no traffic away does not begin', () => {
    expect(fellAt(outcomeOf(at20, T0 + 500, { values: BAD }, false))).toBeUndefined();
    expect(fellAt(outcomeOf(at20, T0 + 500))).toBeUndefined();
    const gone = situation({ position: step('02-weight-20'), dist: 'absent' });
    expect(fellAt(outcomeOf(gone, T0 + 5))).toBeUndefined();
    const up = situation({ position: step('01-canary-up') });
    const notUp = {
      kind: 'notReady',
      reason: 'crash',
      deadlinePassed: true,
      available: 0,
    } as const;
    expect(outcomeOf(up, T0 + 5, { canary: notUp }).decision).toMatchObject({ verdict: 'fail' });
    expect(fellAt(outcomeOf(up, T0 + 5, { canary: notUp }))).toBeUndefined();
  });

  test('ends when its routes are live', () => {
    const going = situation({ position: back('02-weight-20', 'routes') });
    expect(returnedAt(outcomeOf(going, T0 + 9, { live: liveSince(T0 + 4) }))).toBe(T0 + 4);
    expect(isGoingBack(outcomeOf(going, T0 + 9))).toBe(true);
    const waiting = { live: { kind: 'waiting', reason: 'x' } } as const;
    expect(returnedAt(outcomeOf(going, T0 + 9, waiting))).toBeUndefined();
    const before = situation({ position: back('04-promote', 'primary') });
    expect(returnedAt(outcomeOf(before, T0 + 9))).toBeUndefined();
    expect(isGoingBack(outcomeOf(at20, T0 + 9))).toBe(false);
  });
});
