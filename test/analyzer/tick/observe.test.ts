import { describe, expect, test } from 'vitest';
import type { Liveness } from '../../../analyzer/core/cluster/reading.ts';
import { decide } from '../../../analyzer/core/rules/decide.ts';
import { askMetrics, hasUnreachable, observe } from '../../../analyzer/tick/observe.ts';
import { oneCluster } from '../../../analyzer/tick/world.ts';
import type { Check } from '../../../lib/plan/plan.ts';
import { oneStore } from '../../one-store.ts';
import {
  blobs,
  bounded,
  liveSince,
  observation,
  plan,
  rollout,
  situation,
  step,
  T0,
  V2,
} from '../core/fixture.ts';
import { noCounters } from '../no-counters.ts';

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

describe('the clock of the metric store', () => {
  /** A store that answers after so many seconds, and whose clock is ahead by so many. */
  async function skewOf(ahead: number, takes: number): Promise<number> {
    let now = T0 + 60;
    const seen = await observe(
      {
        reader: {
          texts: async (oids) => oids.map((it) => blobs.get(it) ?? ''),
          treesAt: async (_, id) => ({ id }),
        },
        world: {
          clusters: oneCluster({ read: async () => ({ kind: 'unknown', reason: 'down' }) }),
          metrics: oneStore({
            kind: 'prometheus',
            ...noCounters,
            values: async () => {
              const serverTime = Math.floor(now) + ahead;
              now += takes;
              return { kind: 'known', value: { samples: [], serverTime } };
            },
          }),
          clock: () => now,
        },
        seen: { targets: new Map() },
      },
      AT20,
      now,
    );
    return seen.skewSeconds;
  }

  test.each([
    [0, 0, 0],
    [40, 0, 40],
    [-40, 0, 39],
    // A slow answer is no skew.
    [0, 25, 0],
    [40, 25, 15],
  ])(
    'ahead by %i s, answering after %i s: off by at least %i s',
    async (ahead, takes, expected) => {
      expect(await skewOf(ahead, takes)).toBe(expected);
    },
  );
});

describe('what is asked of a check', () => {
  /** Queries and the distance of their points, where the canary has one value and the primary another. */
  async function askedWith(
    canary: number,
    live: Liveness,
    rules: Partial<Check> = { abort: { min: 90 } },
  ): Promise<readonly string[]> {
    const asked: string[] = [];
    const check: Check = {
      ...bounded('own', { min: 99 }),
      ask: { canary: 'canary', primary: 'primary' },
      ...rules,
    };
    const steps = { '02-weight-20': { checks: ['own'] } };
    const checks = [...V2.plan.checks, check];
    const of = rollout(
      situation({ position: step('02-weight-20'), plan: plan('v2', { checks, steps }) }),
    );
    const metrics = oneStore({
      kind: 'prometheus',
      ...noCounters,
      values: async ({ query }, { start, end, stepSeconds }) => {
        asked.push(`${query} ${stepSeconds}`);
        const length = (end - start) / stepSeconds + 1;
        const value = query === 'canary' ? canary : 99.9;
        const samples = Array.from({ length }, (_, it) => ({
          at: start + it * stepSeconds,
          value,
        }));
        return { kind: 'known', value: { samples, serverTime: T0 + 100 } };
      },
    });
    await askMetrics({ metrics, clock: () => T0 + 100 }, of, live, T0 + 100);
    return asked.sort();
  }

  const WAITING: Liveness = { kind: 'waiting', reason: 'not synced' };

  test.each<[string, number, Liveness, readonly string[]]>([
    ['that passes', 99.9, liveSince(T0), ['canary 10', 'canary 10', 'canary 5']],
    ['before its step is live', 99.9, WAITING, ['canary 10', 'canary 5']],
    [
      'that fails: the primary on both grids, too',
      95,
      liveSince(T0),
      ['canary 10', 'canary 10', 'canary 5', 'primary 10', 'primary 10'],
    ],
    [
      'beyond its abort bound: the primary at each guard period as well',
      80,
      liveSince(T0),
      ['canary 10', 'canary 10', 'canary 5', 'primary 10', 'primary 10', 'primary 5'],
    ],
  ])('%s', async (_, value, live, expected) => {
    expect(await askedWith(value, live)).toEqual(expected);
  });

  test('by ranks: both tracks on both grids, once, also where they differ', async () => {
    const judge = {
      kind: 'ranks',
      direction: 'decrease',
      weight: 1,
      pass: 95,
      marginal: 75,
    } as const;
    const expected = ['canary 10', 'canary 10', 'primary 10', 'primary 10'];
    for (const value of [99.9, 80])
      expect(await askedWith(value, liveSince(T0), { judge })).toEqual(expected);
  });
});
