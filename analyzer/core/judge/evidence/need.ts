import { type EProcess, logE } from './e-process.ts';

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
