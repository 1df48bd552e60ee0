import type { Message } from '../core/message.ts';
import type { Observation } from '../core/observation.ts';
import type { Status } from '../core/phase.ts';
import type { Decision } from '../core/rules/decision.ts';
import type { Situation } from '../core/situation.ts';

/** What a tick did about one release that was not idle. */
export interface Outcome {
  readonly release: string;
  readonly decision: Decision;
  /** For when it was decided; Unix seconds. */
  readonly at: number;
  /** As Git said before the decision. */
  readonly status: Status;
  readonly observation: Observation;
  /** The commit that carried out a move; absent when somebody else moved first. */
  readonly commit?: string | undefined;
  /** Its message. */
  readonly message?: Message | undefined;
  /** What Git says of the release once it holds that commit. */
  readonly after?: Situation | undefined;
}

/** Whether another position was taken: a note, as of a pause, leaves a release where it is. */
export function leaves({ decision, commit }: Outcome): boolean {
  return decision.kind === 'move' && decision.transition !== 'note' && commit !== undefined;
}
