import type { Reproof } from '../../mistake.ts';
import { cookieMistakes, cookiePattern } from '../cookies.ts';
import type { RequestMatch, TextMatch } from '../traffic.ts';
import type { GrpcMethodMatch, PathMatch, ValueMatch } from './props.ts';

/** A match of an HTTPRoute or a GRPCRoute; all fields that are given must hold. */
export interface RouteMatch {
  readonly path?: PathMatch | undefined;
  readonly method?: string | GrpcMethodMatch | undefined;
  readonly headers?: readonly ValueMatch[] | undefined;
  readonly queryParams?: readonly ValueMatch[] | undefined;
}

/** Requests that two matches have in common. */
export type Common =
  | { readonly kind: 'match'; readonly match: RouteMatch }
  /** There are none. */
  | { readonly kind: 'none' }
  /** One match cannot say which. */
  | { readonly kind: 'unsaid'; readonly problem: Reproof };

/** The kinds of routes. */
export type RouteKind = 'HTTPRoute' | 'GRPCRoute';

/** As the API writes it. What it cannot say is among `matchProblems`. */
export function routeMatch(it: RequestMatch): RouteMatch {
  const headers = [...values(it.headers), ...cookieHeader(it)];
  const queryParams = values(it.queryParams);
  return {
    ...(it.path === undefined ? {} : { path: pathMatch(it.path) }),
    ...(it.method === undefined ? {} : { method: it.method }),
    ...(headers.length === 0 ? {} : { headers }),
    ...(queryParams.length === 0 ? {} : { queryParams }),
  };
}

function cookieHeader({ cookies = {} }: RequestMatch): readonly ValueMatch[] {
  // One match has one condition on a header. More cookies have more orders than it has room for.
  const some = Object.fromEntries(Object.entries(cookies).slice(0, 3));
  if (Object.keys(some).length === 0) return [];
  return [{ type: 'RegularExpression', name: 'cookie', value: `^(?:${cookiePattern(some)})$` }];
}

function values(all: Readonly<Record<string, TextMatch>> = {}): readonly ValueMatch[] {
  return Object.entries(all).map(([name, text]) =>
    'exact' in text
      ? { type: 'Exact', name, value: text.exact }
      : { type: 'RegularExpression', name, value: pattern(text) },
  );
}

/** Over the whole value, also where a gateway looks for a part of it. */
function pattern(text: Exclude<TextMatch, { readonly exact: string }>): string {
  if ('regex' in text) return `^(?:${text.regex})$`;
  return `^${text.prefix.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')}.*$`;
}

/** A prefix is one of whole segments, because that is what the API has. */
function pathMatch(text: TextMatch): PathMatch {
  if ('exact' in text) return { type: 'Exact', value: text.exact };
  if ('prefix' in text) return { type: 'PathPrefix', value: text.prefix };
  return { type: 'RegularExpression', value: pattern(text) };
}

/** What of a match the API has no words for. */
export function matchProblems({ cookies = {}, headers = {} }: RequestMatch): readonly Reproof[] {
  if (Object.keys(cookies).length === 0) return [];
  const twice = {
    problem: 'a match asks for cookies and for the header that holds them',
    got: headers.cookie,
    remedy: 'ask for one of the two',
  };
  return [...('cookie' in headers ? [twice] : []), ...cookieMistakes(cookies)];
}

/** The requests for which both hold. */
export function common(a: RouteMatch, b: RouteMatch): Common {
  const path = commonPath(a.path, b.path);
  const method = commonMethod(a.method, b.method);
  const headers = commonValues('header', a.headers, b.headers);
  const queryParams = commonValues('query parameter', a.queryParams, b.queryParams);
  const all = [path, method, headers, queryParams];
  if (all.some((it) => it.kind === 'none')) return { kind: 'none' };
  const unsaid = all.find((it) => it.kind === 'unsaid');
  if (unsaid?.kind === 'unsaid') return unsaid;
  const match = Object.assign({ ...a, ...b }, ...all.map((it) => ('part' in it ? it.part : {})));
  return { kind: 'match', match };
}

/**
 * Requests of the first, at least those that are the second's as well, asked for as specifically as both are. A value
 * that both ask for by an expression makes neither more specific, so there the first's alone is asked for.
 */
export function asNarrow(it: RouteMatch, other: RouteMatch): Common {
  const open = (own: RouteMatch['headers'] = [], all: RouteMatch['headers'] = []) =>
    all.filter((one) => !own.some((mine) => mine.name === one.name && areRegexes(mine, one)));
  const { headers, queryParams } = other;
  return common(it, {
    ...other,
    ...(headers && { headers: open(it.headers, headers) }),
    ...(queryParams && { queryParams: open(it.queryParams, queryParams) }),
  });
}

function areRegexes(...all: readonly ValueMatch[]): boolean {
  return all.every((it) => it.type === 'RegularExpression');
}

type Part =
  | { readonly kind: 'part'; readonly part: RouteMatch }
  | Exclude<Common, { readonly kind: 'match' }>;

const NONE = { kind: 'none' } as const;

function part(it: RouteMatch): Part {
  return { kind: 'part', part: it };
}

function unsaid(what: string, got: unknown): Part {
  const problem = `one match of the Gateway API cannot ask for ${what} twice`;
  const remedy = 'let the matches of the route and of the strategy ask for different things';
  return { kind: 'unsaid', problem: { problem, got, remedy } };
}

function commonPath(a: PathMatch | undefined, b: PathMatch | undefined): Part {
  if (a === undefined || b === undefined) {
    const path = a ?? b;
    return part(path === undefined ? {} : { path });
  }
  if (isRoot(a) || same(a, b)) return part({ path: b });
  if (isRoot(b)) return part({ path: a });
  if (isRegex(a) || isRegex(b)) return unsaid('a path by a regular expression', [a, b]);
  if (isBelow(a, b)) return part({ path: a });
  return isBelow(b, a) ? part({ path: b }) : NONE;
}

function isRoot(it: PathMatch): boolean {
  return it.type === 'PathPrefix' && it.value === '/';
}

function isRegex(it: PathMatch): boolean {
  return it.type === 'RegularExpression';
}

/** Whether every path of the one is one of the other's, where neither is a regular expression. */
function isBelow(it: PathMatch, other: PathMatch): boolean {
  const prefix = other.value.replace(/\/$/, '');
  return other.type === 'PathPrefix' && `${it.value}/`.startsWith(`${prefix}/`);
}

function commonMethod(a: RouteMatch['method'], b: RouteMatch['method']): Part {
  const method = a ?? b;
  if (method === undefined) return part({});
  return a === undefined || b === undefined || same(a, b) ? part({ method }) : NONE;
}

function commonValues(
  what: 'header' | 'query parameter',
  a: readonly ValueMatch[] = [],
  b: readonly ValueMatch[] = [],
): Part {
  // Only the names of headers are the same in upper and lower case.
  const nameOf = (it: ValueMatch) => (what === 'header' ? it.name.toLowerCase() : it.name);
  const pairs = b.flatMap((it) => {
    const other = a.find((one) => nameOf(one) === nameOf(it));
    return other === undefined ? [] : [[other, it] as const];
  });
  const different = pairs.filter(([one, other]) => !hasSameValue(one, other));
  if (different.some((all) => all.every((it) => it.type !== 'RegularExpression'))) return NONE;
  const [twice] = different;
  if (twice !== undefined) return unsaid(`${what} ${twice[0].name}`, twice);
  const merged = [...a, ...b.filter((it) => !pairs.some(([, known]) => known === it))];
  if (merged.length === 0) return part({});
  return part(what === 'header' ? { headers: merged } : { queryParams: merged });
}

function hasSameValue(a: ValueMatch, b: ValueMatch): boolean {
  return (a.type ?? 'Exact') === (b.type ?? 'Exact') && a.value === b.value;
}

/** Whether two matches are the same, in whatever order they name things. */
export function same(a: object | string, b: object | string): boolean {
  return keyOf(a) === keyOf(b);
}

/** The same text for the same match. */
export function keyOf(it: object | string): string {
  return JSON.stringify(sorted(it));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((it) => JSON.stringify(sorted(it))).sort();
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, it]) => [key, sorted(it)]);
}
