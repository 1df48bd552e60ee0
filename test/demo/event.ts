/** What the demo tells while it runs, in order; `npm run demo -- --json` prints each as one line. */
export type DemoEvent =
  | {
      readonly event: 'start';
      readonly release: string;
      readonly story: 'good' | 'bad';
      readonly from: string;
      readonly to: string;
      /** How many times faster than a real clock everything goes. */
      readonly factor: number;
      /** Absent where it is the canary. */
      readonly strategy?: string;
      /** Names of the plan's steps; absent where it is the canary. */
      readonly steps?: readonly string[];
      /** Percent from which on a bad version fails. @default 20 */
      readonly breaksAt?: number;
    }
  /** Something was started, or made. */
  | { readonly event: 'ready'; readonly what: string; readonly detail: string }
  /** A person pushed a commit with new files in `dist/`. */
  | {
      readonly event: 'pushed';
      readonly at: string;
      readonly commit: string;
      readonly subject: string;
    }
  /** Somebody said `perch promote` at a gate. */
  | {
      readonly event: 'promoted';
      readonly at: string;
      readonly commit: string;
      readonly subject: string;
      readonly reason: string;
    }
  | Turn
  /** The GitOps controller could not apply a commit. */
  | {
      readonly event: 'refused';
      readonly at: string;
      readonly commit: string;
      readonly reason: string;
    }
  /** What `git log -- live/<release>` prints. */
  | { readonly event: 'log'; readonly lines: readonly string[] }
  /** Always the last one. */
  | DemoEnd;

/** The analyzer moved, or waits for something else than before. */
export interface Turn {
  readonly event: 'decision';
  /** Simulated time; ISO 8601. */
  readonly at: string;
  readonly release: string;
  readonly kind: 'move' | 'hold' | 'rest';
  /** The position, after a move the new one. */
  readonly step: string;
  /** The canary's committed percent of the traffic. */
  readonly weight: number;
  /** Newest answers, where there are any: percent, and milliseconds. */
  readonly successRate?: number;
  readonly latencyP99Ms?: number;
  readonly verdict: 'pass' | 'fail' | 'inconclusive' | 'none';
  readonly reason: string;
  /** The commit of a move, and its first line. */
  readonly commit?: string;
  readonly subject?: string;
}

/** How it ended. */
export interface DemoEnd {
  readonly event: 'end';
  readonly release: string;
  readonly phase: string;
  /** Ids of the commits that touched `live/<release>`, oldest first. */
  readonly commits: readonly string[];
  /** Real ones. */
  readonly seconds: number;
}
