import { describe, expect, test } from 'vitest';
import { failuresOf, type ToldFailure } from '../../../analyzer/tell/failures.ts';
import { newsOf } from '../../../analyzer/tell/news.ts';
import { bounded, COMPLETE, plan, type Seen, situation, step, T0, V3 } from '../core/fixture.ts';
import { outcomeOf } from '../telemetry/outcome.ts';

/** A point each 10 s from T0 + 30 on, which is judged 5 s later: 35, 45, 55, … */
const at20 = situation({
  position: step('02-weight-20'),
  plan: plan('v2', { analysis: { threshold: 100 } }),
});
const BAD: Seen = { values: () => 69.17 };

const seen = (now: number, more: Seen = BAD) => [outcomeOf(at20, T0 + now, more)];
const watching = () => failuresOf({ intervalSeconds: 10, isOnce: false });
const once = () => failuresOf({ intervalSeconds: 60, isOnce: true });
const points = (told: readonly ToldFailure[]) => told.map((it) => it.pointAt - T0);

describe('a failing canary is seen', () => {
  test('with name, value, bound and count', () => {
    const units = plan('v2', {
      checks: [
        { ...bounded('success-rate', { min: 99 }), unit: '%' },
        { ...bounded('latency', { max: 50 }), unit: 'ms' },
      ],
      analysis: { threshold: 10 },
      steps: { '02-weight-20': { checks: ['success-rate', 'latency'] } },
    });
    const it = situation({ position: step('02-weight-20'), plan: units });
    const told = watching().fresh([outcomeOf(it, T0 + 36, BAD)]);
    expect(told.map((one) => [one.text, one.checks])).toEqual([
      [
        'success-rate 69.17 % < 99 %, latency 69.17 ms > 50 ms (failed check 1 of 10)',
        ['success-rate', 'latency'],
      ],
    ]);
    expect(newsOf([], told)).toMatchObject([
      {
        phase: 'Progressing',
        subject:
          'app: success-rate 69.17 % < 99 %, latency 69.17 ms > 50 ms (failed check 1 of 10)',
        type: 'Warning',
        ends: false,
      },
    ]);
  });

  test('once by a process that goes on, however often it looks', () => {
    const it = watching();
    const all = [36, 38, 40, 46, 56, 57].map((now) => points(it.fresh(seen(now))));
    expect(all).toEqual([[30], [], [], [40], [50], []]);
  });

  test('and not again by one that has just started', () => {
    expect(points(watching().fresh(seen(206)))).toEqual([190, 200]);
    expect(
      watching()
        .fresh(seen(206))
        .map((it) => it.text),
    ).toEqual([
      'success-rate 69.17 < 99 (failed check 17 of 100)',
      'success-rate 69.17 < 99 (failed check 18 of 100)',
    ]);
  });

  test('once by jobs that make one pass each, early or late', () => {
    const starts = [2, 69, 120, 183, 241, 317];
    const told = starts.flatMap((now) => points(once().fresh(seen(now))));
    expect(told).toEqual([...new Set(told)]);
    expect(told).toEqual(Array.from({ length: 27 }, (_, index) => 30 + 10 * index));
  });

  test('to the last point by the pass that takes the release back', () => {
    const strict = situation({ position: step('02-weight-20') });
    const last = outcomeOf(strict, T0 + 56, BAD);
    expect(last.decision).toMatchObject({ kind: 'move', transition: 'back' });
    expect(points(once().fresh([last]))).toEqual([30, 40, 50]);
    // Somebody else was ahead: the next pass looks at the same step.
    expect(points(once().fresh([{ ...last, commit: undefined }]))).toEqual([]);
  });

  test('later where the store did not answer in between', () => {
    const it = watching();
    it.fresh(seen(46));
    expect(it.fresh(seen(58, { values: { unknown: 'connection refused' } }))).toEqual([]);
    expect(points(it.fresh(seen(66)))).toEqual([50, 60]);
  });

  test('but not where the primary fails as well, and not at rest', () => {
    const shared = { values: () => 69.17, primaryValues: () => 69.17 };
    expect(watching().fresh(seen(46, shared))).toEqual([]);
    const rest = situation({ position: COMPLETE, dist: V3 });
    expect(watching().fresh([outcomeOf(rest, T0 + 46, BAD)])).toEqual([]);
  });
});
