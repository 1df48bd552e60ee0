import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';

/** A span of time in which something is out of order; Unix seconds. */
export interface Outage {
  readonly start: number;
  readonly end: number;
}

/** What a cluster does not take while the span lasts. */
export interface Refusal extends Outage {
  /** As the API server says it. */
  readonly message: string;
  readonly matches: (object: Manifest) => boolean;
}

/** Pods that are not ready while the span lasts, whatever else is true of them. */
export interface Break extends Outage {
  /** Some of a workload's pods, or all. */
  readonly pods: 'some' | 'all';
  /** A version that lacks something, wherever it runs; else the primaries break, whatever they run. */
  readonly version?: string | undefined;
}

/** How the world misbehaves. */
export interface Faults {
  readonly metricsDown: readonly Outage[];
  /** Samples in these spans are NaN for ever. */
  readonly metricsNaN: readonly Outage[];
  /** Samples in these spans are missing for ever. */
  readonly metricsGap: readonly Outage[];
  /** Processes of a workload start again and again, and count from 0. */
  readonly crashes: readonly (Outage & {
    readonly workload: string;
    readonly everySeconds: number;
  })[];
  /** Counters are seen some seconds after they were read. */
  readonly late: readonly (Outage & { readonly seconds: number })[];
  /** Queries of one kind get no answer, or one with warnings, which is none. */
  readonly someMetrics: readonly (Outage & { readonly query: RegExp })[];
  /** Requests of users fail whatever answers them: the network, a database that all versions use. */
  readonly environment: readonly Outage[];
  readonly apiDown: readonly Outage[];
  /** Objects of one kind cannot be read. */
  readonly someObjects: readonly (Outage & { readonly objects: string })[];
  /** Somebody deletes an object that a finalizer keeps until the end of the span; the sync makes it again. */
  readonly deleting: readonly (Outage & { readonly objects: string })[];
  /** Seconds that the metric store's clock is ahead, while the span lasts. */
  readonly skew: readonly (Outage & { readonly seconds: number })[];
  /** The repository, or its branch, cannot be read. */
  readonly gitDown: readonly Outage[];
  /** The repository can be read, and takes nothing. */
  readonly pushRefused: readonly Outage[];
  /** Seconds from commit to sync. */
  readonly syncLag: number;
  /** Whether a sync object tells which commit is applied. */
  readonly syncTells: boolean;
  /** Flux applies nothing of a commit of which one object is refused, Argo CD all the rest. */
  readonly tool: 'flux' | 'argo-cd';
  readonly refusals: readonly Refusal[];
  readonly breaks: readonly Break[];
}

/** A world in which all goes well. */
export const NO_FAULTS: Faults = {
  metricsDown: [],
  metricsNaN: [],
  metricsGap: [],
  crashes: [],
  late: [],
  someMetrics: [],
  environment: [],
  apiDown: [],
  someObjects: [],
  deleting: [],
  skew: [],
  gitDown: [],
  pushRefused: [],
  syncLag: 5,
  syncTells: false,
  tool: 'flux',
  refusals: [],
  breaks: [],
};

/** Without those of which an analyzer remembers since when they last. */
export const FORGOTTEN = {
  metricsDown: [],
  someMetrics: [],
  apiDown: [],
  someObjects: [],
  deleting: [],
  breaks: [],
  refusals: [],
  skew: [],
} satisfies Partial<Faults>;

/** Whether a time lies in one of some spans. */
export function within(spans: readonly Outage[], at: number): boolean {
  return spans.some((it) => it.start <= at && at < it.end);
}

/** Whether counters lacked something in a span of time, or could not be placed in time. */
export function isMiscounted(faults: Faults, from: number, to: number): boolean {
  const { metricsDown, someMetrics, metricsGap, late, skew, crashes } = faults;
  // What is counted between two looks and forgotten before the second is lost.
  const often = crashes.filter((it) => it.everySeconds < 60);
  const all = [metricsDown, someMetrics, metricsGap, late, skew, often].flat();
  return all.some((it) => it.start <= to && from < it.end);
}
