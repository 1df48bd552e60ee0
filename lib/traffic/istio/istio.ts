import type { Json, JsonObject, Manifest } from '../../manifest/json.ts';
import { type Names, type Side, TRACKS } from '../../names.ts';
import type { Track } from '../../plan/plan.ts';
import { made } from '../../props/made.ts';
import type { ServicePort } from '../../workload/service.ts';
import { selectorOf } from '../../workload/track-label.ts';
import { relativeWeights } from '../capabilities.ts';
import { plain } from '../plain.ts';
import { routedBy } from '../ports.ts';
import type { Router, RouterContext, Routing } from '../router.ts';
import type { Traffic } from '../traffic.ts';
import { type IstioParts, istioCapabilities } from './capabilities.ts';
import { istioClaims } from './claims.ts';
import { istioCounts } from './counts.ts';
import { ISTIO_GROUPS, isVirtualService, NETWORKING } from './groups.ts';
import { istioMistakes } from './mistakes.ts';
import { type Owned, owned, routePointers, shifted } from './own-virtual-service.ts';
import { type IstioProps, istioProps, seconds, subsetsOf, type TrafficPolicy } from './props.ts';
import { type Shift, shiftedHttp, shiftedStream } from './routes.ts';

const API_VERSION = `${NETWORKING}/v1`;

/** Splits traffic with an Istio VirtualService: HTTP and gRPC by request, TCP by connection. */
export function istio(props: IstioProps = {}): Router {
  return made('istio', istioProps, props, istioOf, () => istioOf({}));
}

function istioOf(props: IstioProps): Router {
  const partsOf = (context: RouterContext): IstioParts => ({
    props,
    context,
    rules: httpRules(props, context),
    own: ownOf(props, context),
  });
  return {
    kind: 'istio',
    kinds: [
      { group: NETWORKING, kind: 'DestinationRule' },
      { group: NETWORKING, kind: 'VirtualService' },
    ],
    groups: ISTIO_GROUPS,
    splits: { kind: 'requests', weights: relativeWeights(totalOf(props)) },
    capabilities: (context) => istioCapabilities(partsOf(context)),
    // Subsets are of one Service, which does not tell the tracks apart.
    counts: (release, track) =>
      istioCounts(release, track, subsetsOf(props) === undefined ? props.reporter : 'destination'),
    apexSelects: subsetsOf(props) === undefined ? 'primary' : 'both',
    mistakes: (context, traffics) => istioMistakes(partsOf(context), traffics),
    claims: (names, workload) =>
      istioClaims(
        props,
        { hosts: hosts(props, names), gateways: gateways(props) },
        names,
        workload,
      ),
    owns: (object) => isOwn(props, object),
    routes: (context, traffic) => routes(props, context, traffic),
    policies: (context) => policies(props, context),
  };
}

function totalOf({ weightTotal = 100 }: IstioProps): number {
  return weightTotal;
}

function isOwn({ virtualServices = [] }: IstioProps, object: Manifest): boolean {
  return isVirtualService(object) && virtualServices.some((it) => it.name === object.metadata.name);
}

/** In the order in which the author names them. */
function ownOf(props: IstioProps, { workload, names, tracks }: RouterContext): readonly Owned[] {
  const hosts = { names, tracks, subsets: subsetsOf(props) };
  return (props.virtualServices ?? []).flatMap((it) =>
    workload
      .filter((object) => isVirtualService(object) && object.metadata.name === it.name)
      .map((object) => owned(object, it, hosts)),
  );
}

function routes(props: IstioProps, context: RouterContext, traffic: Traffic): Routing[] {
  const { names, candidate } = context;
  const shift = { names, subsets: subsetsOf(props), candidate, traffic, total: totalOf(props) };
  const objects =
    props.virtualServices === undefined
      ? [virtualService(props, context, shift)]
      : ownOf(props, context).map((it) => shifted(it, shift));
  return objects.map((object) => ({ object, pointers: routePointers(object) }));
}

function virtualService(props: IstioProps, context: RouterContext, shift: Shift): Manifest {
  const { names } = context;
  const edge =
    props.delegation === true ? {} : { hosts: hosts(props, names), gateways: gateways(props) };
  const http = httpRules(props, context).flatMap((it) => shiftedHttp(it, shift));
  const tcp = tcpRules(props, context).map((it) => shiftedStream(it, shift));
  return {
    apiVersion: API_VERSION,
    kind: 'VirtualService',
    metadata: { name: names.apex, namespace: names.namespace },
    spec: {
      ...edge,
      ...(http.length === 0 ? {} : { http }),
      ...(tcp.length === 0 ? {} : { tcp }),
    },
  };
}

function hosts(props: IstioProps, names: Names): string[] {
  const given = props.hosts ?? [];
  return given.includes('*') || given.includes(names.apex) ? [...given] : [...given, names.apex];
}

function gateways(props: IstioProps): string[] {
  return props.gateways === undefined || props.gateways.length === 0
    ? ['mesh']
    : [...props.gateways];
}

/** Each http port's route before a step's traffic is in it. */
function httpRules(props: IstioProps, context: RouterContext): readonly JsonObject[] {
  const { match, rewrite, headers, corsPolicy, retries, timeout } = props;
  const settings = plain({ rewrite, headers, corsPolicy, retries, timeout }, seconds);
  const given = plain({ it: match ?? [] }, seconds).it;
  const conditions = Array.isArray(given) ? (given as readonly JsonObject[]) : [];
  return byPort(context, 'http').flatMap(({ port, isFirst }) => {
    const route = destinations(props, context, port);
    if (isFirst) return [{ ...settings, ...(match === undefined ? {} : { match: given }), route }];
    const own = (conditions.length === 0 ? [{}] : conditions)
      .filter((it: JsonObject) => it.port === undefined || it.port === port.port)
      .map((it) => ({ ...it, port: port.port }));
    return own.length === 0 ? [] : [{ name: port.name, ...settings, match: own, route }];
  });
}

function tcpRules(props: IstioProps, context: RouterContext): readonly JsonObject[] {
  return byPort(context, 'tcp').map(({ port, isFirst }) => ({
    ...(isFirst ? {} : { match: [{ port: port.port }] }),
    route: destinations(props, context, port),
  }));
}

/**
 * The first port comes last and takes what no other port took: a gateway has ports of its own, and what arrives
 * there, on 443 for example, is meant for the release's first port.
 */
function byPort(
  { ports }: RouterContext,
  kind: 'http' | 'tcp',
): readonly { readonly port: ServicePort; readonly isFirst: boolean }[] {
  const [first, ...others] = ports.filter((it) => routedBy(it) === kind);
  if (first === undefined) return [];
  return [...others.map((port) => ({ port, isFirst: false })), { port: first, isFirst: true }];
}

function destinations(
  props: IstioProps,
  { names, tracks }: RouterContext,
  port: ServicePort,
): Json[] {
  const subsets = subsetsOf(props);
  return TRACKS.filter((it) => tracks.includes(it)).map((track) => {
    const target =
      subsets === undefined ? { host: names[track] } : { host: names.apex, subset: subsets[track] };
    return { destination: { ...target, port: { number: port.port } } };
  });
}

function policies(props: IstioProps, context: RouterContext): Routing[] {
  const { names } = context;
  const { trafficPolicy: shared, trackPolicies = {} } = props;
  const own = (track: Track) => {
    const policy = { ...shared, ...trackPolicies[track] };
    return { object: rule(names, names[track], policy), pointers: [] };
  };
  const baseline = trackPolicies.baseline === undefined ? [] : [own('baseline')];
  // One Service can stand on both sides.
  const hosts = context.tracks.filter((it) => it === 'primary' || names.canary !== names.primary);
  const subsets = subsetsOf(props);
  if (subsets === undefined) return [...hosts.map(own), ...baseline];
  const subset = (track: Side) => ({
    name: subsets[track],
    labels: selectorOf(context.label, track),
    // Istio itself puts these over the host's, field by field.
    ...policyOf(trackPolicies[track] ?? {}),
  });
  const object = rule(names, names.apex, shared ?? {}, { subsets: context.tracks.map(subset) });
  return [{ object, pointers: ['/spec/subsets'] }, ...baseline];
}

function rule(names: Names, host: string, policy: TrafficPolicy, spec: JsonObject = {}): Manifest {
  return {
    apiVersion: API_VERSION,
    kind: 'DestinationRule',
    metadata: { name: host, namespace: names.namespace },
    spec: { host, ...policyOf(policy), ...spec },
  };
}

function policyOf(policy: TrafficPolicy): JsonObject {
  return Object.keys(policy).length === 0 ? {} : { trafficPolicy: plain(policy, seconds) };
}
