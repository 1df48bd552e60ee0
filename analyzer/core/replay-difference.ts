import { type Decided, leftStep, type Moment, type Told } from './decided.ts';
import { points } from './judge/grid.ts';
import { seriesQuestions } from './judge/judge.ts';
import { kindOf } from './judge/kinds.ts';
import { timesOf } from './judge/point.ts';
import type { Proof } from './judge/proof.ts';
import { intervalGrid } from './judge/proof.ts';
import { seenText } from './judge/proof-text.ts';
import { round } from './round.ts';
import { isoTime, type Judged, type MoveVerdict } from './state.ts';

/** What follows when a decision is made again. */
export interface Again {
  readonly verdict: MoveVerdict;
  readonly reason: string;
  readonly proof: Proof | undefined;
  readonly judged: Judged | undefined;
}

/** What the store has lost of one check or test. */
export interface Loss {
  readonly name: string;
  /** `success-rate: the store has nothing of 10:02 to 10:14`. */
  readonly text: string;
}

type CheckJudged = Judged['checks'][number];
type TestJudged = NonNullable<Judged['tests']>[number];

/** Checks and tests of which the stores have less than was judged. */
export function losses(
  decided: Decided,
  moment: Moment,
  told: Told,
  again: Again,
): readonly Loss[] {
  const { judged: then } = decided.after;
  // Without a record nobody knows what was there: gaps explain what is not the same.
  const isOld = then === undefined && isChanged(decided, again);
  const grids = seriesQuestions(decided.rollout, moment.live, moment.now);
  const isSpared = abortedOf(then) > abortedOf(again.judged);
  const ofChecks = told.series.flatMap(({ check, fromCommit, fromLive, guarded }) => {
    const { name, judge, abort } = check;
    const before = then?.checks.find((it) => it.check === name);
    const now = again.judged?.checks.find((it) => it.check === name);
    // One value was enough, and it may have been between two check points.
    const hasLessOfAbort = abort !== undefined && isSpared;
    if (!isOld && !hasFewerPoints(before, now) && !hasLessOfAbort) return [];
    const question = grids.find((it) => it.check.name === name);
    const { asks } = kindOf(judge);
    const all = [fromCommit, fromLive, hasLessOfAbort ? guarded : undefined];
    const seen = new Set(all.flatMap((it) => timesOf(it, asks)));
    const guard = hasLessOfAbort ? question?.guarded : undefined;
    const asked = [question?.fromCommit, question?.fromLive, guard].flatMap((it) => it ?? []);
    const gaps = asked.flatMap((it) => points(it).filter((at) => !seen.has(at)));
    const spans = gaps.map((at) => ({ from: at, to: at }));
    return lossOf(name, spans, asked[0]?.stepSeconds ?? 0);
  });
  const ofTests = (again.proof?.tests ?? []).flatMap(({ test: { name }, counted }) => {
    const before = then?.tests?.find((it) => it.test === name);
    if (before === undefined || counted.intervals.length >= before.intervals) return [];
    const { stepSeconds, ...grid } = intervalGrid(decided.rollout, moment.now);
    const seen = new Set(counted.intervals.map((it) => it.to));
    const ends = points({ ...grid, start: grid.start + stepSeconds, stepSeconds });
    const gaps = ends.filter((at) => !seen.has(at));
    return lossOf(
      name,
      gaps.map((to) => ({ from: to - stepSeconds, to })),
      0,
    );
  });
  return [...ofChecks, ...ofTests];
}

/** How many values were beyond abort bounds. */
function abortedOf(it: Judged | undefined): number {
  return it?.points.aborted ?? 0;
}

/** A check with fewer points that fails or passes more is not the same check with less. */
function hasFewerPoints(then: CheckJudged | undefined, now: CheckJudged | undefined): boolean {
  if (then?.samples === undefined || now === undefined) return false;
  return now.points < then.points && now.failed <= then.failed && now.passed <= then.passed;
}

function isChanged(decided: Decided, { verdict, judged }: Again): boolean {
  const failed = leftStep(decided)?.failedChecks;
  return verdict !== decided.verdict || (failed !== undefined && failed !== judged?.points.failed);
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** So many gaps are told. */
const MOST_SPANS = 3;

/** @param apart how many seconds lie between two that are told as one */
function lossOf(name: string, gaps: readonly Span[], apart: number): readonly Loss[] {
  const spans: Span[] = [];
  for (const it of [...gaps].sort((a, b) => a.from - b.from)) {
    const last = spans.at(-1);
    const isNext = last !== undefined && it.from - last.to <= apart;
    if (isNext) spans.pop();
    spans.push(isNext ? { from: last.from, to: Math.max(last.to, it.to) } : it);
  }
  if (spans.length === 0) return [];
  const more = spans.length > MOST_SPANS ? ` and ${spans.length - MOST_SPANS} more times` : '';
  const text = spans.slice(0, MOST_SPANS).map(spanText).join(', ');
  return [{ name, text: `${name}: the store has nothing of ${text}${more}` }];
}

function spanText({ from, to }: Span): string {
  return from === to ? clockText(from) : `${clockText(from)} to ${clockText(to)}`;
}

/** `10:02`, or `10:02:15`; UTC. */
function clockText(seconds: number): string {
  return isoTime(seconds).slice(11, 19).replace(/:00$/, '');
}

/** What is not as it was, of all that the stores have kept. */
export function differences(
  decided: Decided,
  again: Again,
  gone: readonly Loss[],
): readonly string[] {
  const { judged: then } = decided.after;
  const { judged: now } = again;
  const isKept = (name: string) => !gone.some((it) => it.name === name);
  const parts = [
    ...pairs(then?.checks, now?.checks, (it) => it.check).flatMap(([a, b]) =>
      isKept(a.check) && isOther(a, b) ? [otherText(a.check, checkText(a), checkText(b))] : [],
    ),
    ...pairs(then?.tests, now?.tests, (it) => it.test).flatMap(([a, b]) =>
      isKept(a.test) && isOther(a, b) ? [otherText(a.test, testText(a), testText(b))] : [],
    ),
  ];
  if (gone.length > 0) return parts;
  const isSame = again.verdict === decided.verdict;
  const verdict = isSame
    ? []
    : [`the verdict: ${decided.verdict ?? 'none'} then, ${again.verdict} now (${again.reason})`];
  return [...verdict, ...parts, ...(parts.length > 0 ? [] : sums(decided, again, isSame))];
}

function pairs<T>(
  then: readonly T[] = [],
  now: readonly T[] = [],
  nameOf: (it: T) => string,
): readonly (readonly [T, T])[] {
  return then.flatMap((a) =>
    now.filter((b) => nameOf(a) === nameOf(b)).map((b) => [a, b] as const),
  );
}

/** Where the store gave no answer then, there is nothing to compare with. */
function isOther(
  then: { readonly samples?: string | undefined },
  now: { readonly samples?: string | undefined },
): boolean {
  return then.samples !== undefined && now.samples !== undefined && then.samples !== now.samples;
}

function otherText(name: string, then: string, now: string): string {
  return then === now
    ? `${name}: other values, though as many: ${then}`
    : `${name}: ${then} then, ${now} now`;
}

/** What a check saw, in numbers. */
export function checkText({ points: all, failed, passed }: CheckJudged): string {
  return `${all} points, of which ${failed} failed and ${passed} passed`;
}

/** What a test saw, in numbers. */
export function testText({ test, canary, other, intervals }: TestJudged): string {
  const seen = seenText({ name: test, canary, other }).slice(test.length + 2);
  return `${seen} in ${intervals} intervals`;
}

/** What the same samples come to: for another version of Perch, and where the primary's tell what is excused. */
function sums(decided: Decided, { judged: now }: Again, isSame: boolean): readonly string[] {
  const { judged: then } = decided.after;
  if (now === undefined) return [];
  if (then === undefined) {
    const failed = leftStep(decided)?.failedChecks;
    return failed === undefined ? [] : other('failed checks', failed, now.points.failed);
  }
  const tailed = pairs(then.tests, now.tests, (it) => it.test).filter(
    ([a, b]) => a.tail !== b.tail,
  );
  const tails = tailed.map(([{ test }]) => `${test}: what came since its last interval`);
  // What no interval is over for may be late; by itself it is no difference.
  if (tails.length > 0) return isSame ? [] : tails;
  return [
    ...other('failed checks', then.points.failed, now.points.failed),
    ...other('failed checks of the environment', then.points.excused, now.points.excused),
    ...other('values beyond abort bounds', abortedOf(then), abortedOf(now)),
    ...other('passed checks', then.points.passed, now.points.passed),
    ...otherEvidence('evidence of harm', then.harm, now.harm),
    ...otherEvidence('evidence that the next step is safe', then.safety, now.safety),
  ];
}

function other(what: string, then: number, now: number): readonly string[] {
  return then === now ? [] : [`${what}: ${then} then, ${now} now`];
}

/** Logarithms of e-values, which are kept with six digits. */
function otherEvidence(
  what: string,
  then: number | undefined,
  now: number | undefined,
): readonly string[] {
  if (then === undefined || now === undefined) return [];
  if (Math.abs(then - now) <= 1e-4 * Math.max(1, Math.abs(then))) return [];
  return [`${what}: ${round(Math.exp(then))} then, ${round(Math.exp(now))} now`];
}
