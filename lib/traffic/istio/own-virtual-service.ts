import { type JsonObject, listAt, type Manifest, objectAt } from '../../manifest/json.ts';
import { withSpec } from '../../manifest/manifest.ts';
import type { Mistake } from '../../mistake.ts';
import { TRACKS } from '../../names.ts';
import type { RouterContext } from '../router.ts';
import { portMistakes } from './match-ports.ts';
import type { OwnVirtualService } from './props.ts';
import {
  isHost,
  type NamedRule,
  type Shift,
  shiftedHttp,
  shiftedStream,
  type TrackHosts,
  tracksIn,
} from './routes.ts';

/** A VirtualService of the author's that is routed by, and which of its routes are ours. */
export interface Owned extends TrackHosts {
  readonly object: Manifest;
  /** @default - all that lead to the release */
  readonly routes: OwnVirtualService['routes'];
  readonly tracks: RouterContext['tracks'];
}

/** The lists of routes in a VirtualService. */
const LISTS = ['http', 'tcp', 'tls'] as const;
type List = (typeof LISTS)[number];

/** A VirtualService in which the routes that lead to the apex Service name the tracks instead. */
export function owned(
  object: Manifest,
  { routes }: OwnVirtualService,
  hosts: TrackHosts & Pick<RouterContext, 'tracks'>,
): Owned {
  const lists = LISTS.filter((key) => objectAt(object, 'spec')[key] !== undefined).map((key) => {
    const all = listAt(object, 'spec', key);
    return [key, all.map((it) => (isChosen(key, it, routes) ? byTrack(it, hosts) : it))] as const;
  });
  return { ...hosts, routes, object: withSpec(object, Object.fromEntries(lists)) };
}

/** At rest the apex Service selects the primary alone, so a route to it is one to the release. */
function byTrack(
  rule: JsonObject,
  { names, subsets, tracks }: TrackHosts & Pick<RouterContext, 'tracks'>,
): JsonObject {
  const [only, ...more] = listAt(rule, 'route');
  const to = objectAt(only, 'destination');
  if (more.length > 0 || to.subset !== undefined || !isHost(to.host, names.apex, names))
    return rule;
  const { weight: _, ...rest } = only ?? {};
  const route = tracks.map((track) => {
    const place = subsets === undefined ? { host: names[track] } : { subset: subsets[track] };
    return { ...rest, destination: { ...to, ...place } };
  });
  return { ...rule, route };
}

/**
 * The author's VirtualService with one step's traffic in the place of those routes that lead to the release.
 * Everything else in it stays as it is.
 */
export function shifted(own: Owned, shift: Shift): Manifest {
  const { object } = own;
  const ours = (key: List) => (it: JsonObject) => isOurs(key, it, own);
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
export function splitsHttp(own: Owned): boolean {
  return listAt(own.object, 'spec', 'http').some((it) => isOurs('http', it, own));
}

/** Pointers to the lists of routes that it has. */
export function routePointers(object: Manifest): readonly string[] {
  return LISTS.filter((key) => objectAt(object, 'spec')[key] !== undefined).map(
    (key) => `/spec/${key}`,
  );
}

function isOurs(list: List, rule: JsonObject, own: Owned): boolean {
  return isChosen(list, rule, own.routes) && namesAll(rule, own);
}

/** Only http routes have names: the others are ours by their destinations. */
function isChosen(list: List, rule: JsonObject, routes: Owned['routes']): boolean {
  return list !== 'http' || routes === undefined || routes.includes(String(rule.name));
}

function namesAll(rule: JsonObject, own: Owned): boolean {
  const found = tracksIn(rule, own);
  return own.tracks.every((track) => found.includes(track));
}

/** Those of its http routes that lead to the release, as people call them. */
export function namedRules(own: Owned): readonly NamedRule[] {
  const { name } = own.object.metadata;
  return listAt(own.object, 'spec', 'http')
    .filter((it) => isOurs('http', it, own))
    .map((rule, index) => ({
      rule,
      where: `http route ${String(rule.name ?? index)} of VirtualService ${name}`,
    }));
}

/** What keeps us from routing by the author's VirtualService. */
export function ownRouteMistakes(
  context: Pick<RouterContext, 'path' | 'names' | 'ports'>,
  own: Owned,
): Mistake[] {
  const { path } = context;
  const { object } = own;
  const ours = (key: List) => listAt(object, 'spec', key).filter((it) => isOurs(key, it, own));
  const { name } = object.metadata;
  const unknown = unknownRoutes(own).map((it) => ({ path, ...it }));
  const all = LISTS.flatMap(ours);
  if (all.length === 0 && unknown.length === 0)
    return [
      {
        path,
        problem: `no route of VirtualService ${name} leads to the release`,
        got: objectAt(object, 'spec').http,
        remedy: `give one route ${wanted(listAt(object, 'spec', 'http'), own)}`,
      },
    ];
  const crowded = all
    .filter((it) => {
      const found = tracksIn(it, own);
      return found.length > TRACKS.length || found.includes(undefined);
    })
    .map((it) => ({
      path,
      problem: `a route of VirtualService ${name} names more than the two tracks`,
      got: it.route,
      remedy: 'the weights in it are ours: move the others to a route of their own',
    }));
  const ports = portMistakes(objectAt(object, 'spec'), namedRules(own), context);
  return [...unknown, ...crowded, ...ports.map((it) => ({ path, ...it }))];
}

/** What a route needs; subsets that nothing is known of are the likely reason where some have none of it. */
function wanted(rules: readonly JsonObject[], { names, subsets }: TrackHosts): string {
  const { primary, canary, apex } = names;
  if (subsets !== undefined)
    return `the destination ${apex}, or its subsets ${subsets.primary} and ${subsets.canary}`;
  const hosts = `the destination ${apex}, or ${primary} and ${canary}`;
  const hasSubsets = rules
    .flatMap((it) => listAt(it, 'route'))
    .some((it) => objectAt(it, 'destination').subset !== undefined);
  return hasSubsets ? `${hosts}, or say the names of its subsets in traffic.subsets` : hosts;
}

function unknownRoutes(own: Owned): Omit<Mistake, 'path'>[] {
  const { object, routes = [] } = own;
  const http = listAt(object, 'spec', 'http');
  const known = http.flatMap((it) => (typeof it.name === 'string' ? [it.name] : []));
  return routes.flatMap((name) => {
    const found = http.filter((it) => it.name === name);
    if (found.length > 0 && found.every((it) => namesAll(it, own))) return [];
    const problem =
      found.length === 0
        ? `traffic.virtualServices names no http route of VirtualService ${object.metadata.name}`
        : `an http route of VirtualService ${object.metadata.name} does not lead to the release`;
    const remedy =
      found.length === 0
        ? `use one of ${known.length === 0 ? 'the names that you give them (now none has one)' : known.join(', ')}`
        : `give it ${wanted(found, own)}`;
    return [{ problem, got: name, remedy }];
  });
}
