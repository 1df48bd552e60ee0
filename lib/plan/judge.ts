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

/** What passes, for people: `≥ 99 %`. @param unit such as `%` or `ms` @default - it has none */
export function judgeText(it: Judge, unit?: string): string {
  const tail = unit === undefined ? '' : ` ${unit}`;
  switch (it.kind) {
    case 'bounds': {
      const { min, max } = it;
      if (min !== undefined && max !== undefined) return `${min} to ${max}${tail}`;
      return min === undefined ? `≤ ${max}${tail}` : `≥ ${min}${tail}`;
    }
  }
}
