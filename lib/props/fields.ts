import type { Duration } from 'cdk8s';
import * as z from 'zod';
import { isObject, type JsonObject } from '../manifest/json.ts';
import { isStandIn } from '../mistake.ts';
import { closest } from './closest.ts';

/** The schemas of props by their names. */
export type Shape = Readonly<Record<string, z.core.$ZodType>>;

/** The schema of an object that has these props and no others. */
export type Fields<T extends Shape> = z.ZodReadonly<z.ZodObject<T, z.core.$strict>>;

/**
 * Props: the one source of their type, their documentation and the check at run time. What is given as `undefined`
 * is not given. Comments that stand on lines of their own come through to whoever imports the built library, which
 * those in the argument of `z.strictObject` would not.
 */
export function fields<T extends Shape>(shape: T): Fields<T>;
export function fields(shape: Shape): Fields<Shape> {
  // Of an unknown name the message is the list of the known ones, from which the reader makes the text.
  const error = ({ code }: { readonly code: string }) =>
    code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : undefined;
  return z.strictObject(shape, { error }).overwrite(withoutUndefined).readonly();
}

/** The same with further props. */
export function extended<A extends Shape, B extends Shape>(
  base: Fields<A>,
  shape: B,
): Fields<A & B>;
export function extended(base: Fields<Shape>, shape: Shape): Fields<Shape> {
  return fields({ ...base.unwrap().shape, ...shape });
}

function withoutUndefined<T extends object>(given: T): T {
  const isGiven = Object.values(given).every((it) => it !== undefined);
  if (isGiven) return given;
  const copy = { ...given };
  for (const [key, value] of Object.entries(copy))
    if (value === undefined) Reflect.deleteProperty(copy, key);
  return copy;
}

/** A list. */
export function listOf<T extends z.core.$ZodType>(item: T): z.ZodReadonly<z.ZodArray<T>> {
  return z.array(item).readonly();
}

/** A list with at least one item. */
export function someOf<T extends z.core.$ZodType>(item: T): z.ZodReadonly<z.ZodTuple<[T], T>> {
  return z.tuple([item], item).readonly();
}

/** An object with any keys. */
export function mapOf<T extends z.core.$ZodType>(
  value: T,
): z.ZodReadonly<z.ZodRecord<z.ZodString, T>> {
  return z.record(z.string(), value).readonly();
}

/** What a prop that a test of ours recognizes is, for people. */
export interface Meaning {
  /** `a router`. */
  readonly what: string;
  /** What to write instead. */
  readonly remedy: string;
}

/** A value that a test recognizes, such as a function, or what one of our functions returned; not one that stands in. */
export function thing<T>(meaning: Meaning, is: (value: unknown) => boolean): z.ZodCustom<T, T> {
  return z.custom<T>((it) => !isStandIn(it) && is(it), { params: { ...meaning } });
}

/**
 * The same where a release cannot be without it: one that stands in passes, so that all else of the release is judged.
 */
export function madeThing<T>(meaning: Meaning, is: (value: unknown) => boolean): z.ZodCustom<T, T> {
  return z.custom<T>((it) => isStandIn(it) || is(it), { params: { ...meaning } });
}

/** Whether a value has these members, and which of them are functions. */
export function hasMembers(
  value: unknown,
  members: Readonly<Record<string, 'function' | 'object' | 'string'>>,
): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(members).every(([key, type]) => typeof Reflect.get(value, key) === type);
}

/** Whether it is a duration, of any copy of cdk8s. */
export function isDuration(value: unknown): value is Duration {
  return hasMembers(value, { toMilliseconds: 'function' });
}

/** How long something takes or waits. */
export const duration = thing<Duration>(
  { what: 'a duration', remedy: 'give one, such as Duration.seconds(30)' },
  isDuration,
);

/** Where a file is. */
export const aPath = thing<string | URL>(
  { what: 'a path', remedy: 'give a path, or new URL(…, import.meta.url)' },
  (it) => (typeof it === 'string' && it !== '') || (it instanceof URL && it.protocol === 'file:'),
);

/** An object whose fields another schema knows, such as that of an API. */
export const anObject = thing<object>({ what: 'an object', remedy: 'give an object' }, isObject);

/** An object of plain data, as a manifest holds it. */
export const jsonObject = thing<JsonObject>(
  { what: 'an object', remedy: 'give an object' },
  isObject,
);

/** Branches by the prop that only they have. */
type Branches = Readonly<Record<string, z.core.$ZodType>>;

/** Branches of `oneOf`, by their schemas: a test looks into each. */
export const branchesOf = new WeakMap<object, Branches>();

/**
 * One of several shapes, told apart by the prop that is given; the first that is given counts. So a mistake in one is
 * not told as one in all.
 */
export function oneOf<T extends Branches>(branches: T): z.ZodType<z.output<T[keyof T]>>;
export function oneOf(branches: Branches): z.ZodType {
  const schema = z.unknown().transform((value, ctx) => {
    const branch = branchFor(value, branches);
    if (branch === undefined) {
      const params = { what: 'an object', isPlain: true, ...missing(value, branches) };
      ctx.issues.push({ code: 'custom', input: value, params });
      return z.NEVER;
    }
    const result = z.safeParse(branch, value);
    if (result.success) return result.data;
    const inner = result.error.issues.flatMap((it) => besides(it, branches));
    ctx.issues.push({ code: 'custom', input: value, params: { inner } });
    return z.NEVER;
  });
  branchesOf.set(schema, branches);
  return schema;
}

function branchFor(value: unknown, branches: Branches): z.core.$ZodType | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const given = Object.keys(value).filter((key) => Reflect.get(value, key) !== undefined);
  const names = Object.keys(branches);
  const exact = names.find((it) => given.includes(it));
  const meant = exact ?? given.flatMap((it) => closest(it, names) ?? [])[0];
  return meant === undefined ? undefined : branches[meant];
}

function missing(value: unknown, branches: Branches) {
  const remedy = `use one of ${Object.keys(branches).join(', ')}`;
  const isOther = typeof value !== 'object' || value === null;
  return { remedy, ...(isOther ? {} : { says: 'must say exactly one thing' }) };
}

/** A prop of another branch is known, only not beside that of this one. */
function besides(issue: z.core.$ZodIssue, branches: Branches): readonly z.core.$ZodIssue[] {
  if (issue.code !== 'unrecognized_keys' || issue.path.length > 0) return [issue];
  const others = Object.values(branches).flatMap(keysOf);
  const known = issue.message.split(' ');
  const own = Object.keys(branches).find((it) => known.includes(it));
  const keys = issue.keys.filter((it) => others.includes(it));
  if (keys.length === 0 || own === undefined) return [issue];
  const says = `has ${[own, ...keys].join(' beside ')}`;
  const params = { says, remedy: 'keep one of them', keys };
  const rest = issue.keys.filter((it) => !keys.includes(it));
  const beside: z.core.$ZodIssue = { code: 'custom', path: [], message: '', params };
  return rest.length === 0 ? [beside] : [beside, { ...issue, keys: rest }];
}

/** Names of the props of an object's schema; none of another. */
export function keysOf(schema: z.core.$ZodType): readonly string[] {
  const inner = schema instanceof z.ZodReadonly ? schema.unwrap() : schema;
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}
