import { identityOf } from '../../../lib/plan/plan.ts';
import { refusal } from '../admission/refuse.ts';
import type { Readiness } from '../cluster/reading.ts';
import { type Back, type PlanTree, positionText } from '../position.ts';
import { unix } from '../state.ts';
import type { Context, Decision } from './decision.ts';
import { goOn, notLive, notReady } from './may-go-on.ts';
import { isLastToServe, wayBackMove } from './must-go-back.ts';

/** A first release waits for its primary; a newer plan replaces it, as there is nothing to roll back to. */
export function initializing(context: Context): Decision | undefined {
  const { rollout, observation } = context;
  if (rollout.state.position.kind !== 'init') return undefined;
  const { dist } = observation.situation;
  const isNew = dist.kind === 'known' && dist.value.tree !== rollout.plan.tree;
  const refused = isNew ? refusal(observation.situation, undefined) : undefined;
  if (isNew && refused === undefined)
    return {
      kind: 'move',
      transition: 'start',
      to: { kind: 'init' },
      pins: true,
      failed: undefined,
      verdict: 'none',
      reason: `a newer plan replaces the one that was initializing: ${identityOf(dist.value.plan)}`,
    };
  const waiting = overdueAfter(context, notLive(context) ?? notReady(context));
  // An init may hang for ever, and the plan that would mend it is the one that is refused.
  if (waiting?.kind === 'hold' && refused !== undefined)
    return { ...waiting, reason: `${waiting.reason}; the newest plan is refused: ${refused}` };
  return waiting ?? goOn(context);
}

/** Nothing ends the wait for a first release but its pods or a newer plan, so it is said when it is long. */
function overdueAfter(
  { rollout, now }: Context,
  waiting: Decision | undefined,
): Decision | undefined {
  const { progressDeadlineSeconds } = rollout.plan.plan.analysis;
  const isLate = now - unix(rollout.state.at) > progressDeadlineSeconds;
  return waiting?.kind === 'hold' && isLate ? { ...waiting, overdue: true } : waiting;
}

/** A rollback is a sequence: each of its commits is waited for, but not for ever. */
export function goingBack(context: Context): Decision | undefined {
  const { rollout, now } = context;
  const { position } = rollout.state;
  if (position.kind !== 'back') return undefined;
  const waiting = notLive(context) ?? notRestored(context, position);
  if (waiting !== undefined) return notArriving(context, position, waiting.reason) ?? waiting;
  const live = context.observation.cluster?.live;
  const until =
    (live?.kind === 'live' ? live.sinceSeconds : now) +
    rollout.plan.plan.analysis.rollbackDelaySeconds;
  if (position.part === 'routes' && now < until)
    return {
      kind: 'hold',
      reason: 'rolling back: the canary is kept for debugging',
      untilSeconds: until,
    };
  const done =
    position.part === 'primary' ? 'the primary is restored' : 'all traffic is on the primary';
  return wayBackMove(context, done);
}

/** The routes may only return to a primary that can take the traffic. */
function notRestored({ observation }: Context, { part }: Back): Decision | undefined {
  const primary = observation.cluster?.ready.primary;
  if (part !== 'primary' || primary?.kind === 'ready') return undefined;
  const reason = `rolling back: the primary is not ready: ${primary?.reason ?? 'unknown'}`;
  return { kind: 'hold', reason };
}

/** A part that does not arrive in time is left for the next one, where that takes nobody's last pods. */
function notArriving(context: Context, position: Back, why: string): Decision | undefined {
  const { rollout, observation, now } = context;
  const { analysis } = rollout.plan.plan;
  const live = observation.cluster?.live;
  const refused = live?.kind === 'waiting' && live.refused !== undefined;
  const seconds = Math.round(now - unix(rollout.state.at));
  const patience = refused ? analysis.syncSeconds : analysis.progressDeadlineSeconds;
  // A primary that was broken before the rollout is not waited for; its own deadline is long over.
  const wasBroken = rollout.state.broken !== undefined && live?.kind === 'live';
  if (seconds <= patience && !wasBroken) return undefined;
  if (!canLeave(context, position))
    return seconds <= patience ? undefined : { kind: 'hold', reason: why, overdue: true };
  // The part of the routes keeps the pods that get requests now; the last one holds nothing of the candidate.
  return wayBackMove(
    context,
    `${positionText(position)} has not arrived after ${seconds} s: ${why}`,
  );
}

/** Whether requests would find a pod after the next part, or find none as things are. */
function canLeave({ observation, rollout }: Context, { part }: Back): boolean {
  const { cluster } = observation;
  if (cluster === undefined || cluster.live.kind === 'unknown') return false;
  // On one track nobody else could serve.
  const isAlone = rollout.plan.plan.workloads.canary === undefined;
  if (part === 'routes' || isAlone) return true;
  return serves(cluster.ready.primary) || !mayServe(cluster.ready.canary);
}

function serves(it: Readiness | undefined): boolean {
  return it?.kind === 'ready' || (it?.kind === 'notReady' && it.available > 0);
}

function mayServe(it: Readiness | undefined): boolean {
  return it?.kind !== 'notReady' || it.available > 0;
}

/** The newest plan is not the one that runs. */
export function newPlan(context: Context): Decision | undefined {
  const { rollout, observation } = context;
  const { dist } = observation.situation;
  if (dist.kind === 'absent') return wayBackMove(context, 'the release is gone from apps/');
  // A plan that cannot be read must not stop the rollout that is under way.
  if (dist.kind === 'broken' || dist.value.tree === rollout.plan.tree) return undefined;
  // A plan that could not start must not stop a rollout that is under way; at rest it is refused again, and said.
  if (refusal(observation.situation, rollout.stable?.plan) !== undefined) return undefined;
  const candidate = identityOf(dist.value.plan);
  if (rollout.stable !== undefined && candidate === identityOf(rollout.stable.plan))
    return wayBackMove(context, `the newest plan is back at the stable candidate ${candidate}`);
  // Users would lose the pods that serve them: the newest plan starts when this rollout is over.
  const isOther =
    candidate !== rollout.state.candidate || stepList(dist.value) !== stepList(rollout.plan);
  if (isOther && isLastToServe(context)) return undefined;
  if (candidate !== rollout.state.candidate)
    return wayBackMove(
      context,
      `a newer candidate ${candidate} replaces ${rollout.state.candidate}`,
    );
  return adopt(context, dist.value);
}

function adopt(context: Context, dist: PlanTree): Decision | undefined {
  const { rollout, judgement, proof, observation } = context;
  const sameSteps = stepList(dist) === stepList(rollout.plan);
  if (!sameSteps) return wayBackMove(context, 'the newest plan has other steps: it starts again');
  const live = observation.cluster?.live;
  return {
    kind: 'move',
    transition: 'adopt',
    to: rollout.state.position,
    pins: true,
    failed: rollout.state.failed,
    verdict: 'none',
    reason: 'configuration changed, candidate and steps are the same',
    judgement,
    proof,
    liveSince: live?.kind === 'live' ? live.sinceSeconds : undefined,
  };
}

function stepList(plan: PlanTree): string {
  const steps = plan.plan.steps.map((it) => [it.name, it.phase, it.weights, it.besides ?? []]);
  return JSON.stringify(steps);
}
