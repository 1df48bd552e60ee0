import type { Judge } from '../../../lib/plan/judge.ts';
import type { Check, Track } from '../../../lib/plan/plan.ts';
import type { Values, Verdict } from './verdict.ts';

/** A check of one kind, and what was heard of it on one grid. */
export interface Heard<Kind extends Judge = Judge> {
  readonly check: Check;
  readonly judge: Kind;
  /** When the canary has a value, in order; Unix seconds. */
  readonly times: readonly number[];
  /** What there is at a time. */
  values(at: number): Values;
}

/** What a check says at one point. */
export interface Saying {
  readonly verdict: Verdict;
  /** Why, for people: `69.17 % < 99 %`. @default - the value tells it, or there is none */
  readonly text?: string;
}

/** How one kind of judgement works: pure. Nothing else in the analyzer knows of the kind. */
export interface JudgeKind<Kind extends Judge = Judge> {
  /** Tracks that are asked about at every point, as far as a check has a query for them. */
  readonly asks: readonly Track[];
  /** Tracks that are asked about as well where a point fails: what they say may excuse it. @default - none */
  readonly excuses: readonly Track[];
  /** What checks of the kind say at a point, in their order; unknown where a value is missing. */
  says(all: readonly Heard<Kind>[]): (at: number) => readonly Saying[];
  /** Whether the environment fails as well, so that a failed point is not the candidate's doing. */
  isShared(judge: Kind, values: Values): boolean;
  /** Whether the candidate fails much worse than a failing environment explains. */
  isMuchWorse(judge: Kind, values: Values): boolean;
  /** How far a value of the canary lies within what passes, negative where it fails; undefined where it alone does not say. */
  margin(judge: Kind, value: number): number | undefined;
}
