import * as z from 'zod';

/**
 * How a check is judged: what makes an answer pass. One kind today; each has its text here, and its logic in a file
 * of its own in analyzer/core/judge/.
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
]);

/** Bounds beyond which a single value of the canary is enough, however a check is judged. */
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
  }
}
