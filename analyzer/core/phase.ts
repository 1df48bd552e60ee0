import { identityOf } from '../../lib/plan/plan.ts';
import { refusal } from './admission/refuse.ts';
import type { Loaded } from './answer.ts';
import { awaited } from './awaited.ts';
import { isHeldBack } from './failure.ts';
import { disagreement } from './integrity.ts';
import type { Phase } from './phases.ts';
import { atRest, canaryWeight, type PlanTree, stepIndex } from './position.ts';
import { decide } from './rules/decide.ts';
import type { Decision } from './rules/decision.ts';
import { isApproved } from './rules/gate.ts';
import type { Situation } from './situation.ts';
import type { State } from './state.ts';

/** One row of `perch status`. */
export interface Status {
  readonly release: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly phase: Phase;
  /** The canary's committed percent of the traffic. */
  readonly weight: number;
  /** Number of the step, and of the last one; undefined at rest. */
  readonly step: number | undefined;
  readonly steps: number | undefined;
  readonly stepName: string | undefined;
  readonly candidate: string | undefined;
  /** When the position was taken; ISO 8601. */
  readonly since: string | undefined;
  /** What it waits for, or why it rests, as far as Git knows; nothing of the past. */
  readonly reason: string;
}

/** What Git alone says about a release. */
export function status(situation: Situation): Status {
  const rollout = situation.rollout;
  if (rollout.kind !== 'known') return unstarted(situation, rollout);
  const { state, plan } = rollout.value;
  const differs = disagreement(situation, rollout.value);
  const { position } = state;
  const underWay = position.kind === 'step' || position.kind === 'back';
  const rest = atRest(position) ? atRestDecision(situation) : undefined;
  // A candidate that waits for something has not started, and nothing of it runs.
  const own = rest?.kind === 'hold' ? 'Waiting' : phaseOf(state, plan, situation.dist);
  return {
    release: situation.id,
    namespace: plan.plan.namespace,
    name: plan.plan.name,
    phase: differs === undefined ? own : 'Paused',
    weight: canaryWeight(plan.plan, position),
    step: underWay ? stepIndex(plan.plan, position.step) : undefined,
    steps: underWay ? plan.plan.steps.length - 1 : undefined,
    stepName: underWay ? position.step : undefined,
    candidate: state.candidate,
    since: state.at,
    reason: differs ?? rest?.reason ?? awaited(rollout.value),
  };
}

/** The phase that a state stands for, where nothing was edited by hand. */
export function phaseOf(state: State, plan: PlanTree, dist: Loaded<PlanTree>): Phase {
  const { position } = state;
  if (state.paused !== undefined) return 'Paused';
  switch (position.kind) {
    case 'init':
      return 'Initializing';
    case 'step':
      return phaseInStep(state, plan, stepIndex(plan.plan, position.step));
    case 'back':
      // The next position is taken when the cluster shows this one: only then are the routes back.
      return 'RollingBack';
    case 'complete':
    case 'stable':
      return dist.kind === 'absent' ? 'Orphaned' : phaseAtRest(state);
  }
}

/** A gate that only a person opens is known from Git alone; what a hook says is not. */
function phaseInStep(state: State, { plan }: PlanTree, index: number): Phase {
  const step = plan.steps[index];
  const waits = (step?.gates ?? []).some((it) => it.kind === 'person');
  if (step === undefined || !waits || isApproved(state, plan, step.name))
    return step?.phase ?? 'Progressing';
  return plan.steps[index + 1]?.phase === 'Promoting' ? 'WaitingPromotion' : 'Waiting';
}

/** The phase of a release at rest whose plan still stands in dist/: its state alone tells. */
export function phaseAtRest(state: State): Phase {
  if (state.paused !== undefined) return 'Paused';
  if (state.position.kind === 'stable')
    return state.failed?.candidate === state.candidate ? 'Failed' : 'Initialized';
  return state.steps.length === 0 ? 'Initialized' : 'Succeeded';
}

/**
 * The phase for those that wait for this release: with a newer candidate in dist/ it is not at rest, though nothing
 * has started yet.
 */
export function phaseForOthers(situation: Situation): Phase {
  const { dist } = situation;
  const rollout = situation.rollout;
  const { phase } = status(situation);
  if (rollout.kind !== 'known' || dist.kind !== 'known' || phase === 'Paused') return phase;
  const { state, stable } = rollout.value;
  const newest = dist.value.plan;
  const isSame = stable === undefined || identityOf(newest) === identityOf(stable.plan);
  if (!atRest(state.position) || isSame) return phase;
  return isHeldBack(state.failed, newest) ? 'Failed' : 'Waiting';
}

/** At rest Git alone decides, so what would be decided now can be said: a refused plan, a failed candidate. */
function atRestDecision(situation: Situation): Decision {
  const decision = decide({ situation, series: [], skewSeconds: 0 }, 0);
  // Git does not know what time it is.
  if (decision.kind !== 'hold' || decision.untilSeconds === undefined) return decision;
  return { kind: 'hold', reason: 'starts in the hours in which steps may begin' };
}

function refusedFirst(situation: Situation): string | undefined {
  const reason = refusal(situation, undefined);
  return reason === undefined ? undefined : `refused: ${reason}`;
}

function unstarted(situation: Situation, rollout: Loaded<unknown>): Status {
  const plan = situation.dist.kind === 'known' ? situation.dist.value.plan : undefined;
  const broken = rollout.kind === 'broken' ? rollout.reason : undefined;
  const unreadable = situation.dist.kind === 'broken' ? situation.dist.reason : undefined;
  return {
    release: situation.id,
    namespace: plan?.namespace,
    name: plan?.name,
    phase: broken === undefined ? 'Initializing' : 'Paused',
    weight: 0,
    step: undefined,
    steps: undefined,
    stepName: undefined,
    candidate: plan?.candidate,
    since: undefined,
    reason: broken ?? unreadable ?? refusedFirst(situation) ?? 'not started yet',
  };
}
