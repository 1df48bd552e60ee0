import { type Evidence, LEAST_REQUESTS, type Test } from '../../../lib/plan/evidence.ts';
import { warmUpSecondsOf } from '../../../lib/plan/warm-up.ts';
import type { Liveness, Outage } from '../cluster/reading.ts';
import { hasPromoted, nextPosition, stepOf } from '../position.ts';
import type { Rollout } from '../situation.ts';
import { type TestRecord, unix } from '../state.ts';
import { canaryTally, msOf, otherTally } from './claims.ts';
import { type Bound, boundOf, type CounterSeries, type TestCounts } from './counts.ts';
import { logE } from './evidence/e-process.ts';
import { rateInterval } from './evidence/interval.ts';
import { requestsNeeded } from './evidence/need.ts';
import { type Tally, tallyOf } from './evidence/tally.ts';
import { totalOf } from './evidence/total.ts';
import { type Folds, weighedOn } from './fold.ts';
import type { Grid } from './grid.ts';
import type { Counted, Interval } from './intervals.ts';
import { judgedStep } from './judge.ts';
import {
  beginWeighing,
  type Gathering,
  gatheredNow,
  type Terms,
  type Weighing,
} from './weighing.ts';

/** What one claim of a test comes to. */
export interface ClaimProof {
  readonly name: string;
  /** ln of its e-value. */
  readonly logE: number;
  /** Its part of the test's share of alpha. */
  readonly part: number;
}

/** What one test says of the whole rollout. */
export interface TestProof {
  readonly test: Test;
  /** The largest probability that what is said of its rates is wrong. */
  readonly alpha: number;
  /** Requests of the rollout; those that were bad by the test's first bound. */
  readonly canary: Tally;
  readonly other: Tally;
  readonly claims: readonly ClaimProof[];
  /** ln of the e-value that more requests are safe, in this step; undefined where the test says nothing of it. */
  readonly safe: number | undefined;
  /** Whether the primary misses the objective, so that nobody is blamed. */
  readonly isShared: boolean;
  /** Why its counters said nothing. */
  readonly trouble: string | undefined;
  /** What was weighed in this step. */
  readonly counted: Counted;
}

/** How many more requests to the canary a decision needs. */
export interface Need {
  readonly requests: number;
  /** At the rate of the step so far; undefined while there is none. */
  readonly seconds: number | undefined;
}

/** What the tests of a step say. */
export interface Proof {
  /** Up to when counters were asked; Unix seconds. @default - they were not */
  readonly countedAt?: number | undefined;
  readonly tests: readonly TestProof[];
  /** ln of the rollout's evidence that the candidate is worse than allowed, and from where on it is proof. */
  readonly harm: number;
  readonly proofOfHarm: number;
  /** The claim that contributes most, where that is proof. */
  readonly blame: { readonly test: TestProof; readonly claim: ClaimProof } | undefined;
  /** Tests whose objective both tracks miss. */
  readonly shared: readonly TestProof[];
  /** Whether the next step may give the canary more requests, as far as tests tell. */
  readonly isSafe: boolean;
  /** ln of the least evidence of that, and from where on it is proof. */
  readonly safety: number | undefined;
  readonly proofOfSafety: number;
  /** What it was made of. */
  readonly weighed: readonly Weighed[];
  /** Whether a step is left once its safety is proved, and not after some requests. */
  readonly isBudgeted: boolean;
  /** Requests to the canary in this step. */
  readonly requests: number;
  /** The test that has seen the fewest requests of the step, where they are too few for any answer. */
  readonly scarce: Scarce | undefined;
  /** Why an answer is missing. */
  readonly trouble: string | undefined;
}

/** A test that can tell nothing yet. */
export interface Scarce {
  readonly test: Test;
  /** Requests of the step. */
  readonly canary: number;
  readonly other: number;
}

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

/** When the next interval can be weighed; Unix seconds. */
export function nextIntervalAt(rollout: Rollout, now: number): number {
  const { end, stepSeconds } = intervalGrid(rollout, now);
  return end + stepSeconds + rollout.plan.plan.analysis.settleSeconds;
}

/**
 * Weighs what the counters said: the same for every analyzer that asks later. Undefined without tests.
 *
 * @param folds what earlier looks have weighed, and now this one
 */
export function prove(
  rollout: Rollout,
  counts: readonly TestCounts[],
  live: Liveness,
  outage?: Outage,
  folds: Folds = new Map(),
): Proof | undefined {
  const weighing = startWeighing(rollout, (test) => boundsOf(test, counts));
  if (weighing === undefined) return undefined;
  const since = live.kind === 'live' ? live.sinceSeconds : Infinity;
  const fairness = {
    since,
    warmUpSeconds: warmUpSecondsOf(rollout.plan.plan, judgedStep(rollout)?.name ?? ''),
    excusedUntil: outage?.isSure === true ? outage.until : 0,
  };
  const proof = proofOf(
    rollout,
    weighing.map((begun): Weighed => {
      const asked = counts.find((it) => it.test.name === begun.test.name);
      const trouble = troubleOf(asked);
      if (asked === undefined || trouble !== undefined)
        return { weighing: begun, counted: { intervals: [] }, trouble };
      return { ...weighedOn(begun, { ...asked, bounds: begun.bounds }, fairness, folds), trouble };
    }),
  );
  return proof && { ...proof, countedAt: counts[0]?.at };
}

function boundsOf(test: Test, counts: readonly TestCounts[]): readonly Bound[] {
  return counts.find((it) => it.test.name === test.name)?.bounds ?? [];
}

/**
 * The tests of a rollout's position before its first interval; undefined where it has none.
 *
 * @param boundsOf what durations are held against, unless a step before has chosen that
 */
export function startWeighing(
  rollout: Rollout,
  boundsOf: (test: Test) => readonly Bound[],
): readonly Weighing[] | undefined {
  const { evidence } = rollout.plan.plan;
  const step = judgedStep(rollout);
  if (evidence === undefined || step === undefined || (step.tests ?? []).length === 0)
    return undefined;
  const terms: Terms = { rollout, evidence, step, allowed: evidence.budget / nextWeight(rollout) };
  return testsOf(rollout).map((it) => beginWeighing(terms, it, boundsOf(it)));
}

/** A test with all that came in the step so far. */
export interface Weighed {
  readonly weighing: Weighing;
  /** What it was made of, and what has come since its last interval. */
  readonly counted: Counted;
  /** Why its counters said nothing. */
  readonly trouble: string | undefined;
}

/** The canary's share of all requests after the step; a fraction. All of them where its version becomes the primary's. */
function nextWeight({ plan: { plan }, state }: Rollout): number {
  const next = nextPosition(plan, state.position);
  const step = next === undefined ? undefined : stepOf(plan, next);
  if (step === undefined || hasPromoted(plan, step.name)) return 1;
  return Math.max(step.weights.canary / 100, 0.001);
}

/** Why a test's counters said nothing; undefined where they did. */
export function troubleOf(counts: TestCounts | undefined): string | undefined {
  if (counts === undefined) return 'the counters were not asked';
  const { canary, other } = counts;
  if (canary.kind === 'unknown') return canary.reason;
  if (other.kind === 'unknown') return other.reason;
  return missingBucket(counts, [...canary.value, ...other.value].flat());
}

/** Whether a bucket that a test needs was not among what the store told. */
export function isBucketMissing({ canary, other, ...counts }: TestCounts): boolean {
  if (canary.kind === 'unknown' || other.kind === 'unknown') return false;
  const series = [...canary.value, ...other.value].flat();
  return missingBucket({ ...counts, canary, other }, series) !== undefined;
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

/** What follows from all that was weighed in a position. */
export function proofOf(
  { plan: { plan } }: Rollout,
  weighed: readonly Weighed[],
): Proof | undefined {
  const { evidence } = plan;
  if (evidence === undefined) return undefined;
  const tests = weighed.map((it) => testProof(it, evidence));
  const shared = tests.filter(
    (it, index) => it.test.share > 0 && it.isShared && isMissed(weighed[index]),
  );
  const parts = tests
    .filter((it) => !it.isShared)
    .flatMap((test) =>
      test.claims.map((claim) => ({
        ...{ test, claim, logE: claim.logE },
        share: test.test.share * claim.part,
      })),
    );
  const total = totalOf(parts);
  const blame = total.logE >= Math.log(1 / evidence.alpha) ? total.blame : undefined;
  // What was proved of requests since the last interval is told with them.
  const told = (it: TestProof) => (it === blame?.test ? { ...it, ...untilNow(it) } : it);
  const proofOfHarm = Math.log(1 / evidence.alpha);
  const proofOfSafety = Math.log(1 / evidence.beta);
  const deciding = tests.filter((it) => it.test.share > 0);
  const safeties = deciding.flatMap((it) => it.safe ?? []);
  const safety = safeties.length === 0 ? undefined : Math.min(...safeties);
  const asked = weighed.filter(({ weighing: { test } }) => test.share > 0);
  const requests = Math.min(
    Infinity,
    ...asked.map(({ weighing }) => canaryTally(sumOf(weighing.live), 0).requests),
  );
  const scarce = scarcest(asked);
  const isBudgeted = evidence.advance === 'safe-within-budget' && safety !== undefined;
  return {
    tests: tests.map(told),
    harm: total.logE,
    proofOfHarm,
    blame: blame && { test: told(blame.test), claim: blame.claim },
    shared,
    isSafe: scarce === undefined && (!isBudgeted || safety >= proofOfSafety),
    safety,
    proofOfSafety,
    weighed,
    isBudgeted,
    requests,
    scarce,
    trouble: deciding
      .flatMap((it) => (it.trouble === undefined ? [] : [`${it.test.name}: ${it.trouble}`]))
      .at(0),
  };
}

/** Whoever proves much of one thing may have counted nothing of another: no test may be silent. */
function scarcest(asked: readonly Weighed[]): Scarce | undefined {
  const [least] = asked
    .map(({ weighing: { test, live } }): Scarce => {
      const [canary, other] = [canaryTally, otherTally].map((of) => of(sumOf(live), 0).requests);
      return { test, canary: canary ?? 0, other: other ?? 0 };
    })
    .sort((a, b) => seenBy(a) - seenBy(b));
  return least !== undefined && seenBy(least) < LEAST_REQUESTS ? least : undefined;
}

function seenBy({ test, canary, other }: Scarce): number {
  return test.question.kind === 'comparison' ? Math.min(canary, other) : canary;
}

function testProof({ weighing, counted, trouble }: Weighed, evidence: Evidence): TestProof {
  const { test, before, claims, safety, all } = weighing;
  return {
    test,
    alpha: evidence.alpha,
    canary: tallyOf([tallyIn(before?.canary), canaryTally(sumOf(all), 0)]),
    other: tallyOf([tallyIn(before?.other), otherTally(sumOf(all), 0)]),
    claims: claims.map((it) => ({
      name: it.claim.name,
      logE: logE(gatheredNow(it, counted.tail).e),
      part: it.claim.part,
    })),
    safe: safety && logE(safety.e),
    isShared: isMissedByPrimary(weighing, otherTally(sumOf(all), 0), evidence),
    trouble,
    counted,
  };
}

function untilNow({ canary, other, counted: { tail } }: TestProof) {
  const all = tail === undefined ? [] : [tail];
  return {
    canary: tallyOf([canary, canaryTally(all, 0)]),
    other: tallyOf([other, otherTally(all, 0)]),
  };
}

function sumOf({ sum }: Gathering): readonly Interval[] {
  return sum === undefined ? [] : [sum];
}

/** Whether the canary of the step misses an objective: one that repairs its primary does not. */
function isMissed(it: Weighed | undefined): boolean {
  if (it?.weighing.test.question.kind !== 'objective') return false;
  const { requests, bad } = canaryTally(sumOf(it.weighing.live), 0);
  return bad > it.weighing.test.question.limit * requests;
}

/** By its rate in the step, or by what set in after a while: the canary's own evidence is weighed like that as well. */
function isMissedByPrimary(
  { test, theirs }: Weighing,
  primary: Tally,
  { alpha }: Evidence,
): boolean {
  if (test.question.kind !== 'objective' || !(primary.requests > 0)) return false;
  if (rateInterval(primary, alpha).low > test.question.limit) return true;
  return theirs !== undefined && logE(theirs.e) >= Math.log(1 / alpha);
}

/** Whether it is proved that the next step is safe, whatever else the step would be left for. */
export function isProvedSafe({ safety, proofOfSafety, scarce, shared, trouble }: Proof): boolean {
  const isClear = scarce === undefined && shared.length === 0 && trouble === undefined;
  return isClear && safety !== undefined && safety >= proofOfSafety;
}

/** How many more requests to the canary the step takes; undefined where it needs none. */
export function needOf(proof: Proof): Need | undefined {
  const { weighed, isBudgeted, requests } = proof;
  if (!isBudgeted)
    return requests >= LEAST_REQUESTS ? undefined : needIn(LEAST_REQUESTS - requests, weighed[0]);
  const asked = weighed.filter(({ weighing: { test, safety } }) => safety && test.share > 0);
  const most = Math.max(0, ...asked.map((it) => neededBy(it, proof)));
  return most === 0 ? undefined : needIn(most, asked[0]);
}

function neededBy({ weighing: { safety, live } }: Weighed, { proofOfSafety }: Proof): number {
  if (safety === undefined) return 0;
  const all = sumOf(live);
  const found = requestsNeeded(safety.e, safety.claim.growths(all), proofOfSafety);
  if (found !== undefined) return found;
  // Without requests: what a canary without errors would take.
  return canaryTally(all, 0).requests > 0
    ? Infinity
    : Math.ceil((proofOfSafety + 2) / safety.allowed);
}

function needIn(requests: number, first: Weighed | undefined): Need {
  const all = first === undefined ? [] : sumOf(first.weighing.live);
  const seconds = (all[0]?.to ?? 0) - (all[0]?.from ?? 0);
  const rate = canaryTally(all, 0).requests / seconds;
  return { requests, seconds: rate > 0 ? requests / rate : undefined };
}

function tallyIn(record: TestRecord['canary'] | undefined): Tally {
  return { requests: record?.requests ?? 0, bad: record?.bad[0] ?? 0 };
}
