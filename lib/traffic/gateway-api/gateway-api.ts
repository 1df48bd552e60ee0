import type { Duration } from 'cdk8s';
import type { JsonObject, Manifest } from '../../manifest/json.ts';
import type { Mistake } from '../../mistake.ts';
import { made } from '../../props/made.ts';
import { relativeWeights } from '../capabilities.ts';
import { ISTIO_GROUPS } from '../istio/groups.ts';
import { plain } from '../plain.ts';
import { routedBy } from '../ports.ts';
import type { Router, RouterContext } from '../router.ts';
import type { Traffic } from '../traffic.ts';
import { gatewayCapabilities } from './capabilities.ts';
import { gatewayClaims } from './claims.ts';
import { countsByOwnRoutes, GATEWAY_METRICS, type GatewayMetrics, NO_METRICS } from './metrics.ts';
import { routeMistakes } from './mistakes.ts';
import { isOwnRoute, ownRoutes, ownRoutesMistakes, type RuleBase, shifted } from './own-routes.ts';
import { type GatewayApiProps, gatewayApiProps } from './props.ts';
import { type RouteRule, type RulesInput, routeRules, totalOf } from './rules.ts';
import { trafficMistakes } from './traffic-mistakes.ts';

/**
 * Splits traffic at a gateway, or in a mesh, that reads the Gateway API: an HTTPRoute or a GRPCRoute with a rule for
 * the canary's own requests, one for requests that are copied, and one for all others.
 */
export function gatewayApi(props: GatewayApiProps): Router {
  return made('gatewayApi', gatewayApiProps, props, gatewayOf, () => gatewayOf({}));
}

function gatewayOf(props: GatewayApiProps): Router {
  const kind = props.kind ?? 'HTTPRoute';
  return {
    kind: 'gateway-api',
    kinds: [{ group: 'gateway.networking.k8s.io', kind }],
    // Which gateway it is need not be known; Istio's reads its own objects besides.
    groups: ISTIO_GROUPS,
    splits: { kind: 'requests', weights: relativeWeights(totalOf(props)) },
    capabilities: () => gatewayCapabilities(props),
    counts: ({ names, port }, track) => {
      const requests = { kind, names, port, track, filters: props.filters ?? [] };
      const its = metricsOf(props);
      return props.routes === undefined
        ? its.counts(requests)
        : countsByOwnRoutes(its, requests, props.metrics);
    },
    apexSelects: 'primary',
    mistakes: (context, traffics) => [
      ...routeMistakes(props, context),
      ...portMistakes(context),
      ...(props.routes === undefined
        ? trafficMistakes([inputOf(props, context)], context.path, traffics)
        : ownRoutesMistakes(props, context, baseOf(props, context), traffics)),
    ],
    claims: (names, workload) => gatewayClaims(props, names, workload),
    owns: (object) => isOwnRoute(props, object),
    routes: (context, traffic: Traffic) =>
      routes(props, context, traffic).map((object) => ({ object, pointers: ['/spec/rules'] })),
    policies: () => [],
  };
}

/** Routes of the API are for HTTP and gRPC; what a port says for itself would be lost on the way. */
function portMistakes({ path, ports }: RouterContext): Mistake[] {
  const [first] = ports;
  if (first === undefined || routedBy(first) === 'http') return [];
  return [
    {
      path,
      problem: 'the Gateway API routes HTTP and gRPC, and the first port speaks something else',
      got: first.appProtocol ?? first.name,
      remedy: 'release an HTTP or gRPC port, or use istio()',
    },
  ];
}

function metricsOf({ metrics }: GatewayApiProps): GatewayMetrics {
  return metrics === undefined ? NO_METRICS : GATEWAY_METRICS[metrics];
}

function baseOf(props: GatewayApiProps, context: RouterContext): RuleBase {
  const { names, port, tracks, candidate } = context;
  const { backendFilters } = metricsOf(props);
  return { total: totalOf(props), names, port, tracks, candidate, backendFilters };
}

function inputOf(props: GatewayApiProps, context: RouterContext): RulesInput {
  const { kind = 'HTTPRoute', matches = [], filters = [], sessionPersistence } = props;
  const given = { kind, matches, filters, sessionPersistence, where: 'traffic.matches' };
  return { ...baseOf(props, context), given };
}

function routes(props: GatewayApiProps, context: RouterContext, traffic: Traffic): Manifest[] {
  if (props.routes === undefined) return [route(props, context, traffic)];
  const base = baseOf(props, context);
  return ownRoutes(props, context).map((it) => shifted(it, base, traffic));
}

/**
 * The API server fills fields that are not there with defaults. Those that say where requests go are written
 * out, so that the analyzer sees it when somebody changes them.
 */
function route(props: GatewayApiProps, context: RouterContext, traffic: Traffic): Manifest {
  const { names } = context;
  const parentRefs = (props.parentRefs ?? []).map((it) => ({
    ...it,
    group: it.group ?? 'gateway.networking.k8s.io',
    kind: it.kind ?? 'Gateway',
  }));
  const { hostnames } = props;
  const { rules } = routeRules(inputOf(props, context), traffic);
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: props.kind ?? 'HTTPRoute',
    metadata: { name: names.apex, namespace: names.namespace },
    spec: {
      ...plain({ parentRefs, hostnames }, durationText),
      rules: rules.map((it) => written(props, it)),
    },
  };
}

function written(props: GatewayApiProps, { matches, mirror, backends }: RouteRule): JsonObject {
  const filters: readonly object[] = [...(props.filters ?? []), ...(mirror ? [mirror] : [])];
  const more = filters.length === 0 ? {} : { filters };
  return {
    ...plain({ ...matchesOf(matches), ...settings(props), ...more }, durationText),
    backendRefs: [...backends],
  };
}

/** A GRPCRoute that is for every call has no words for it. */
function matchesOf(matches: RouteRule['matches']): { readonly matches?: RouteRule['matches'] } {
  return matches.every((it) => Object.keys(it).length === 0) ? {} : { matches };
}

function settings(props: GatewayApiProps): JsonObject {
  const { sessionPersistence } = props;
  if (props.kind === 'GRPCRoute') return plain({ sessionPersistence }, durationText);
  const { timeouts, retry } = props;
  return plain({ timeouts, retry, sessionPersistence }, durationText);
}

/** The Gateway API's durations have whole numbers only (GEP-2257). */
function durationText(it: Duration): string {
  const all = it.toMilliseconds({ integral: false });
  const parts = [
    [Math.floor(all / 3_600_000), 'h'],
    [Math.floor((all % 3_600_000) / 60_000), 'm'],
    [Math.floor((all % 60_000) / 1000), 's'],
    [all % 1000, 'ms'],
  ] as const;
  const shown = parts.filter(([amount]) => amount > 0).map(([amount, unit]) => `${amount}${unit}`);
  return shown.length === 0 ? '0s' : shown.join('');
}
