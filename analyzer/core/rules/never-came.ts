import { unix } from '../state.ts';
import type { Context, Decision } from './decision.ts';
import { notLive, notReady } from './may-go-on.ts';
import { backBecause, giveUp } from './must-go-back.ts';

/** The step, or its pods, have not come for too long: because the cluster refuses it, or nobody knows why. */
export function neverCame(context: Context): Decision | undefined {
  const { rollout, observation, now } = context;
  const { position, at } = rollout.state;
  const live = observation.cluster?.live;
  if (position.kind !== 'step') return undefined;
  const { progressDeadlineSeconds, inconclusiveDeadlineSeconds } = rollout.plan.plan.analysis;
  // The sync object names the commit that was refused, so any analyzer knows since when.
  const old = Math.round(now - unix(at));
  const refused = live?.kind === 'waiting' ? live.refused : undefined;
  if (refused !== undefined && old > progressDeadlineSeconds)
    return backBecause(
      context,
      `the cluster refuses ${position.step}, for ${old} s (deadline ${progressDeadlineSeconds} s): ${refused}`,
    );
  const seconds = Math.min(old, Math.round(now - (observation.stuckSince ?? now)));
  const waiting = notLive(context) ?? notReady(context);
  if (waiting?.kind !== 'hold' || seconds <= inconclusiveDeadlineSeconds) return undefined;
  return giveUp(
    context,
    `nothing has come of ${position.step} for ${seconds} s (deadline ${inconclusiveDeadlineSeconds} s): ${waiting.reason}`,
  );
}
