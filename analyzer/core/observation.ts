import type { Answer } from './answer.ts';
import type { ClusterView, ObjectRef } from './cluster/reading.ts';
import type { TestCounts } from './judge/counts.ts';
import type { Folds } from './judge/fold.ts';
import type { CheckSeries } from './judge/series.ts';
import type { Phase } from './phases.ts';
import type { Situation } from './situation.ts';

/** What a hook answered. */
export type HookAnswer =
  | {
      readonly kind: 'answered';
      /** 2xx. */
      readonly passed: boolean;
      readonly status: number;
      /** The beginning of the body, on one line. */
      readonly text: string;
    }
  /** The service may have done what it was asked for. */
  | { readonly kind: 'unknown'; readonly reason: string }
  /** Nothing was sent, or the service certainly did not take it. */
  | { readonly kind: 'unsent'; readonly reason: string };

/** What is known of a hook at one moment. */
export type HookReading =
  /** @param at Unix seconds */
  | (HookAnswer & { readonly at: number })
  /** This process started it, and it has not ended. */
  | { readonly kind: 'running' }
  /** Another process started it: nobody can tell what became of it. */
  | { readonly kind: 'lost' };

/** A question of a decision: whoever observes asks it where the answer would tell more. */
export type Ask = { readonly kind: 'hook'; readonly hook: string };

/** A question with its answer, by the kind of the question. */
export type Reply = {
  readonly kind: 'hook';
  readonly hook: string;
  readonly reading: HookReading;
};

/** What was asked before a rollout begins. */
export interface Beginning {
  /** Of a release that Git knows nothing of: what the cluster shows of it, rendered by a plan. */
  readonly shown: Answer<readonly ObjectRef[]>;
  /** Of such a release: the type of the Service that it would take over, where that leads in from outside. */
  readonly apexType?: string | undefined;
  /** Clocks of servers against ours; behind it where negative. */
  readonly clocks: readonly { readonly server: string; readonly aheadSeconds: number }[];
}

/** All that a decision rests on. */
export interface Observation {
  readonly situation: Situation;
  /** Absent when nothing was asked, as at rest. */
  readonly cluster?: ClusterView | undefined;
  readonly series: readonly CheckSeries[];
  /** What the counters of tests said. @default - there are no tests */
  readonly counts?: readonly TestCounts[] | undefined;
  /** What earlier looks have weighed of the same counters; it saves work. @default - nobody has looked yet */
  readonly folds?: Folds | undefined;
  /** By key of the question, as far as they were asked: a decision says which it needs. @default - none was */
  readonly answers?: ReadonlyMap<string, Reply> | undefined;
  /** Phases of the releases that the newest plan depends on. @default - it depends on none */
  readonly others?: ReadonlyMap<string, Phase> | undefined;
  /** Asked once everything else says that a rollout begins. @default - it was not asked */
  readonly beginning?: Beginning | undefined;
  /** Largest difference between our clock and a server's, in seconds. */
  readonly skewSeconds: number;
  /** When this process first found a source of answers unreachable, if it still is; Unix seconds. */
  readonly unreachableSince?: number | undefined;
  /** Since when this process has found the step not shown by the cluster, or its pods not ready; Unix seconds. */
  readonly stuckSince?: number | undefined;
}
