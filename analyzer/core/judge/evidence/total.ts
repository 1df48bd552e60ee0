import { logSumExp } from './log-space.ts';

/** One test of several, and the share of the false alarms that it may use. */
export interface Part {
  readonly share: number;
  readonly logE: number;
}

/** What all tests say together. */
export interface Total<It extends Part> {
  /** ln of the weighted mean of the e-values: proof at ln(1/α), whatever the tests have in common. */
  readonly logE: number;
  /** The test that contributes most; undefined where there is none. */
  readonly blame: It | undefined;
}

/** The weighted mean of e-values; a share that no test has counts as an e-value of 1. Shares add up to at most 1. */
export function totalOf<It extends Part>(parts: readonly It[]): Total<It> {
  const used = parts.reduce((sum, it) => sum + it.share, 0);
  if (!(used <= 1 + 1e-9)) throw new Error(`expected shares of at most 1, got ${used}`);
  const weighed = parts.map((it) => Math.log(it.share) + it.logE);
  const most = weighed.indexOf(Math.max(...weighed));
  return {
    logE: logSumExp([...weighed, Math.log(Math.max(0, 1 - used))]),
    blame: parts[most],
  };
}
