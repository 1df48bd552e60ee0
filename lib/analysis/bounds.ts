import type { QueryProblem } from '../metrics/promql.ts';
import type { Check } from '../plan/plan.ts';

/** Between which numbers a value must lie; both ends may be. */
export interface Bounds {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** What is wrong with a percent. */
export function percentProblems(field: string, value: number | undefined): QueryProblem[] {
  if (value === undefined || (value >= 0 && value <= 100)) return [];
  return [{ problem: `${field} must be a percent`, got: String(value), remedy: 'use 0 to 100' }];
}

/** Hardly anybody means a rate of at most 1 %. */
export function fractionProblems(field: string, min: number | undefined): QueryProblem[] {
  if (min === undefined || !(min > 0 && min <= 1)) return [];
  const percent = Number((min * 100).toPrecision(12));
  return [
    {
      problem: `${field} is a fraction, and a percent is meant`,
      got: String(min),
      remedy: `write ${percent}, not ${min}`,
    },
  ];
}

/** What bounds have wrong with each other. */
export function orderProblems({ min, max }: Bounds): QueryProblem[] {
  if (min === undefined || max === undefined || min <= max) return [];
  return [{ problem: 'min is over max', got: `${min} and ${max}`, remedy: 'swap them' }];
}

/** An abort bound is for values that are worse than failed ones, so it lies beyond the bound of its side. */
export function abortProblems(bounds: Bounds, abort: Partial<Bounds> | undefined): QueryProblem[] {
  if (abort !== undefined && abortOf(abort) === undefined) {
    const remedy = 'give min, max or both, or leave it out';
    return [{ problem: 'abort needs a bound', got: 'neither min nor max', remedy }];
  }
  const sides = [
    { side: 'min', beyond: 'below', sign: -1 },
    { side: 'max', beyond: 'above', sign: 1 },
  ] as const;
  return sides.flatMap(({ side, beyond, sign }): QueryProblem[] => {
    const [bound, own] = [bounds[side], abort?.[side]];
    if (own === undefined) return [];
    const got = String(own);
    if (bound === undefined)
      return [{ problem: `abort.${side} needs ${side}`, got, remedy: `give ${side}, too` }];
    if (sign * (own - bound) > 0) return [];
    return [
      {
        problem: `abort.${side} must be ${beyond} ${side}`,
        got: `${got} and ${bound}`,
        remedy: `use a number ${beyond} ${bound}`,
      },
    ];
  });
}

/** What is wrong with a check's own number of failed points. */
export function thresholdProblems(threshold = 1): QueryProblem[] {
  if (Number.isInteger(threshold) && threshold >= 1) return [];
  const problem = 'threshold must be a whole number';
  return [{ problem, got: String(threshold), remedy: 'use 1 or more' }];
}

/** Abort bounds as the plan has them; undefined where there are none. */
export function abortOf({ min, max }: Partial<Bounds> = {}): Check['abort'] {
  if (min === undefined && max === undefined) return undefined;
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}
