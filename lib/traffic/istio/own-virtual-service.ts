import { type JsonObject, listAt, type Manifest, objectAt } from '../../manifest/json.ts';
import { withSpec } from '../../manifest/manifest.ts';
import type { Mistake } from '../../mistake.ts';
import { type Names, TRACKS } from '../../names.ts';
import type { RouterContext } from '../router.ts';
import type { Traffic } from '../traffic.ts';
import { portMistakes } from './match-ports.ts';
import type { Subsets } from './props.ts';
import {
  type Shift,
  shiftedHttp,
  shiftedStream,
  shiftMistakes,
  type TrackHosts,
  tracksIn,
} from './routes.ts';

/** Which VirtualService of the author's is routed by, and which of its http routes are ours. */
export interface OwnVirtualService {
  readonly name: string;
  /** @default - all that name both tracks */
  readonly routes?: readonly string[] | undefined;
  /** Names of the apex host's subsets. */
  readonly subsets: Subsets | undefined;
}

/** The lists of routes in a VirtualService. */
const LISTS = ['http', 'tcp', 'tls'] as const;
type List = (typeof LISTS)[number];

/**
 * The author's VirtualService with one step's traffic in the place of those routes that name both tracks.
 * Everything else in it stays as it is.
 */
export function shifted(object: Manifest, own: OwnVirtualService, shift: Shift): Manifest {
  const ours = (key: List) => (it: JsonObject) => isOurs(key, it, own, shift.names);
  const change: Record<List, (it: JsonObject) => readonly JsonObject[]> = {
    http: (it) => shiftedHttp(it, shift),
    tcp: (it) => [shiftedStream(it, shift)],
    tls: (it) => [shiftedStream(it, shift)],
  };
  const lists = LISTS.filter((key) => listAt(object, 'spec', key).some(ours(key))).map(
    (key) =>
      [
        key,
        listAt(object, 'spec', key).flatMap((it) => (ours(key)(it) ? change[key](it) : [it])),
      ] as const,
  );
  return withSpec(object, Object.fromEntries(lists));
}

/** Whether any of its http routes is ours. */
export function splitsHttp(object: Manifest, own: OwnVirtualService, names: Names): boolean {
  return listAt(object, 'spec', 'http').some((it) => isOurs('http', it, own, names));
}

/** Pointers to the lists of routes that it has. */
export function routePointers(object: Manifest): readonly string[] {
  return LISTS.filter((key) => objectAt(object, 'spec')[key] !== undefined).map(
    (key) => `/spec/${key}`,
  );
}

/** Only http routes have names: the others are ours by their destinations. */
function isOurs(
  list: List,
  rule: JsonObject,
  { routes, subsets }: OwnVirtualService,
  names: Names,
): boolean {
  const chosen = list !== 'http' || routes === undefined || routes.includes(String(rule.name));
  return chosen && namesBoth(rule, { names, subsets });
}

function namesBoth(rule: JsonObject, hosts: TrackHosts): boolean {
  const tracks = tracksIn(rule, hosts);
  return TRACKS.every((track) => tracks.includes(track));
}

/** What keeps us from routing by the author's VirtualService. */
export function ownRouteMistakes(
  context: Pick<RouterContext, 'path' | 'names' | 'ports'>,
  object: Manifest,
  own: OwnVirtualService,
  traffics: readonly Traffic[],
): Mistake[] {
  const { path, names } = context;
  const ours = (key: List) =>
    listAt(object, 'spec', key).filter((it) => isOurs(key, it, own, names));
  const { name } = object.metadata;
  const unknown = unknownRoutes(object, own, names).map((it) => ({ path, ...it }));
  const all = LISTS.flatMap(ours);
  if (all.length === 0 && unknown.length === 0)
    return [
      {
        path,
        problem: `no route of VirtualService ${name} names both tracks`,
        got: objectAt(object, 'spec').http,
        remedy: `give one route ${wanted(listAt(object, 'spec', 'http'), { names, subsets: own.subsets })}`,
      },
    ];
  const crowded = all
    .filter((it) => listAt(it, 'route').length !== TRACKS.length)
    .map((it) => ({
      path,
      problem: `a route of VirtualService ${name} names more than the two tracks`,
      got: it.route,
      remedy: 'the weights in it are ours: move the others to a route of their own',
    }));
  const rules = ours('http').map((rule, index) => ({
    rule,
    where: `http route ${String(rule.name ?? index)} of VirtualService ${name}`,
  }));
  const said = [
    ...traffics.flatMap((it) => shiftMistakes(rules, it)),
    ...portMistakes(objectAt(object, 'spec'), rules, context),
  ];
  return [...unknown, ...crowded, ...said.map((it) => ({ path, ...it }))];
}

/** What a route needs; subsets that nothing is known of are the likely reason where some have none of it. */
function wanted(rules: readonly JsonObject[], { names, subsets }: TrackHosts): string {
  const { primary, canary, apex } = names;
  if (subsets !== undefined)
    return `the subsets ${subsets.primary} and ${subsets.canary} of ${apex}`;
  const hosts = `the destinations ${primary} and ${canary}`;
  const hasSubsets = rules
    .flatMap((it) => listAt(it, 'route'))
    .some((it) => objectAt(it, 'destination').subset !== undefined);
  return hasSubsets ? `${hosts}, or say the names of its subsets in traffic.subsets` : hosts;
}

function unknownRoutes(
  object: Manifest,
  { routes = [], subsets }: OwnVirtualService,
  names: Names,
): Omit<Mistake, 'path'>[] {
  const http = listAt(object, 'spec', 'http');
  const known = http.flatMap((it) => (typeof it.name === 'string' ? [it.name] : []));
  return routes.flatMap((name) => {
    const found = http.filter((it) => it.name === name);
    if (found.length > 0 && found.every((it) => namesBoth(it, { names, subsets }))) return [];
    const problem =
      found.length === 0
        ? `traffic.routes names no http route of VirtualService ${object.metadata.name}`
        : `an http route of VirtualService ${object.metadata.name} does not name both tracks`;
    const remedy =
      found.length === 0
        ? `use one of ${known.length === 0 ? 'the names that you give them (now none has one)' : known.join(', ')}`
        : `give it ${wanted(found, { names, subsets })}`;
    return [{ problem, got: name, remedy }];
  });
}
