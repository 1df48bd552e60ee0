import { attemptOf, identityOf, type Plan } from '../../../lib/plan/plan.ts';
import { refusal } from '../admission/refuse.ts';
import type { Loaded } from '../answer.ts';
import { failureOf, isHeldBack } from '../failure.ts';
import type { Beginning, HookReading } from '../observation.ts';
import { atRest, type PlanTree } from '../position.ts';
import type { Rollout, Situation } from '../situation.ts';
import { unix } from '../state.ts';
import { askHook, askKey, hookReading } from './ask.ts';
import { losesAddress, runsAlready, wrongClock } from './beginning.ts';
import { brokenBefore } from './broken-primary.ts';
import { type Context, type Decision, noteMove } from './decision.ts';
import { type Closed, closedGate, hasPassed, isApproved, START } from './gate.ts';
import { opensAt } from './hours.ts';

/** A release that nothing is known of yet: its first plan is initialized. @param beginning @default - it was not asked */
export function first(situation: Situation, beginning?: Beginning): Decision {
  const { dist } = situation;
  if (dist.kind === 'broken') return { kind: 'rest', reason: dist.reason };
  if (dist.kind === 'absent')
    return { kind: 'rest', reason: 'nothing in dist/ and nothing running' };
  const refused = refusal(situation, undefined);
  if (refused !== undefined) return { kind: 'rest', reason: `refused: ${refused}` };
  if (dist.value.plan.suspend === true) return { kind: 'rest', reason: SUSPENDED };
  const { plan } = dist.value;
  const doubt =
    runsAlready(situation.id, beginning) ??
    losesAddress(beginning, plan) ??
    wrongClock(beginning, plan);
  if (doubt !== undefined) return doubt;
  return {
    kind: 'move',
    transition: 'start',
    to: { kind: 'init' },
    pins: true,
    failed: undefined,
    verdict: 'none',
    reason: `first release of candidate ${dist.value.plan.candidate}`,
  };
}

/**
 * Whether a candidate waits to start, as far as Git tells: then the cluster is asked about the primary that it is to
 * replace.
 */
export function isStarting({ state, stable }: Rollout, dist: Loaded<PlanTree>): boolean {
  if (!atRest(state.position) || dist.kind !== 'known' || stable === undefined) return false;
  const { plan } = dist.value;
  return identityOf(plan) !== identityOf(stable.plan) && !isHeldBack(state.failed, plan);
}

/** Nothing is under way: a newer plan starts, or is refused, or there is none. */
export function resting(context: Context): Decision | undefined {
  if (!atRest(context.rollout.state.position)) return undefined;
  const decision = atRestDecision(context);
  return decision.kind === 'rest' ? (notArrived(context, decision.reason) ?? decision) : decision;
}

/** The end of a rollback is at rest in Git at once; that the cluster follows is waited for. */
function notArrived(context: Context, rest: string): Decision | undefined {
  const { rollout, observation, now } = context;
  const { position, at } = rollout.state;
  const live = observation.cluster?.live;
  if (position.kind !== 'stable' || live === undefined || live.kind === 'live') return undefined;
  const overdue = now - unix(at) > rollout.plan.plan.analysis.progressDeadlineSeconds;
  return {
    kind: 'hold',
    reason: `the stable set is not live yet: ${live.reason}. ${rest}`,
    ...(live.kind === 'waiting' ? { untilSeconds: live.untilSeconds } : {}),
    ...(overdue ? { overdue } : {}),
  };
}

function atRestDecision(context: Context): Decision {
  const { rollout, observation } = context;
  const { state, stable } = rollout;
  const { dist } = observation.situation;
  if (dist.kind === 'absent')
    return {
      kind: 'rest',
      reason: 'orphaned: gone from apps/, still running; `perch remove` deletes it',
    };
  if (dist.kind === 'broken') return { kind: 'rest', reason: dist.reason };
  if (stable === undefined) return { kind: 'rest', reason: 'there is no stable set' };
  if (dist.value.tree === stable.tree) return { kind: 'rest', reason: restReason(rollout, stable) };
  if (isHeldBack(state.failed, dist.value.plan))
    return { kind: 'rest', reason: failedReason(rollout, dist.value) };
  return pinAtRest(context, dist.value, stable);
}

function pinAtRest(context: Context, dist: PlanTree, stable: PlanTree): Decision {
  const refused = refusal(context.observation.situation, stable.plan);
  if (refused !== undefined) return { kind: 'rest', reason: `refused: ${refused}` };
  const candidate = identityOf(dist.plan);
  const before = identityOf(stable.plan);
  if (candidate === before)
    return {
      kind: 'move',
      transition: 'configure',
      to: { kind: 'complete' },
      pins: true,
      failed: context.rollout.state.failed,
      verdict: 'none',
      reason: `configuration changed, the candidate is still ${candidate}`,
    };
  const { beginning } = context.observation;
  const waits = mustWait(context, dist.plan) ?? wrongClock(beginning, dist.plan);
  return waits ?? start(context, dist.plan, before);
}

function start({ rollout, observation }: Context, plan: Plan, before: string): Decision {
  const primary = observation.cluster?.ready.primary;
  const hasPods = rollout.stable?.plan.workloads.primary !== undefined;
  // Whether the primary was ready before the rollout is known now, or never.
  if (hasPods && primary?.kind === 'unknown')
    return {
      kind: 'hold',
      reason: `before step 01: the cluster cannot be read: ${primary.reason}`,
    };
  const broken = hasPods ? brokenBefore(primary) : undefined;
  const candidate = identityOf(plan);
  // The one that runs is not gone back to.
  const earlier = (rollout.state.promoted ?? []).filter((it) => it !== before);
  const known = earlier.slice(0, plan.rollbackWindow ?? 0).includes(candidate);
  return {
    kind: 'move',
    transition: 'start',
    to: { kind: 'step', step: plan.steps[1]?.name ?? '' },
    pins: true,
    failed: undefined,
    fast: known ? { reason: `promoted before, in the rollback window` } : undefined,
    broken,
    verdict: 'none',
    reason:
      startReason(rollout, plan, before) +
      (broken === undefined
        ? ''
        : `; the primary is not ready, so it holds nothing: ${broken.reason}`),
  };
}

function startReason({ state: { failed } }: Rollout, plan: Plan, before: string): string {
  const candidate = identityOf(plan);
  if (failed?.candidate !== candidate) return `new candidate ${candidate} after ${before}`;
  const was = `in ${failed.step} in attempt ${attemptOf(failed)}: ${failed.reason}`;
  return `attempt ${attemptOf(plan)} at candidate ${candidate}, which failed ${was}`;
}

const SUSPENDED = 'its newest plan is suspended';

/** What a new candidate waits for before anything is touched. */
function mustWait(context: Context, plan: Plan): Decision | undefined {
  const { observation, rollout, now } = context;
  if (plan.suspend === true) return { kind: 'rest', reason: SUSPENDED };
  for (const { release, phases } of plan.dependsOn ?? []) {
    const phase = observation.others?.get(release);
    if (phase !== undefined && phases.includes(phase)) continue;
    const is = observation.others === undefined ? '' : `, which is ${phase ?? 'not there'},`;
    return {
      kind: 'hold',
      reason: `waits for release ${release}${is} to be ${phases.join(' or ')}`,
    };
  }
  const untilSeconds = opensAt(plan.hours ?? [], now);
  if (untilSeconds !== undefined)
    return { kind: 'hold', reason: 'outside of the hours in which steps may begin', untilSeconds };
  if (isApproved(rollout.state, plan, START)) return undefined;
  const closed = closedGate(plan.start ?? [], observation.answers);
  return rejected(context, plan) ?? (closed && waiting(context, plan, closed));
}

/** Whoever takes a running candidate back is also asked before it runs. */
function waiting({ observation }: Context, plan: Plan, closed: Closed): Decision {
  const asks = [...(closed.asks ?? []), ...signalsOf(plan).map(askHook)].filter(
    (it) => !observation.answers?.has(askKey(it)),
  );
  return { kind: 'hold', reason: `before step 01: ${closed.reason}`, asks, atGate: true };
}

function signalsOf({ hooks = [] }: Plan): readonly string[] {
  return hooks.filter((it) => it.type === 'rollback').map((it) => it.name);
}

/** A yes counts as a failure, also where the gate opens in the same moment. */
function rejected({ observation, rollout }: Context, plan: Plan): Decision | undefined {
  const signal = signalsOf(plan).find((it) => isYes(hookReading(observation.answers, it)));
  if (signal === undefined) return undefined;
  const reason = `hook ${signal} rolls it back before it has started`;
  const candidate = identityOf(plan);
  return {
    ...noteMove(rollout.state, { kind: 'notStarted', candidate, reason }, reason),
    failed: failureOf(plan, START, reason),
    verdict: 'fail',
  };
}

function isYes(reading: HookReading | undefined): boolean {
  return reading !== undefined && hasPassed(reading);
}

/** Not what brought it here, which is past. */
function restReason(rollout: Rollout, stable: PlanTree): string {
  const { failed, candidate } = rollout.state;
  if (failed !== undefined && failed.candidate === candidate) return failedReason(rollout, stable);
  return `at rest with candidate ${identityOf(stable.plan)}`;
}

/** @param newest the plan of `dist/`, of the candidate that failed */
function failedReason({ state, plan, stable }: Rollout, newest: PlanTree): string {
  const { failed } = state;
  // Other checks, bounds, steps or policies: nobody but their author knows whether they are meant to try it again.
  const isOther =
    failed !== undefined &&
    identityOf(plan.plan) === failed.candidate &&
    identityOf(newest.plan) === failed.candidate &&
    newest.tree !== plan.tree;
  const remedy = !isOther
    ? 'Release a fix, or `perch retry`'
    : 'The newest plan of this candidate differs from the one that failed, and nothing of it is applied: ' +
      `set attempt: ${attemptOf(failed) + 1} in the release, or \`perch retry\`, to start the candidate again with it; ` +
      `to apply only what else has changed, release it with the stable candidate ${stable && identityOf(stable.plan)}`;
  return `candidate ${failed?.candidate} failed in ${failed?.step}: ${failed?.reason}. ${remedy}`;
}
