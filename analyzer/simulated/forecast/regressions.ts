import type { Scenario } from '../requests.ts';

/** What a candidate may do, and of which kind that is. */
export interface Regression extends Scenario {
  /** Innocent: the candidate is no worse than the primary, so every rollback is a false one. */
  readonly kind: 'innocent' | 'errors' | 'latency';
}

/** The candidate that is exactly like the primary. */
export function same(rate: number): Regression {
  return { name: 'none (A/A)', kind: 'innocent', primary: rate, canary: rate };
}

/**
 * What is tried beside it.
 *
 * @param rate of bad requests of the primary
 * @param onsetMinute when what sets in late does, after the candidate's first request
 */
export function regressions(rate: number, onsetMinute: number): readonly Regression[] {
  const errors = [2, 5, 10, 50, Infinity]
    .map((times) => Math.min(1, rate * times))
    .filter((canary, index, all) => canary > rate && all.indexOf(canary) === index);
  const tenfold = Math.min(1, 10 * rate);
  return [
    ...errors.map(
      (canary): Regression => ({
        name: `errors ${percentText(rate)} → ${percentText(canary)}`,
        kind: 'errors',
        primary: rate,
        canary,
      }),
    ),
    {
      name: `errors → ${percentText(tenfold)} after ${onsetMinute}m`,
      kind: 'errors',
      primary: rate,
      canary: tenfold,
      onsetMinute,
    },
    slower(rate, 'latency ×1.3', 1.3, 0),
    slower(rate, 'latency ×2', 2, 0),
    slower(rate, '2 % slower by 400 ms', 1, 0.02),
    ...[0.2, 0.5, 1].map(
      (cv): Regression => ({
        ...same(rate),
        name: `noise, cv ${cv}`,
        white: cv,
      }),
    ),
    ...[0.2, 0.5, 1].map(
      (cv): Regression => ({
        ...same(rate),
        name: `slow noise, cv ${cv}`,
        // The standard deviation of ln of a lognormal with that coefficient of variation.
        drift: Math.sqrt(Math.log(1 + cv * cv)),
      }),
    ),
  ];
}

function slower(rate: number, name: string, times: number, late: number): Regression {
  return { name, kind: 'latency', primary: rate, canary: rate, latency: { times, late } };
}

/** `.1 %`, as operators say it. */
function percentText(share: number): string {
  return `${String(Number((100 * share).toPrecision(3))).replace(/^0\./, () => '.')} %`;
}
