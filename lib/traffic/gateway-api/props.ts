import * as z from 'zod';
import { duration, extended, fields, listOf, oneOf } from '../../props/fields.ts';

/** What the route attaches to: a Gateway, or, in a mesh, a Service. */
export interface ParentRef extends z.infer<typeof parentRef> {}

const parentRef = fields({
  name: z.string(),
  /** @default - the release's namespace; the Gateway must allow routes from there */
  namespace: z.string().optional(),
  /**
   * Name of one listener.
   * @default - every listener that allows the route
   */
  sectionName: z.string().optional(),
  /**
   * Port of the listeners, or of the Service.
   * @default - every port
   */
  port: z.number().optional(),
  /** @default 'gateway.networking.k8s.io' */
  group: z.string().optional(),
  /** @default 'Gateway' */
  kind: z.string().optional(),
});

/** A condition on the path of a request. */
export interface PathMatch extends z.infer<typeof pathMatch> {}

const pathMatch = fields({
  /** @default 'PathPrefix' */
  type: z.enum(['Exact', 'PathPrefix', 'RegularExpression']).optional(),
  value: z.string(),
});

/** A condition on a header or a query parameter. */
export interface ValueMatch extends z.infer<typeof valueMatch> {}

const valueMatch = fields({
  /** @default 'Exact' */
  type: z.enum(['Exact', 'RegularExpression']).optional(),
  name: z.string(),
  value: z.string(),
});

/** A condition on HTTP requests; all fields that are given must hold. */
export interface HttpRouteMatch extends z.infer<typeof httpRouteMatch> {}

const httpRouteMatch = fields({
  /** @default - any: the prefix / */
  path: pathMatch.optional(),
  /** @default - any */
  method: z
    .enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])
    .optional(),
  /** @default - any */
  headers: listOf(valueMatch).optional(),
  /** @default - any */
  queryParams: listOf(valueMatch).optional(),
});

/** A gRPC service, a method, or one method of one service. */
export type GrpcMethodMatch = z.infer<typeof grpcMethodMatch>;

const textType = fields({
  /** @default 'Exact' */
  type: z.enum(['Exact', 'RegularExpression']).optional(),
});

const grpcMethodMatch = oneOf({
  service: extended(textType, {
    service: z.string(),
    /** @default - any */
    method: z.string().optional(),
  }),
  method: extended(textType, {
    method: z.string(),
    /** @default - any */
    service: z.string().optional(),
  }),
});

/** A condition on gRPC calls; all fields that are given must hold. */
export interface GrpcRouteMatch extends z.infer<typeof grpcRouteMatch> {}

const grpcRouteMatch = fields({
  /**
   * Service, method or both.
   * @default - any
   */
  method: grpcMethodMatch.optional(),
  /** @default - any */
  headers: listOf(valueMatch).optional(),
});

/** A header and its value. */
export interface HeaderValue extends z.infer<typeof headerValue> {}

const headerValue = fields({
  name: z.string(),
  value: z.string(),
});

/** Headers that are set, added or removed. */
export interface HeaderModifier extends z.infer<typeof headerModifier> {}

const headerModifier = fields({
  /** @default - none */
  set: listOf(headerValue).optional(),
  /** @default - none */
  add: listOf(headerValue).optional(),
  /** @default - none */
  remove: listOf(z.string()).optional(),
});

/** What a path is changed to. */
export type PathModifier = z.infer<typeof pathModifier>;

const pathModifier = z.discriminatedUnion('type', [
  fields({
    type: z.literal('ReplaceFullPath'),
    replaceFullPath: z.string(),
  }),
  fields({
    type: z.literal('ReplacePrefixMatch'),
    replacePrefixMatch: z.string(),
  }),
]);

/** What a request is changed to before it is forwarded. */
export interface UrlRewrite extends z.infer<typeof urlRewrite> {}

const urlRewrite = fields({
  /** @default - unchanged */
  hostname: z.string().optional(),
  /** @default - unchanged */
  path: pathModifier.optional(),
});

/** Copies of requests, whose answers are thrown away. */
export type RequestMirror = z.infer<typeof requestMirror>;

const mirrored = fields({
  /** A Service of the author's; never one of a track. */
  backendRef: fields({
    name: z.string(),
    port: z.number(),
    /** @default - the release's; a ReferenceGrant must allow another one */
    namespace: z.string().optional(),
  }),
});

const requestMirror = oneOf({
  fraction: extended(mirrored, {
    fraction: fields({
      numerator: z.number(),
      denominator: z.number(),
    }),
  }),
  backendRef: extended(mirrored, {
    /** @default - every request */
    percent: z.number().optional(),
  }),
});

/** A filter that only the gateway's implementation knows: an object in the release's namespace. */
export interface ExtensionRef extends z.infer<typeof extensionRef> {}

const extensionRef = fields({
  group: z.string(),
  kind: z.string(),
  name: z.string(),
});

/** What is done with each call before it is forwarded, or with its answer. */
export type GrpcRouteFilter = z.infer<typeof grpcRouteFilter>;

/** A redirect forwards nothing that could be split. */
const FILTERS =
  'use a filter that forwards requests; put a route of its own with a redirect into workload';

const grpcRouteFilters = [
  fields({
    type: z.literal('RequestHeaderModifier'),
    requestHeaderModifier: headerModifier,
  }),
  fields({
    type: z.literal('ResponseHeaderModifier'),
    responseHeaderModifier: headerModifier,
  }),
  fields({
    type: z.literal('RequestMirror'),
    requestMirror,
  }),
  fields({
    type: z.literal('ExtensionRef'),
    extensionRef,
  }),
] as const;

const grpcRouteFilter = z.discriminatedUnion('type', grpcRouteFilters, { error: FILTERS });

/** What is done with each request before it is forwarded, or with its answer. A redirect forwards nothing. */
export type HttpRouteFilter = z.infer<typeof httpRouteFilter>;

const httpRouteFilter = z.discriminatedUnion(
  'type',
  [
    ...grpcRouteFilters,
    fields({
      type: z.literal('URLRewrite'),
      urlRewrite,
    }),
  ],
  { error: FILTERS },
);

/** How long an answer may take. */
export interface HttpRouteTimeouts extends z.infer<typeof httpRouteTimeouts> {}

const httpRouteTimeouts = fields({
  /**
   * From the first byte of the request to the last of the answer; zero is no limit.
   * @default - the gateway's own
   */
  request: duration.optional(),
  /**
   * Of one attempt; not more than `request`.
   * @default - the gateway's own
   */
  backendRequest: duration.optional(),
});

/** How failed requests are tried again. */
export interface HttpRouteRetry extends z.infer<typeof httpRouteRetry> {}

const httpRouteRetry = fields({
  /**
   * Status codes that are tried again, 400 to 599.
   * @default - the gateway's own
   */
  codes: listOf(z.number()).optional(),
  /** @default - the gateway's own */
  attempts: z.number().optional(),
  /**
   * Least time between two attempts.
   * @default - the gateway's own
   */
  backoff: duration.optional(),
});

/** Requests of one session go to one pod, whatever the weights are, also when a weight becomes 0. */
export interface SessionPersistence extends z.infer<typeof sessionPersistence> {}

const sessionPersistence = fields({
  /**
   * Name of the cookie or header.
   * @default - the gateway's own
   */
  sessionName: z.string().optional(),
  /** @default 'Cookie' */
  type: z.enum(['Cookie', 'Header']).optional(),
  /** @default - none */
  absoluteTimeout: duration.optional(),
  /** @default - none */
  idleTimeout: duration.optional(),
  /** @default - a cookie that ends with the browser's session */
  cookieConfig: fields({
    lifetimeType: z.enum(['Permanent', 'Session']),
  }).optional(),
});

/** The matches of each kind of route, as a manifest has them. */
export const ROUTE_MATCHES = {
  HTTPRoute: listOf(httpRouteMatch),
  GRPCRoute: listOf(grpcRouteMatch),
} as const;

/** What weights can add up to. */
export const WEIGHT_TOTALS = [100, 1000, 10_000] as const;

/**
 * What not every gateway can, though its API server takes it.
 * `mirrorPercent`: it copies a part of the requests, which its GatewayClass calls HTTPRouteRequestPercentageMirror;
 * others copy all of them. `backendResponseHeaders`: filters of one backend change its answers.
 */
export type GatewaySupport = z.infer<typeof gatewaySupport>;

const gatewaySupport = z.enum(['mirrorPercent', 'backendResponseHeaders']);

const METRICS = 'use one of contour, envoy-gateway, istio, or leave it out and ask with `query`';

const routeProps = fields({
  /**
   * Gateways that route by it; at least one.
   * @default - those of `routes`
   */
  parentRefs: listOf(parentRef).optional(),
  /**
   * Routes of this kind in the workload that lead to the release, such as one for clients outside and one for those inside.
   * Only the backends are ours, in those of their rules that lead to the apex Service or name both tracks, and the rules that
   * a step needs besides stand right above; parents, hosts, matches, filters and the rest of their fields stay the author's.
   * @default - Perch writes one
   */
  routes: listOf(z.string()).optional(),
  /** @default - every host of the listeners */
  hostnames: listOf(z.string()).optional(),
  /**
   * The gateway by whose metrics the built-in checks judge.
   * @default - none: there are no built-in checks, `query` has to ask
   */
  metrics: z.enum(['contour', 'envoy-gateway', 'istio'], { error: METRICS }).optional(),
  /**
   * Channel of the Gateway API that the cluster has. `retry` and `sessionPersistence` are experimental.
   * @default 'standard'
   */
  channel: z.enum(['standard', 'experimental']).optional(),
  /** @default - none */
  sessionPersistence: sessionPersistence.optional(),
  /**
   * What the weights add up to: with 1000, a weight can be 0.1 %.
   * @default 100
   */
  weightTotal: z.literal(WEIGHT_TOTALS).optional(),
  /**
   * What your gateway can besides splitting. Where `metrics` names one, it can `backendResponseHeaders`.
   * @default - no more
   */
  supports: listOf(gatewaySupport).optional(),
});

/** How an HTTPRoute leads to the release. */
export interface HttpRouteProps extends z.infer<typeof httpRouteProps> {}

const httpRouteProps = extended(routeProps, {
  /** @default 'HTTPRoute' */
  kind: z.literal('HTTPRoute').optional(),
  /**
   * Requests that are routed: those for which one of these holds.
   * @default - every request
   */
  matches: listOf(httpRouteMatch).optional(),
  /** @default - none */
  filters: listOf(httpRouteFilter).optional(),
  /** @default - the gateway's own */
  timeouts: httpRouteTimeouts.optional(),
  /** @default - the gateway's own */
  retry: httpRouteRetry.optional(),
});

/** How a GRPCRoute leads to the release. */
export interface GrpcRouteProps extends z.infer<typeof grpcRouteProps> {}

const grpcRouteProps = extended(routeProps, {
  kind: z.literal('GRPCRoute'),
  /**
   * Calls that are routed: those for which one of these holds.
   * @default - every call
   */
  matches: listOf(grpcRouteMatch).optional(),
  /** @default - none */
  filters: listOf(grpcRouteFilter).optional(),
});

/** How a route of the Gateway API leads to the release; fields have the API's own names and shapes. */
export type GatewayApiProps = HttpRouteProps | GrpcRouteProps;

/** The schema of `GatewayApiProps`. */
export const gatewayApiProps = z.discriminatedUnion('kind', [httpRouteProps, grpcRouteProps]);
