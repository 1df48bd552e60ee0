import type { Duration } from 'cdk8s';

/** What the route attaches to: a Gateway, or, in a mesh, a Service. */
export interface ParentRef {
  readonly name: string;
  /** @default - the release's namespace; the Gateway must allow routes from there */
  readonly namespace?: string;
  /**
   * Name of one listener.
   * @default - every listener that allows the route
   */
  readonly sectionName?: string;
  /**
   * Port of the listeners, or of the Service.
   * @default - every port
   */
  readonly port?: number;
  /** @default 'gateway.networking.k8s.io' */
  readonly group?: string;
  /** @default 'Gateway' */
  readonly kind?: string;
}

/** A condition on the path of a request. */
export interface PathMatch {
  /** @default 'PathPrefix' */
  readonly type?: 'Exact' | 'PathPrefix' | 'RegularExpression';
  readonly value: string;
}

/** A condition on a header or a query parameter. */
export interface ValueMatch {
  /** @default 'Exact' */
  readonly type?: 'Exact' | 'RegularExpression';
  readonly name: string;
  readonly value: string;
}

/** A condition on HTTP requests; all fields that are given must hold. */
export interface HttpRouteMatch {
  /** @default - any: the prefix / */
  readonly path?: PathMatch;
  /** @default - any */
  readonly method?:
    | 'GET'
    | 'HEAD'
    | 'POST'
    | 'PUT'
    | 'DELETE'
    | 'CONNECT'
    | 'OPTIONS'
    | 'TRACE'
    | 'PATCH';
  /** @default - any */
  readonly headers?: readonly ValueMatch[];
  /** @default - any */
  readonly queryParams?: readonly ValueMatch[];
}

/** A condition on gRPC calls; all fields that are given must hold. */
export interface GrpcRouteMatch {
  /**
   * Service, method or both.
   * @default - any
   */
  readonly method?: GrpcMethodMatch;
  /** @default - any */
  readonly headers?: readonly ValueMatch[];
}

/** A gRPC service, a method, or one method of one service. */
export type GrpcMethodMatch = {
  /** @default 'Exact' */
  readonly type?: 'Exact' | 'RegularExpression';
} & (
  | { readonly service: string; readonly method?: string }
  | { readonly method: string; readonly service?: string }
);

/** A header and its value. */
export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

/** Headers that are set, added or removed. */
export interface HeaderModifier {
  /** @default - none */
  readonly set?: readonly HeaderValue[];
  /** @default - none */
  readonly add?: readonly HeaderValue[];
  /** @default - none */
  readonly remove?: readonly string[];
}

/** What a path is changed to. */
export type PathModifier =
  | { readonly type: 'ReplaceFullPath'; readonly replaceFullPath: string }
  | { readonly type: 'ReplacePrefixMatch'; readonly replacePrefixMatch: string };

/** What a request is changed to before it is forwarded. */
export interface UrlRewrite {
  /** @default - unchanged */
  readonly hostname?: string;
  /** @default - unchanged */
  readonly path?: PathModifier;
}

/** Copies of requests, whose answers are thrown away. */
export type RequestMirror = {
  /** A Service of the author's; never one of a track. */
  readonly backendRef: {
    readonly name: string;
    readonly port: number;
    /** @default - the release's; a ReferenceGrant must allow another one */
    readonly namespace?: string;
  };
} & (
  | {
      /** @default - every request */
      readonly percent?: number;
      readonly fraction?: never;
    }
  | { readonly fraction: { readonly numerator: number; readonly denominator: number } }
);

/** A filter that only the gateway's implementation knows: an object in the release's namespace. */
export interface ExtensionRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

/** What is done with each call before it is forwarded, or with its answer. */
export type GrpcRouteFilter =
  | { readonly type: 'RequestHeaderModifier'; readonly requestHeaderModifier: HeaderModifier }
  | { readonly type: 'ResponseHeaderModifier'; readonly responseHeaderModifier: HeaderModifier }
  | { readonly type: 'RequestMirror'; readonly requestMirror: RequestMirror }
  | { readonly type: 'ExtensionRef'; readonly extensionRef: ExtensionRef };

/** What is done with each request before it is forwarded, or with its answer. A redirect forwards nothing. */
export type HttpRouteFilter =
  | GrpcRouteFilter
  | { readonly type: 'URLRewrite'; readonly urlRewrite: UrlRewrite };

/** How long an answer may take. */
export interface HttpRouteTimeouts {
  /**
   * From the first byte of the request to the last of the answer; zero is no limit.
   * @default - the gateway's own
   */
  readonly request?: Duration;
  /**
   * Of one attempt; not more than `request`.
   * @default - the gateway's own
   */
  readonly backendRequest?: Duration;
}

/** How failed requests are tried again. */
export interface HttpRouteRetry {
  /**
   * Status codes that are tried again, 400 to 599.
   * @default - the gateway's own
   */
  readonly codes?: readonly number[];
  /** @default - the gateway's own */
  readonly attempts?: number;
  /**
   * Least time between two attempts.
   * @default - the gateway's own
   */
  readonly backoff?: Duration;
}

/** Requests of one session go to one pod, whatever the weights are, also when a weight becomes 0. */
export interface SessionPersistence {
  /**
   * Name of the cookie or header.
   * @default - the gateway's own
   */
  readonly sessionName?: string;
  /** @default 'Cookie' */
  readonly type?: 'Cookie' | 'Header';
  /** @default - none */
  readonly absoluteTimeout?: Duration;
  /** @default - none */
  readonly idleTimeout?: Duration;
  /** @default - a cookie that ends with the browser's session */
  readonly cookieConfig?: { readonly lifetimeType: 'Permanent' | 'Session' };
}

/** What weights can add up to. */
export const WEIGHT_TOTALS = [100, 1000, 10_000] as const;

/**
 * What not every gateway can, though its API server takes it.
 * `mirrorPercent`: it copies a part of the requests, which its GatewayClass calls HTTPRouteRequestPercentageMirror;
 * others copy all of them. `backendResponseHeaders`: filters of one backend change its answers.
 */
export type GatewaySupport = 'mirrorPercent' | 'backendResponseHeaders';

interface RouteProps {
  /** Gateways that route by it; at least one. */
  readonly parentRefs: readonly ParentRef[];
  /** @default - every host of the listeners */
  readonly hostnames?: readonly string[];
  /**
   * The gateway by whose metrics the built-in checks judge.
   * @default - none: there are no built-in checks, `query` has to ask
   */
  readonly metrics?: 'contour' | 'envoy-gateway' | 'istio';
  /**
   * Channel of the Gateway API that the cluster has. `retry` and `sessionPersistence` are experimental.
   * @default 'standard'
   */
  readonly channel?: 'standard' | 'experimental';
  /** @default - none */
  readonly sessionPersistence?: SessionPersistence;
  /**
   * What the weights add up to: with 1000, a weight can be 0.1 %.
   * @default 100
   */
  readonly weightTotal?: (typeof WEIGHT_TOTALS)[number];
  /**
   * What your gateway can besides splitting. Where `metrics` names one, it can `backendResponseHeaders`.
   * @default - no more
   */
  readonly supports?: readonly GatewaySupport[];
}

/** How an HTTPRoute leads to the release. */
export interface HttpRouteProps extends RouteProps {
  /** @default 'HTTPRoute' */
  readonly kind?: 'HTTPRoute';
  /**
   * Requests that are routed: those for which one of these holds.
   * @default - every request
   */
  readonly matches?: readonly HttpRouteMatch[];
  /** @default - none */
  readonly filters?: readonly HttpRouteFilter[];
  /** @default - the gateway's own */
  readonly timeouts?: HttpRouteTimeouts;
  /** @default - the gateway's own */
  readonly retry?: HttpRouteRetry;
}

/** How a GRPCRoute leads to the release. */
export interface GrpcRouteProps extends RouteProps {
  readonly kind: 'GRPCRoute';
  /**
   * Calls that are routed: those for which one of these holds.
   * @default - every call
   */
  readonly matches?: readonly GrpcRouteMatch[];
  /** @default - none */
  readonly filters?: readonly GrpcRouteFilter[];
}

/** How a route of the Gateway API leads to the release; fields have the API's own names and shapes. */
export type GatewayApiProps = HttpRouteProps | GrpcRouteProps;
