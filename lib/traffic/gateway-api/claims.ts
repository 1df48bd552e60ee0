import { type JsonObject, listAt, type Manifest, objectAt } from '../../manifest/json.ts';
import type { Names } from '../../names.ts';
import type { Claim } from '../claim.ts';
import { keyOf, type RouteKind, type RouteMatch } from './matches.ts';
import { ownRoutes, rulesOfRoute } from './own-routes.ts';
import type { GatewayApiProps } from './props.ts';
import { givenMatches } from './rules.ts';

/** What tells who gets a request, in a route of ours or of the author's. */
interface Edge {
  readonly kind: RouteKind;
  readonly parents: readonly Parent[];
  /** None: every host of the parents. */
  readonly hosts: readonly string[];
  readonly matches: readonly RouteMatch[];
}

type Parent = Partial<
  Readonly<Record<'kind' | 'namespace' | 'name' | 'sectionName' | 'port', unknown>>
>;

/** The requests that the release's routes take, where two routes of one kind would have to share them. */
export function gatewayClaims(
  props: GatewayApiProps,
  { namespace }: Names,
  workload: readonly Manifest[],
): readonly Claim[] {
  const edges =
    props.routes === undefined
      ? [edgeOfProps(props)]
      : ownRoutes(props, { workload }).map(edgeOfRoute);
  return edges.flatMap((it) => claimsAt(it, namespace));
}

function edgeOfProps(props: GatewayApiProps): Edge {
  const { kind = 'HTTPRoute', parentRefs = [], hostnames = [], matches = [] } = props;
  const given = { kind, matches, filters: [], where: 'traffic.matches' };
  return { kind, parents: parentRefs, hosts: hostnames, matches: givenMatches(given) };
}

function edgeOfRoute(object: Manifest): Edge {
  const spec = objectAt(object, 'spec');
  const rules = rulesOfRoute(object);
  return {
    kind: object.kind === 'GRPCRoute' ? 'GRPCRoute' : 'HTTPRoute',
    parents: listAt(spec, 'parentRefs'),
    hosts: textsOf(spec),
    matches: rules.flatMap(({ given }) => givenMatches(given)),
  };
}

function textsOf({ hostnames }: JsonObject): readonly string[] {
  return Array.isArray(hostnames) ? hostnames.map(String) : [];
}

function claimsAt({ kind, parents, hosts, matches }: Edge, own: string): readonly Claim[] {
  const all = hosts.length === 0 ? ['*'] : hosts;
  return parents
    .map((it) => parentName(it, own))
    .flatMap((gateway) =>
      all.flatMap((host) =>
        matches.map((it) => ({ gateway, host, requests: { kind, match: keyOf(it) } })),
      ),
    );
}

/** In a mesh the parent is a Service. */
function parentName(parent: Parent, own: string): string {
  const { kind = 'Gateway', namespace = own, name, sectionName, port } = parent;
  const part = [sectionName, port].filter((it) => it !== undefined);
  const whole = [`${namespace}/${name}`, ...part].join(':');
  return kind === 'Gateway' ? whole : `${kind} ${whole}`;
}
