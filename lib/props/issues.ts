import * as z from 'zod';
import { isStandIn, type Reproof } from '../mistake.ts';
import { closest } from './closest.ts';

type Issue = z.core.$ZodIssue;

/** What is wrong with props, and the names of the props that it is about. */
export interface Found {
  readonly reproof: Reproof;
  readonly props: readonly string[];
}

/**
 * What a schema minds, in our words: each thing once.
 *
 * @param whole the name of the function or construct that has the props
 */
export function issueReproofs(
  whole: string,
  issues: readonly Issue[],
  props: unknown,
): readonly Found[] {
  const all = issues.flatMap(narrowed);
  const meant = new Set(all.flatMap((it) => suggestions(it).map((key) => at([...it.path, key]))));
  return all.flatMap((issue): readonly Found[] => {
    const value = valueAt(props, issue.path);
    // What stands in has its own mistakes; what is there under a misspelt name is not missing.
    if (isStandIn(value) || (value === undefined && meant.has(at(issue.path)))) return [];
    const about = issue.path.length > 0 ? [String(issue.path[0])] : suggestions(issue);
    return said(issue, value, whole).map((reproof) => ({ reproof, props: about }));
  });
}

function at(path: Issue['path']): string {
  return z.core.toDotPath(path);
}

/** The value at a path of props. */
export function valueAt(props: unknown, path: Issue['path']): unknown {
  let value = props;
  for (const key of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return value;
}

/** Names in an object that has no such props. */
export function unknownKeys(issue: Issue): readonly string[] {
  if (issue.code === 'unrecognized_keys') return issue.keys;
  const keys: unknown = issue.code === 'custom' ? issue.params?.keys : undefined;
  return Array.isArray(keys) ? keys.filter((it) => typeof it === 'string') : [];
}

function suggestions(issue: Issue): readonly string[] {
  const known = issue.message.split(' ');
  return unknownKeys(issue).flatMap((it) => closest(it, known) ?? []);
}

/** Of a value that may be one of several things, the one that it looks like. */
export function narrowed(issue: Issue): readonly Issue[] {
  const near = branchOf(issue);
  if (near === undefined) return [issue];
  return near.flatMap((it) => narrowed({ ...it, path: [...issue.path, ...it.path] }));
}

function branchOf(issue: Issue): readonly Issue[] | undefined {
  if (issue.code === 'custom') return innerOf(issue.params?.inner);
  if (issue.code !== 'invalid_union') return undefined;
  const branches: readonly (readonly Issue[])[] = issue.errors;
  return branches.find((all) =>
    all.flatMap(narrowed).some((it) => it.path.length > 0 || unknownKeys(it).length > 0),
  );
}

function innerOf(inner: unknown): readonly Issue[] | undefined {
  return Array.isArray(inner) ? inner : undefined;
}

function said(issue: Issue, value: unknown, whole: string): readonly Reproof[] {
  const isFunction = /^[a-z]/.test(whole);
  const place = at(issue.path);
  const field = place === '' ? whole : isFunction ? `${place} of ${whole}` : place;
  if (issue.code === 'unrecognized_keys') return unknown(issue, field);
  if (issue.code === 'custom' && typeof issue.params?.says === 'string') {
    const { says, remedy } = issue.params;
    return [{ problem: `${field} ${says}`, got: keysIn(value), remedy: String(remedy) }];
  }
  if (issue.code === 'too_small')
    return [{ problem: `${field} is empty`, got: value, remedy: 'give at least one' }];
  const { what, remedy } = wanted(issue);
  if (value === undefined && typeof issue.path.at(-1) === 'number')
    return [{ problem: `${field.replace('[0]', () => '')} is empty`, remedy: 'give at least one' }];
  if (value === undefined) return [{ problem: `${field} is missing`, remedy }];
  const isValue = issue.code === 'invalid_value' || 'discriminator' in issue;
  const problem = isValue ? `${field} is not supported` : `${field} is not ${what}`;
  return [{ problem, got: value, remedy }];
}

function unknown(issue: z.core.$ZodIssueUnrecognizedKeys, field: string): readonly Reproof[] {
  const known = issue.message.split(' ');
  return issue.keys.map((key) => {
    const meant = closest(key, known);
    const remedy =
      meant === undefined ? `use one of ${known.join(', ')}` : `did you mean ${meant}?`;
    return { problem: `${field} has no prop ${key}`, remedy };
  });
}

function keysIn(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? Object.keys(value) : value;
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
};

interface Wanted {
  readonly what: string;
  readonly remedy: string;
}

function wanted(issue: Issue): Wanted {
  switch (issue.code) {
    case 'invalid_type': {
      const what = WORDS[issue.expected] ?? issue.expected;
      return { what, remedy: what === 'true or false' ? `use ${what}` : `give ${what}` };
    }
    case 'invalid_value': {
      const own = ownWords(issue);
      if (own !== undefined) return { what: '', remedy: own };
      const what = issue.values.map(String).join(', ');
      return { what, remedy: `use ${issue.values.length > 1 ? 'one of ' : ''}${what}` };
    }
    case 'custom':
      return { what: String(issue.params?.what), remedy: String(issue.params?.remedy) };
    case 'invalid_union': {
      if (issue.discriminator !== undefined) {
        const own = ownWords(issue);
        if (own !== undefined) return { what: '', remedy: own };
        const known = optionsOf(issue).join(', ');
        return { what: known, remedy: `use one of ${known}` };
      }
      const all = issue.errors.flatMap((it) => it.slice(0, 1).map(wanted));
      const what = [...new Set(all.map((it) => it.what))].join(' or ');
      return { what, remedy: `give ${what}` };
    }
    default:
      return { what: 'right', remedy: issue.message };
  }
}

/** The remedy that a schema has of its own. */
function ownWords({ message }: Issue): string | undefined {
  return message.startsWith('Invalid ') ? undefined : message;
}

function optionsOf(issue: z.core.$ZodIssueInvalidUnion): readonly string[] {
  return 'options' in issue
    ? (issue.options ?? []).filter((it) => it !== undefined).map(String)
    : [];
}
