import type { Duration } from 'cdk8s';

/** How Istio's API writes a duration. */
export function seconds(it: Duration): string {
  return `${it.toMilliseconds({ integral: false }) / 1000}s`;
}

/** One way to compare a string; exactly one key. */
export type StringMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly regex: string };

/** A condition on requests; all fields that are given must hold. */
export interface HttpMatch {
  /** @default - any */
  readonly name?: string;
  /** @default - any */
  readonly uri?: StringMatch;
  /** @default - any */
  readonly scheme?: StringMatch;
  /** @default - any */
  readonly method?: StringMatch;
  /** @default - any */
  readonly authority?: StringMatch;
  /** @default - any */
  readonly headers?: Readonly<Record<string, StringMatch>>;
  /** @default - any */
  readonly withoutHeaders?: Readonly<Record<string, StringMatch>>;
  /** @default - any */
  readonly queryParams?: Readonly<Record<string, StringMatch>>;
  /** @default - any */
  readonly sourceLabels?: Readonly<Record<string, string>>;
  /** @default - any */
  readonly sourceNamespace?: string;
  /** @default - any */
  readonly gateways?: readonly string[];
  /** @default - any */
  readonly port?: number;
  /** @default - any */
  readonly ignoreUriCase?: boolean;
}

/** How failed requests are tried again. */
export interface HttpRetries {
  readonly attempts: number;
  /** @default - the route's timeout */
  readonly perTryTimeout?: Duration;
  /** @default - the mesh's policy */
  readonly retryOn?: string;
  /** @default - the mesh's policy */
  readonly retryRemoteLocalities?: boolean;
}

/** What a request is changed to before it is forwarded. */
export interface HttpRewrite {
  /** @default - unchanged */
  readonly uri?: string;
  /** @default - unchanged */
  readonly authority?: string;
  /** @default - unchanged */
  readonly uriRegexRewrite?: { readonly match: string; readonly rewrite: string };
}

/** Headers that are set, added or removed. */
export interface HeaderOperations {
  /** @default - none */
  readonly set?: Readonly<Record<string, string>>;
  /** @default - none */
  readonly add?: Readonly<Record<string, string>>;
  /** @default - none */
  readonly remove?: readonly string[];
}

/** Changes of request and response headers. */
export interface HttpHeaders {
  /** @default - unchanged */
  readonly request?: HeaderOperations;
  /** @default - unchanged */
  readonly response?: HeaderOperations;
}

/** Cross-origin requests that are allowed. */
export interface CorsPolicy {
  /** @default - none */
  readonly allowOrigins?: readonly StringMatch[];
  /** @default - none */
  readonly allowMethods?: readonly string[];
  /** @default - none */
  readonly allowHeaders?: readonly string[];
  /** @default - none */
  readonly exposeHeaders?: readonly string[];
  /** @default - none */
  readonly maxAge?: Duration;
  /** @default - none */
  readonly allowCredentials?: boolean;
}

/** How connections to a track are balanced, limited and secured; fields of a DestinationRule's trafficPolicy. */
export interface TrafficPolicy {
  /** @default - the mesh's own */
  readonly loadBalancer?: object;
  /** @default - the mesh's own */
  readonly connectionPool?: object;
  /** @default - the mesh's own */
  readonly outlierDetection?: object;
  /** @default - the mesh's own */
  readonly tls?: object;
  /** @default - the mesh's own */
  readonly portLevelSettings?: readonly object[];
  /** @default - the mesh's own */
  readonly tunnel?: object;
  /** @default - the mesh's own */
  readonly proxyProtocol?: object;
}

/** How Istio routes to the release. */
export interface IstioProps {
  /**
   * Hosts that the VirtualService answers for; the apex Service is always one, unless `*` is.
   * @default - the apex Service alone
   */
  readonly hosts?: readonly string[];
  /**
   * Gateways by `namespace/name`, and `mesh` for the traffic inside.
   * @default ['mesh']
   */
  readonly gateways?: readonly string[];
  /** @default - no retries but the mesh's own */
  readonly retries?: HttpRetries;
  /** @default - none */
  readonly timeout?: Duration;
  /** @default - every request */
  readonly match?: readonly HttpMatch[];
  /** @default - none */
  readonly rewrite?: HttpRewrite;
  /** @default - none */
  readonly headers?: HttpHeaders;
  /** @default - none */
  readonly corsPolicy?: CorsPolicy;
  /**
   * Policy of both tracks' DestinationRules.
   * @default - none
   */
  readonly trafficPolicy?: TrafficPolicy;
  /**
   * What is different on one track: each field given here takes the place of the one in `trafficPolicy`. Only a
   * baseline that is named here, be it with `{}`, has a DestinationRule.
   * @default - nothing
   */
  readonly trackPolicies?: {
    /** @default - `trafficPolicy` */
    readonly primary?: TrafficPolicy;
    /** @default - `trafficPolicy` */
    readonly canary?: TrafficPolicy;
    /** @default - no DestinationRule */
    readonly baseline?: TrafficPolicy;
  };
  /**
   * What the weights of a route sum to: 1000 can say 0.1 %, 10000 0.01 %. Recent Istio takes any sum (seen with
   * 1.28); older ones insist on 100.
   * @default 100
   */
  readonly weightTotal?: 100 | 1000 | 10000;
  /**
   * Write a delegate: a VirtualService without hosts and gateways, which another one refers to.
   * @default false
   */
  readonly delegation?: boolean;
  /**
   * Route by the apex host and two subsets instead of by two hosts.
   * @default false
   */
  readonly subsets?: boolean;
  /**
   * Name of a VirtualService in the workload. Only the weights are ours, in those of its http, tcp and tls routes
   * that name both tracks, and the routes that a step needs besides stand right above; hosts, gateways and the
   * rest of its fields stay the author's.
   * @default - Perch writes the VirtualService
   */
  readonly virtualService?: string;
  /**
   * Names of those http routes of `virtualService` that are ours; the others stay the author's, also where they
   * name both tracks.
   * @default - all that name both tracks
   */
  readonly routes?: readonly string[];
}
