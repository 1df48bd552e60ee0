import { describe, expect, test } from 'vitest';
import { decide } from '../../analyzer/core/decide.ts';
import { hasUnreachable } from '../../analyzer/observe.ts';
import { observation, situation, step, T0, V2 } from './core/fixture.ts';

const { settleSeconds, inconclusiveDeadlineSeconds } = V2.plan.analysis;
const AT20 = situation({ position: step('02-weight-20') });

describe('a source that gives no answer', () => {
  test('is the cluster, or the metric store', () => {
    const down = { kind: 'unknown', reason: 'down' } as const;
    expect(hasUnreachable(observation(AT20, T0 + 60))).toBe(false);
    expect(hasUnreachable(observation(AT20, T0 + 60, { live: down }))).toBe(true);
    expect(hasUnreachable(observation(AT20, T0 + 60, { values: { unknown: 'down' } }))).toBe(true);
  });

  test('is one whose clock cannot be trusted', () => {
    const skewed = (skewSeconds: number) => observation(AT20, T0 + 60, { skewSeconds });
    expect(hasUnreachable(skewed(settleSeconds))).toBe(false);
    expect(hasUnreachable(skewed(settleSeconds + 1))).toBe(true);
  });
});

test('a clock that is off for a moment, late in a long step, does not end the step', () => {
  const late = T0 + 10 * inconclusiveDeadlineSeconds;
  const seen = observation(AT20, late, { skewSeconds: settleSeconds + 1, unreachableSince: late });
  expect(decide(seen, late)).toMatchObject({
    kind: 'hold',
    reason: expect.stringMatching(/^inconclusive: .*clocks differ/),
  });
  const deadline = late + inconclusiveDeadlineSeconds + 1;
  const still = observation(AT20, deadline, {
    skewSeconds: settleSeconds + 1,
    unreachableSince: late,
  });
  expect(decide(still, deadline)).toMatchObject({
    kind: 'move',
    transition: 'note',
    verdict: 'inconclusive',
  });
});
