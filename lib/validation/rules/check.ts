import { isObject, type Json, type JsonObject } from '../../manifest/json.ts';
import { escapePointer } from '../../plan/pointer.ts';

/** One thing that the API server would refuse, though the schema allows it. */
export interface Finding {
  /** JSON pointer into the object. */
  readonly pointer: string;
  /** What comes after the place, such as `must be 1 or more`. */
  readonly problem: string;
  readonly got: Json | undefined;
  readonly remedy: string;
}

/**
 * Judges a value at a place. What is of another type than the rule is about, it lets pass: schemas tell that.
 * Each looks at a value once, so that judging an object takes as long as it is large.
 */
export type Check = (value: Json, pointer: string) => readonly Finding[];

/** Judges each of the named fields that an object has; the API takes null for a field that is left out. */
export function fields(checks: Readonly<Record<string, Check>>): Check {
  const all = Object.entries(checks);
  return (value, pointer) => {
    if (!isObject(value)) return [];
    return all.flatMap(([key, check]) => {
      const inner = own(value, key);
      return inner === undefined ? [] : check(inner, `${pointer}/${key}`);
    });
  };
}

/** Judges each item of a list. */
export function items(check: Check): Check {
  return (value, pointer) =>
    Array.isArray(value)
      ? value.flatMap((it: Json, index) => check(it, `${pointer}/${index}`))
      : [];
}

/** Judges each key and each value of a map. */
export function entries(key: Check, inner: Check = () => []): Check {
  return (value, pointer) => {
    if (!isObject(value)) return [];
    return Object.entries(value).flatMap(([name, it]) => {
      const here = `${pointer}/${escapePointer(name)}`;
      return [...key(name, here), ...(it === undefined ? [] : inner(it, here))];
    });
  };
}

/** Several rules for one value. */
export function all(...checks: readonly Check[]): Check {
  return (value, pointer) => checks.flatMap((check) => check(value, pointer));
}

/** Judges only objects of which the condition holds. */
export function when(holds: (it: JsonObject) => boolean, check: Check): Check {
  return (value, pointer) => (isObject(value) && holds(value) ? check(value, pointer) : []);
}

/** One field of an object that is wrong beside its others. */
export function wrong(
  field: string,
  isWrong: (it: JsonObject) => boolean,
  problem: string,
  remedy: string,
): Check {
  return (value, pointer) => {
    if (!isObject(value) || !isWrong(value)) return [];
    return [{ pointer: `${pointer}/${field}`, problem, got: own(value, field), remedy }];
  };
}

/** A field that may only be given where the condition holds. */
export function only(field: string, holds: (it: JsonObject) => boolean, where: string): Check {
  const isWrong = (it: JsonObject) => own(it, field) !== undefined && !holds(it);
  return wrong(field, isWrong, `may only be given ${where}`, 'leave it out');
}

/** A field that must be given, and not be empty, where the condition holds. */
export function needed(
  field: string,
  why = '',
  holds: (it: JsonObject) => boolean = () => true,
): Check {
  const isWrong = (it: JsonObject) => holds(it) && isEmpty(own(it, field));
  return wrong(field, isWrong, `must be given${why === '' ? '' : ` ${why}`}`, 'add it');
}

/** Exactly one of some fields, or with `none` at most one. */
export function choice(keys: readonly string[], none: 'one' | 'none' = 'one'): Check {
  const listed = keys.join(', ');
  return (value, pointer) => {
    if (!isObject(value)) return [];
    const given = keys.filter((it) => own(value, it) !== undefined);
    if (given.length === 1 || (given.length === 0 && none === 'none')) return [];
    const many = none === 'none' ? 'at most' : 'exactly';
    const problem = `must have ${many} one of ${listed}`;
    return [{ pointer, problem, got: given.join(', '), remedy: 'keep the one that you mean' }];
  };
}

/** No two items of a list with the same key; items without one are not compared. */
export function unique(keyOf: (it: JsonObject) => string | undefined, what: string): Check {
  return (value, pointer) => {
    if (!Array.isArray(value)) return [];
    const seen = new Set<string>();
    return value.flatMap((it: Json, index) => {
      const key = isObject(it) ? keyOf(it) : undefined;
      const isNew = key === undefined || !seen.has(key);
      if (key !== undefined) seen.add(key);
      if (isNew) return [];
      const problem = `has the same ${what} as another`;
      return [{ pointer: `${pointer}/${index}`, problem, got: key, remedy: 'change one of them' }];
    });
  };
}

/** The text of a field, as the key by which items are told apart. */
export function textOf(field: string): (it: JsonObject) => string | undefined {
  return (it) => {
    const value = own(it, field);
    return typeof value === 'string' ? value : undefined;
  };
}

/** A list with so many items at most. */
export function count(most: number): Check {
  return (value, pointer) => {
    if (!Array.isArray(value) || value.length <= most) return [];
    const problem = `must have at most ${most} items`;
    return [{ pointer, problem, got: value.length, remedy: 'leave some out' }];
  };
}

/** A number in a range, both ends of it included. */
export function whole(least: number, most = Number.POSITIVE_INFINITY): Check {
  const range = most === Number.POSITIVE_INFINITY ? `${least} or more` : `from ${least} to ${most}`;
  return (value, pointer) => {
    if (typeof value !== 'number' || (value >= least && value <= most)) return [];
    return [{ pointer, problem: `must be ${range}`, got: value, remedy: 'correct it' }];
  };
}

/** A text of a certain form. */
export function text(isRight: (it: string) => boolean, form: string, remedy: string): Check {
  return (value, pointer) => {
    if (typeof value !== 'string' || isRight(value)) return [];
    return [{ pointer, problem: `must be ${form}`, got: value, remedy }];
  };
}

/** One of some words. */
export function oneOf(...words: readonly string[]): Check {
  const listed = words.join(', ');
  return text((it) => words.includes(it), `one of ${listed}`, 'use one of them');
}

/** What an object itself has at a key; undefined for null, which the API takes for nothing. */
export function own(it: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(it, key) ? (it[key] ?? undefined) : undefined;
}

/** Whether there is nothing, or an empty text, list or map. */
export function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}
