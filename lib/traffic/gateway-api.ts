import type { Duration } from 'cdk8s';
import type { JsonObject, Manifest } from '../json.ts';
import { TRACKS } from '../names.ts';
import { routeMistakes } from './gateway-api-mistakes.ts';
import type {
  GatewayApiProps,
  GrpcRouteMatch,
  HttpRouteMatch,
  PathMatch,
  ValueMatch,
} from './gateway-api-props.ts';
import { GATEWAY_METRICS, type GatewayMetrics, NO_METRICS } from './gateway-metrics.ts';
import { plain } from './plain.ts';
import type { BuiltInQueries, Router, RouterContext, Weights } from './router.ts';

/** Splits traffic at a gateway, or in a mesh, that reads the Gateway API: an HTTPRoute or a GRPCRoute. */
export function gatewayApi(props: GatewayApiProps): Router {
  return {
    kind: 'gateway-api',
    queries: queriesOf(props),
    sharedLabels: () => ({}),
    mistakes: (context) => routeMistakes(props, context),
    owns: () => false,
    routes: (context, weights) => [
      { object: route(props, context, weights), pointers: ['/spec/rules'] },
    ],
    policies: () => [],
  };
}

/** A name that is none is among the mistakes. */
function metricsOf({ metrics }: GatewayApiProps): GatewayMetrics {
  return metrics !== undefined && Object.hasOwn(GATEWAY_METRICS, metrics)
    ? GATEWAY_METRICS[metrics]
    : NO_METRICS;
}

function queriesOf(props: GatewayApiProps): BuiltInQueries {
  const { queries } = metricsOf(props);
  return queries[props.kind === 'GRPCRoute' ? 'GRPCRoute' : 'HTTPRoute'];
}

/**
 * The API server fills fields that are not there with defaults. Those that say where requests go are written
 * out, so that the analyzer sees it when somebody changes them.
 */
function route(props: GatewayApiProps, context: RouterContext, weights: Weights): Manifest {
  const { names } = context;
  const parentRefs = props.parentRefs.map((it) => ({
    ...it,
    group: it.group ?? 'gateway.networking.k8s.io',
    kind: it.kind ?? 'Gateway',
  }));
  const { hostnames } = props;
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: props.kind ?? 'HTTPRoute',
    metadata: { name: names.apex, namespace: names.namespace },
    spec: {
      ...plain({ parentRefs, hostnames }, durationText),
      rules: [{ ...rule(props), backendRefs: backends(props, context, weights) }],
    },
  };
}

function rule(props: GatewayApiProps): JsonObject {
  const { filters, sessionPersistence } = props;
  if (props.kind === 'GRPCRoute') {
    const matches = props.matches?.map(grpcMatch);
    return plain({ matches, filters, sessionPersistence }, durationText);
  }
  const { timeouts, retry } = props;
  const given = props.matches ?? [];
  const matches = (given.length === 0 ? [{}] : given).map(httpMatch);
  return plain({ matches, filters, timeouts, retry, sessionPersistence }, durationText);
}

function httpMatch(it: HttpRouteMatch): HttpRouteMatch {
  const { headers, queryParams } = it;
  const path: PathMatch = { type: 'PathPrefix', ...(it.path ?? { value: '/' }) };
  return {
    ...it,
    path,
    ...(headers && { headers: headers.map(exact) }),
    ...(queryParams && { queryParams: queryParams.map(exact) }),
  };
}

function grpcMatch(it: GrpcRouteMatch): GrpcRouteMatch {
  const { method, headers } = it;
  return {
    ...(method && { method: { type: 'Exact', ...method } }),
    ...(headers && { headers: headers.map(exact) }),
  };
}

function exact(it: ValueMatch): ValueMatch {
  return { type: 'Exact', ...it };
}

/** Always both, in the order of TRACKS: a track of weight 0 stays in the route. */
function backends(
  props: GatewayApiProps,
  { names, port }: RouterContext,
  weights: Weights,
): JsonObject[] {
  const { backendFilters } = metricsOf(props);
  return TRACKS.map((track) => ({
    group: '',
    kind: 'Service',
    name: names[track],
    port,
    weight: weights[track],
    ...(backendFilters.length === 0 ? {} : { filters: backendFilters }),
  }));
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
