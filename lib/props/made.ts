import type * as z from 'zod';
import { noteCall, reprove, standIn } from '../mistake.ts';
import { readProps } from './read.ts';

/**
 * What a function of ours returns: made from an author's props, with what is wrong with them. Nothing is thrown, so
 * that synth can tell all mistakes together.
 *
 * @param whole name of the function
 * @param otherwise makes what stands in where too little of the props is right
 */
export function made<T, R extends object>(
  whole: string,
  schema: z.ZodType<T>,
  props: unknown,
  make: (given: T) => R,
  otherwise: () => R,
): R {
  const { given, reproofs } = readProps(whole, schema, props);
  const it = given === undefined ? standIn(otherwise()) : make(given);
  reprove(it, ...reproofs);
  noteCall(it);
  return it;
}
