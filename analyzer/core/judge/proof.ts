import { type Evidence, requestsForBudget, type Test } from '../../../lib/plan/evidence.ts';
import type { Step } from '../../../lib/plan/plan.ts';
import type { Liveness, Outage } from '../cluster/reading.ts';
import { hasPromoted, nextPosition, stepOf } from '../position.ts';
import type { Rollout } from '../situation.ts';
import { type TestRecord, unix } from '../state.ts';
import { type Claim, canaryTally, harmClaims, msOf, otherTally, safetyClaim } from './claims.ts';
import {
  type Bound,
  boundOf,
  type Counted,
  type CounterSeries,
  countedIn,
  type Interval,
  type TestCounts,
} from './counts.ts';
import { logE } from './evidence/e-process.ts';
import { rateInterval } from './evidence/interval.ts';
import { requestsNeeded } from './evidence/need.ts';
import { stepStake } from './evidence/stakes.ts';
import { type Tally, tallyOf } from './evidence/tally.ts';
import { totalOf } from './evidence/total.ts';
import { begun, type Gathered, gathered, safetyOf } from './gathering.ts';
import { type Grid, judgedStep } from './judge.ts';

/** What one claim of a test comes to. */
export interface ClaimProof {
  readonly name: string;
  /** ln of its e-value. */
  readonly logE: number;
  /** Its part of alpha in the whole rollout. */
  readonly share: number;
}

/** What one test says of the whole rollout. */
export interface TestProof {
  readonly test: Test;
  /** Requests of the rollout; those that were bad by the test's first bound. */
  readonly canary: Tally;
  readonly other: Tally;
  readonly claims: readonly ClaimProof[];
  /** Until when they were counted; Unix seconds. Undefined where none was. */
  readonly until: number | undefined;
  /** ln of the e-value that more requests are safe, in this step; undefined where the test says nothing of it. */
  readonly safe: number | undefined;
  /** Whether the primary misses the objective as well. */
  readonly isShared: boolean;
  /** Why its counters said nothing. */
  readonly trouble: string | undefined;
  /** What is kept of it when the step is left. */
  readonly record: TestRecord;
}

/** How many more requests to the canary a decision needs. */
export interface Need {
  readonly requests: number;
  /** At the rate of the step so far; undefined while there is none. */
  readonly seconds: number | undefined;
}

/** What the tests of a step say. */
export interface Proof {
  readonly tests: readonly TestProof[];
  /** ln of the rollout's evidence that the candidate is worse than allowed, and from where on it is proof. */
  readonly harm: number;
  readonly proofOfHarm: number;
  /** The claim that contributes most, where that is proof. */
  readonly blame: { readonly test: TestProof; readonly claim: ClaimProof } | undefined;
  /** Tests that blame nobody, as the primary misses their objective too. */
  readonly shared: readonly TestProof[];
  /** Whether the next step may give the canary more requests, as far as tests tell. */
  readonly isSafe: boolean;
  /** ln of the least evidence of that, and from where on it is proof. */
  readonly safety: number | undefined;
  readonly proofOfSafety: number;
  readonly need: Need | undefined;
  /** Requests to the canary in this step. */
  readonly requests: number;
  /** Why an answer is missing. */
  readonly trouble: string | undefined;
}

/** Requests without which the absence of harm says nothing. */
const LEAST_REQUESTS = 20;

/** The tests whose evidence counts in a rollout's position. */
export function testsOf(rollout: Rollout): readonly Test[] {
  const names = judgedStep(rollout)?.tests ?? [];
  return (rollout.plan.plan.evidence?.tests ?? []).filter((it) => names.includes(it.name));
}

/**
 * Ends of the step's intervals, at multiples of their length, so that many releases share one question. The first is
 * before the step: what counters had then tells which of them are new.
 */
export function intervalGrid({ state, plan }: Rollout, now: number): Grid {
  const { evidence, analysis } = plan.plan;
  const stepSeconds = evidence?.intervalSeconds ?? 1;
  const multiple = (seconds: number) => seconds * stepSeconds;
  return {
    start: multiple(Math.ceil(unix(state.at) / stepSeconds)),
    end: multiple(Math.floor((now - analysis.settleSeconds) / stepSeconds)),
    stepSeconds,
  };
}

/** Times that no whole interval of the step has; each from one moment to another. */
export interface Rest {
  /** From when the step was live to the first interval that is the step's alone; once that is settled. */
  readonly head: readonly [from: number, to: number] | undefined;
  /** Since the last interval, or the head's start where the head is not settled. */
  readonly tail: readonly [from: number, to: number] | undefined;
}

/**
 * What is asked besides whole intervals. In the one in which a step gets live, the split of requests changes: an outage in
 * its end would be one of the canary's requests more than of the primary's. So it is weighed from when the step was live.
 */
export function restOf(rollout: Rollout, live: Liveness, now: number): Rest {
  const { start, end, stepSeconds } = intervalGrid(rollout, now);
  const to = Math.floor(now);
  const between = (from: number, until: number) =>
    until > from ? ([from, until] as const) : undefined;
  if (live.kind !== 'live')
    return {
      head: undefined,
      tail: between(end < start ? Math.ceil(unix(rollout.state.at)) : end, to),
    };
  const since = Math.ceil(live.sinceSeconds);
  const own = Math.ceil(since / stepSeconds) * stepSeconds;
  return end < own
    ? { head: undefined, tail: between(since, to) }
    : { head: between(since, own), tail: between(end, to) };
}

/** When the next interval can be weighed; Unix seconds. */
export function nextIntervalAt(rollout: Rollout, now: number): number {
  const { end, stepSeconds } = intervalGrid(rollout, now);
  return end + stepSeconds + rollout.plan.plan.analysis.settleSeconds;
}

/** Weighs what the counters said: pure, and the same for every analyzer that asks later. Undefined without tests. */
export function prove(
  rollout: Rollout,
  counts: readonly TestCounts[],
  live: Liveness,
  outage?: Outage,
): Proof | undefined {
  const { evidence } = rollout.plan.plan;
  const step = judgedStep(rollout);
  if (evidence === undefined || step === undefined || (step.tests ?? []).length === 0)
    return undefined;
  const since = live.kind === 'live' ? live.sinceSeconds : Infinity;
  const scene: Scene = {
    rollout,
    evidence,
    step,
    since,
    excusedUntil: outage?.isSure === true ? outage.until : 0,
    allowed: evidence.budget / nextWeight(rollout),
  };
  const weighed = testsOf(rollout).map((test) =>
    weigh(
      scene,
      test,
      counts.find((it) => it.test.name === test.name),
    ),
  );
  return proofOf(scene, weighed);
}

interface Scene {
  readonly rollout: Rollout;
  readonly evidence: Evidence;
  readonly step: Step;
  /** Since when the step is live; Unix seconds. */
  readonly since: number;
  /** Until when both tracks lost pods by nobody's fault; Unix seconds. */
  readonly excusedUntil: number;
  /** The share of the canary's requests that may be bad in the next step. */
  readonly allowed: number;
}

/** A test's proof, and what its claims would need. */
interface Weighed extends TestProof {
  /** Requests with those since the last interval, of which what needs no whole interval is proved. */
  readonly untilNow: Pick<TestProof, 'canary' | 'other'>;
  readonly needed: number | undefined;
  readonly ofStep: readonly Interval[];
}

/** The canary's share of all requests after the step; a fraction. All of them where its version becomes the primary's. */
function nextWeight({ plan: { plan }, state }: Rollout): number {
  const next = nextPosition(plan, state.position);
  const step = next === undefined ? undefined : stepOf(plan, next);
  if (step === undefined || hasPromoted(plan, step.name)) return 1;
  return Math.max(step.weights.canary / 100, 0.001);
}

function weigh(scene: Scene, test: Test, counts: TestCounts | undefined): Weighed {
  const { rollout, evidence, since } = scene;
  const before = rollout.state.evidence?.find((it) => it.test === test.name);
  const trouble = troubleOf(counts);
  const bounds = before?.bounds ?? counts?.bounds ?? [];
  const isSeen = (before?.canary.requests ?? 0) > 0;
  const { intervals, tail } = known(scene, counts && { ...counts, bounds }, isSeen);
  const ofStep = intervals.filter(({ from }) => from >= since);
  const cap = test.capped ? capOf(evidence) : Infinity;
  const stake = stakeOf(scene);
  const claims = harmClaims(test, bounds).map((claim) => {
    const kept = before?.claims.find(
      (it) => it.claim === claim.name && it.logs.length === claim.points,
    );
    const most = claim.capped ? cap : Infinity;
    const whole = gathered(claim, begun(claim, kept, stake), intervals, most);
    // What no cap holds back is looked at before its interval is over.
    const now = tail === undefined || claim.capped ? whole : gathered(claim, whole, [tail], most);
    return { claim, whole, now: now.e };
  });
  const requests = (all: readonly Interval[]) => ({
    canary: tallyOf([tallyIn(before?.canary), canaryTally(all, 0)]),
    other: tallyOf([tallyIn(before?.other), otherTally(all, 0)]),
  });
  const safety = safetyClaim(test, scene.allowed);
  const safe = safety && safetyOf(safety, ofStep);
  return {
    test,
    ...requests(intervals),
    untilNow: requests(tail === undefined ? intervals : [...intervals, tail]),
    claims: claims.map(({ claim, now }) => ({
      name: claim.name,
      logE: logE(now),
      share: test.share * claim.part,
    })),
    until: (tail ?? intervals.at(-1))?.to,
    safe: safe && logE(safe),
    isShared: isMissedByBoth(test, intervals, evidence),
    trouble,
    ofStep,
    needed:
      safety &&
      safe &&
      (requestsNeeded(safe, safety.growths(ofStep), Math.log(1 / evidence.beta)) ??
        (canaryTally(ofStep, 0).requests > 0
          ? Infinity
          : requestsForBudget(evidence, 100 * nextWeight(rollout)))),
    record: recordOf(test, before, bounds, intervals, claims),
  };
}

function known(
  { excusedUntil, since }: Scene,
  counts: TestCounts | undefined,
  isSeen: boolean,
): Counted {
  if (counts === undefined || troubleOf(counts) !== undefined) return { intervals: [] };
  const { intervals, tail } = countedIn(counts, isSeen);
  // In the interval in which the step got live, the split of requests changed.
  const isFair = ({ from, to }: Interval) => from >= excusedUntil && (to <= since || from >= since);
  return { intervals: intervals.filter(isFair), tail: tail && isFair(tail) ? tail : undefined };
}

/**
 * The most evidence of harm that one interval adds, so that three bad minutes are not enough. What makes a track fail more for
 * a moment often lasts a minute, so shorter intervals share a minute's part.
 */
function capOf({ alpha, intervalSeconds }: Evidence): number {
  return (Math.log(1 / alpha) / 3) * Math.min(1, intervalSeconds / 60);
}

/** What is staked as the step begins; nothing in the rollout's first. */
function stakeOf({ rollout: { plan }, step }: Scene): number | undefined {
  const steps = plan.plan.steps.filter((it) => (it.tests ?? []).length > 0);
  return step === steps[0] ? undefined : stepStake(steps.length - 1);
}

/** Why a test's counters said nothing; undefined where they did. */
export function troubleOf(counts: TestCounts | undefined): string | undefined {
  if (counts === undefined) return 'the counters were not asked';
  const { canary, other } = counts;
  if (canary.kind === 'unknown') return canary.reason;
  if (other.kind === 'unknown') return other.reason;
  return missingBucket(counts, [...canary.value, ...other.value].flat());
}

/** Nothing is read off between two buckets. */
function missingBucket(
  { test, bounds }: TestCounts,
  series: readonly CounterSeries[],
): string | undefined {
  const ends = new Set(series.map(({ labels }) => boundOf(labels)));
  const missing = bounds.find(({ le }) => !ends.has(le));
  if (series.length === 0 || missing === undefined) return undefined;
  const known = [...ends].filter(Number.isFinite).sort((a, b) => a - b);
  return (
    `no bucket of the histogram ends at ${msOf(test, missing.le)} ms; ` +
    `use one of ${known.map((it) => msOf(test, it)).join(', ')} ms`
  );
}

function isMissedByBoth(
  { question }: Test,
  intervals: readonly Interval[],
  { alpha }: Evidence,
): boolean {
  if (question.kind !== 'objective') return false;
  const primary = otherTally(intervals, 0);
  return primary.requests > 0 && rateInterval(primary, alpha).low > question.limit;
}

function recordOf(
  test: Test,
  before: TestRecord | undefined,
  bounds: readonly Bound[],
  intervals: readonly Interval[],
  claims: readonly { readonly claim: Claim; readonly whole: Gathered }[],
): TestRecord {
  const sides = { canary: canaryTally, other: otherTally };
  const count = Math.max(1, bounds.length);
  const tallied = (side: keyof typeof sides) => {
    const tallies = Array.from({ length: count }, (_, bound) => sides[side](intervals, bound));
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

function proofOf({ evidence }: Scene, weighed: readonly Weighed[]): Proof {
  const shared = weighed.filter((it) => it.isShared);
  const parts = weighed
    .filter((it) => !it.isShared)
    .flatMap((test) => test.claims.map((claim) => ({ ...claim, test, claim })));
  const total = totalOf(parts);
  const proofOfHarm = Math.log(1 / evidence.alpha);
  const blame = total.logE >= proofOfHarm ? total.blame : undefined;
  const told = (it: Weighed) => (it === blame?.test ? { ...it, ...it.untilNow } : it);
  const safetyLevel = Math.log(1 / evidence.beta);
  const asked = weighed.filter((it) => it.safe !== undefined && it.test.share > 0);
  const safety = asked.length === 0 ? undefined : Math.min(...asked.map((it) => it.safe ?? 0));
  const deciding = weighed.filter((it) => it.test.share > 0);
  const requests = Math.min(Infinity, ...weighed.map((it) => canaryTally(it.ofStep, 0).requests));
  const isBudgeted = evidence.advance === 'safe-within-budget' && safety !== undefined;
  return {
    tests: weighed.map(told),
    harm: total.logE,
    proofOfHarm,
    blame: blame && { test: told(blame.test), claim: blame.claim },
    shared,
    isSafe: isBudgeted ? safety >= safetyLevel : requests >= LEAST_REQUESTS,
    safety,
    proofOfSafety: safetyLevel,
    need: isBudgeted ? needOf(asked) : leastOf(requests, weighed),
    requests,
    trouble: deciding
      .flatMap((it) => (it.trouble === undefined ? [] : [`${it.test.name}: ${it.trouble}`]))
      .at(0),
  };
}

function needOf(weighed: readonly Weighed[]): Need | undefined {
  const needed = Math.max(0, ...weighed.map((it) => it.needed ?? 0));
  return needed === 0 ? undefined : needIn(needed, weighed);
}

function leastOf(requests: number, weighed: readonly Weighed[]): Need | undefined {
  return requests >= LEAST_REQUESTS ? undefined : needIn(LEAST_REQUESTS - requests, weighed);
}

function needIn(requests: number, [first]: readonly Weighed[]): Need {
  const all = first?.ofStep ?? [];
  const seconds = (all.at(-1)?.to ?? 0) - (all[0]?.from ?? 0);
  const rate = canaryTally(all, 0).requests / seconds;
  return { requests, seconds: rate > 0 ? requests / rate : undefined };
}

function tallyIn(record: TestRecord['canary'] | undefined): Tally {
  return { requests: record?.requests ?? 0, bad: record?.bad[0] ?? 0 };
}
