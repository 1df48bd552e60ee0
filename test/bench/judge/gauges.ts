import { classified } from '../../../analyzer/core/judge/mann-whitney.ts';
import { normal } from '../../../analyzer/simulated/draws.ts';
import { type Random, seeded } from '../../../analyzer/simulated/random.ts';
import { STEP_MINUTES, STEPS } from './traffic.ts';

/** How a gauge of both tracks behaves: each has noise of its own, in percent of a level of 100. */
interface GaugeScenario {
  readonly name: string;
  /** How many times the primary's level the canary's is. */
  readonly times: number;
  /** Part of a minute's noise that the next minute has as well. */
  readonly lasting: number;
  /** Standard deviation. */
  readonly noise: number;
}

/** What rolls a canary back: how much higher its mean must be, and how many failed points of a rollout. */
interface GaugeRule {
  readonly allowedIncrease: number;
  readonly threshold: number;
}

/** The part of the runs that was rolled back, for each scenario. */
export interface GaugeRow {
  readonly rule: GaugeRule;
  readonly cells: readonly { readonly scenario: GaugeScenario; readonly part: number }[];
}

const LASTING = [0, 0.5, 0.9];
const SCENARIOS: readonly GaugeScenario[] = [
  ...LASTING.map((lasting) => ({ name: `A/A, ${lasting}`, times: 1, lasting, noise: 10 })),
  ...LASTING.map((lasting) => ({ name: `+10 %, ${lasting}`, times: 1.1, lasting, noise: 10 })),
  ...LASTING.map((lasting) => ({ name: `+30 %, ${lasting}`, times: 1.3, lasting, noise: 10 })),
];
const INCREASES = [1, 1.1, 1.2];
const THRESHOLDS = [1, 5];

/** Rollbacks by one metric of `compare.metric`, a point each minute. */
export function gaugeRows({ runs, seed }: { readonly runs: number; readonly seed: number }) {
  const found = SCENARIOS.map((scenario, column) =>
    Array.from({ length: runs }, (_, run) =>
      failedPoints(scenario, seeded(seed + 1_000_000 * column + run)),
    ),
  );
  return INCREASES.flatMap((allowedIncrease, index) =>
    THRESHOLDS.map((threshold): GaugeRow => {
      const cells = SCENARIOS.map((scenario, column) => {
        const back = found[column]?.filter((it) => (it[index] ?? 0) >= threshold) ?? [];
        return { scenario, part: back.length / runs };
      });
      return { rule: { allowedIncrease, threshold }, cells };
    }),
  );
}

/** In all steps of a rollout, by how much is allowed. */
function failedPoints(scenario: GaugeScenario, random: Random): readonly number[] {
  const failed = INCREASES.map(() => 0);
  const [canary, primary] = [gauge(scenario, random), gauge({ ...scenario, times: 1 }, random)];
  for (let step = 0; step < STEPS.length; step++) {
    const a: number[] = [];
    const b: number[] = [];
    for (let minute = 0; minute < STEP_MINUTES; minute++) {
      a.push(canary());
      b.push(primary());
      for (const [index, allowedIncrease] of INCREASES.entries()) {
        const isHigh = classified(a, b, { direction: 'increase', allowedIncrease }) === 'high';
        failed[index] = (failed[index] ?? 0) + (isHigh ? 1 : 0);
      }
    }
  }
  return failed;
}

function gauge({ times, lasting, noise }: GaugeScenario, random: Random): () => number {
  let is = normal(random);
  return () => {
    is = lasting * is + Math.sqrt(1 - lasting ** 2) * normal(random);
    return times * 100 + noise * is;
  };
}
