import { warmUpSecondsOf } from '../../../lib/plan/warm-up.ts';
import { failureOf } from '../failure.ts';
import { abortedText } from '../judge/abort.ts';
import { countsFor, ownerOf } from '../judge/failed-point.ts';
import { judgedStep } from '../judge/judge.ts';
import type { Proof } from '../judge/proof.ts';
import { differenceText, saidOf, seenText, totalLine, undecidedText } from '../judge/proof-text.ts';
import { canaryWeight, hasPromoted, stepOf } from '../position.ts';
import { nextBack } from '../rollout.ts';
import { failedChecksText } from '../round.ts';
import type { Rollout } from '../situation.ts';
import { unix } from '../state.ts';
import { type Context, type Decision, type Move, noteMove, seenIn } from './decision.ts';
import { type Limit, limitsOf } from './limits.ts';

/** The failed checks of the whole rollout have reached a threshold. */
export function tooManyFailedChecks(context: Context): Decision | undefined {
  const { rollout } = context;
  if (rollout.state.position.kind !== 'step') return undefined;
  const reached = limitsOf(context).filter((it) => it.count >= it.threshold);
  const isDoubtful = (it: Limit) =>
    it.count - it.inStep.filter((one) => one.isDoubtful === true).length < it.threshold;
  const limit = reached.find((it) => !isDoubtful(it)) ?? reached[0];
  if (limit === undefined) return undefined;
  const { check, count, threshold, inStep } = limit;
  const failing = new Set(
    inStep.flatMap(({ checks }) =>
      checks.filter((it) => ownerOf(it.check) === check).map((it) => it.check.name),
    ),
  );
  const bad = check === undefined ? namesIn(context, failing) : [check];
  const names = bad.length === 0 ? '' : ` of ${bad.join(', ')}`;
  const whose = check === undefined ? '' : ' of its own';
  const reason = `${failedChecksText(count)}${names} at ${shownIn(context)} (threshold ${threshold}${whose})`;
  return (isDoubtful(limit) ? spare(context, reason) : undefined) ?? backBecause(context, reason);
}

/** In the order of the plan. */
function namesIn({ judgement }: Context, names: ReadonlySet<string>): readonly string[] {
  return judgement.series.map((it) => it.check.name).filter((it) => names.has(it));
}

function shownIn({ observation, rollout: { state } }: Context): string | undefined {
  const { position } = state;
  return observation.cluster?.shownStep ?? (position.kind === 'step' ? position.step : undefined);
}

/** One value beyond an abort bound is enough, whatever the threshold. */
export function abortBoundBroken(context: Context): Decision | undefined {
  const { aborts } = context.judgement;
  const abort = aborts.find((it) => it.isDoubtful !== true) ?? aborts[0];
  if (abort === undefined || context.rollout.state.position.kind !== 'step') return undefined;
  const reason = `${abortedText(abort)}, an abort bound, at ${shownIn(context)}`;
  const isDoubtful = abort.isDoubtful === true;
  return (isDoubtful ? spare(context, reason) : undefined) ?? backBecause(context, reason);
}

/** The tests have proved that the candidate is worse than allowed. */
export function provenWorse(context: Context): Decision | undefined {
  const { rollout, proof } = context;
  if (proof?.blame === undefined || rollout.state.position.kind !== 'step') return undefined;
  const { test, claim } = proof.blame;
  const { step } = rollout.state.position;
  const said = saidOf(test);
  const difference = differenceText(said);
  const parts = [`${seenText(said)} at ${step}: ${claim.name}`, totalLine(proof), difference];
  return backBecause(context, parts.filter((it) => it !== undefined).join('; '));
}

/**
 * Pods of both tracks were missing, which nodes or the candidate itself may have caused: the traffic goes back, and
 * the candidate starts again. That is believed once of a candidate.
 */
function spare(context: Context, reason: string): Move | undefined {
  const { candidate, spared } = context.rollout.state;
  if (context.observation.cluster?.outage === undefined || spared === candidate) return undefined;
  const why = 'pods of primary and canary were missing meanwhile, so the candidate starts again';
  return {
    ...wayBackMove(context, `${reason}; ${why}`),
    ...{ verdict: 'inconclusive', spared: candidate },
  };
}

/**
 * The environment is down, and users of the canary suffer more than others: the traffic goes back, nobody is blamed,
 * and the candidate starts again. That is believed once of a candidate.
 */
export function environmentFailed(context: Context): Decision | undefined {
  const { rollout, judgement, observation } = context;
  const { position, candidate, spared } = rollout.state;
  const { primary, canary } = observation.cluster?.ready ?? {};
  if (position.kind !== 'step' || canaryWeight(rollout.plan.plan, position) === 0) return undefined;
  const late = primary?.kind === 'ready' && canary?.kind === 'notReady' ? canary.reason : undefined;
  const suffered =
    late === undefined
      ? judgement.excused.map((it) => ({ ...it, checks: it.worse }))
      : judgement.excused;
  const isLong = limitsOf(context).some(
    ({ check, threshold }) => suffered.filter((it) => countsFor(check, it)).length >= threshold,
  );
  if (!isLong) return undefined;
  const how = late === undefined ? 'was much worse than the primary' : `is not ready yet: ${late}`;
  const reason = `the environment was down in ${position.step}, and the canary ${how}`;
  if (spared === candidate) return backBecause(context, `${reason}; that was so before`);
  const move = wayBackMove(context, `${reason}; the candidate starts again`);
  return { ...move, verdict: 'inconclusive', spared: candidate };
}

/** A workload that runs the candidate did not become ready in time. */
export function deadlinePassed(context: Context): Decision | undefined {
  const { rollout, observation } = context;
  const step =
    rollout.state.position.kind === 'step'
      ? stepOf(rollout.plan.plan, rollout.state.position)
      : undefined;
  for (const track of step?.ready ?? []) {
    const it = observation.cluster?.ready[track];
    // The primary that still runs the stable version says nothing about the candidate.
    const promoted = track === 'primary' && hasPromoted(rollout.plan.plan, step?.name ?? '');
    const candidates = track === 'canary' || promoted;
    if (it?.kind === 'notReady' && it.deadlinePassed && candidates) {
      const reason =
        `the ${track} is not ready after its progress deadline of ` +
        `${rollout.plan.plan.analysis.progressDeadlineSeconds} s: ${it.reason}`;
      return spare(context, reason) ?? backBecause(context, reason);
    }
  }
  return undefined;
}

/** A Job has failed for good: its own back-off was its second chance. */
export function jobFailed(context: Context): Decision | undefined {
  const { plan } = context.rollout.plan;
  for (const file of judgedStep(context.rollout)?.jobs ?? []) {
    const status = context.observation.cluster?.jobs?.get(file);
    if (status?.kind === 'failed')
      return backBecause(context, `Job ${plan.files[file]?.name} failed: ${status.reason}`);
  }
  return undefined;
}

/** Answers are missing for longer than the release allows; its policy decides what that means. */
export function inconclusiveTooLong(context: Context): Decision | undefined {
  const { rollout, now } = context;
  const { inconclusiveDeadlineSeconds } = rollout.plan.plan.analysis;
  if (rollout.state.position.kind !== 'step' || rollout.state.paused !== undefined)
    return undefined;
  const since = inconclusiveSince(context);
  if (since === undefined || now - since <= inconclusiveDeadlineSeconds) return undefined;
  return giveUp(
    context,
    `no conclusive answer for ${Math.round(now - since)} s (deadline ${inconclusiveDeadlineSeconds} s): ${missing(context)}`,
  );
}

/**
 * What the author wants where nothing can be known: the candidate rolls back, or a person is asked. Who serves last is
 * never taken from users for want of an answer.
 */
export function giveUp(context: Context, reason: string): Decision | undefined {
  const { rollout } = context;
  if (rollout.state.paused !== undefined) return undefined;
  if (rollout.plan.plan.analysis.onInconclusive === 'back' && !isLastToServe(context))
    return { ...backBecause(context, reason), verdict: 'inconclusive' };
  // An edit by hand holds the release already, and only a rollback may write over it.
  if (context.disagreement !== undefined) return undefined;
  return {
    ...noteMove(context.rollout.state, { kind: 'paused', reason }, reason),
    verdict: 'inconclusive',
    paused: { reason },
    ...seenIn(context),
  };
}

/** Since when answers are missing that the step needs, in Unix seconds; undefined while they come. */
export function inconclusiveSince({
  observation,
  judgement,
  proof,
  rollout,
}: Context): number | undefined {
  const at = unix(rollout.state.at);
  if (observation.unreachableSince !== undefined) return Math.max(observation.unreachableSince, at);
  const unanswered = unansweredSince(rollout);
  if (unanswered !== undefined) return Math.max(unanswered, at);
  const live = observation.cluster?.live;
  if (live?.kind !== 'live') return undefined;
  // Nothing can be known before the step has warmed up, and nothing is missing then.
  const warmUp = warmUpSecondsOf(rollout.plan.plan, judgedStep(rollout)?.name ?? '');
  const warmAt = live.sinceSeconds + warmUp;
  if (proof !== undefined && !isProven(proof)) return Math.max(warmAt, at);
  const since = Math.max(judgement.conclusiveAt, warmUp === 0 ? at : warmAt);
  return isSilent(judgement) && judgement.needed > 0 ? since : undefined;
}

/** Whether tests have told that the next step is safe, and blame no environment. */
function isProven({ isSafe, shared }: Proof): boolean {
  return isSafe && shared.length === 0;
}

/** Whether the newest point tells nothing of the candidate: no value, or a failure that is not its own. */
function isSilent({ newest, failures, excused }: Context['judgement']): boolean {
  return newest === 'unknown' || (newest === 'fail' && failures.length === 0 && excused.length > 0);
}

/** When the first call was made of a hook that is called again and again, and that nobody answers; Unix seconds. */
function unansweredSince({ state, plan }: Rollout): number | undefined {
  const step = state.position.kind === 'step' ? state.position.step : '';
  const since = (plan.plan.hooks ?? []).flatMap((hook) => {
    const runs = (state.hooks ?? []).filter((it) => it.hook === hook.name && it.step === step);
    const again = runs.findLastIndex((it) => it.outcome === 'passed' || it.outcome === 'failed');
    const silent = runs.slice(again + 1);
    const isAgain = silent.some(
      (it) => it.outcome === 'unsent' || (it.outcome === 'unknown' && hook.repeatable === true),
    );
    return isAgain && silent[0] !== undefined ? [unix(silent[0].startedAt)] : [];
  });
  return since.length === 0 ? undefined : Math.min(...since);
}

function missing({ observation, judgement, proof }: Context): string {
  if (observation.cluster?.live.kind === 'unknown') return observation.cluster.live.reason;
  if (judgement.trouble !== undefined) return judgement.trouble;
  if (proof?.trouble !== undefined) return proof.trouble;
  if (proof !== undefined && !isProven(proof)) return undecidedText(proof);
  return judgement.excused.length > 0
    ? 'the environment is down: the primary fails the same checks'
    : 'the checks have no data; does the candidate get traffic?';
}

/** The first commit of the rollback, for a candidate that is bad. */
export function backBecause(context: Context, reason: string): Move {
  const { state, plan } = context.rollout;
  const step = state.position.kind === 'step' ? state.position.step : '';
  return {
    ...wayBackMove(context, reason),
    verdict: 'fail',
    failed: failureOf(plan.plan, step, reason),
  };
}

/** The next commit of the rollback, which blames nobody. */
export function wayBackMove(context: Context, reason: string): Move {
  const { rollout, observation } = context;
  return {
    kind: 'move',
    transition: 'back',
    to: nextBack(rollout, observation.cluster),
    pins: false,
    failed: rollout.state.failed,
    verdict: 'none',
    reason,
    ...seenIn(context),
  };
}

/** Whether the candidate has traffic and pods, and the primary, which still runs the stable version, has none. */
export function isLastToServe({ rollout, observation }: Context): boolean {
  const { position } = rollout.state;
  const { plan } = rollout.plan;
  if (position.kind !== 'step' || hasPromoted(plan, position.step)) return false;
  const { primary, canary } = observation.cluster?.ready ?? {};
  const isReached =
    canaryWeight(plan, position) > 0 || (stepOf(plan, position)?.besides ?? []).length > 0;
  return (
    isReached && canary?.kind === 'ready' && primary?.kind === 'notReady' && primary.available === 0
  );
}
