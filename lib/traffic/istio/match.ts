import { isObject, type JsonObject, objectAt } from '../../manifest/json.ts';
import type { Reproof } from '../../mistake.ts';
import { cookieMistakes, cookiePattern } from '../cookies.ts';
import { matchText, type RequestMatch, type TextMatch } from '../traffic.ts';

/** A request's condition as an HTTPMatchRequest. */
export function httpMatch(it: RequestMatch): JsonObject {
  const { path, method, sourceLabels, queryParams, cookies } = it;
  const cookie = cookies === undefined ? {} : { cookie: { regex: cookiePattern(cookies) } };
  const headers = { ...it.headers, ...cookie };
  return {
    ...(path === undefined ? {} : { uri: { ...path } }),
    ...(method === undefined ? {} : { method: { exact: method } }),
    ...(Object.keys(headers).length === 0 ? {} : { headers: copied(headers) }),
    ...(queryParams === undefined ? {} : { queryParams: copied(queryParams) }),
    ...(sourceLabels === undefined ? {} : { sourceLabels: { ...sourceLabels } }),
  };
}

function copied(all: Readonly<Record<string, TextMatch>>): JsonObject {
  return Object.fromEntries(Object.entries(all).map(([name, text]) => [name, { ...text }]));
}

/** Longest expression that Istio takes. */
const LONGEST = 1024;

/** What Istio would refuse of a request's condition, or read in another way. */
export function matchMistakes(it: RequestMatch): readonly Reproof[] {
  const texts: readonly (readonly [string, TextMatch])[] = [
    ...Object.entries(it.headers ?? {}).map(([name, text]) => [`header ${name}`, text] as const),
    ...Object.entries(it.queryParams ?? {}).map(
      ([name, text]) => [`query parameter ${name}`, text] as const,
    ),
    ...(it.path === undefined ? [] : [['path', it.path] as const]),
    ...Object.entries(it.cookies ?? {}).flatMap(([name, text]) =>
      'regex' in text && text.regex !== '' ? [[`cookie ${name}`, text] as const] : [],
    ),
  ];
  const said = (problem: string, remedy: string) => ({ problem, got: matchText(it), remedy });
  const mistakes = texts.flatMap(([where, text]) => textMistakes(where, text, said));
  const cookies = cookieMistakes(it.cookies ?? {});
  if (Object.keys(httpMatch(it)).length === 0)
    mistakes.push(said('a match asks for nothing', 'say which requests, or use a weight'));
  if (Object.keys(it.headers ?? {}).some((name) => name !== name.toLowerCase() || name === ''))
    mistakes.push(said('a match has a header that is not in lower case', 'write it in lower case'));
  if (it.cookies !== undefined && it.headers?.cookie !== undefined)
    mistakes.push(said('a match has cookies beside the header cookie', 'keep one of them'));
  if (
    cookies.length === 0 &&
    it.cookies !== undefined &&
    cookiePattern(it.cookies).length > LONGEST
  )
    mistakes.push(said(`cookies need more than ${LONGEST} characters`, 'ask for fewer or shorter'));
  return [...mistakes, ...cookies];
}

function textMistakes(
  where: string,
  text: TextMatch,
  said: (problem: string, remedy: string) => Reproof,
): Reproof[] {
  const value = 'regex' in text ? text.regex : 'prefix' in text ? text.prefix : text.exact;
  // Istio takes no empty prefix or expression, and its older versions an empty text for any.
  if (value === '')
    return [said(`${where} is compared with nothing`, "for any use { regex: '.*' }")];
  if (where === 'path' && !('regex' in text) && !value.startsWith('/'))
    return [said('the path is not absolute', 'begin it with /')];
  if (!('regex' in text) || isRe2(text.regex)) return [];
  const remedy = `use RE2 without look-around and back references, at most ${LONGEST} characters`;
  return [said(`the regex of ${where} is none that Istio takes`, remedy)];
}

/** Whether RE2 reads it, as far as this can be told without RE2. */
function isRe2(regex: string): boolean {
  if (regex.length > LONGEST || /\(\?<?[=!]|\\[1-9]/.test(regex)) return false;
  try {
    // What RE2 has beyond the syntax here: flags, and named groups with a P.
    const shared = regex
      .replace(/\(\?[imsU-]+\)/g, '')
      .replace(/\(\?[imsU-]+:/g, '(?:')
      .replace(/\(\?P</g, '(?<');
    return new RegExp(shared) instanceof RegExp;
  } catch {
    return false;
  }
}

/** What holds when two HTTPMatchRequests hold at once. */
export type Conjunction =
  | { readonly kind: 'match'; readonly match: JsonObject }
  /** No request can have both. */
  | { readonly kind: 'never' }
  /** One HTTPMatchRequest cannot say it. */
  | { readonly kind: 'inexpressible'; readonly field: string };

/**
 * Both conditions as one.
 *
 * @param given the route's own
 * @param asked made by `httpMatch`
 */
export function conjunction(given: JsonObject, asked: JsonObject): Conjunction {
  // Istio does not look at source labels where gateways are named, nor tells one path's case from another's.
  if (asked.sourceLabels !== undefined && given.gateways !== undefined)
    return { kind: 'inexpressible', field: 'sourceLabels beside gateways' };
  if (asked.uri !== undefined && given.ignoreUriCase === true)
    return { kind: 'inexpressible', field: 'uri with ignoreUriCase' };
  const texts = (['uri', 'method'] as const).map(
    (key) => [key, meet(given[key], asked[key])] as const,
  );
  const maps = (['headers', 'queryParams'] as const).map(
    (key) => [key, meetAll(given, asked, key)] as const,
  );
  const all = [...texts, ...maps];
  const labels = { ...objectAt(given.sourceLabels), ...objectAt(asked.sourceLabels) };
  const kept = Object.entries(objectAt(given.sourceLabels)).every(
    ([key, it]) => labels[key] === it,
  );
  const bad = all.find(([, it]) => it.kind === 'inexpressible');
  if (isExcluded(given, asked)) return { kind: 'never' };
  if (!kept || all.some(([, it]) => it.kind === 'never')) return { kind: 'never' };
  if (bad !== undefined) return { kind: 'inexpressible', field: bad[0] };
  const met = all.flatMap(([key, it]) => (it.kind === 'match' ? [[key, it.match] as const] : []));
  const filled = met.filter(([, it]) => Object.keys(it).length > 0);
  const sourceLabels = Object.keys(labels).length === 0 ? {} : { sourceLabels: labels };
  return { kind: 'match', match: { ...given, ...Object.fromEntries(filled), ...sourceLabels } };
}

/** Other names of what a request says of itself. */
const PSEUDO_HEADERS = { authority: ':authority', method: ':method', scheme: ':scheme' } as const;

/** Whether no request can have what is asked for because of other words of the route's own condition. */
function isExcluded(given: JsonObject, asked: JsonObject): boolean {
  const headers = Object.entries(objectAt(asked, 'headers'));
  const without = Object.entries(objectAt(given, 'withoutHeaders'));
  const isSame = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  return (
    headers.some(([name, it]) =>
      without.some(([no, out]) => isSame(name, no) && covers(out, it)),
    ) ||
    Object.entries(PSEUDO_HEADERS).some(([field, name]) =>
      headers.some(([one, it]) => isSame(one, name) && meet(given[field], it).kind === 'never'),
    )
  );
}

/** Whether every text that one condition takes is one of another's, as far as this can be told. */
function covers(wide: JsonObject[string], narrow: JsonObject[string]): boolean {
  const [all, some] = [asText(wide), asText(narrow)];
  if (all === undefined || (all.how === 'regex' && all.text === '.*')) return true;
  if (some === undefined) return false;
  if (all.how === some.how && all.text === some.text) return true;
  return all.how === 'prefix' && some.how !== 'regex' && some.text.startsWith(all.text);
}

function meetAll(given: JsonObject, asked: JsonObject, key: string): Conjunction {
  // Names of headers are compared without regard to case; authors may write theirs as they like.
  const byName = (it: JsonObject) =>
    new Map(
      Object.entries(objectAt(it, key)).map(([name, text]) => [
        key === 'headers' ? name.toLowerCase() : name,
        [name, text] as const,
      ]),
    );
  const [left, right] = [byName(given), byName(asked)];
  const match: Record<string, JsonObject> = {};
  let inexpressible = false;
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    const met = meet(left.get(name)?.[1], right.get(name)?.[1]);
    if (met.kind === 'never') return met;
    if (met.kind === 'inexpressible') inexpressible = true;
    else match[left.get(name)?.[0] ?? name] = met.match;
  }
  return inexpressible ? { kind: 'inexpressible', field: key } : { kind: 'match', match };
}

/** Both of two conditions on one text; one that is not there asks for nothing. */
function meet(a: JsonObject[string], b: JsonObject[string]): Conjunction {
  const [left, right] = [asText(a), asText(b)];
  if (left === undefined || right === undefined) {
    const one = isObject(b) ? (right === undefined && isObject(a) ? a : b) : a;
    return { kind: 'match', match: isObject(one) ? one : {} };
  }
  if (left.how === right.how && left.text === right.text)
    return { kind: 'match', match: { [left.how]: left.text } };
  if (left.how === 'regex' || right.how === 'regex') return { kind: 'inexpressible', field: '' };
  const [narrow, wide] =
    left.how === 'exact' || (right.how === 'prefix' && left.text.length > right.text.length)
      ? [left, right]
      : [right, left];
  const holds = wide.how === 'prefix' && narrow.text.startsWith(wide.text);
  return holds ? { kind: 'match', match: { [narrow.how]: narrow.text } } : { kind: 'never' };
}

/** A StringMatch's one entry; none where it asks for presence alone. */
function asText(
  it: JsonObject[string],
): { readonly how: 'exact' | 'prefix' | 'regex'; readonly text: string } | undefined {
  for (const how of ['exact', 'prefix', 'regex'] as const) {
    const text = isObject(it) ? it[how] : undefined;
    if (typeof text === 'string')
      return how === 'regex' && text === '*' ? undefined : { how, text };
  }
  return undefined;
}
