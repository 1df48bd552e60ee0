import type { JsonObject } from '../../manifest/json.ts';
import type { Reproof } from '../../mistake.ts';
import type { Names, Side } from '../../names.ts';
import type { Track } from '../../plan/plan.ts';
import { trackCookies } from '../cookies.ts';
import type { RouterContext } from '../router.ts';
import {
  type Mirror,
  type RequestMatch,
  type SessionCookie,
  type Traffic,
  type Weights,
  wholeWeights,
} from '../traffic.ts';
import { givesCookie, takesCookie } from './cookies.ts';
import {
  asNarrow,
  type Common,
  common,
  keyOf,
  type RouteKind,
  type RouteMatch,
  routeMatch,
} from './matches.ts';
import type { GatewayApiProps, PathMatch, ValueMatch } from './props.ts';

/** What the API server takes of one route. The CRD's message says “less than 128” of all matches; its rule is `<= 128`. */
const [MOST_RULES, MOST_MATCHES_OF_RULE, MOST_MATCHES] = [16, 64, 128];

/** The order of a rule's backends. */
export const BACKENDS: readonly Track[] = ['primary', 'canary', 'baseline'];

/** Into how many parts a fraction divides the requests. */
export const FRACTION_PARTS = 100_000;

/** What the author says of the requests that are split. */
export interface GivenRule {
  readonly kind: RouteKind;
  /** Requests for which any of these holds; none: every request. */
  readonly matches: readonly RouteMatch[];
  readonly filters: readonly object[];
  readonly sessionPersistence?: unknown;
  /** How people call its matches, such as `traffic.matches`. */
  readonly where: string;
}

/** What the rules of a route are made from. */
export interface RulesInput {
  readonly given: GivenRule;
  /** What the weights add up to. */
  readonly total: number;
  readonly names: Names;
  readonly port: number;
  readonly tracks: RouterContext['tracks'];
  readonly candidate: string;
  /** What each backend has so that the gateway counts it by itself. */
  readonly backendFilters: readonly JsonObject[];
}

/** One rule of a route, as far as traffic decides it. */
export interface RouteRule {
  readonly matches: readonly RouteMatch[];
  readonly mirror?: JsonObject;
  readonly backends: readonly JsonObject[];
}

/** The rules of a route, and what of the traffic no rule can say. */
export interface RouteRules {
  readonly rules: readonly RouteRule[];
  readonly problems: readonly Reproof[];
  /** Matches of the strategy that no request of the author's matches has. */
  readonly never: readonly (readonly RequestMatch[])[];
}

/** Requests, and what happens to them. */
interface Claim {
  /** Any of these, besides what all requests of the route are. */
  readonly match: readonly RequestMatch[];
  readonly to: Side | 'weights';
  readonly mirror?: Mirror;
  /** Whether each track gives its cookie, or which one all of them take back. */
  readonly cookie: 'given' | 'none' | { readonly taken: SessionCookie };
}

/**
 * The rules for one step's traffic: the tracks' own requests, then copied ones, then all. The API asks the most
 * specific match first, whatever the order of the rules: a longer path, a method, more headers, more query
 * parameters. So each rule also has what its matches have in common with those of the rules below it: these are
 * at least as specific as what they are in competition with, and of two that are equally specific the first counts.
 */
export function routeRules(input: RulesInput, traffic: Traffic): RouteRules {
  const claims = claimsOf(input, traffic);
  const everything = givenMatches(input.given);
  const known = new Set<string>();
  const made = claims.map((claim, index) => {
    const { matches, ...said } = claimed(claim, everything, claims.slice(index + 1));
    const fresh = matches.filter((it) => !known.has(keyOf(it)));
    for (const it of fresh) known.add(keyOf(it));
    return { rule: { matches: distinct(fresh), ...goal(input, claim, traffic) }, ...said };
  });
  const isFull = made.at(-1)?.rule.matches.length === 0;
  const rules = made.map((it) => it.rule).filter((it) => it.matches.length > 0);
  return {
    rules: replacesPrefix(input.given) ? rules.flatMap(apart) : rules,
    never: made.flatMap((it) => it.never),
    problems: [
      ...made.flatMap((it) => it.problems),
      ...(isFull ? [allClaimed(input, claims)] : []),
    ],
  };
}

/** The API wants a rule of its own for each match where a prefix is replaced. */
function apart(rule: RouteRule): readonly RouteRule[] {
  return rule.matches.map((it) => ({ ...rule, matches: [it] }));
}

/** The matches of one rule, with all that they have in common with those of the rules below it. */
function claimed(
  { match }: Claim,
  everything: readonly RouteMatch[],
  rest: readonly Claim[],
): Matches & Pick<RouteRules, 'never'> {
  const below = rest.flatMap((it) => it.match.map(routeMatch));
  const own = match.length === 0 ? [{}] : match.map(routeMatch);
  const all = own.map((it) => {
    const first = everything.map((one) => common(one, it));
    const isNever = first.every(({ kind }) => kind === 'none');
    const { matches, problems } = withCommon(first, below);
    return { matches, problems: isNever ? [] : problems, never: isNever ? [match] : [] };
  });
  return {
    matches: all.flatMap((it) => it.matches),
    problems: all.flatMap((it) => it.problems),
    never: all.flatMap((it) => it.never),
  };
}

function claimsOf({ candidate }: RulesInput, traffic: Traffic): readonly Claim[] {
  const { routes = [], mirrors = [], affinity } = traffic;
  const cookies = affinity === undefined ? [] : trackCookies(affinity.cookie);
  const given = affinity?.ends === false ? cookies : [];
  const cookie = given.length > 0 ? 'given' : 'none';
  const kept = (track: Side): RequestMatch[] =>
    given
      .filter((it) => it.track === track)
      .map((it) => ({ cookies: { [it.cookie.name]: { exact: candidate } } }));
  const ended = (affinity?.ends === true ? cookies : []).map(
    (it): Claim => ({
      match: [{ cookies: { [it.cookie.name]: { prefix: '' } } }],
      to: 'weights',
      cookie: { taken: it.cookie },
    }),
  );
  const forSides = [
    { to: 'canary', match: [...routes.flatMap((it) => it.match), ...kept('canary')] },
    { to: 'primary', match: kept('primary') },
  ] as const;
  const copied = mirrors.flatMap((mirror): Claim[] => {
    const { match = [] } = mirror;
    return match.length === 0 ? [] : [{ match, to: 'weights', mirror, cookie }];
  });
  const mirror = mirrors.find(({ match = [] }) => match.length === 0);
  return [
    ...forSides.filter((it) => it.match.length > 0).map((it): Claim => ({ ...it, cookie: 'none' })),
    ...ended,
    ...copied,
    { match: [], to: 'weights', cookie, ...(mirror && { mirror }) },
  ];
}

/** Requests that the route is for, with what the API server would fill in. */
export function givenMatches({ kind, matches }: GivenRule): readonly RouteMatch[] {
  const all: readonly RouteMatch[] = matches.length === 0 ? [{}] : matches;
  return all.map((it) => {
    const { method, headers, queryParams } = it;
    const path: PathMatch = { type: 'PathPrefix', ...(it.path ?? { value: '/' }) };
    return {
      ...it,
      ...(kind === 'GRPCRoute' ? {} : { path }),
      ...(typeof method === 'object' && { method: { type: 'Exact', ...method } }),
      ...(headers && { headers: headers.map(exact) }),
      ...(queryParams && { queryParams: queryParams.map(exact) }),
    };
  });
}

function exact(it: ValueMatch): ValueMatch {
  return { type: 'Exact', ...it };
}

interface Matches {
  readonly matches: readonly RouteMatch[];
  readonly problems: readonly Reproof[];
}

/** Matches, and what they have in common with any of some others. Each of the others may double them. */
function withCommon(first: readonly Common[], others: readonly RouteMatch[]): Matches {
  let all = first;
  for (const other of others) {
    const both = all.flatMap((it) => (it.kind === 'match' ? [asNarrow(it.match, other)] : []));
    all = [...both, ...all].filter((it) => it.kind !== 'none');
    if (all.length > 8 * MOST_MATCHES)
      return { matches: [], problems: [tooMany(`over ${all.length} matches`)] };
  }
  return {
    matches: all.flatMap((it) => (it.kind === 'match' ? [it.match] : [])),
    problems: all.flatMap((it) => (it.kind === 'unsaid' ? [it.problem] : [])),
  };
}

function distinct(all: readonly RouteMatch[]): readonly RouteMatch[] {
  return [...new Map(all.map((it) => [keyOf(it), it])).values()];
}

/** What is wrong with the sizes of the rules, as they are written. */
export function sizeProblems(rules: readonly Pick<RouteRule, 'matches'>[]): readonly Reproof[] {
  const counts = rules.map((it) => it.matches.length);
  const all = counts.reduce((sum, it) => sum + it, 0);
  const isFine =
    counts.length <= MOST_RULES &&
    all <= MOST_MATCHES &&
    counts.every((it) => it <= MOST_MATCHES_OF_RULE);
  return isFine ? [] : [tooMany(`${counts.length} rules with ${all} matches`)];
}

function tooMany(got: string): Reproof {
  return {
    problem: `a route has ${MOST_RULES} rules at most, ${MOST_MATCHES_OF_RULE} matches in one and ${MOST_MATCHES} in all`,
    got,
    remedy: 'match fewer things in the route and in the strategy',
  };
}

/** Whether a filter replaces the prefix that a match asks for. */
export function replacesPrefix({ filters }: GivenRule): boolean {
  return filters.some((it) => JSON.stringify(it).includes('"ReplacePrefixMatch"'));
}

function allClaimed({ given: { where } }: RulesInput, claims: readonly Claim[]): Reproof {
  return {
    problem: `the matches of the strategy take every request of ${where}`,
    got: claims.flatMap((it) => it.match),
    remedy: 'match fewer, or use weights',
  };
}

const ALL_TO: Readonly<Record<Side, Weights>> = {
  primary: { primary: 100, canary: 0 },
  canary: { primary: 0, canary: 100 },
};

function goal(
  input: RulesInput,
  { to, cookie, mirror }: Claim,
  { weights, affinity }: Traffic,
): Omit<RouteRule, 'matches'> {
  const whole = wholeWeights(to === 'weights' ? weights : ALL_TO[to], input.total);
  const filters = (name: string) => {
    if (affinity === undefined || cookie === 'none') return [];
    if (cookie !== 'given') return [takesCookie(cookie.taken)];
    return trackCookies(affinity.cookie)
      .filter((it) => name === input.names[it.track])
      .map((it) => givesCookie(it.cookie, input.candidate));
  };
  return {
    backends: backends(input, whole, filters),
    ...(mirror && { mirror: mirrorTo(input, mirror.percent) }),
  };
}

/** What the weights add up to; one that is none is among the mistakes. */
export function totalOf({ weightTotal = 100 }: GatewayApiProps): number {
  return weightTotal;
}

/** In the order of their tracks: one of weight 0 stays in the route. */
function backends(
  { names, port, tracks: sides, backendFilters }: RulesInput,
  weights: Weights,
  filters: (name: string) => readonly JsonObject[],
): readonly JsonObject[] {
  return BACKENDS.flatMap((track) => {
    const name = names[track];
    const weight = weights[track];
    const runs = track === 'baseline' || sides.includes(track);
    if (!runs || weight === undefined) return [];
    const own = [...backendFilters, ...filters(name)];
    const backend = { group: '', kind: 'Service', name, port, weight };
    return own.length === 0 ? backend : { ...backend, filters: own };
  });
}

function mirrorTo({ names, port }: RulesInput, percent: number): JsonObject {
  const backendRef = { group: '', kind: 'Service', name: names.canary, port };
  return { type: 'RequestMirror', requestMirror: { backendRef, ...part(percent) } };
}

function part(percent: number): JsonObject {
  if (percent === 100) return {};
  if (Number.isInteger(percent)) return { percent };
  const numerator = Math.round((percent * FRACTION_PARTS) / 100);
  return { fraction: { numerator, denominator: FRACTION_PARTS } };
}
