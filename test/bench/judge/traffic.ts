import type { Bucket } from '../../../analyzer/core/judge/evidence/latency.ts';
import type { Arms } from '../../../analyzer/core/judge/evidence/tally.ts';
import { binomial } from '../../../analyzer/simulated/draws.ts';
import { type Random, seeded } from '../../../analyzer/simulated/random.ts';
import {
  BOUNDS,
  bucketParts,
  bucketsOf,
  drawWithin,
  type Latency,
  noiseOf,
  poisson,
  SAME,
  type Scenario,
  tallied,
} from '../../../analyzer/simulated/requests.ts';

/** Minutes of one run, five steps of ten each, and what part of the requests the canary has at each. */
export const STEPS = [0.01, 0.05, 0.1, 0.25, 0.5];
export const STEP_MINUTES = 10;
export const MINUTES = STEPS.length * STEP_MINUTES;

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
        canary: tallied(random, canary, rate * times.canary),
        primary: tallied(random, all - canary, scenario.primary * times.primary),
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

/** Latencies are lognormal, in Istio's default buckets. */
function histogram(random: Random, requests: number, latency: Latency): readonly Bucket[] {
  return bucketsOf(BOUNDS, drawWithin(random, requests, bucketParts(latency, BOUNDS)), requests);
}
