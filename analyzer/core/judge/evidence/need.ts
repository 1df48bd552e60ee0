import { comparisonGrowths, type Margin, WORSE_RATIOS } from './comparison.ts';
import { type EProcess, logE, startProcess } from './e-process.ts';

/** Beyond this a number of requests is as good as never. */
const NEVER = 1e15;

/**
 * How many more requests a process needs to reach a level, such as ln(1/α), if from now on each request brings its
 * points these growths (comparisonGrowths, objectiveGrowths). 0 where it is there; undefined where it never will be.
 * A forecast of the mean, within a quarter; where a handful of bad requests decides, it takes up to half more.
 */
export function requestsNeeded(
  e: EProcess,
  growths: readonly number[],
  level: number,
): number | undefined {
  if (logE(e) >= level) return 0;
  const after = (requests: number): number =>
    logE({ logs: e.logs.map((it, j) => it + requests * (growths[j] ?? 0)), unspent: e.unspent });
  let enough = 1;
  while (after(enough) < level) {
    if (enough > NEVER) return undefined;
    enough *= 2;
  }
  // ln E along the way is convex: it may fall at first, but crosses the level once.
  let few = enough === 1 ? 0 : enough / 2;
  while (enough - few > 0.5) {
    const middle = (few + enough) / 2;
    if (after(middle) < level) few = middle;
    else enough = middle;
  }
  return Math.ceil(enough);
}

/** What is known of a comparison when one asks what it could have found. */
export interface Sight {
  /** Requests of the canary. */
  readonly requests: number;
  /** Of all requests, those of the canary; in (0, 1). */
  readonly share: number;
  /** The primary's rate of bad requests. */
  readonly primary: number;
  readonly margin: Margin;
  /** What is proof, such as ln(1/α). */
  readonly level: number;
}

/**
 * The smallest rate of bad requests of a canary that so many requests prove to be too high; undefined where they
 * would prove it of none.
 */
export function smallestDetectableRate(sight: Sight): number | undefined {
  const { requests, share, primary, margin, level } = sight;
  const start = startProcess(WORSE_RATIOS.length, 1);
  const isFound = (canary: number) => {
    const growths = comparisonGrowths({ canary, primary }, share, margin, WORSE_RATIOS);
    return logE({ ...start, logs: growths.map((it) => it * requests) }) >= level;
  };
  if (!isFound(1)) return undefined;
  let [missed, found] = [Math.min(1, margin.relative * primary + margin.absolute), 1];
  for (let k = 0; k < 50; k++) {
    const middle = (missed + found) / 2;
    if (isFound(middle)) found = middle;
    else missed = middle;
  }
  return found;
}
