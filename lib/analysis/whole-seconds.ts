import type { Duration } from 'cdk8s';
import type { Mistake } from '../mistake.ts';

/** A duration of the plan, or the least that is allowed and what is wrong with what was given. */
export interface WholeSeconds {
  readonly seconds: number;
  readonly mistakes: readonly Mistake[];
}

/** Reads a duration as whole seconds, as the plan counts. */
export function wholeSeconds(
  path: string,
  field: string,
  value: Duration,
  least: number,
): WholeSeconds {
  const seconds = value.toMilliseconds({ integral: false }) / 1000;
  if (Number.isInteger(seconds) && seconds >= least) return { seconds, mistakes: [] };
  const problem = `${field} must be a whole number of seconds`;
  return {
    seconds: least,
    mistakes: [{ path, problem, got: `${seconds} s`, remedy: `use ${least} or more` }],
  };
}
