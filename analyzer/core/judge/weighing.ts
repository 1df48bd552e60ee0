import type { Evidence, Test } from '../../../lib/plan/evidence.ts';
import type { Step } from '../../../lib/plan/plan.ts';
import type { Rollout } from '../situation.ts';
import type { TestRecord } from '../state.ts';
import {
  type Claim,
  canaryTally,
  harmClaims,
  isOfBoth,
  otherTally,
  type SafetyClaim,
  safetyClaim,
  sharedClaim,
} from './claims.ts';
import type { Bound } from './counts.ts';
import { advancedBy, type EProcess, restarted, startProcess } from './evidence/e-process.ts';
import { FIRST_STAKE, intervalStake, stepStake } from './evidence/stakes.ts';
import type { Interval } from './intervals.ts';
import type { Cell } from './tracks.ts';

/** What one test has gathered in a step. Each interval is weighed once, whenever the next one comes. */
export interface Weighing {
  readonly test: Test;
  readonly bounds: readonly Bound[];
  /** What was gathered in the steps before. */
  readonly before: TestRecord | undefined;
  readonly claims: readonly {
    readonly claim: Claim;
    readonly pace: Pace;
    readonly whole: Gathered;
  }[];
  /** The evidence that the other track misses the objective in this step. Undefined for other questions. */
  readonly theirs: (Gathered & { readonly claim: Claim }) | undefined;
  /** Safety is proved anew in each step, from all of its intervals alike. Undefined where the test says nothing of it. */
  readonly safety: Safety | undefined;
  /** All intervals of the step, and those in which it was live. */
  readonly all: Gathering;
  readonly live: Gathering;
}

/** The proof that the next step is safe. */
export interface Safety {
  readonly claim: SafetyClaim;
  readonly e: EProcess;
  /** The share of the canary's requests that may be bad in the next step. */
  readonly allowed: number;
}

/** A claim's process, and how many intervals it has seen. */
export interface Gathered {
  readonly e: EProcess;
  readonly intervals: number;
}

/** Intervals that came one after the other. */
export interface Gathering {
  /** All of them as one. */
  readonly sum: Interval | undefined;
  /** The last of them as one, while one of the tracks had no requests in them. */
  readonly open: Interval | undefined;
}

/** How long intervals are put together until both tracks had requests in them. */
const MERGED_SECONDS = 120;

const NOTHING: Gathering = { sum: undefined, open: undefined };

/** What a test's weighing rests on. */
export interface Terms {
  readonly rollout: Rollout;
  readonly evidence: Evidence;
  readonly step: Step;
  /** The share of the canary's requests that may be bad in the next step. */
  readonly allowed: number;
}

/** A test before the first interval of a step. @param bounds of durations; those of the steps before go first */
export function beginWeighing(terms: Terms, test: Test, bounds: readonly Bound[]): Weighing {
  const before = terms.rollout.state.evidence?.find((it) => it.test === test.name);
  const own = before?.bounds ?? bounds;
  const claims = harmClaims(test, own).map((claim) => {
    const kept = before?.claims.find(
      (it) => it.claim === claim.name && it.logs.length === claim.points,
    );
    return { claim, pace: paceOf(claim, terms.evidence), whole: begun(terms, claim, kept) };
  });
  const safety = safetyClaim(test, terms.allowed);
  const shared = sharedClaim(test);
  return {
    test,
    bounds: own,
    before,
    claims,
    theirs: shared && {
      ...{ claim: shared, intervals: 0 },
      e: startProcess(shared.points, FIRST_STAKE),
    },
    safety: safety && {
      ...{ claim: safety, allowed: terms.allowed },
      e: startProcess(safety.points, 1),
    },
    all: NOTHING,
    live: NOTHING,
  };
}

/** The process of a claim as the step begins. */
function begun(
  { rollout: { plan }, step }: Terms,
  claim: Claim,
  kept: TestRecord['claims'][number] | undefined,
): Gathered {
  const steps = plan.plan.steps.filter((it) => (it.tests ?? []).length > 0);
  if (kept === undefined) return { e: startProcess(claim.points, FIRST_STAKE), intervals: 0 };
  const e = step === steps[0] ? kept : restarted(kept, stepStake(steps.length - 1));
  return { e, intervals: kept.intervals };
}

/** How much intervals may add, and how often something is staked on what sets in late. */
interface Pace {
  readonly cap: number;
  /** In intervals. */
  readonly every: number;
}

/**
 * Three bad minutes are no proof of what is capped: what makes a track fail more for a moment often lasts a minute, so shorter
 * intervals share a minute's part, and its stakes. What is not capped is seen from one interval to the next.
 */
function paceOf({ capped }: Claim, { alpha, intervalSeconds }: Evidence): Pace {
  if (!capped) return { cap: Infinity, every: 1 };
  const minute = Math.min(1, intervalSeconds / 60);
  return { cap: (Math.log(1 / alpha) / 3) * minute, every: Math.max(1, Math.round(1 / minute)) };
}

/**
 * Takes in the next intervals.
 *
 * @param since when the step was live and warm; Unix seconds
 * @param warmUntil before that only what no cap holds back counts @default - the step starts nothing that warms up
 */
export function weighedWith(
  weighing: Weighing,
  intervals: readonly Interval[],
  since: number,
  warmUntil = -Infinity,
): Weighing {
  const cold = intervals.filter(({ from }) => from < warmUntil);
  if (cold.length === 0) return weighedBy(weighing, intervals, since, () => true);
  const warm = intervals.filter(({ from }) => from >= warmUntil);
  const before = weighedBy(weighing, cold, Infinity, ({ capped }) => !capped);
  return weighedBy(before, warm, since, () => true);
}

function weighedBy(
  weighing: Weighing,
  intervals: readonly Interval[],
  since: number,
  counts: (claim: Claim) => boolean,
): Weighing {
  const all = withNext(weighing.all, intervals);
  const live = withNext(
    weighing.live,
    intervals.filter(({ from }) => from >= since),
  );
  return {
    ...weighing,
    claims: weighing.claims.map((it) =>
      counts(it.claim) ? { ...it, whole: gathered(it, all) } : it,
    ),
    theirs: weighing.theirs && missedWith(weighing.theirs, intervals),
    safety: weighing.safety && saferWith(weighing.safety, live),
    all: all.gathering,
    live: live.gathering,
  };
}

/** A claim's process after some more intervals. */
function gathered(
  { claim, pace: { cap, every }, whole: { e, intervals: before } }: Weighing['claims'][number],
  next: Next,
): Gathered {
  const usable = usableIn(claim, next);
  const stakeOf = (index: number) => intervalStake(before + index + 1, every);
  const add = adding(claim, usable);
  return {
    e: advancedBy(e, usable.length, add, { cap, stakeOf }),
    intervals: before + usable.length,
  };
}

function adding(claim: Claim, intervals: readonly Interval[]) {
  return (index: number, to: Float64Array): void => {
    const interval = intervals[index];
    if (interval !== undefined) claim.add(interval, to);
  };
}

/** The other track's own evidence, gathered as the canary's is. */
function missedWith(
  { claim, e, intervals: before }: NonNullable<Weighing['theirs']>,
  intervals: readonly Interval[],
): Weighing['theirs'] {
  const add = adding(claim, intervals);
  const stakeOf = (index: number) => intervalStake(before + index + 1, 1);
  return {
    ...{ claim, intervals: before + intervals.length },
    e: advancedBy(e, intervals.length, add, { stakeOf }),
  };
}

/** What no cap holds back is looked at before its interval is over. @param tail what has come since the last one */
export function gatheredNow(it: Weighing['claims'][number], tail: Interval | undefined): Gathered {
  return tail === undefined || it.claim.capped ? it.whole : gathered(it, withNext(NOTHING, [tail]));
}

function saferWith(safety: Safety, next: Next): Safety {
  const usable = usableIn(safety.claim, next);
  return {
    ...safety,
    e: advancedBy(safety.e, usable.length, adding(safety.claim, usable)),
  };
}

function usableIn({ isCompared }: Claim, { merged, intervals }: Next): readonly Interval[] {
  return isCompared ? merged : intervals;
}

/** Intervals that came next, and all that came so far. */
interface Next {
  readonly gathering: Gathering;
  readonly intervals: readonly Interval[];
  /** The same with requests to both tracks in each. */
  readonly merged: readonly Interval[];
}

/**
 * Intervals without requests to both tracks are put together with the next, as where a scrape is missing. Which are put
 * together depends on the numbers of requests alone, so it favours nobody.
 */
function withNext({ sum, open: before }: Gathering, intervals: readonly Interval[]): Next {
  const merged: Interval[] = [];
  let open = before;
  for (const it of intervals) {
    const isNear = open?.to === it.from && it.to - open.from <= MERGED_SECONDS;
    const last = open !== undefined && isNear ? joined(open, [it]) : it;
    const isBoth = isOfBoth(last);
    if (isBoth) merged.push(last);
    open = isBoth ? undefined : last;
  }
  const [first, ...rest] = sum === undefined ? intervals : [sum, ...intervals];
  const all = first === undefined ? undefined : joined(first, rest);
  return { gathering: { sum: all, open }, intervals, merged };
}

/** Intervals, one after the other, as one. */
function joined(first: Interval, rest: readonly Interval[]): Interval {
  const last = rest.at(-1);
  if (last === undefined) return first;
  const strata = new Map<string, Summed>();
  for (const it of [first, ...rest])
    for (const { name, canary, other } of it.strata) {
      const sum = strata.get(name) ?? { canary: emptySum(), other: emptySum() };
      strata.set(name, sum);
      add(sum.canary, canary);
      add(sum.other, other);
    }
  return {
    from: first.from,
    to: last.to,
    strata: [...strata].map(([name, it]) => ({ name, ...it })),
  };
}

interface Sum {
  requests: number;
  readonly bad: number[];
}

interface Summed {
  readonly canary: Sum;
  readonly other: Sum;
}

function emptySum(): Sum {
  return { requests: 0, bad: [] };
}

function add(sum: Sum, { requests, bad }: Cell): void {
  sum.requests += requests;
  for (let bound = 0; bound < bad.length; bound++)
    sum.bad[bound] = (sum.bad[bound] ?? 0) + (bad[bound] ?? 0);
}

/** What is kept of a weighing when its step is left. */
export function recordOf({ test, before, bounds, all: { sum }, claims }: Weighing): TestRecord {
  const sides = { canary: canaryTally, other: otherTally };
  const count = Math.max(1, bounds.length);
  const tallied = (side: keyof typeof sides) => {
    const tallies = Array.from({ length: count }, (_, bound) =>
      sides[side](sum === undefined ? [] : [sum], bound),
    );
    const old = before?.[side];
    return {
      requests: (old?.requests ?? 0) + (tallies[0]?.requests ?? 0),
      bad: tallies.map((it, bound) => (old?.bad[bound] ?? 0) + it.bad),
    };
  };
  return {
    test: test.name,
    ...(bounds.length === 0 ? {} : { bounds: [...bounds] }),
    canary: tallied('canary'),
    other: tallied('other'),
    claims: claims.map(({ claim, whole: { e, intervals } }) => ({
      claim: claim.name,
      intervals,
      logs: [...e.logs],
      unspent: e.unspent,
    })),
  };
}
