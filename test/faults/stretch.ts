import { availableParallelism, loadavg } from 'node:os';

/** Processes for each core that want to run when a machine has enough to do, and no more. */
const FULL = 3;
const MOST = 5;

let longest = 1;

/**
 * By what limits are multiplied: 1, and more where a machine has so much else to do that whatever runs on it is
 * late. So a busy machine breaks no promise; how much was given is printed with the results.
 */
export function stretch(): number {
  const now = stretchOf(loadavg()[0] ?? 0, availableParallelism());
  longest = Math.max(longest, now);
  return now;
}

/** @param load processes that want to run, as a mean over the last minute */
export function stretchOf(load: number, cores: number): number {
  return Math.min(MOST, Math.max(1, load / (FULL * cores)));
}

/** The most that limits were multiplied by in this run. */
export function longestStretch(): number {
  return longest;
}
