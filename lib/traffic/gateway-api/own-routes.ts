import { type JsonObject, listAt, type Manifest, objectAt } from '../../manifest/json.ts';
import { isKind, withSpec } from '../../manifest/manifest.ts';
import type { Mistake, Reproof } from '../../mistake.ts';
import { TRACKS } from '../../names.ts';
import { plain } from '../plain.ts';
import type { RouterContext } from '../router.ts';
import type { Traffic } from '../traffic.ts';
import { common, keyOf, type RouteKind, type RouteMatch } from './matches.ts';
import { type GatewayApiProps, ROUTE_MATCHES } from './props.ts';
import {
  type GivenRule,
  givenMatches,
  type RouteRule,
  type RulesInput,
  routeRules,
  sizeProblems,
} from './rules.ts';
import { trafficMistakes } from './traffic-mistakes.ts';

/** What a release brings to each of its rules. */
export type RuleBase = Omit<RulesInput, 'given'>;

/** A rule of a route of the author's, and what it says of its requests. */
interface ReadRule {
  readonly rule: JsonObject;
  readonly given: GivenRule;
}

/** A rule of a route of the author's. */
interface OwnRule extends ReadRule {
  /** The backend in whose place the tracks stand; undefined where the rule is not ours. */
  readonly backend: JsonObject | undefined;
}

/** Whether an object is one of the author's routes that lead to the release. */
export function isOwnRoute({ routes = [], kind }: GatewayApiProps, object: Manifest): boolean {
  return isRoute(object, kind) && routes.includes(object.metadata.name);
}

function isRoute(object: Manifest, kind: RouteKind = 'HTTPRoute'): boolean {
  return isKind(object, 'gateway.networking.k8s.io', kind);
}

/** Those routes of the workload, in the order in which the author names them. */
export function ownRoutes(
  { routes = [], kind }: GatewayApiProps,
  { workload }: Pick<RouterContext, 'workload'>,
): readonly Manifest[] {
  return routes.flatMap((name) =>
    workload.filter((it) => isRoute(it, kind) && it.metadata.name === name),
  );
}

/**
 * The author's route with one step's traffic in the place of those rules that lead to the release. Everything else in it
 * stays as it is.
 */
export function shifted(object: Manifest, base: RuleBase, traffic: Traffic): Manifest {
  const rules = rulesOf(object, base).flatMap((own) => {
    if (own.backend === undefined) return [own.rule];
    const made = routeRules(inputOf(own, base), traffic).rules;
    return made.map((it, index) => written(own, it, index === made.length - 1));
  });
  return withSpec(object, { rules });
}

/** A name stands once in a route: the rule for all other requests keeps it. */
function written({ rule, given }: OwnRule, it: RouteRule, isLast: boolean): JsonObject {
  const { name, filters: _, ...rest } = rule;
  const filters = [...listAt(rule, 'filters'), ...(it.mirror ? [it.mirror] : [])];
  const isForAll = it.matches.every((one) => Object.keys(one).length === 0);
  const { matches } = plain({ matches: it.matches }, String);
  return {
    ...rest,
    ...(name === undefined || !isLast ? {} : { name }),
    ...(given.kind === 'GRPCRoute' && isForAll ? {} : { matches }),
    ...(filters.length === 0 ? {} : { filters }),
    backendRefs: [...it.backends],
  };
}

function inputOf({ given, backend }: OwnRule, base: RuleBase): RulesInput {
  const port = objectAt(backend).port;
  const own = listAt(backend, 'filters');
  return {
    ...base,
    given,
    port: typeof port === 'number' ? port : base.port,
    backendFilters: [...own, ...base.backendFilters],
  };
}

function rulesOf(object: Manifest, base: RuleBase): readonly OwnRule[] {
  return rulesOfRoute(object).map((it) => ({ ...it, backend: backendOf(it.rule, base) }));
}

/** The rules of a route, wherever they lead. */
export function rulesOfRoute(object: Manifest): readonly ReadRule[] {
  const kind = object.kind === 'GRPCRoute' ? 'GRPCRoute' : 'HTTPRoute';
  return listAt(object, 'spec', 'rules').map((rule, index) => {
    const matches = ROUTE_MATCHES[kind].safeParse(rule.matches ?? []);
    const name = typeof rule.name === 'string' ? rule.name : index + 1;
    return {
      rule,
      given: {
        kind,
        // What cannot be read the API server would refuse, which is told of the object.
        matches: matches.success ? matches.data : [],
        filters: listAt(rule, 'filters'),
        sessionPersistence: rule.sessionPersistence,
        where: `rule ${name} of ${kind} ${object.metadata.name}`,
      },
    };
  });
}

/** At rest the apex Service selects the primary alone, so a rule that leads to it is one of the release. */
function backendOf(rule: JsonObject, { names, tracks }: RuleBase): JsonObject | undefined {
  const refs = listAt(rule, 'backendRefs');
  const [first, ...more] = refs;
  const found = refs.map((it) => serviceOf(it, names.namespace));
  if (more.length === 0 && found[0] === names.apex) return first;
  const all = TRACKS.map((it) => names[it]);
  const isAll =
    found.every((it) => it !== undefined && all.includes(it)) &&
    tracks.every((it) => found.includes(names[it]));
  return isAll ? first : undefined;
}

/** Name of the Service in a namespace that a backend is; undefined for any other. */
function serviceOf(ref: JsonObject, own: string): string | undefined {
  const { group = '', kind = 'Service', namespace = own, name } = ref;
  const isService = group === '' && kind === 'Service' && namespace === own;
  return isService && typeof name === 'string' ? name : undefined;
}

/** Props that shape a route of ours, and say nothing about the author's. */
const SHAPING = [
  'parentRefs',
  'hostnames',
  'matches',
  'filters',
  'timeouts',
  'retry',
  'sessionPersistence',
] as const;

/** What keeps us from routing by the author's routes. */
export function ownRoutesMistakes(
  props: GatewayApiProps,
  context: RouterContext,
  base: RuleBase,
  traffics: readonly Traffic[],
): Mistake[] {
  const { path, workload } = context;
  const { routes = [], kind = 'HTTPRoute' } = props;
  const known = workload.filter((it) => isRoute(it, kind)).map((it) => it.metadata.name);
  const own = ownRoutes(props, context);
  const given: Readonly<Record<string, unknown>> = { ...props };
  const ignored = SHAPING.filter((key) => given[key] !== undefined).map((key) => ({
    problem: `traffic.${key} has no effect beside traffic.routes`,
    got: given[key],
    remedy: `write it into the ${kind} ${routes.join(' or ')}`,
  }));
  const unknown = [...new Set(routes)]
    .filter((it) => !known.includes(it))
    .map((got) => ({
      problem: `traffic.routes names no ${kind}`,
      got,
      remedy: `make one of this name in workload (it makes ${known.length === 0 ? 'none' : known.join(', ')})`,
    }));
  const twice = routes
    .filter((it, index) => routes.indexOf(it) < index)
    .map((got) => ({
      problem: `traffic.routes names one ${kind} twice`,
      got,
      remedy: 'name it once',
    }));
  const none = {
    problem: 'traffic.routes is empty',
    got: routes,
    remedy: 'name one, or leave it out and Perch writes one',
  };
  const all: readonly Reproof[] = [
    ...ignored,
    ...(routes.length === 0 ? [none] : []),
    ...unknown,
    ...twice,
    ...own.flatMap((it) => routeMistakes(it, base, traffics)),
    ...(twice.length === 0 ? sharedRequestMistakes(own, base) : []),
  ];
  const inputs = own.flatMap((it) =>
    rulesOf(it, base)
      .filter(({ backend }) => backend !== undefined)
      .map((rule) => inputOf(rule, base)),
  );
  const steps = trafficMistakes(inputs, path, traffics);
  return [...all.map((it) => ({ path, ...it })), ...steps];
}

function routeMistakes(
  object: Manifest,
  base: RuleBase,
  traffics: readonly Traffic[],
): readonly Reproof[] {
  const { names } = base;
  const rules = rulesOf(object, base);
  const ours = rules.filter((it) => it.backend !== undefined);
  const crowded = rules.filter((it) => it.backend === undefined && isCrowded(it.rule, base));
  const { kind, metadata } = object;
  const none = {
    problem: `no rule of ${kind} ${metadata.name} leads to the release`,
    got: listAt(object, 'spec', 'rules').map((it) => it.backendRefs),
    remedy: `give one the backend ${names.apex}, or ${names.primary} and ${names.canary}`,
  };
  return [
    ...crowded.map(({ rule, given }) => ({
      problem: `${given.where} leads to the release and elsewhere`,
      got: rule.backendRefs,
      remedy: 'the weights in it are ours: move the other backends to a rule of their own',
    })),
    ...(ours.length === 0 && crowded.length === 0 ? [none] : []),
    ...ours.flatMap((it) => [...unequal(it), ...copiesToTrack(it, base)]),
    ...traffics.flatMap((it) => stepMistakes(rules, base, it)),
  ];
}

function isCrowded(rule: JsonObject, { names, tracks }: RuleBase): boolean {
  const found = listAt(rule, 'backendRefs').map((it) => serviceOf(it, names.namespace));
  return found.includes(names.apex) || tracks.every((it) => found.includes(names[it]));
}

/** Both tracks are reached in the same way, or they could not be compared. */
function unequal({ rule, given }: OwnRule): readonly Reproof[] {
  const ways = listAt(rule, 'backendRefs').map(({ port, filters = [] }) =>
    JSON.stringify([port, filters]),
  );
  if (new Set(ways).size <= 1) return [];
  return [
    {
      problem: `the backends of ${given.where} differ in more than their names and weights`,
      got: rule.backendRefs,
      remedy: 'give both the same port and filters',
    },
  ];
}

function copiesToTrack({ rule, given }: OwnRule, { names }: RuleBase): readonly Reproof[] {
  const tracks = [names.primary, names.canary, names.baseline];
  return listAt(rule, 'filters').flatMap((it) => {
    const name = serviceOf(objectAt(it, 'requestMirror', 'backendRef'), names.namespace);
    if (name === undefined || !tracks.includes(name)) return [];
    const remedy = 'mirror to a Service of its own: copies would count in the canary’s checks';
    return [{ problem: `${given.where} mirrors to a track`, got: name, remedy }];
  });
}

/** The rules of one step, with the author's own among them. */
function stepMistakes(
  rules: readonly OwnRule[],
  base: RuleBase,
  traffic: Traffic,
): readonly Reproof[] {
  const made = rules.map((it) => ({
    own: it,
    rules: it.backend === undefined ? [] : routeRules(inputOf(it, base), traffic).rules,
  }));
  const all = made.flatMap(({ own, rules: its }): readonly Pick<RouteRule, 'matches'>[] =>
    own.backend === undefined ? [{ matches: givenMatches(own.given) }] : its,
  );
  const others = rules.filter((it) => it.backend === undefined);
  const narrow = made.flatMap(({ own, rules: its }) =>
    its
      .slice(0, -1)
      .flatMap(({ matches }) => matches)
      .map((match) => ({ match, own })),
  );
  const rivals = others.filter(({ given }) =>
    givenMatches(given).some((it) => narrow.some(({ match, own }) => competes(match, own, it))),
  );
  return [
    ...sizeProblems(all),
    ...rivals.map(({ rule, given }) => ({
      problem: `${given.where} may have requests that the strategy matches, and the gateway would take the more specific of two rules`,
      got: rule.matches,
      remedy: 'give it another path than the rules of the release, or use weights alone',
    })),
  ];
}

/**
 * Whether a narrower rule of a step could win over another rule where the author's own would not, or lose where it would
 * not. Paths, and methods of gRPC, count before all else; where these differ, they decide as they did.
 */
function competes(match: RouteMatch, { given }: OwnRule, other: RouteMatch): boolean {
  if (common(match, other).kind === 'none') return false;
  const first = (it: RouteMatch) => keyOf((given.kind === 'GRPCRoute' ? it.method : it.path) ?? '');
  const isMoved = !givenMatches(given).some((it) => first(it) === first(match));
  return isMoved || first(match) === first(other);
}

/** Two routes that ask for the same at one parent and host: the gateway would follow the older one alone. */
function sharedRequestMistakes(own: readonly Manifest[], base: RuleBase): readonly Reproof[] {
  const keys = own.map((it) => new Set(requestsOf(it, base)));
  return own.flatMap((it, index) =>
    own.slice(0, index).flatMap((other, at) => {
      const got = [...(keys[index] ?? [])].find((key) => keys[at]?.has(key));
      if (got === undefined) return [];
      return [
        {
          problem: `${it.kind}s ${other.metadata.name} and ${it.metadata.name} take the same requests of one host at one parent, and a gateway follows one of them`,
          got,
          remedy: 'leave the host, the parent or the match out of one of them',
        },
      ];
    }),
  );
}

function requestsOf(object: Manifest, base: RuleBase): readonly string[] {
  const spec = objectAt(object, 'spec');
  const hosts = Array.isArray(spec.hostnames) && spec.hostnames.length > 0 ? spec.hostnames : ['*'];
  const parents = listAt(spec, 'parentRefs').map(
    ({ kind = 'Gateway', namespace = base.names.namespace, name, sectionName, port }) =>
      [kind, `${namespace}/${name}`, sectionName, port].filter((it) => it !== undefined).join(' '),
  );
  const matches = rulesOf(object, base).flatMap(({ given }) => givenMatches(given).map(keyOf));
  return parents.flatMap((parent) =>
    hosts.flatMap((host) => matches.map((match) => `${host} at ${parent}: ${match}`)),
  );
}
