import * as z from 'zod';

/** Hours of the week in which steps may begin. */
export type Hours = z.infer<typeof hours>;
export const hours = z.strictObject({
  days: z.array(z.enum(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])).min(1),
  /** Minutes after midnight, the second after the first. */
  fromMinute: z.number().int().min(0).max(1440),
  toMinute: z.number().int().min(0).max(1440),
  /** IANA name of the time zone. */
  timeZone: z.string(),
});
