import type { Evidence } from '../../../lib/plan/evidence.ts';
import type { TestRecord } from '../state.ts';
import { type Claim, canaryTally, otherTally } from './claims.ts';
import type { Cell, Interval } from './counts.ts';
import { advancedBy, type EProcess, restarted, startProcess } from './evidence/e-process.ts';
import { FIRST_STAKE, intervalStake } from './evidence/stakes.ts';

/** How long intervals are put together until both tracks had requests in them. */
const MERGED_SECONDS = 120;

/** A claim's process, and how many intervals it has seen. */
export interface Gathered {
  readonly e: EProcess;
  readonly intervals: number;
}

/**
 * The process of a claim as a step begins.
 *
 * @param kept of the steps before @default - this is the first that it counts in
 * @param stake what is staked as the step begins @default - nothing: it is the rollout's first
 */
export function begun(
  claim: Claim,
  kept: TestRecord['claims'][number] | undefined,
  stake: number | undefined,
): Gathered {
  if (kept === undefined) return { e: startProcess(claim.points, FIRST_STAKE), intervals: 0 };
  return { e: stake === undefined ? kept : restarted(kept, stake), intervals: kept.intervals };
}

/** How much intervals may add, and how often something is staked on what sets in late. */
export interface Pace {
  readonly cap: number;
  /** In intervals. */
  readonly every: number;
}

/**
 * Three bad minutes are no proof of what is capped: what makes a track fail more for a moment often lasts a minute, so shorter
 * intervals share a minute's part, and its stakes. What is not capped is seen from one interval to the next.
 */
export function paceOf({ capped }: Claim, { alpha, intervalSeconds }: Evidence): Pace {
  if (!capped) return { cap: Infinity, every: 1 };
  const minute = Math.min(1, intervalSeconds / 60);
  return { cap: (Math.log(1 / alpha) / 3) * minute, every: Math.max(1, Math.round(1 / minute)) };
}

/** A process after some more intervals; those of a comparison are `merged`. */
export function gathered(
  claim: Claim,
  { e, intervals: before }: Gathered,
  intervals: readonly Interval[],
  { cap, every }: Pace,
): Gathered {
  const stakeOf = (index: number) => intervalStake(before + index + 1, every);
  const add = adding(claim, intervals);
  return {
    e: advancedBy(e, intervals.length, add, { cap, stakeOf }),
    intervals: before + intervals.length,
  };
}

/** Safety is proved anew in each step, from all of its intervals alike. */
export function safetyOf(claim: Claim, intervals: readonly Interval[]): EProcess {
  return advancedBy(startProcess(claim.points, 1), intervals.length, adding(claim, intervals));
}

function adding(claim: Claim, intervals: readonly Interval[]) {
  return (index: number, to: Float64Array): void => {
    const interval = intervals[index];
    if (interval !== undefined) claim.add(interval, to);
  };
}

/**
 * Intervals with requests to both tracks: those without are put together with the next, as where a scrape is missing. Which
 * are put together depends on the numbers of requests alone, so it favours nobody.
 */
export function merged(intervals: readonly Interval[]): readonly Interval[] {
  const whole: Interval[] = [];
  let open: Interval | undefined;
  for (const it of intervals) {
    const isNear = open?.to === it.from && it.to - open.from <= MERGED_SECONDS;
    const all = open !== undefined && isNear ? joined(open, it) : it;
    const isBoth = canaryTally([all], 0).requests > 0 && otherTally([all], 0).requests > 0;
    if (isBoth) whole.push(all);
    open = isBoth ? undefined : all;
  }
  return whole;
}

/** Two intervals, one after the other, as one. */
function joined(one: Interval, next: Interval): Interval {
  const names = new Set([...one.strata, ...next.strata].map((it) => it.name));
  const strata = [...names].map((name) => {
    const both = [one, next].flatMap((it) => it.strata.filter((its) => its.name === name));
    return {
      name,
      canary: cellOf(both.map((it) => it.canary)),
      other: cellOf(both.map((it) => it.other)),
    };
  });
  return { from: one.from, to: next.to, strata };
}

function cellOf(all: readonly Cell[]): Cell {
  const bounds = Math.max(0, ...all.map((it) => it.bad.length));
  return {
    requests: all.reduce((sum, it) => sum + it.requests, 0),
    bad: Array.from({ length: bounds }, (_, bound) =>
      all.reduce((sum, it) => sum + (it.bad[bound] ?? 0), 0),
    ),
  };
}
