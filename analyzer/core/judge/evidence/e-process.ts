import { addExpToEach, logAddExp, logSumExp } from './log-space.ts';

/**
 * Evidence against a null hypothesis that may be looked at after every interval: a bet at fair or worse odds, so that
 * under the null its wealth E, which begins at 1, is ever 1/α or more with a probability of at most α (Ville). A plain
 * value that can be kept in a file: all its numbers are finite.
 */
export interface EProcess {
  /** ln of the wealth of each point of the grid, without the weight 1/J that each point has. */
  readonly logs: readonly number[];
  /** Wealth that is not at stake yet, and is kept for later starts; in [0, 1). */
  readonly unspent: number;
}

/** A process of so many grid points that stakes `weight` of its wealth now; in (0, 1]. */
export function startProcess(points: number, weight: number): EProcess {
  if (!(points >= 1 && weight > 0 && weight <= 1))
    throw new Error(`expected a stake above 0, got ${weight} on ${points}`);
  return { logs: Array<number>(points).fill(Math.log(weight)), unspent: 1 - weight };
}

/**
 * Stakes `weight` of the wealth that is unspent, at most all of it, on whatever comes next: what sets in late is then
 * not held against the good hours before. Fair at any moment that is chosen before what it bets on is seen.
 */
export function restarted(e: EProcess, weight: number): EProcess {
  const staked = Math.min(weight, e.unspent);
  if (!(staked > 0)) return e;
  const log = Math.log(staked);
  return { logs: e.logs.map((it) => logAddExp(it, log)), unspent: e.unspent - staked };
}

/**
 * Takes in what one interval says: for each point the logarithm of an e-value.
 *
 * @param cap the most that the interval may add, so that no single one decides @default - no limit
 */
export function advanced(e: EProcess, increments: readonly number[], cap = Infinity): EProcess {
  if (increments.length !== e.logs.length)
    throw new Error(`expected ${e.logs.length} increments, got ${increments.length}`);
  return advancedBy(e, 1, (_, to) => to.set(increments), { cap });
}

/** How intervals are taken in. */
export interface Course {
  /** The most that an interval may add. @default - no limit */
  readonly cap?: number | undefined;
  /** What is staked before each interval, of the wealth that is unspent. @default - nothing */
  readonly stakeOf?: ((index: number) => number) | undefined;
}

/**
 * Takes in what intervals say, one after the other: the same as `restarted` and `advanced`, without an array for each.
 *
 * @param add adds the increments of one interval to zeros
 */
export function advancedBy(
  e: EProcess,
  intervals: number,
  add: (interval: number, to: Float64Array) => void,
  { cap = Infinity, stakeOf }: Course = {},
): EProcess {
  const logs = Float64Array.from(e.logs);
  const increments = new Float64Array(logs.length);
  let { unspent } = e;
  for (let index = 0; index < intervals; index++) {
    const stake = Math.min(stakeOf?.(index) ?? 0, unspent);
    if (stake > 0) {
      unspent -= stake;
      addExpToEach(logs, Math.log(stake));
    }
    increments.fill(0);
    add(index, increments);
    for (let j = 0; j < logs.length; j++)
      logs[j] = (logs[j] ?? 0) + Math.min(cap, increments[j] ?? 0);
  }
  return { logs: [...logs], unspent };
}

/** ln E: the mean over the grid, and what is unspent. */
export function logE({ logs, unspent }: EProcess): number {
  return logAddExp(logSumExp(logs) - Math.log(logs.length), Math.log(unspent));
}
