/** Requests of one track in one interval, and how many of them were bad; 0 ≤ bad ≤ requests, and either may be fractional. */
export interface Tally {
  readonly requests: number;
  readonly bad: number;
}

/** What the two sides of a comparison did in the same interval. */
export interface Arms {
  readonly canary: Tally;
  /** What is compared with: the primary, or a baseline. */
  readonly primary: Tally;
}

/**
 * The same as four numbers: requests and bad ones of the canary, then of the primary. An hour of intervals is weighed through
 * one of them, as an object and a box for each of its numbers would be most of the work.
 */
export type ArmNumbers = Float64Array;

/** Arms as numbers. */
export function numbersOf({ canary, primary }: Arms): ArmNumbers {
  return Float64Array.of(canary.requests, canary.bad, primary.requests, primary.bad);
}

/** Several intervals as one. */
export function tallyOf(all: readonly Tally[]): Tally {
  let requests = 0;
  let bad = 0;
  for (const it of all) {
    requests += it.requests;
    bad += it.bad;
  }
  return { requests, bad };
}

/** The share of bad requests, drawn a little to the middle, so that no bad request in a hundred is not proof of none. */
export function likelyRate({ requests, bad }: Tally): number {
  return (bad + 0.5) / (requests + 1);
}
