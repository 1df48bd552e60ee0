import type { Context, Decision } from '../decision.ts';
import type { Situation } from '../observation.ts';
import { atRest, type PlanTree } from '../position.ts';
import { refusal } from '../refuse.ts';
import type { State } from '../state.ts';

/** A release that nothing is known of yet: its first plan is initialized. */
export function first(situation: Situation): Decision {
  const { dist } = situation;
  if (dist.kind === 'broken') return { kind: 'rest', reason: dist.reason };
  if (dist.kind === 'absent')
    return { kind: 'rest', reason: 'nothing in dist/ and nothing running' };
  const refused = refusal(situation, undefined);
  if (refused !== undefined) return { kind: 'rest', reason: `refused: ${refused}` };
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

/** Nothing is under way: a newer plan starts, or is refused, or there is none. */
export function resting(context: Context): Decision | undefined {
  const { rollout, observation } = context;
  const { state, stable } = rollout;
  const { dist } = observation.situation;
  if (!atRest(state.position)) return undefined;
  if (dist.kind === 'absent')
    return {
      kind: 'rest',
      reason: 'orphaned: gone from apps/, still running; `perch remove` deletes it',
    };
  if (dist.kind === 'broken') return { kind: 'rest', reason: dist.reason };
  if (stable === undefined) return { kind: 'rest', reason: 'there is no stable set' };
  if (dist.value.tree === stable.tree) return { kind: 'rest', reason: restReason(state) };
  if (state.failed?.candidate === dist.value.plan.candidate)
    return { kind: 'rest', reason: failedReason(state) };
  return pinAtRest(context, dist.value, stable);
}

function pinAtRest(context: Context, dist: PlanTree, stable: PlanTree): Decision {
  const refused = refusal(context.observation.situation, stable.plan);
  if (refused !== undefined) return { kind: 'rest', reason: `refused: ${refused}` };
  const { candidate } = dist.plan;
  const configures = candidate === stable.plan.candidate;
  const name = dist.plan.steps[1]?.name ?? '';
  return {
    kind: 'move',
    transition: configures ? 'configure' : 'start',
    to: configures ? { kind: 'complete' } : { kind: 'step', step: name },
    pins: true,
    failed: configures ? context.rollout.state.failed : undefined,
    verdict: 'none',
    reason: configures
      ? `configuration changed, the candidate is still ${candidate}`
      : `new candidate ${candidate} after ${stable.plan.candidate}`,
  };
}

function restReason(state: State): string {
  if (state.failed !== undefined && state.failed.candidate === state.candidate)
    return failedReason(state);
  return state.reason;
}

function failedReason(state: State): string {
  return (
    `candidate ${state.failed?.candidate} failed in ${state.failed?.step}: ${state.failed?.reason}. ` +
    'Release a fix, or `perch retry`'
  );
}
