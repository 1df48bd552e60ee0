import type { Question, Test } from '../../../lib/plan/evidence.ts';
import type { Bound } from './counts.ts';
import {
  addComparison,
  BETTER_RATIOS,
  comparisonGrowths,
  type Margin,
  WORSE_RATIOS,
} from './evidence/comparison.ts';
import { marginFor } from './evidence/latency.ts';
import {
  addObjective,
  BEYOND_RATIOS,
  objectiveGrowths,
  WITHIN_RATIOS,
} from './evidence/objective.ts';
import { type ArmNumbers, likelyRate, type Tally } from './evidence/tally.ts';
import { CATASTROPHE_RELATIVE, type Interval } from './intervals.ts';

/** What evidence is gathered for: that the canary is worse than allowed, or that more requests to it are safe. */
export interface Claim {
  /** Unique in its test: `worse`, `catastrophe`, `over 250 ms`. */
  readonly name: string;
  /** Of the test's share of alpha. */
  readonly part: number;
  /** Points of the grid of alternatives. */
  readonly points: number;
  /** Whether no single interval may decide; if not, what has come since the last one counts already. */
  readonly capped: boolean;
  /** Whether it needs requests to both tracks: intervals are put together until it has them. */
  readonly isCompared: boolean;
  /** Adds what an interval says, for each point of the grid. */
  add(interval: Interval, to: Float64Array): void;
}

/** That more requests are safe, and how soon that may be known. */
export interface SafetyClaim extends Claim {
  /** What each further request to the canary is expected to add, for each point, if all goes on as in these intervals. */
  growths(intervals: readonly Interval[]): readonly number[];
}

/** Claims that the candidate is worse than the test allows; any of them takes it back. */
export function harmClaims(test: Test, bounds: readonly Bound[]): readonly Claim[] {
  const { question, catastrophe, capped, counts } = test;
  // In an outage that both tracks share, nobody's errors are a catastrophe: it is compared as well.
  const disaster =
    catastrophe === undefined
      ? []
      : [
          worseClaim(
            'catastrophe',
            0.2,
            { relative: CATASTROPHE_RELATIVE, absolute: catastrophe },
            false,
          ),
        ];
  const rest = catastrophe === undefined ? 1 : 0.8;
  if (question.kind === 'objective')
    return [beyondClaim('beyond the objective', rest, question.limit, capped), ...disaster];
  if (counts.canary.kind === 'errors')
    return [worseClaim('worse', rest, marginOf(question, undefined), capped), ...disaster];
  // The same requests are in several of them, so their evidence is averaged.
  return bounds.map(({ le, share }, index) =>
    worseClaim(
      `over ${msOf(test, le)} ms`,
      rest / bounds.length,
      marginOf(question, share),
      capped,
      index,
    ),
  );
}

/** A bound of a test of durations in milliseconds. */
export function msOf({ counts: { canary } }: Test, le: number): number {
  return canary.kind === 'durations' && canary.unit === 's'
    ? Number((le * 1000).toPrecision(12))
    : le;
}

/**
 * The claim that the candidate costs at most `allowed` beyond what the test allows anyway; undefined where the test says
 * nothing of it, as one of latency.
 *
 * @param allowed a share of the canary's requests
 */
export function safetyClaim({ question, counts }: Test, allowed: number): SafetyClaim | undefined {
  if (counts.canary.kind === 'durations') return undefined;
  if (question.kind === 'objective') {
    const limit = Math.min(0.999, question.limit + allowed);
    const ratios = WITHIN_RATIOS;
    return {
      name: 'safe',
      part: 1,
      points: ratios.length,
      capped: false,
      isCompared: false,
      add: addingObjective('canary', ratios, limit),
      growths: (all) => objectiveGrowths(likelyRate(canaryTally(all, 0)), limit, ratios),
    };
  }
  const margin: Margin = { relative: SAFE_RELATIVE, absolute: allowed };
  const ratios = BETTER_RATIOS;
  return {
    name: 'safe',
    part: 1,
    points: ratios.length,
    capped: false,
    isCompared: true,
    add: addingCompared(0, ratios, margin),
    growths: (all) => comparedGrowths(all, margin, ratios),
  };
}

/** How many times the primary's errors are still no cost: less than what takes a candidate back. See docs/judge.md. */
const SAFE_RELATIVE = 1.25;

function marginOf(
  question: Extract<Question, { kind: 'comparison' }>,
  rate: number | undefined,
): Margin {
  const { relative, absolute } = question;
  const usual = rate === undefined ? 1.5 : marginFor(rate).relative;
  return { relative: relative ?? usual, absolute };
}

function worseClaim(name: string, part: number, margin: Margin, capped: boolean, bound = 0): Claim {
  const ratios = WORSE_RATIOS;
  return {
    name,
    part,
    points: ratios.length,
    capped,
    isCompared: true,
    add: addingCompared(bound, ratios, margin),
  };
}

function beyondClaim(
  name: string,
  part: number,
  limit: number,
  capped: boolean,
  side: Side = 'canary',
): Claim {
  return {
    name,
    part,
    points: BEYOND_RATIOS.length,
    capped,
    isCompared: false,
    add: addingObjective(side, BEYOND_RATIOS, limit),
  };
}

/** The claim that what the canary is compared with misses the test's objective too; undefined for other questions. */
export function sharedClaim({ question, capped }: Test): Claim | undefined {
  return question.kind === 'objective'
    ? beyondClaim('shared', 1, question.limit, capped, 'other')
    : undefined;
}

/** What each further request to a canary adds that is as good as the primary: what would show that it is safe. */
function comparedGrowths(
  all: readonly Interval[],
  margin: Margin,
  ratios: readonly number[],
): readonly number[] {
  const [canary, primary] = [canaryTally(all, 0), otherTally(all, 0)];
  const share = canary.requests / (canary.requests + primary.requests);
  if (!(share > 0 && share < 1)) return ratios.map(() => 0);
  const rate = likelyRate(primary);
  return comparisonGrowths({ canary: rate, primary: rate }, share, margin, ratios);
}

/** Each stratum compares like with like. */
function addingCompared(bound: number, ratios: readonly number[], margin: Margin): Claim['add'] {
  const arms: ArmNumbers = new Float64Array(4);
  return ({ strata }, to) => {
    for (const { canary, other } of strata) {
      arms[0] = canary.requests;
      arms[1] = canary.bad[bound] ?? 0;
      arms[2] = other.requests;
      arms[3] = other.bad[bound] ?? 0;
      addComparison(to, arms, ratios, margin);
    }
  };
}

function addingObjective(side: Side, ratios: readonly number[], limit: number): Claim['add'] {
  const tally = new Float64Array(2);
  return ({ strata }, to) => {
    let requests = 0;
    let bad = 0;
    for (const it of strata) {
      requests += it[side].requests;
      bad += it[side].bad[0] ?? 0;
    }
    tally[0] = requests;
    tally[1] = bad;
    addObjective(to, tally, ratios, limit);
  };
}

/** All requests to the canary, and those that were bad by one of the test's bounds. */
export function canaryTally(all: readonly Interval[], bound: number): Tally {
  return tallyAcross(all, 'canary', bound);
}

/** The same of the track that it is compared with. */
export function otherTally(all: readonly Interval[], bound: number): Tally {
  return tallyAcross(all, 'other', bound);
}

type Side = 'canary' | 'other';

/** It is asked about every interval of an hour: nothing is made for each. */
function tallyAcross(all: readonly Interval[], side: Side, bound: number): Tally {
  let requests = 0;
  let bad = 0;
  for (const { strata } of all)
    for (const it of strata) {
      requests += it[side].requests;
      bad += it[side].bad[bound] ?? 0;
    }
  return { requests, bad };
}

/** Whether both tracks had requests in an interval. */
export function isOfBoth({ strata }: Interval): boolean {
  let [ours, theirs] = [0, 0];
  for (const { canary, other } of strata) {
    ours += canary.requests;
    theirs += other.requests;
  }
  return ours > 0 && theirs > 0;
}
