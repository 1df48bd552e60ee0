import type { Bucket } from '../../../analyzer/core/judge/evidence/latency.ts';
import type { Arms, Tally } from '../../../analyzer/core/judge/evidence/tally.ts';
import { binomial, gammaNoise, normal } from '../../simulation/draws.ts';
import { type Random, seeded } from '../../simulation/random.ts';

/** Minutes of one run, five steps of ten each, and what part of the requests the canary has at each. */
export const STEPS = [0.01, 0.05, 0.1, 0.25, 0.5];
export const STEP_MINUTES = 10;
export const MINUTES = STEPS.length * STEP_MINUTES;

/** What happens to both sides of a rollout. */
export interface Scenario {
  readonly name: string;
  /** Rates of bad requests. */
  readonly primary: number;
  readonly canary: number;
  /** From when on the canary has a rate of its own. @default 0 */
  readonly onsetMinute?: number;
  /** Coefficient of variation of each side's rate, and whether it is drawn each interval or each minute. @default 0 */
  readonly white?: number;
  readonly lasts?: 'interval' | 'minute';
  /** Standard deviation of ln of each side's rate, which drifts (AR(1), 0.95 a minute). @default 0 */
  readonly drift?: number;
  /** How many times the usual both rates are for two minutes out of twenty. @default 1 */
  readonly bursts?: number;
  /** How latency differs. @default - latency is not looked at */
  readonly latency?: Latency;
}

/** The canary's latency: so many times the primary's, and part of its requests later by 400 ms. */
export interface Latency {
  readonly times: number;
  readonly late: number;
}

/** What was seen of both sides in an interval. */
export interface Seen {
  readonly minute: number;
  /** Which step it lies in, and whether it is the first interval of it. */
  readonly step: number;
  readonly isFirst: boolean;
  readonly errors: Arms;
  /** Cumulative buckets, of this interval alone. */
  readonly histograms?: Readonly<Record<'canary' | 'primary', readonly Bucket[]>>;
}

/** Everything that is seen in one run, interval by interval; the same seed has the same minutes. */
export function* traffic(
  scenario: Scenario,
  perSecond: number,
  intervalSeconds: number,
  seed: number,
): Generator<Seen> {
  const random = seeded(seed);
  const perMinute = 60 / intervalSeconds;
  const phase = random.between(0, 19);
  const noise = { canary: noiseOf(scenario, random), primary: noiseOf(scenario, random) };
  for (let minute = 0; minute < MINUTES; minute++) {
    const step = Math.floor(minute / STEP_MINUTES);
    const shared = (minute + phase) % 20 < 2 ? (scenario.bursts ?? 1) : 1;
    const drawn = () => ({ canary: noise.canary() * shared, primary: noise.primary() * shared });
    let times = drawn();
    const isWorse = minute >= (scenario.onsetMinute ?? 0);
    for (let part = 0; part < perMinute; part++) {
      // Traffic comes and goes by 30 % over half an hour.
      const now = minute + part / perMinute;
      const expected = perSecond * intervalSeconds * (1 + 0.3 * Math.sin(now / 5 + phase));
      const all = poisson(random, expected);
      const canary = binomial(random, all, STEPS[step] ?? 1);
      if (scenario.lasts === 'interval' && part > 0) times = drawn();
      const rate = isWorse ? scenario.canary : scenario.primary;
      const errors = {
        canary: tally(random, canary, rate * times.canary),
        primary: tally(random, all - canary, scenario.primary * times.primary),
      };
      const { latency } = scenario;
      yield {
        minute: minute + (part + 1) / perMinute,
        step,
        isFirst: minute % STEP_MINUTES === 0 && part === 0,
        errors,
        ...(latency === undefined
          ? {}
          : {
              histograms: {
                canary: histogram(random, canary, isWorse ? latency : SAME),
                primary: histogram(random, all - canary, SAME),
              },
            }),
      };
    }
  }
}

/** So many requests come on average, as near to Poisson as makes no difference. */
function poisson(random: Random, mean: number): number {
  return binomial(random, Math.ceil(1000 * mean), mean / Math.ceil(1000 * mean));
}

function tally(random: Random, requests: number, rate: number): Tally {
  return { requests, bad: binomial(random, requests, Math.min(1, rate)) };
}

/** By what a side's rate is multiplied, each time that it is asked. */
function noiseOf({ white = 0, drift = 0 }: Scenario, random: Random): () => number {
  let state = normal(random);
  return () => {
    state = 0.95 * state + Math.sqrt(1 - 0.95 ** 2) * normal(random);
    return gammaNoise(random, white) * Math.exp(drift * state - (drift * drift) / 2);
  };
}

const SAME: Latency = { times: 1, late: 0 };

/** The default bounds of Istio's histogram, in milliseconds. */
const BOUNDS = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/** Latencies are lognormal, with 40 ms at p50 and 258 ms at p99. */
const MEDIAN = 40;
const SIGMA = Math.log(258 / MEDIAN) / 2.3263;

function histogram(random: Random, requests: number, { times, late }: Latency): readonly Bucket[] {
  const within = (bound: number) => normalBelow(Math.log(bound / (MEDIAN * times)) / SIGMA);
  let [count, below] = [0, 0];
  const finite = BOUNDS.map((le) => {
    const until = (1 - late) * within(le) + late * (le > 400 ? within(le - 400) : 0);
    const part = below < 1 ? Math.min(1, (until - below) / (1 - below)) : 1;
    count += binomial(random, requests - count, part);
    below = until;
    return { le, count };
  });
  return [...finite, { le: Infinity, count: requests }];
}

/** The standard normal distribution, to seven digits (Abramowitz and Stegun 7.1.26). */
function normalBelow(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series =
    0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)));
  const tail = (t * series * Math.exp(-x * x)) / 2;
  return z > 0 ? 1 - tail : tail;
}
