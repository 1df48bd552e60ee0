import { describe, expect, test } from 'vitest';
import type { TestCounts } from '../../../../analyzer/core/judge/counts.ts';
import { judgedIn } from '../../../../analyzer/core/judge/judged.ts';
import { contextOf } from '../../../../analyzer/core/rules/decide.ts';
import { parseState, stateText } from '../../../../analyzer/core/state.ts';
import type { Evidence } from '../../../../lib/plan/evidence.ts';
import {
  BAD,
  GOOD,
  liveSince,
  move,
  moved,
  observation,
  rollout,
  type Seen,
  situation,
  stateOf,
  step,
  T0,
} from '../fixture.ts';
import { counted, errorTest, evidence, GOLDEN, tested } from './counted.ts';

const NOW = T0 + 200;
const IN_STEP = situation({ position: step('02-weight-20') });

function judged(seen: Seen, of = IN_STEP) {
  const context = contextOf(observation(of, NOW, seen), rollout(of), NOW);
  return judgedIn({ ...context, liveSince: T0 }, NOW);
}

function inStepOf(all: Evidence) {
  return situation({ position: step('02-weight-20'), plan: tested(all) });
}

describe('what a decision saw', () => {
  test('of checks is points, what failed and passed, and a digest', () => {
    const good = judged({ values: GOOD });
    expect(good).toEqual({
      at: '2027-01-15T08:03:20Z',
      since: '2027-01-15T08:00:00Z',
      points: { failed: 0, excused: 0, worse: 0, passed: expect.any(Number) },
      checks: [
        {
          check: 'success-rate',
          points: expect.any(Number),
          failed: 0,
          passed: good?.points.passed,
          samples: expect.stringMatching(/^[0-9a-f]{16}$/),
        },
      ],
    });
    const bad = judged({ values: BAD });
    expect(bad?.points.failed).toBeGreaterThan(0);
    expect(bad?.checks[0]?.samples).not.toBe(good?.checks[0]?.samples);
  });

  test('has no digest where the store gave no answer', () => {
    const silent = judged({ values: { unknown: 'down' } });
    expect(silent?.checks).toEqual([{ check: 'success-rate', points: 0, failed: 0, passed: 0 }]);
  });

  test('is the same for the same samples, whatever else is asked of the primary', () => {
    const alone = judged({ values: BAD });
    const shared = judged({ values: BAD, primaryValues: BAD });
    expect(shared?.checks[0]?.samples).toBe(alone?.checks[0]?.samples);
    expect([shared?.points.failed, shared?.points.excused]).toEqual([0, alone?.points.failed]);
  });

  test('of an outage is when it ended', () => {
    const outage = { until: T0 + 30, isSure: true };
    expect(judged({ outage })?.outage).toEqual({ until: '2027-01-15T08:00:30Z', isSure: true });
  });

  test('is nothing in a step without checks', () => {
    expect(judged({}, situation({ position: step('01-canary-up') }))).toBeUndefined();
  });

  test('of tests is intervals and requests, in whatever order the store names strata', () => {
    const test = errorTest({ strata: ['zone'] });
    const of = inStepOf(evidence([test]));
    const counts = counted(rollout(of), test, GOLDEN);
    const zoned = (zones: readonly string[]): TestCounts => {
      const track = (it: TestCounts['canary']): TestCounts['canary'] =>
        it.kind === 'unknown'
          ? it
          : {
              kind: 'known',
              value: it.value.map((all) =>
                zones.flatMap((zone) => all.map((one) => ({ ...one, labels: { zone } }))),
              ),
            };
      return { ...counts, canary: track(counts.canary), other: track(counts.other) };
    };
    const one = judged({ counts: [zoned(['a', 'b'])] }, of);
    expect(one).toMatchObject({
      tests: [{ test: 'error-rate', intervals: GOLDEN.length, samples: expect.any(String) }],
      harm: expect.any(Number),
    });
    expect(judged({ counts: [zoned(['b', 'a'])] }, of)).toEqual(one);
    expect(judged({ counts: [zoned(['a', 'c'])] }, of)?.tests).not.toEqual(one?.tests);
  });
});

describe('the state of a transition', () => {
  test('keeps what checks led to, until the next one', () => {
    const on = move(IN_STEP, NOW, { live: liveSince(T0) });
    const after = moved(IN_STEP, on, NOW);
    const { judged: kept } = stateOf(after);
    expect(kept).toMatchObject({ since: '2027-01-15T08:00:00Z', checks: [{ failed: 0 }] });
    expect(parseState(stateText(stateOf(after)), 'kept').judged).toEqual(kept);
    const late = NOW + 5;
    const next = move(situation({ position: step('01-canary-up') }), late);
    expect(
      stateOf(moved(situation({ position: step('01-canary-up') }), next, late)),
    ).not.toHaveProperty('judged');
  });
});
