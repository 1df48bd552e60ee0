import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CounterSeries, TestCounts } from '../../../../analyzer/core/judge/counts.ts';
import type { Folds } from '../../../../analyzer/core/judge/fold.ts';
import { type Proof, prove } from '../../../../analyzer/core/judge/proof.ts';
import { recordOf } from '../../../../analyzer/core/judge/weighing.ts';
import type { Rollout } from '../../../../analyzer/core/situation.ts';
import type { TestRecord } from '../../../../analyzer/core/state.ts';
import type { Test } from '../../../../lib/plan/evidence.ts';
import { liveSince, rollout, situation, step, T0 } from '../fixture.ts';
import { errorTest, evidence, latencyTest, tested } from './counted.ts';

const STRATA = ['a', 'b'];
const BOUNDS = [
  { le: 100, share: 0.3 },
  { le: 500, share: 0.02 },
];
const LONGEST = 16;
const RUNS = process.env.PERCH_THOROUGH === '1' ? 2000 : 40;

const TESTS: readonly Test[] = [
  errorTest({ name: 'errors', capped: true, catastrophe: 0.1, strata: ['route'], share: 0.4 }),
  errorTest({ name: 'slo', question: { kind: 'objective', limit: 0.01 }, share: 0.3 }),
  latencyTest({ name: 'latency', capped: true, share: 0.3 }),
];

/** What one series grew in each interval; undefined where nobody counted. */
type Grown = readonly (number | undefined)[];

/** What became known of a step by one look at it. */
interface Look {
  /** So many intervals are over. */
  readonly intervals: number;
  /** When the step got live; so many intervals after its commit. */
  readonly liveAfter: number | undefined;
  /** Something comes late: another number in an interval that was known already. */
  readonly late: { readonly interval: number; readonly value: number } | undefined;
  /** The process starts again before it looks. */
  readonly isRestart: boolean;
}

interface Run {
  readonly canary: readonly Grown[];
  readonly other: readonly Grown[];
  readonly looks: readonly Look[];
}

/** Counters that come, are reset, and are missing for a while: what a store tells is what they grew. */
const grown: fc.Arbitrary<Grown> = fc.array(
  fc.option(
    fc.oneof(
      fc.nat(400),
      fc.constant(0),
      fc.double({ min: 0, max: 300, noNaN: true }),
      fc.constant(90_000),
    ),
    { freq: 6, nil: undefined },
  ),
  { minLength: LONGEST + 1, maxLength: LONGEST + 1 },
);

const look: fc.Arbitrary<Look> = fc.record({
  intervals: fc.integer({ min: 0, max: LONGEST }),
  liveAfter: fc.option(fc.constantFrom(0, 1.5, 3), { freq: 8, nil: undefined }),
  late: fc.option(fc.record({ interval: fc.nat(LONGEST), value: fc.nat(400) }), {
    freq: 1,
    nil: undefined,
  }),
  isRestart: fc.boolean(),
});

const run: fc.Arbitrary<Run> = fc.record({
  canary: fc.array(grown, { minLength: 6, maxLength: 6 }),
  other: fc.array(grown, { minLength: 6, maxLength: 6 }),
  looks: fc.array(look, { minLength: 1, maxLength: 8 }),
});

function rolloutAt(name: string, record?: readonly TestRecord[]): Rollout {
  const state = record === undefined ? {} : { evidence: [...record] };
  return rollout(
    situation({ position: step(name), plan: tested(evidence(TESTS)), state: { ...state } }),
  );
}

/** What a store says after a look, of each of the tests. */
function countsOf(values: Pick<Run, 'canary' | 'other'>, intervals: number): readonly TestCounts[] {
  const grid = { start: T0, end: T0 + intervals * 15, stepSeconds: 15 };
  const series = (labels: CounterSeries['labels'], all: Grown = []): CounterSeries => ({
    labels,
    samples: all
      .slice(0, intervals + 1)
      .flatMap((value, index) => (value === undefined ? [] : [{ at: T0 + index * 15, value }])),
  });
  const track = (test: Test, [one, two, three, four, five, six]: readonly Grown[]) => {
    const [first = '', second = ''] = STRATA;
    if (test.name === 'errors')
      return [
        [series({ route: first }, one), series({ route: second }, two)],
        [series({ route: second }, three), series({ route: first }, four)],
      ];
    if (test.name === 'slo') return [[series({}, one)], [series({}, five)]];
    return [
      [series({ le: '+Inf' }, six), series({ le: '100' }, five), series({ le: '500' }, four)],
    ];
  };
  return TESTS.map((test) => ({
    ...{ test, at: grid.end, grid, bounds: test.name === 'latency' ? BOUNDS : [] },
    canary: { kind: 'known', value: track(test, values.canary) },
    other: { kind: 'known', value: track(test, values.other) },
  }));
}

function withLate<It extends Pick<Run, 'canary' | 'other'>>(values: It, { late }: Look): It {
  if (late === undefined) return values;
  const [first = [], ...others] = values.canary;
  return { ...values, canary: [first.with(late.interval, late.value), ...others] };
}

/** All that is decided by, kept, or told of a proof. */
function said(proof: Proof | undefined) {
  if (proof === undefined) throw new Error('no test is weighed');
  const { weighed, tests, ...rest } = proof;
  return {
    rest: { ...rest, blame: rest.blame?.claim, shared: rest.shared.map((it) => it.test.name) },
    tests: tests.map(({ counted, test: { name }, ...it }) => ({
      ...{ ...it, name },
      intervals: counted.intervals,
      tail: counted.tail,
    })),
    kept: weighed.map((it) => recordOf(it.weighing)),
    safety: weighed.map((it) => it.weighing.safety?.e),
    theirs: weighed.map((it) => it.weighing.theirs?.e),
  };
}

describe('whoever weighs interval by interval', () => {
  test('has what all at once would say, to the last bit: late samples, resets, steps and restarts', () => {
    fc.assert(
      fc.property(run, run, (first, second) => {
        let folds: Folds = new Map();
        let record: readonly TestRecord[] | undefined;
        for (const [name, { looks, ...told }] of [
          ['02-weight-20', first],
          ['03-weight-50', second],
        ] as const) {
          const of = rolloutAt(name, record);
          let values = told;
          for (const it of looks) {
            values = withLate(values, it);
            if (it.isRestart) folds = new Map();
            const counts = countsOf(values, it.intervals);
            const live =
              it.liveAfter === undefined
                ? ({ kind: 'waiting', reason: 'not synced' } as const)
                : liveSince(T0 + it.liveAfter * 15);
            const whole = prove(of, counts, live);
            expect(said(prove(of, counts, live, undefined, folds))).toStrictEqual(said(whole));
            record = whole?.weighed.map((one) => recordOf(one.weighing));
          }
        }
      }),
      { numRuns: RUNS },
    );
  });

  test('weighs what is over once', () => {
    const values = {
      canary: Array.from({ length: 6 }, () => Array.from({ length: 9 }, () => 30)),
      other: Array.from({ length: 6 }, () => Array.from({ length: 9 }, () => 90)),
    };
    const folds: Folds = new Map();
    const of = rolloutAt('02-weight-20');
    prove(of, countsOf(values, 8), liveSince(T0), undefined, folds);
    const weighed = [...folds.values()].map((it) => it.weighing);
    prove(of, countsOf(values, 8), liveSince(T0), undefined, folds);
    expect(weighed).toHaveLength(TESTS.length);
    for (const [index, it] of [...folds.values()].entries())
      expect(it.weighing).toBe(weighed[index]);
  });
});
