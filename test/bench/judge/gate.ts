import {
  BETTER_RATIOS,
  comparisonIncrements,
} from '../../../analyzer/core/judge/evidence/comparison.ts';
import { advanced, logE, startProcess } from '../../../analyzer/core/judge/evidence/e-process.ts';
import { binomial } from '../../../analyzer/simulated/draws.ts';
import { seeded } from '../../../analyzer/simulated/random.ts';
import { OWN } from './rules.ts';
import { STEPS } from './traffic.ts';

/** How a whole rollout ended. */
export interface Ended {
  readonly kind: 'promoted' | 'rolled back' | 'held';
  readonly minutes: number;
  /** Bad requests of the canary beyond those that the primary would have had. */
  readonly excess: number;
}

/** Part of all requests that a step may cost, how sure a step must be, and the least and the most that all may take. */
export const BUDGET = 0.001;
const PROOF = Math.log(20);
const DWELL_MINUTES = 2;
export const MOST_MINUTES = 240;

/** One rollout that goes on when it is proven that the next step stays within the budget. */
export function rollout(
  rates: { readonly primary: number; readonly canary: number },
  perSecond: number,
  intervalSeconds: number,
  seed: number,
): Ended {
  const random = seeded(seed);
  const isBad = OWN[0]?.start([]) ?? (() => false);
  const all = perSecond * intervalSeconds;
  let [step, since, excess] = [0, 0, 0];
  let good = startProcess(BETTER_RATIOS.length, 1);
  for (let k = 1; (k * intervalSeconds) / 60 <= MOST_MINUTES; k++) {
    const minutes = (k * intervalSeconds) / 60;
    const canary = binomial(random, all, STEPS[step] ?? 1);
    const errors = {
      canary: { requests: canary, bad: binomial(random, canary, rates.canary) },
      primary: { requests: all - canary, bad: binomial(random, all - canary, rates.primary) },
    };
    excess += canary * (rates.canary - rates.primary);
    const isFirst = (k - 1) * intervalSeconds === since * 60;
    if (isBad({ minute: minutes, step, isFirst, errors }))
      return { kind: 'rolled back', minutes, excess };
    const margin = { relative: 1.25, absolute: BUDGET / (STEPS[step + 1] ?? 1) };
    good = advanced(good, comparisonIncrements(errors, BETTER_RATIOS, margin));
    if (minutes - since < DWELL_MINUTES || logE(good) < PROOF) continue;
    if (step === STEPS.length - 1) return { kind: 'promoted', minutes, excess };
    step += 1;
    since = minutes;
    good = startProcess(BETTER_RATIOS.length, 1);
  }
  return { kind: 'held', minutes: MOST_MINUTES, excess };
}
