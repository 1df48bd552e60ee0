import { UsageError } from './usage-error.ts';

/** What a person named, and what there is of its kind. */
export interface Naming<T> {
  /** A whole name, or how one begins. */
  readonly given: string;
  readonly all: readonly T[];
  /** What each is called; the first of them is told. */
  readonly namesOf: (it: T) => readonly string[];
  /** What is said where nothing begins so. */
  readonly none: string;
}

/** So many are told of those that a name begins. */
const MOST_TOLD = 5;

/**
 * The one that a person named: by its whole name, or by how its name alone begins. Candidates, steps and commits are all
 * found in this way.
 *
 * @throws UsageError where none begins so, or several do
 */
export function oneNamed<T>({ given, all, namesOf, none }: Naming<T>): T {
  const exact = all.find((it) => namesOf(it).includes(given));
  if (exact !== undefined) return exact;
  const begun = all.filter((it) => namesOf(it).some((name) => name.startsWith(given)));
  const [one, ...others] = given === '' ? [] : begun;
  if (one === undefined) throw new UsageError(none);
  if (others.length === 0) return one;
  const told = begun.slice(0, MOST_TOLD).map((it) => namesOf(it)[0]);
  const left = begun.length - told.length;
  const more = left === 0 ? '' : ` and ${left} more`;
  throw new UsageError(
    `"${given}" is how several names begin, ${told.join(', ')}${more}: give more of the one that is meant`,
  );
}
