import type { Duration } from 'cdk8s';
import * as z from 'zod';
import { anObject, duration, fields, listOf, mapOf } from '../../props/fields.ts';
import { type TextMatch, textMatch } from '../traffic.ts';

/** How Istio's API writes a duration. */
export function seconds(it: Duration): string {
  return `${it.toMilliseconds({ integral: false }) / 1000}s`;
}

/** One way to compare a string; exactly one key. */
export type StringMatch = TextMatch;

/** A condition on requests; all fields that are given must hold. */
export interface HttpMatch extends z.infer<typeof httpMatch> {}

/** The schema of `HttpMatch`. */
export const httpMatch = fields({
  /** @default - any */
  name: z.string().optional(),
  /** @default - any */
  uri: textMatch.optional(),
  /** @default - any */
  scheme: textMatch.optional(),
  /** @default - any */
  method: textMatch.optional(),
  /** @default - any */
  authority: textMatch.optional(),
  /** @default - any */
  headers: mapOf(textMatch).optional(),
  /** @default - any */
  withoutHeaders: mapOf(textMatch).optional(),
  /** @default - any */
  queryParams: mapOf(textMatch).optional(),
  /** @default - any */
  sourceLabels: mapOf(z.string()).optional(),
  /** @default - any */
  sourceNamespace: z.string().optional(),
  /** @default - any */
  gateways: listOf(z.string()).optional(),
  /** @default - any */
  port: z.number().optional(),
  /** @default - any */
  ignoreUriCase: z.boolean().optional(),
});

/** How failed requests are tried again. */
export interface HttpRetries extends z.infer<typeof httpRetries> {}

const httpRetries = fields({
  attempts: z.number(),
  /** @default - the route's timeout */
  perTryTimeout: duration.optional(),
  /** @default - the mesh's policy */
  retryOn: z.string().optional(),
  /** @default - the mesh's policy */
  retryRemoteLocalities: z.boolean().optional(),
});

/** What a request is changed to before it is forwarded. */
export interface HttpRewrite extends z.infer<typeof httpRewrite> {}

const httpRewrite = fields({
  /** @default - unchanged */
  uri: z.string().optional(),
  /** @default - unchanged */
  authority: z.string().optional(),
  /** @default - unchanged */
  uriRegexRewrite: fields({
    match: z.string(),
    rewrite: z.string(),
  }).optional(),
});

/** Headers that are set, added or removed. */
export interface HeaderOperations extends z.infer<typeof headerOperations> {}

const headerOperations = fields({
  /** @default - none */
  set: mapOf(z.string()).optional(),
  /** @default - none */
  add: mapOf(z.string()).optional(),
  /** @default - none */
  remove: listOf(z.string()).optional(),
});

/** Changes of request and response headers. */
export interface HttpHeaders extends z.infer<typeof httpHeaders> {}

const httpHeaders = fields({
  /** @default - unchanged */
  request: headerOperations.optional(),
  /** @default - unchanged */
  response: headerOperations.optional(),
});

/** Cross-origin requests that are allowed. */
export interface CorsPolicy extends z.infer<typeof corsPolicy> {}

const corsPolicy = fields({
  /** @default - none */
  allowOrigins: listOf(textMatch).optional(),
  /** @default - none */
  allowMethods: listOf(z.string()).optional(),
  /** @default - none */
  allowHeaders: listOf(z.string()).optional(),
  /** @default - none */
  exposeHeaders: listOf(z.string()).optional(),
  /** @default - none */
  maxAge: duration.optional(),
  /** @default - none */
  allowCredentials: z.boolean().optional(),
});

/** How connections to a track are balanced, limited and secured; fields of a DestinationRule's trafficPolicy. */
export interface TrafficPolicy extends z.infer<typeof trafficPolicy> {}

const trafficPolicy = fields({
  /** @default - the mesh's own */
  loadBalancer: anObject.optional(),
  /** @default - the mesh's own */
  connectionPool: anObject.optional(),
  /** @default - the mesh's own */
  outlierDetection: anObject.optional(),
  /** @default - the mesh's own */
  tls: anObject.optional(),
  /** @default - the mesh's own */
  portLevelSettings: listOf(anObject).optional(),
  /** @default - the mesh's own */
  tunnel: anObject.optional(),
  /** @default - the mesh's own */
  proxyProtocol: anObject.optional(),
});

/** A VirtualService of the author's. */
export interface OwnVirtualService extends z.infer<typeof ownVirtualService> {}

const ownVirtualService = fields({
  name: z.string(),
  /**
   * Names of those of its http routes that are ours; the others stay the author's, wherever they lead.
   * @default - all that lead to the release
   */
  routes: listOf(z.string()).optional(),
});

/** Names of the apex host's subsets, in the DestinationRule and in routes. */
export interface Subsets extends z.infer<typeof subsets> {}

const subsets = fields({
  primary: z.string(),
  canary: z.string(),
});

/** What the subsets are called; none where each track has a host of its own. */
export function subsetsOf({ subsets }: IstioProps): Subsets | undefined {
  if (subsets === true) return { primary: 'primary', canary: 'canary' };
  return subsets === false ? undefined : subsets;
}

/** How Istio routes to the release. */
export interface IstioProps extends z.infer<typeof istioProps> {}

/** The schema of `IstioProps`. */
export const istioProps = fields({
  /**
   * Hosts that the VirtualService answers for; the apex Service is always one, unless `*` is.
   * @default - the apex Service alone
   */
  hosts: listOf(z.string()).optional(),
  /**
   * Gateways by `namespace/name`, and `mesh` for the traffic inside.
   * @default ['mesh']
   */
  gateways: listOf(z.string()).optional(),
  /**
   * Whose proxies count the requests that `compare` and `slo` weigh: those of the callers, which know of requests that
   * never reached a pod, or those of the pods, where Telemetry turns the others' metrics off.
   * @default 'source'
   */
  reporter: z.enum(['source', 'destination']).optional(),
  /** @default - no retries but the mesh's own */
  retries: httpRetries.optional(),
  /** @default - none */
  timeout: duration.optional(),
  /** @default - every request */
  match: listOf(httpMatch).optional(),
  /** @default - none */
  rewrite: httpRewrite.optional(),
  /** @default - none */
  headers: httpHeaders.optional(),
  /** @default - none */
  corsPolicy: corsPolicy.optional(),
  /**
   * Policy of both tracks' DestinationRules.
   * @default - none
   */
  trafficPolicy: trafficPolicy.optional(),
  /**
   * What is different on one track: each field given here takes the place of the one in `trafficPolicy`. Only a
   * baseline that is named here, be it with `{}`, has a DestinationRule.
   * @default - nothing
   */
  trackPolicies: fields({
    /** @default - `trafficPolicy` */
    primary: trafficPolicy.optional(),
    /** @default - `trafficPolicy` */
    canary: trafficPolicy.optional(),
    /** @default - no DestinationRule */
    baseline: trafficPolicy.optional(),
  }).optional(),
  /**
   * What the weights of a route sum to: 1000 can say 0.1 %, 10000 0.01 %. Recent Istio takes any sum (seen with
   * 1.28); older ones insist on 100.
   * @default 100
   */
  weightTotal: z.literal([100, 1000, 10000]).optional(),
  /**
   * Write a delegate: a VirtualService without hosts and gateways, which another one refers to.
   * @default false
   */
  delegation: z.boolean().optional(),
  /**
   * Route by the apex host and two subsets instead of by two hosts: with `true` they have the names of the tracks,
   * else these. So `virtualServices` may name `v1` and `v2`; no DestinationRule in the workload may have them too.
   * @default false
   */
  subsets: z.union([z.boolean(), subsets]).optional(),
  /**
   * VirtualServices in the workload that lead to the release, such as one for the mesh and one for a gateway. Only the
   * destinations and their weights are ours, in those of their http, tcp and tls routes that lead to the apex Service or
   * name both tracks, and the routes that a step needs besides stand right above; hosts, gateways and the rest of their
   * fields stay the author's.
   * @default - Perch writes one
   */
  virtualServices: listOf(ownVirtualService).optional(),
});
