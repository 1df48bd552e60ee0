import { waitedChecks, waitedTests } from '../../lib/plan/describe.ts';
import { type Gate, type Plan, pointsNeeded, type Step } from '../../lib/plan/plan.ts';
import { type Position, stepOf } from './position.ts';
import { isApproved } from './rules/gate.ts';
import type { Rollout } from './situation.ts';
import type { State } from './state.ts';

/**
 * What a release that is under way waits for, as far as Git knows: neither whether the cluster shows the step, nor what
 * checks and hooks say.
 */
export function awaited({ state, plan: { plan } }: Rollout): string {
  const { position } = state;
  if (position.kind === 'back') return backText(state, position.part);
  if (state.paused !== undefined) return pausedText(state.paused, state.release);
  if (plan.suspend === true) return 'suspended by its plan';
  const step = stepOf(plan, position);
  if (position.kind !== 'step' || step === undefined)
    return 'waits for its primary to be live and ready';
  const gates = openGates(state, plan, step);
  if (gates.some((it) => it.kind === 'person'))
    return `waits for a person: \`perch promote ${state.release}\` opens the gate of ${step.name}`;
  const hooks = gates.flatMap((it) =>
    it.kind === 'hook' ? [`hook ${it.hook} opens the gate`] : [],
  );
  return [staying(state, plan, step), ...hooks].join('; then ');
}

/** Who paused a release, why, and what ends it. */
function pausedText({ by, reason }: NonNullable<State['paused']>, release: string): string {
  const who = by === undefined ? '' : ` by ${by}`;
  return `paused${who}: ${reason}. \`perch resume ${release}\` goes on`;
}

/** The gates of a step that nobody has approved. */
function openGates(state: State, plan: Plan, step: Step): readonly Gate[] {
  return isApproved(state, plan, step.name) ? [] : (step.gates ?? []);
}

/** What took the present candidate down stays true on its whole rollback. */
function backText(
  { failed, candidate }: State,
  part: Extract<Position, { kind: 'back' }>['part'],
): string {
  const why = failed?.candidate === candidate ? `: ${failed.step}: ${failed.reason}` : '';
  const what =
    part === 'primary' ? 'the primary gets the stable version' : 'all requests go to the primary';
  return `rolls back, ${what}${why}`;
}

function staying({ fast, at }: State, plan: Plan, step: Step): string {
  if (fast !== undefined) return `waits for its pods and for no check: ${fast.reason}`;
  const checks = waitedChecks(plan, step);
  const points = pointsNeeded(plan, step);
  switch (step.stay.kind) {
    case 'wait':
      return step.stay.seconds === 0
        ? `waits for the cluster since ${at}`
        : `baking since ${at}: ${step.stay.seconds} s${(step.tests ?? []).length > 0 ? `, and gathers evidence of ${waitedTests(plan, step)}` : ', without checks'}`;
    case 'guard':
      return points === 0
        ? `waits for the cluster since ${at}, guarded by ${checks}`
        : `baking since ${at}: ${points} passing points of ${checks}`;
    case 'bake':
      return `baking since ${at}: ${points} passing points of ${checks}`;
  }
}
