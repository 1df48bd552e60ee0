import type { Judgement } from './judge.ts';
import type { Observation, Rollout } from './observation.ts';
import type { Position } from './position.ts';
import type { State, TransitionKind } from './state.ts';

/** What is to be done about a release now. */
export type Decision =
  /** Nothing is under way and nothing new has come. */
  | { readonly kind: 'rest'; readonly reason: string }
  /** Something is under way, and what it waits for has not come. */
  | { readonly kind: 'hold'; readonly reason: string; readonly untilSeconds?: number | undefined }
  | Move;

/** One transition: exactly one commit. */
export interface Move {
  readonly kind: 'move';
  readonly transition: TransitionKind;
  readonly to: Position;
  /** Whether the newest dist becomes the plan in use. */
  readonly pins: boolean;
  /** What is remembered as failed afterwards. */
  readonly failed: State['failed'];
  readonly paused?: State['paused'];
  readonly verdict: 'pass' | 'fail' | 'inconclusive' | 'none';
  readonly reason: string;
  readonly judgement?: Judgement | undefined;
  /** When the position that is left was live; Unix seconds. */
  readonly liveSince?: number | undefined;
}

/** An observation, with what every rule needs of it. */
export interface Context {
  readonly observation: Observation;
  readonly rollout: Rollout;
  readonly judgement: Judgement;
  /** Failed checks of the whole rollout. */
  readonly failedChecks: number;
  readonly disagreement: string | undefined;
  readonly now: number;
}

/** Answers when the situation is its own; undefined leaves it to the next rule. */
export type Rule = (context: Context) => Decision | undefined;

/** A commit that leaves position and files as they are. */
export function noteMove(state: State, reason: string): Move {
  return {
    kind: 'move',
    transition: 'note',
    to: state.position,
    pins: false,
    failed: state.failed,
    verdict: 'none',
    reason,
  };
}
