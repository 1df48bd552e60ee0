import type { Judgement } from '../judge/judge.ts';
import type { Proof } from '../judge/proof.ts';
import type { Ask, Observation } from '../observation.ts';
import type { PlanTree, Position } from '../position.ts';
import type { Rollout } from '../situation.ts';
import type { MoveVerdict, Note, State, TransitionKind } from '../state.ts';

/** What is to be done about a release now. */
export type Decision =
  /** Nothing is under way and nothing new has come. */
  | { readonly kind: 'rest'; readonly reason: string }
  /** Something is under way, and what it waits for has not come. */
  | {
      readonly kind: 'hold';
      readonly reason: string;
      readonly untilSeconds?: number | undefined;
      /** Whether it has waited for longer than its deadline, and only somebody outside can end it. */
      readonly overdue?: true | undefined;
      /** Whether it waits for the cluster to show the step, or for its pods: that has a deadline. */
      readonly stuck?: true | undefined;
      /** Whether a gate is all that it waits for. */
      readonly atGate?: true | undefined;
      /** Questions whose answers would tell more: whoever observes asks them, and decides again. */
      readonly asks?: readonly Ask[] | undefined;
    }
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
  /** Hook runs of the rollout afterwards. @default - as before; none after a start */
  readonly hooks?: State['hooks'];
  /** Gates that persons have opened. @default - as before; none after a rollout */
  readonly approved?: State['approved'];
  /** Why the rollout waits for nothing. @default - as before; not after a rollout */
  readonly fast?: State['fast'];
  /** What was wrong with the primary before the rollout. @default - as before; not after a rollout */
  readonly broken?: State['broken'];
  /** The candidate that rolls back because of the environment. @default - as before */
  readonly spared?: State['spared'];
  /** The plan of an earlier release that becomes the rollback. @default - as before */
  readonly stable?: PlanTree | undefined;
  /** The hook to call once the commit is pushed: its start is recorded, so nobody else calls it. */
  readonly calls?: string | undefined;
  /** What a note is about. @default - it is none */
  readonly note?: Note | undefined;
  readonly verdict: MoveVerdict;
  readonly reason: string;
  readonly judgement?: Judgement | undefined;
  readonly proof?: Proof | undefined;
  /** When the position that is left was live; Unix seconds. */
  readonly liveSince?: number | undefined;
}

/** An observation, with what every rule needs of it. */
export interface Context {
  readonly observation: Observation;
  readonly rollout: Rollout;
  readonly judgement: Judgement;
  /** Undefined where the position has no tests. */
  readonly proof: Proof | undefined;
  /** Failed checks of the whole rollout that count towards the threshold of the release. */
  readonly failedChecks: number;
  readonly disagreement: string | undefined;
  readonly now: number;
}

/** Answers when the situation is its own; undefined leaves it to the next rule. */
export type Rule = (context: Context) => Decision | undefined;

/** A commit that leaves position and files as they are. */
export function noteMove(state: State, note: Note, reason: string): Move {
  return { ...staying(state, reason), transition: 'note', note };
}

/** A move that changes nothing: what a transition starts from that changes little. */
export function staying(state: State, reason: string): Omit<Move, 'transition'> {
  return {
    kind: 'move',
    to: state.position,
    pins: false,
    failed: state.failed,
    verdict: 'none',
    reason,
  };
}

/** What a move keeps of what was seen. */
export function seenIn({
  judgement,
  proof,
  observation,
}: Context): Pick<Move, 'judgement' | 'proof' | 'liveSince'> {
  const live = observation.cluster?.live;
  return {
    judgement,
    proof,
    liveSince: live?.kind === 'live' ? live.sinceSeconds : undefined,
  };
}
