import * as z from 'zod';

/**
 * How a check is judged: what makes an answer pass. Each kind has its text here, and its logic in a file of its own in
 * analyzer/core/judge/.
 */
export type Judge = z.infer<typeof judge>;
export const judge = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('bounds'),
      /** Inclusive, as `max`. */
      min: z.number().optional(),
      max: z.number().optional(),
    })
    .refine((it) => it.min !== undefined || it.max !== undefined, 'bounds need min or max'),
  /** The points of two tracks are compared by their ranks, as Kayenta does; all such checks of a release have one score. */
  z
    .strictObject({
      kind: z.literal('ranks'),
      /** Which way the canary must not differ. */
      direction: z.enum(['increase', 'decrease', 'either']),
      /** The canary's mean over the other's from which an increase counts. @default 1 */
      allowedIncrease: z.number().min(1).optional(),
      /** The same from which a decrease counts. @default 1 */
      allowedDecrease: z.number().gt(0).max(1).optional(),
      /** Of the score, beside the other checks. */
      weight: z.number().positive(),
      /** Whether the score is 0 when this one differs. */
      critical: z.literal(true).optional(),
      /** Scores, of 100, from which a point passes, and from which it does not fail. The strictest of a release count. */
      pass: z.number().min(0).max(100),
      marginal: z.number().min(0).max(100),
    })
    .refine((it) => it.marginal <= it.pass, 'marginal must not be over pass'),
]);

/** With fewer points of each track, even series that do not overlap may be so by chance: ranks say nothing. */
export const LEAST_POINTS = 5;

/** Bounds beyond which a single value of the canary is enough, whatever else a check says. */
export type AbortBounds = z.infer<typeof abortBounds>;
export const abortBounds = z
  .strictObject({ min: z.number().optional(), max: z.number().optional() })
  .refine((it) => it.min !== undefined || it.max !== undefined, 'abort bounds need min or max');

/** What passes, and what takes a release back, for people: `≥ 99 %, rolls back at once < 90 %, threshold 3 of its own`. */
export function checkText(it: {
  readonly judge: Judge;
  readonly unit?: string | undefined;
  readonly abort?: AbortBounds | undefined;
  readonly threshold?: number | undefined;
}): string {
  const { judge, unit, abort, threshold } = it;
  return [
    judgeText(judge, unit),
    ...(abort === undefined ? [] : [`rolls back at once ${abortText(abort, unit)}`]),
    ...(threshold === undefined ? [] : [`threshold ${threshold} of its own`]),
  ].join(', ');
}

function abortText({ min, max }: AbortBounds, unit: string | undefined): string {
  const tail = unit === undefined ? '' : ` ${unit}`;
  const sides = [
    ...(min === undefined ? [] : [`< ${min}${tail}`]),
    ...(max === undefined ? [] : [`> ${max}${tail}`]),
  ];
  return sides.join(' or ');
}

/** What passes, for people: `≥ 99 %`. @param unit such as `%` or `ms` @default - it has none */
function judgeText(it: Judge, unit?: string): string {
  const tail = unit === undefined ? '' : ` ${unit}`;
  switch (it.kind) {
    case 'bounds': {
      const { min, max } = it;
      if (min !== undefined && max !== undefined) return `${min} to ${max}${tail}`;
      return min === undefined ? `≤ ${max}${tail}` : `≥ ${min}${tail}`;
    }
    case 'ranks':
      return ranksText(it);
  }
}

const NOT = { increase: 'higher', decrease: 'lower', either: 'higher or lower' } as const;

function ranksText(it: Extract<Judge, { kind: 'ranks' }>): string {
  const { direction, allowedIncrease = 1, allowedDecrease = 1, pass, marginal, critical } = it;
  const limits = [
    ...(direction === 'decrease' || allowedIncrease === 1 ? [] : [`from ${allowedIncrease} times`]),
    ...(direction === 'increase' || allowedDecrease === 1
      ? []
      : [`down to ${allowedDecrease} times`]),
  ].join(' and ');
  const allowed = limits === '' ? '' : ` (it counts ${limits} the mean)`;
  const all = critical === true ? ', critical' : '';
  return `not ${NOT[direction]} by ranks${allowed}; score ≥ ${pass}, marginal ≥ ${marginal}${all}`;
}
