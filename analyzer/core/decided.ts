import type { Liveness, Outage } from './cluster/reading.ts';
import type { TestCounts } from './judge/counts.ts';
import type { CheckSeries } from './judge/series.ts';
import type { Rollout, Situation } from './situation.ts';
import { type State, type StepRecord, unix } from './state.ts';

/** A decision of the past, as Git holds it. */
export interface Decided {
  readonly before: Situation;
  /** That of `before`. */
  readonly rollout: Rollout;
  readonly after: State;
  /** Undefined where nothing holds it. */
  readonly verdict: string | undefined;
  readonly reason: string;
  /** Of the commit; Unix seconds. */
  readonly at: number;
}

/** What a decision rested on beside Git and the metric stores. */
export interface Moment {
  /** Unix seconds. */
  readonly now: number;
  /** Up to when counters were asked. */
  readonly countedAt: number;
  readonly live: Liveness;
  readonly outage: Outage | undefined;
}

/** What the metric stores say of it. */
export interface Told {
  readonly series: readonly CheckSeries[];
  readonly counts: readonly TestCounts[];
}

const LEAVING: ReadonlySet<State['kind']> = new Set(['next', 'complete', 'back']);

/** Whether a transition is a decision about a step: it was left, or the rollout paused for want of an answer. */
export function isDecision({ state }: Rollout, after: State): boolean {
  const isPause = after.note?.kind === 'paused' && after.by === undefined;
  return state.position.kind === 'step' && (LEAVING.has(after.kind) || isPause);
}

/** What a transition kept of the step that it left; undefined where it left none. */
export function leftStep({ rollout, after }: Decided): StepRecord | undefined {
  return after.steps.length > rollout.state.steps.length ? after.steps.at(-1) : undefined;
}

/** What a decision rested on, as far as the state tells. */
export function momentOf(decided: Decided): Moment {
  const { judged } = decided.after;
  const since = judged?.since ?? leftStep(decided)?.since;
  const outage = judged?.outage;
  const now = judged === undefined ? decided.at : unix(judged.at);
  return {
    now,
    countedAt: judged?.countedAt === undefined ? now : unix(judged.countedAt),
    live:
      since === undefined
        ? { kind: 'waiting', reason: 'the step was not live' }
        : { kind: 'live', sinceSeconds: unix(since) },
    outage: outage && { until: unix(outage.until), isSure: outage.isSure },
  };
}
