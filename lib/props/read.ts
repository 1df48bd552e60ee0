import type * as z from 'zod';
import { type Reproof, reproofs } from '../mistake.ts';
import { here, placeText } from '../place.ts';
import { keysOf } from './fields.ts';
import { issueReproofs, narrowed, unknownKeys, valueAt } from './issues.ts';

/** What the author's props say, as far as that can be told. */
export interface Reading<T> {
  /** The props without what is wrong; undefined where that leaves too little. */
  readonly given: T | undefined;
  /** What is wrong with them, and with what they hold. */
  readonly reproofs: readonly Reproof[];
  /** Names of the props that are wrong or were meant: what follows from these alone is no second mistake. */
  readonly flawed: ReadonlySet<string>;
}

/**
 * Holds an author's props against their schema. A part that is wrong counts as not given, so that the rest is judged
 * all the same.
 *
 * @param whole how the author calls what has these props: the name of the function or construct
 * @param otherwise stands in for required props that are wrong
 */
export function readProps<T>(
  whole: string,
  schema: z.ZodType<T>,
  props: unknown,
  otherwise: Readonly<Record<string, unknown>> = {},
): Reading<T> {
  const result = schema.safeParse(props);
  const nested = nestedReproofs(props, 0);
  const flawedBelow = nested.length === 0 ? [] : flawedBy(props);
  if (result.success) return { given: result.data, reproofs: nested, flawed: new Set(flawedBelow) };
  const at = placeText(here());
  const found = issueReproofs(whole, result.error.issues, props);
  const own = found.map(({ reproof }) => (at === undefined ? reproof : { at, ...reproof }));
  const isNone = typeof props !== 'object' || props === null;
  const flawed = isNone ? keysOf(schema) : found.flatMap((it) => it.props);
  return {
    given: repaired(schema, props, result.error.issues, otherwise),
    reproofs: [...own, ...nested],
    flawed: new Set([...flawed, ...flawedBelow]),
  };
}

/** Everything that was noted of objects in the props. */
function nestedReproofs(value: unknown, depth: number): readonly Reproof[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = reproofs(value);
  if (own.length > 0) return own;
  // Props are flat; what is deeper, such as a construct, is not ours.
  if (depth > 4 || !isPlain(value)) return [];
  return Object.values(value).flatMap((it) => nestedReproofs(it, depth + 1));
}

/** Names of the props in which something of that is. */
function flawedBy(props: unknown): readonly string[] {
  if (typeof props !== 'object' || props === null) return [];
  const flawed = Object.entries(props).filter(([, it]) => nestedReproofs(it, 1).length > 0);
  return flawed.map(([key]) => key);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

/** So deep are props at most, and each pass takes away one level of what is wrong. */
const PASSES = 8;

function repaired<T>(
  schema: z.ZodType<T>,
  props: unknown,
  issues: readonly z.core.$ZodIssue[],
  otherwise: Readonly<Record<string, unknown>>,
): T | undefined {
  let rest = props;
  let wrong = issues;
  for (let pass = 0; pass < PASSES; pass++) {
    const paths = wrong.flatMap(narrowed).flatMap((it) => pathsOf(it, rest));
    // From the last to the first, so that the places of items before them stay what they are.
    for (const path of paths.reverse()) rest = path.length === 0 ? undefined : without(rest, path);
    rest = { ...otherwise, ...givenIn(rest) };
    const result = schema.safeParse(rest);
    if (result.success) return result.data;
    wrong = result.error.issues;
    const lacking = wrong.flatMap(narrowed).filter((it) => it.path.length === 1);
    if (lacking.some((it) => valueAt(rest, it.path) === undefined)) break;
  }
  return undefined;
}

function givenIn(rest: unknown): object {
  if (typeof rest !== 'object' || rest === null) return {};
  return Object.fromEntries(Object.entries(rest).filter(([, it]) => it !== undefined));
}

/** What to leave out: the names that are not known, the value that is wrong, or what lacks one. */
function pathsOf(issue: z.core.$ZodIssue, props: unknown): readonly z.core.$ZodIssue['path'][] {
  const keys = unknownKeys(issue);
  const item = issue.path.findIndex((it) => typeof it === 'number');
  // A list of plain data is taken out whole, as what is said of the items after one would name wrong places.
  const isThing =
    issue.code === 'custom' && issue.params?.isPlain !== true && item === issue.path.length - 1;
  if (item > 0 && !isThing) return [issue.path.slice(0, item)];
  const { path } = issue;
  if (keys.length > 0) return keys.map((it) => [...path, it]);
  return [valueAt(props, path) === undefined && path.length > 1 ? path.slice(0, -1) : path];
}

function without(value: unknown, [key, ...rest]: z.core.$ZodIssue['path']): unknown {
  if (key === undefined || typeof value !== 'object' || value === null) return value;
  const isLast = rest.length === 0;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    if (isLast) return items.filter((_, index) => index !== key);
    return items.map((it, index) => (index === key ? without(it, rest) : it));
  }
  const entries = Object.entries(value).flatMap(([name, it]) => {
    if (name !== String(key)) return [[name, it] as const];
    return isLast ? [] : [[name, without(it, rest)] as const];
  });
  return Object.fromEntries(entries);
}
