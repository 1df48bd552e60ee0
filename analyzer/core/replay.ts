import { type Decided, leftStep, type Moment, type Told } from './decided.ts';
import { failedBefore, failedByBefore } from './failure.ts';
import { judgedStep, unanswered } from './judge/judge.ts';
import { judgedIn } from './judge/judged.ts';
import { troubleOf } from './judge/proof.ts';
import { type Again, differences, losses } from './replay-difference.ts';
import { contextOf } from './rules/decide.ts';
import type { Context } from './rules/decision.ts';
import { goOn, notBaked, notProven } from './rules/may-go-on.ts';
import {
  abortBoundBroken,
  environmentFailed,
  provenWorse,
  tooManyFailedChecks,
} from './rules/must-go-back.ts';
import type { Judged, MoveVerdict } from './state.ts';

/** What became of a decision that was made again. */
export interface Replay {
  readonly kind: ReplayKind;
  /** What follows now; undefined where nobody can tell. */
  readonly verdict: MoveVerdict | undefined;
  /** Why. */
  readonly reason: string;
  /** What the stores have not kept. */
  readonly lost: readonly string[];
  readonly differences: readonly string[];
  /** What was seen; undefined where no record was kept, as before format 4. */
  readonly recorded: Judged | undefined;
  readonly found: Judged | undefined;
}

/**
 * `holds`: the stores say what they said, and the same follows. `differs`: one of both is not so. `lost`: they have not
 * kept all that was judged. `unanswered`: they gave no answer, and trying again may help. `unjudged`: something else than
 * checks and tests has led to it.
 */
export type ReplayKind = 'holds' | 'differs' | 'lost' | 'unanswered' | 'unjudged';

/** Why a decision cannot be made again from metrics; undefined where it can. */
export function unjudged(decided: Decided): Replay | undefined {
  return isOfMetrics(decided) ? undefined : notByMetrics(decided);
}

function notByMetrics({ reason, after }: Decided): Replay {
  return untold('unjudged', `not judged by metrics: ${reason}`, after.judged);
}

/** What cannot be made again, and why. */
export function untold(
  kind: 'unjudged' | 'unanswered',
  reason: string,
  recorded: Judged | undefined,
): Replay {
  const nothing = { verdict: undefined, lost: [], differences: [], found: undefined };
  return { ...nothing, kind, reason, recorded };
}

function isOfMetrics(decided: Decided): boolean {
  const { rollout, after, verdict } = decided;
  const step = judgedStep(rollout);
  const asked = (step?.checks.length ?? 0) + (step?.tests?.length ?? 0);
  if (asked === 0 || after.by !== undefined) return false;
  return verdict === 'pass' || isExplained(decided);
}

/** Whether the numbers that were kept are what takes a candidate back, or leaves it undecided. */
function isExplained(decided: Decided): boolean {
  const { rollout, after, verdict } = decided;
  if (verdict !== 'fail' && verdict !== 'inconclusive') return false;
  const { analysis, evidence } = rollout.plan.plan;
  const { judged } = after;
  const failed = judged?.points.failed ?? leftStep(decided)?.failedChecks ?? 0;
  if (failedBefore(rollout.state) + failed >= analysis.threshold) return true;
  if ((judged?.points.aborted ?? 0) > 0 || hasOwnReached(decided)) return true;
  if (judged === undefined) return false;
  const { excused, worse } = judged.points;
  // Whose they were is not kept; the lowest of the thresholds tells that they may have led to it.
  const own = rollout.plan.plan.checks.flatMap((it) => it.threshold ?? []);
  if (Math.min(excused, worse) >= Math.min(analysis.threshold, ...own)) return true;
  const proof = evidence === undefined ? Infinity : Math.log(1 / evidence.alpha);
  // What was kept is rounded.
  if ((judged.harm ?? 0) > proof - 1e-4) return true;
  const isSpared = after.spared !== undefined && after.spared !== rollout.state.spared;
  const parts = [...judged.checks, ...(judged.tests ?? [])];
  const isAnswered = parts.every((it) => it.samples !== undefined);
  return verdict === 'inconclusive' && !isSpared && isAnswered;
}

/** Whether the failures of a check have reached a threshold of its own. */
function hasOwnReached({ rollout, after }: Decided): boolean {
  return rollout.plan.plan.checks.some(
    ({ name, threshold = Infinity }) => failedByBefore(after, name) >= threshold,
  );
}

/** Makes a decision again from what the stores say now. */
export function replay(decided: Decided, moment: Moment, told: Told): Replay {
  const { rollout, before, after, verdict } = decided;
  const { now: at, live, outage } = moment;
  const recorded = after.judged;
  const silent = silence(told, recorded);
  if (silent !== undefined) return untold('unanswered', silent, recorded);
  const cluster = { live, ready: {}, shownStep: undefined, outage };
  const observation = { situation: before, cluster, ...told, skewSeconds: 0 };
  const context = contextOf(observation, rollout, at);
  const { judgement, proof } = context;
  const liveSince = live.kind === 'live' ? live.sinceSeconds : undefined;
  const found = judgedIn({ judgement, proof, liveSince }, at);
  const again = { ...decideAgain(context), proof, judged: found };
  const gone = losses(decided, moment, told, again);
  const differing = differences(decided, again, gone);
  const kept = { lost: gone.map((it) => it.text), differences: differing, recorded, found };
  const { reason } = again;
  if (differing.length === 0 && gone.length > 0)
    return { ...kept, kind: 'lost', verdict: undefined, reason: 'cannot be told any more' };
  // What nothing of metrics holds goes on: what passes, and what no check had to pass.
  const isHeld = again.verdict !== 'pass' && again.verdict !== 'none';
  const isUndecided = verdict === 'inconclusive' && !isHeld;
  // So something else held it up.
  if (isUndecided && differing.length === 1) return notByMetrics(decided);
  const kind = differing.length > 0 ? 'differs' : 'holds';
  return { ...kept, kind, verdict: again.verdict, reason };
}

/** Why a store gave no answer to what it answered then. */
function silence({ series, counts }: Told, recorded: Judged | undefined): string | undefined {
  const wasKnown = (part: { readonly samples?: string | undefined } | undefined) =>
    recorded === undefined || part?.samples !== undefined;
  const checks = series.flatMap((it) =>
    wasKnown(recorded?.checks.find((one) => one.check === it.check.name)) ? [unanswered(it)] : [],
  );
  const tests = counts.flatMap((it) =>
    wasKnown(recorded?.tests?.find((one) => one.test === it.test.name)) ? [troubleOf(it)] : [],
  );
  return [...checks, ...tests].find((it) => it !== undefined);
}

/** What the rules say that look at metrics, in their order. */
function decideAgain(context: Context): Pick<Again, 'verdict' | 'reason'> {
  const back =
    abortBoundBroken(context) ??
    tooManyFailedChecks(context) ??
    provenWorse(context) ??
    environmentFailed(context);
  if (back?.kind === 'move') return { verdict: back.verdict, reason: back.reason };
  const waiting = notBaked(context) ?? notProven(context);
  if (waiting !== undefined) return { verdict: 'inconclusive', reason: waiting.reason };
  const on = goOn(context);
  return { verdict: on.kind === 'move' ? on.verdict : 'none', reason: on.reason };
}
