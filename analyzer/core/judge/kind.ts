import type { Judge } from '../../../lib/plan/judge.ts';
import type { Track } from '../../../lib/plan/plan.ts';
import type { Values, Verdict } from './verdict.ts';

/** How one kind of judgement works: pure. Nothing else in the analyzer knows of the kind. */
export interface JudgeKind<Kind extends Judge = Judge> {
  /** Tracks that are asked about at every point. */
  readonly asks: readonly Track[];
  /** Tracks that are asked about as well where a point fails: what they say may excuse it. @default - none */
  readonly excuses: readonly Track[];
  /** What a point says; unknown where a value is missing. */
  verdict(judge: Kind, values: Values): Verdict;
  /** Whether the environment fails as well, so that a failed point is not the candidate's doing. */
  isShared(judge: Kind, values: Values): boolean;
  /** Whether the candidate fails much worse than a failing environment explains. */
  isMuchWorse(judge: Kind, values: Values): boolean;
  /** A value of the canary that fails, beside the bound that it breaks: `69.17 % < 99 %`. */
  broken(judge: Kind, value: number, unit: string | undefined): string;
  /** How far a value of the canary lies within what passes; negative where it fails. */
  margin(judge: Kind, value: number): number;
}
