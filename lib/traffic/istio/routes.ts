import { type Json, type JsonObject, listAt, objectAt } from '../../manifest/json.ts';
import type { Reproof } from '../../mistake.ts';
import { type Names, type Side, TRACKS } from '../../names.ts';
import { setCookie, type TrackCookie, trackCookies } from '../cookies.ts';
import {
  isOfAll,
  type Mirror,
  matchText,
  type RequestMatch,
  type Traffic,
  wholeWeights,
} from '../traffic.ts';
import { type Conjunction, conjunction, httpMatch } from './match.ts';
import type { Subsets } from './props.ts';

/** What destinations lead to the tracks. */
export interface TrackHosts {
  readonly names: Names;
  /** Those of the apex host. */
  readonly subsets: Subsets | undefined;
}

/** What a route that names both tracks is made to say in one step. */
export interface Shift extends TrackHosts {
  /** Value of the session cookie. */
  readonly candidate: string;
  readonly traffic: Traffic;
  /** What the weights sum to. */
  readonly total: number;
}

/**
 * The http routes that stand in the place of one that names both tracks: above it those for requests which the
 * step treats apart, each with the route's own settings and within its own `match`, so that routes before and
 * after it keep what is theirs.
 *
 * 1. matched routes: the canary
 * 2. users with a track's session cookie: that track; at the end what the weights say, and the cookie is taken back
 * 3. matched mirrors: what the weights say, and a copy
 * 4. the route itself: what the weights say
 */
export function shiftedHttp(rule: JsonObject, shift: Shift): readonly JsonObject[] {
  const { candidate, traffic } = shift;
  const { routes = [], mirrors = [], affinity } = traffic;
  const only = (track: Side) => ({ ...rule, route: [destinationOf(rule, track, shift)] });
  const weighted = { ...rule, route: weightedRoute(rule, shift) };
  const matched = routes.flatMap((it) => apart(only('canary'), it.name, it.match.map(httpMatch)));
  const tracks = tracksIn(rule, shift);
  const copied = (it: JsonObject) => mirrored(it, destinationOf(rule, 'canary', shift), mirrors);
  if (affinity === undefined) return [...matched, ...copied(weighted)];
  const cookies = trackCookies(affinity.cookie);
  if (affinity.ends) {
    const leave = cookies.flatMap((it) => {
      const taking = withCookie(weighted, tracks, () => setCookie(it.cookie, 'taken back'));
      // A value of another candidate is an old cookie, and tidied up after as well.
      const sent = httpMatch({ cookies: { [it.cookie.name]: { prefix: '' } } });
      return copied(taking).flatMap((one) => apart(one, `${sessionName(it)}-ends`, [sent]));
    });
    return [...matched, ...leave, ...copied(weighted)];
  }
  const stay = cookies.flatMap((it) => {
    // Whoever has the value of another candidate is drawn anew.
    const sent = httpMatch({ cookies: { [it.cookie.name]: { exact: candidate } } });
    return apart(only(it.track), sessionName(it), [sent]);
  });
  const giving = withCookie(weighted, tracks, (track) => {
    const given = cookies.find((it) => it.track === track);
    return given && setCookie(given.cookie, candidate);
  });
  return [...matched, ...stay, ...copied(giving)];
}

function sessionName({ track }: TrackCookie): string {
  return track === 'canary' ? 'session' : `session-${track}`;
}

/** The route, and above it the same for requests of which only some are copied. */
function mirrored(
  weighted: JsonObject,
  canary: JsonObject,
  mirrors: readonly Mirror[],
): readonly JsonObject[] {
  const copying = (percent: number) => ({
    ...weighted,
    mirror: objectAt(canary, 'destination'),
    mirrorPercentage: { value: percent },
  });
  const some = mirrors.flatMap(({ match = [], percent }, index) =>
    apart(copying(percent), `mirror-${index + 1}`, match.map(httpMatch)),
  );
  const all = mirrors.find(isOfAll);
  return [...some, all === undefined ? weighted : copying(all.percent)];
}

/** A tcp or tls route with the step's weights. */
export function shiftedStream(rule: JsonObject, shift: Shift): JsonObject {
  return { ...rule, route: weightedRoute(rule, shift) };
}

function weightedRoute(rule: JsonObject, shift: Shift): Json[] {
  const { names, traffic, total } = shift;
  const weights = wholeWeights(traffic.weights, total);
  const tracks = tracksIn(rule, shift);
  const route = listAt(rule, 'route').map((it, index) => {
    const track = tracks[index];
    return track === undefined ? it : { ...it, weight: weights[track] };
  });
  if (weights.baseline === undefined) return route;
  const canary = destinationOf(rule, 'canary', shift);
  const { port } = objectAt(canary, 'destination');
  // By its own host, also where the others are subsets: no rule needs to know of it.
  const destination = { host: names.baseline, ...(port === undefined ? {} : { port }) };
  return [...route, { ...canary, destination, weight: weights.baseline }];
}

/** A track's destination; alone in a route it needs no weight. */
function destinationOf(rule: JsonObject, track: Side, hosts: TrackHosts): JsonObject {
  const index = tracksIn(rule, hosts).indexOf(track);
  const found = listAt(rule, 'route')[index] ?? {};
  const { weight: _, ...destination } = found;
  return destination;
}

/** Envoy reads % in a header's value as the beginning of a variable. */
function headerValue(text: string): string {
  return text.replaceAll('%', '%%');
}

/** The route for those of its requests that any of the conditions holds for; none where there are none. */
function apart(
  rule: JsonObject,
  name: string,
  asked: readonly JsonObject[],
): readonly JsonObject[] {
  const match = conjunctions(rule, asked).flatMap(({ met }) =>
    met.kind === 'match' ? [met.match] : [],
  );
  const own = typeof rule.name === 'string' ? `${rule.name}-${name}` : name;
  return match.length === 0 ? [] : [{ ...rule, name: own, match }];
}

function conjunctions(
  rule: JsonObject,
  asked: readonly JsonObject[],
): readonly { readonly given: JsonObject; readonly met: Conjunction }[] {
  const own = listAt(rule, 'match');
  const all = own.length === 0 ? [{}] : own;
  return all.flatMap((given) => asked.map((it) => ({ given, met: conjunction(given, it) })));
}

const COOKIE_HEADER = 'set-cookie';

/**
 * The route with what the answers of its destinations set.
 *
 * @param headerOf of one track; undefined where its answers set nothing
 */
function withCookie(
  rule: JsonObject,
  tracks: readonly (Side | undefined)[],
  headerOf: (track: Side | undefined) => string | undefined,
): JsonObject {
  const route = listAt(rule, 'route').map((it, index) => {
    const value = headerOf(tracks[index]);
    if (value === undefined) return it;
    const headers = objectAt(it, 'headers');
    const response = objectAt(headers, 'response');
    const add = { ...objectAt(response, 'add'), [COOKIE_HEADER]: headerValue(value) };
    return { ...it, headers: { ...headers, response: { ...response, add } } };
  });
  return { ...rule, route };
}

/**
 * The tracks that a route's destinations lead to, in their order: by the host of a Service, or by subset of the
 * apex. Where one Service stands on both sides, its second place is the canary's.
 */
export function tracksIn(rule: JsonObject, hosts: TrackHosts): readonly (Side | undefined)[] {
  const { names } = hosts;
  const found = listAt(rule, 'route').map((it) => trackOf(it, hosts));
  if (names.primary !== names.canary) return found;
  const first = found.indexOf('primary');
  return found.map((it, index) => (it === 'primary' && index > first ? 'canary' : it));
}

function trackOf(route: JsonObject, { names, subsets }: TrackHosts): Side | undefined {
  const { host, subset } = objectAt(route, 'destination');
  return TRACKS.find(
    (it) =>
      isHost(host, names[it], names) ||
      (subset !== undefined && subset === subsets?.[it] && isHost(host, names.apex, names)),
  );
}

/** Whether a host is a Service's: Istio completes a short name with the namespace and the cluster's domain. */
export function isHost(host: Json | undefined, service: string, names: Names): boolean {
  const full = `${service}.${names.namespace}`;
  return (
    host === service ||
    host === full ||
    host === `${full}.svc` ||
    host === `${full}.svc.cluster.local`
  );
}

/** A route that names both tracks, and how people call its own conditions, such as `traffic.match`. */
export interface NamedRule {
  readonly rule: JsonObject;
  readonly where: string;
}

/** What of a step's traffic the routes cannot be made to say. */
export function shiftMistakes(rules: readonly NamedRule[], traffic: Traffic): readonly Reproof[] {
  const { routes = [], mirrors = [], affinity } = traffic;
  const named = [
    ...routes.map((it) => [`route ${it.name}`, it.match] as const),
    ...mirrors.map((it, index) => [`mirror ${index + 1}`, it.match ?? []] as const),
  ];
  const session: RequestMatch = { headers: { cookie: { regex: '' } } };
  const all =
    affinity === undefined ? named : [...named, ['the session cookie', [session]] as const];
  return [
    ...all.flatMap(([what, match]) => [
      ...rules.flatMap((it) => meetMistakes(it, what, match)),
      ...neverMistakes(rules, what, match),
    ]),
    ...rules.flatMap((it) => (mirrors.length > 0 ? mirrorMistakes(it.rule, it.where) : [])),
    ...rules.flatMap((it) => (affinity === undefined ? [] : cookieMistakes(it.rule, it.where))),
  ];
}

function meetMistakes(
  { rule, where }: NamedRule,
  what: string,
  match: readonly RequestMatch[],
): readonly Reproof[] {
  const met = conjunctions(rule, match.map(httpMatch));
  const got = listAt(rule, 'match');
  const unsaid = met.flatMap(({ met: it }) => (it.kind === 'inexpressible' ? [it.field] : []));
  const mistakes = [...new Set(unsaid)].map((field) => ({
    problem: `${what} and ${where} together need ${field}, which one condition of Istio cannot say`,
    got,
    remedy: `leave it out of ${where} or of ${what}, or use exact texts and prefixes`,
  }));
  const moved = met.some(
    ({ given, met: it }) =>
      it.kind === 'match' && JSON.stringify(it.match.uri) !== JSON.stringify(given.uri),
  );
  if (!moved || objectAt(rule, 'rewrite').uri === undefined) return mistakes;
  return [
    ...mistakes,
    {
      problem: `${what} asks for a path, and the rewrite of ${where} would replace another part of it`,
      got: objectAt(rule, 'rewrite'),
      remedy: 'rewrite with uriRegexRewrite, or ask for something else than a path',
    },
  ];
}

/** What no request can have that any of the routes gets; where one route has none of them, another may. */
function neverMistakes(
  rules: readonly NamedRule[],
  what: string,
  match: readonly RequestMatch[],
): readonly Reproof[] {
  if (rules.length === 0) return [];
  const never = match.filter((it) =>
    rules.every(({ rule }) =>
      conjunctions(rule, [httpMatch(it)]).every(({ met }) => met.kind === 'never'),
    ),
  );
  const where = [...new Set(rules.map((it) => it.where))].join(' or ');
  const got = rules.flatMap(({ rule }) => listAt(rule, 'match'));
  const said = (subject: string) => ({
    problem: `${subject} matches no request that ${where} lets through`,
    got,
    remedy: `let ${what} ask for requests that ${where} has`,
  });
  if (never.length === match.length) return match.length === 0 ? [] : [said(what)];
  return never.map((it) => said(`${matchText(it)} in ${what}`));
}

function mirrorMistakes(rule: JsonObject, where: string): readonly Reproof[] {
  return ['mirror', 'mirrors'].flatMap((key) =>
    rule[key] === undefined
      ? []
      : [
          {
            problem: `${where} has a ${key} already, which a step needs for the canary`,
            got: rule[key],
            remedy: 'leave it out, or use a strategy that mirrors nothing',
          },
        ],
  );
}

/** Another cookie in the same list, or a route that takes Set-Cookie away, would win over ours. */
function cookieMistakes(rule: JsonObject, where: string): readonly Reproof[] {
  const operations = (it: JsonObject) => objectAt(it, 'headers', 'response');
  const isCookie = (name: Json) => String(name).toLowerCase() === COOKIE_HEADER;
  const changes = (it: JsonObject) => {
    const { set, remove } = operations(it);
    return [...Object.keys(objectAt(set)), ...(Array.isArray(remove) ? remove : [])].some(isCookie);
  };
  const adds = (it: JsonObject) => Object.keys(objectAt(operations(it), 'add')).some(isCookie);
  const route = listAt(rule, 'route');
  if (![rule, ...route].some(changes) && !route.some(adds)) return [];
  return [
    {
      problem: `${where} changes Set-Cookie, which session affinity needs`,
      got: [operations(rule), ...route.map(operations)],
      remedy: 'let the application set its own cookies',
    },
  ];
}
