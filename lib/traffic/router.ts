import type { Labels, Manifest } from '../manifest/json.ts';
import type { QueryProblem } from '../metrics/promql.ts';
import type { Mistake } from '../mistake.ts';
import type { Names, Side } from '../names.ts';
import type { ServicePort } from '../workload/service.ts';
import type { TrackLabel } from '../workload/tracks.ts';
import type { Traffic } from './traffic.ts';

/** What a router must know of a release. */
export interface RouterContext {
  readonly path: string;
  readonly names: Names;
  /** The first of `ports`. */
  readonly port: number;
  /** Ports of the release's Services. */
  readonly ports: readonly ServicePort[];
  readonly label: TrackLabel;
  /** Tracks that have pods in some step: with one, no route leads to another. */
  readonly tracks: readonly Side[];
  /** The apex Service, as the release writes it. */
  readonly apex: Manifest;
  /** Hash of the version that is released. */
  readonly candidate: string;
  /** Everything that the author made in the workload. */
  readonly workload: readonly Manifest[];
}

/** A routing object, and what the cluster must show of it. */
export interface Routing {
  readonly object: Manifest;
  /** JSON pointers whose declared leaves must be in the cluster. */
  readonly pointers: readonly string[];
}

/** What a built-in check asks: PromQL with the variables of `query`, or why the router has nothing to ask. */
export type BuiltInQuery =
  | { readonly kind: 'promql'; readonly promql: string }
  | { readonly kind: 'none'; readonly problem: QueryProblem };

/** The questions of the built-in checks. */
export interface BuiltInQueries {
  /** Percent of requests without a server error; nothing where there was no request. */
  successRate(): BuiltInQuery;
  /** A quantile of the response time in milliseconds; nothing where there was no request. */
  latency(quantile: number): BuiltInQuery;
}

/**
 * A mesh or gateway that splits traffic between two tracks. A router only renders: what it knows reaches the
 * analyzer as files, pointers and queries.
 */
export interface Router {
  readonly kind: string;
  readonly queries: BuiltInQueries;
  /** Labels that both tracks' pods and the apex Service's selector share; none selects the primary's pods. */
  sharedLabels(names: Names): Labels;
  /**
   * What is wrong with the props, for this release, and what of the steps' traffic the router cannot express.
   *
   * @param traffics of all steps, in order
   */
  mistakes(context: RouterContext, traffics: readonly Traffic[]): readonly Mistake[];
  /** Whether an object in the workload is a routing object that the router will write. */
  owns(object: Manifest): boolean;
  /** The objects that say where requests go; every step writes them. None: `shares` says how pods stand for weights. */
  routes(context: RouterContext, traffic: Traffic): readonly Routing[];
  /** Routing objects that are the same in every step; the first and the last step write them. */
  policies(context: RouterContext): readonly Routing[];
  /**
   * Where one Service spreads requests over the pods of both tracks: the number of the canary's pods that comes
   * closest to a weight. @default - requests are routed
   */
  readonly shares?: (canaryPercent: number, primaryReplicas: number) => number;
}
