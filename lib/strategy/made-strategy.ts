import type * as z from 'zod';
import { made } from '../props/made.ts';
import { COMPLETE, INIT } from './stages.ts';
import type { Strategy } from './strategy.ts';

/** What a function for a strategy returns. */
export function madeStrategy<T>(
  whole: string,
  schema: z.ZodType<T>,
  props: unknown,
  make: (given: T) => Strategy,
): Strategy {
  return made(whole, schema, props, make, () => unknownStrategy(whole));
}

/** Stands in for a strategy that cannot be made. */
export function unknownStrategy(kind: string): Strategy {
  return {
    kind,
    tracks: ['primary', 'canary'],
    mistakes: () => [],
    steps: () => [INIT, COMPLETE],
  };
}
