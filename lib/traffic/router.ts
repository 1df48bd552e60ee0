import type { Manifest } from '../manifest/json.ts';
import type { Counts } from '../metrics/counts.ts';
import type { Mistake } from '../mistake.ts';
import type { Names, Side } from '../names.ts';
import type { Track } from '../plan/plan.ts';
import { hasMembers, madeThing } from '../props/fields.ts';
import type { ServicePort } from '../workload/service.ts';
import type { TrackLabel } from '../workload/track-label.ts';
import type { Capabilities, Shares } from './capabilities.ts';
import type { Claim } from './claim.ts';
import type { Traffic } from './traffic.ts';

/** What is known of a release whether it has a Service or not. */
export interface ReleaseContext {
  readonly path: string;
  readonly names: Names;
  readonly label: TrackLabel;
  /** Tracks that have pods in some step: with one, no route leads to another. */
  readonly tracks: readonly Side[];
  /** Hash of the version that is released. */
  readonly candidate: string;
  /** Everything that the author made in the workload. */
  readonly workload: readonly Manifest[];
}

/** What a router must know of a release to lead requests to it. */
export interface RouterContext extends ReleaseContext {
  /** The first of `ports`. */
  readonly port: number;
  /** Ports of the release's Services. */
  readonly ports: readonly ServicePort[];
  /** The apex Service, as the release writes it. */
  readonly apex: Manifest;
}

/** What splits traffic: a function of ours returned it, or the author's own. */
export const aRouter = madeThing<Router>(
  { what: 'a router', remedy: 'use istio({ … }), gatewayApi({ … }) or kubernetes()' },
  (it) =>
    hasMembers(it, {
      kind: 'string',
      splits: 'object',
      capabilities: 'function',
      routes: 'function',
      claims: 'function',
    }),
);

/** A kind of objects, whatever its version. */
export interface ApiKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly kind: string;
}

/** A routing object, and what the cluster must show of it. */
export interface Routing {
  readonly object: Manifest;
  /** JSON pointers whose declared leaves must be in the cluster. */
  readonly pointers: readonly string[];
}

/** What is split between the tracks. */
export type Split =
  /** The routes give each request to a track, by weights. */
  | { readonly kind: 'requests'; readonly weights: Shares }
  /**
   * One Service spreads requests over the pods of both tracks, or the pods take work themselves: there are no routes, and
   * pods stand for weights.
   */
  | {
      readonly kind: 'pods';
      /** What is wrong with the steps' weights for this release's pods. */
      mistakes(context: ReleaseContext, traffics: readonly Traffic[]): readonly Mistake[];
    };

/**
 * What splits the traffic of a release between its tracks. A router only renders: what it knows reaches the analyzer
 * as files, pointers and queries. It says what it can do, and is asked for nothing else; and for no routes where the
 * release has no Service.
 */
export interface Router {
  readonly kind: string;
  /** Kinds of the objects that it writes. */
  readonly kinds: readonly ApiKind[];
  /**
   * API groups that the mesh or gateway reads: with two roots the objects of these lie in `mesh/`, the author's as
   * well. None where the routes must be in the cluster of the pods.
   */
  readonly groups: readonly string[];
  readonly splits: Split;
  /** What it can do for this release besides. */
  capabilities(context: RouterContext): Capabilities;
  /** What is counted of the requests to one track, as the built-in checks ask for it. */
  counts(release: Pick<RouterContext, 'names' | 'port'>, track: Track): Counts;
  /** Whose pods the apex Service selects at rest; of both tracks where something else tells them apart. */
  readonly apexSelects: 'primary' | 'both';
  /**
   * What else is wrong with the props for this release, or with a step's traffic, such as texts that no match can have.
   *
   * @param traffics of all steps, in order; without what the capabilities exclude
   */
  mistakes(context: RouterContext, traffics: readonly Traffic[]): readonly Mistake[];
  /**
   * Hosts at gateways whose requests it takes; none of those that it cannot know of, such as those of a delegate.
   *
   * @param workload everything that the author made in the workload
   */
  claims(names: Names, workload: readonly Manifest[]): readonly Claim[];
  /** Whether an object in the workload is a routing object that the router will write. */
  owns(object: Manifest): boolean;
  /** The objects that say where requests go; every step writes them. None where pods are split. */
  routes(context: RouterContext, traffic: Traffic): readonly Routing[];
  /** Routing objects that are the same in every step; the first and the last step write them. */
  policies(context: RouterContext): readonly Routing[];
}
