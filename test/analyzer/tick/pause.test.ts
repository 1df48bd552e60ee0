import { describe, expect, test } from 'vitest';
import { samples } from '../../../analyzer/core/judge/point.ts';
import { status } from '../../../analyzer/core/phase.ts';
import { decide } from '../../../analyzer/core/rules/decide.ts';
import type { Outcome } from '../../../analyzer/tick/outcome.ts';
import { pauseSeconds } from '../../../analyzer/tick/pause.ts';
import { observation, plan, situation, step, T0, V2 } from '../core/fixture.ts';
import { errorTest } from '../core/judge/counted.ts';

const { checkSeconds, settleSeconds } = V2.plan.analysis;
/** A candidate with traffic that nobody wants to guard. */
const AT20 = guarded(3600);

function guarded(guardSeconds: number) {
  return situation({
    position: step('02-weight-20'),
    plan: plan('v2', { analysis: { guardSeconds } }),
  });
}

function held(now: number, of = AT20): Outcome {
  const seen = observation(of, now, { live: { kind: 'waiting', reason: 'not synced' } });
  const decision = decide(seen, now);
  return { release: 'app', decision, at: now, status: status(of), observation: seen };
}

/** When the first point that may count as failed can be judged. */
function firstPoint(): number {
  for (let at = T0; at < T0 + 1000; at++)
    if (observation(AT20, at).series.some((it) => samples(it.fromCommit.canary).length > 0))
      return at;
  throw new Error('no point is ever judged');
}

describe('the pause until the next pass', () => {
  const first = firstPoint();

  test('ends when the next point can be judged, and not before', () => {
    expect(pauseSeconds([held(first - 7)], 10, first - 7)).toBe(7);
    expect(pauseSeconds([held(first)], 1.5 * checkSeconds, first)).toBe(checkSeconds);
    expect(first - T0).toBeGreaterThanOrEqual(checkSeconds + settleSeconds);
  });

  test('is the interval where no point comes before', () => {
    expect(pauseSeconds([held(first - 30)], 10, first - 30)).toBe(10);
    expect(pauseSeconds([], 10, T0)).toBe(10);
  });

  test('is never less than half of it, however many releases there are', () => {
    expect(pauseSeconds([held(first - 1), held(first - 1)], 10, first - 1)).toBe(5);
  });

  test('is the guard period while a candidate has traffic, 5 s where its plan does not say it', () => {
    expect(pauseSeconds([held(T0, guarded(2))], 10, T0)).toBe(2);
    expect(pauseSeconds([held(T0, situation({ position: step('02-weight-20') }))], 20, T0)).toBe(5);
    expect(pauseSeconds([held(T0, situation({ position: step('01-canary-up') }))], 20, T0)).toBe(
      20,
    );
    expect(pauseSeconds([held(T0, guarded(2))], 1, T0)).toBe(1);
  });

  test('counts from one look to the next, and leaves a slow pass half of it', () => {
    expect(pauseSeconds([held(T0, guarded(4))], 10, T0, 1)).toBe(3);
    expect(pauseSeconds([held(T0, guarded(4))], 10, T0, 9)).toBe(2);
  });

  test('is a second while what was seen last looks like a catastrophe', () => {
    const known = (requests: number, bad: number) => ({
      kind: 'known' as const,
      value: [requests, bad].map((value) => [{ labels: {}, samples: [{ at: T0, value }] }]),
    });
    const it = held(T0, guarded(5));
    const seen = (canary: readonly [number, number], other: readonly [number, number]) => {
      const sides = { canary: known(...canary), other: known(...other) };
      const counts = {
        ...{ test: errorTest({ catastrophe: 0.1 }), at: T0, bounds: [], ...sides },
        grid: { start: T0, end: T0, stepSeconds: 5 },
        tail: { from: T0 - 5, to: T0, ...sides },
      };
      const observed = { ...it.observation, counts: [counts] };
      return pauseSeconds([{ ...it, observation: observed }], 10, T0);
    };
    expect(seen([3, 2], [20, 0])).toBe(1);
    expect(seen([30, 1], [20, 0])).toBe(5);
    expect(seen([3, 2], [20, 14])).toBe(5);
  });

  test('is the interval for releases that nobody judges', () => {
    const paused = held(first - 7, situation({ position: { kind: 'complete' } }));
    expect(pauseSeconds([paused], 10, first - 7)).toBe(10);
    const back = { kind: 'back', step: '02-weight-20', part: 'routes' } as const;
    expect(pauseSeconds([held(first - 7, situation({ position: back }))], 10, first - 7)).toBe(10);
  });
});
