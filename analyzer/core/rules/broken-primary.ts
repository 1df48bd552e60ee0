import type { Readiness } from '../cluster/reading.ts';
import { judgedStep } from '../judge/judge.ts';
import { hasPromoted } from '../position.ts';
import type { State } from '../state.ts';
import type { Context, Decision } from './decision.ts';
import { giveUp } from './must-go-back.ts';

/**
 * What a rollout does about a primary that still runs the stable version and is not ready.
 *
 * One that was not ready before the rollout began holds nothing: the candidate may be its fix. One that breaks while
 * the rollout is under way holds it, until its progress deadline; then `onInconclusive` decides.
 */
export function primaryBroke(context: Context): Decision | undefined {
  const { rollout, observation } = context;
  const step = judgedStep(rollout);
  const primary = observation.cluster?.ready.primary;
  if (step === undefined || !step.ready.includes('primary')) return undefined;
  if (primary?.kind !== 'notReady' || !primary.deadlinePassed) return undefined;
  if (hasPromoted(rollout.plan.plan, step.name) || holdsNothing(context)) return undefined;
  const { progressDeadlineSeconds } = rollout.plan.plan.analysis;
  return giveUp(
    context,
    `the primary broke during the rollout and is not ready after ${progressDeadlineSeconds} s: ${primary.reason}`,
  );
}

/** What a start says of a primary that is not ready; nothing of one that is. */
export function brokenBefore(primary: Readiness | undefined): State['broken'] {
  if (primary?.kind !== 'notReady') return undefined;
  return { reason: primary.reason, serves: primary.available > 0 };
}

/** Whether a step goes on though its primary, which still runs the stable version, is not ready. */
export function holdsNothing({ rollout, observation }: Context): boolean {
  const { state, plan } = rollout;
  const step = judgedStep(rollout)?.name;
  const primary = observation.cluster?.ready.primary;
  if (step === undefined || hasPromoted(plan.plan, step) || primary?.kind !== 'notReady')
    return false;
  // A person who promotes in full knows what they send away.
  if (state.fast?.by !== undefined) return true;
  if (state.broken === undefined) return false;
  return primary.available === 0 || primary.deadlinePassed;
}

/** Whether the primary was broken before and nobody reaches it: then no check is worth a wait. */
export function servesNobody(context: Context): boolean {
  const { rollout, observation } = context;
  const primary = observation.cluster?.ready.primary;
  return (
    rollout.state.broken !== undefined &&
    holdsNothing(context) &&
    primary?.kind === 'notReady' &&
    primary.available === 0
  );
}
