import type { Context, Decision } from '../decision.ts';
import { unix } from '../state.ts';
import { notLive, notReady } from './may-go-on.ts';
import { backBecause, giveUp } from './must-go-back.ts';

/** The step, or its pods, have not come for too long: because the cluster refuses it, or nobody knows why. */
export function neverCame(context: Context): Decision | undefined {
  const { rollout, observation, now } = context;
  const { position, at } = rollout.state;
  const live = observation.cluster?.live;
  if (position.kind !== 'step' || observation.stuckSince === undefined) return undefined;
  const seconds = Math.round(now - Math.max(observation.stuckSince, unix(at)));
  const { progressDeadlineSeconds, inconclusiveDeadlineSeconds } = rollout.plan.plan.analysis;
  if (live?.kind === 'waiting' && live.refused !== undefined && seconds > progressDeadlineSeconds)
    return backBecause(
      context,
      `the cluster refuses ${position.step}, for ${seconds} s (deadline ${progressDeadlineSeconds} s): ${live.refused}`,
    );
  const waiting = notLive(context) ?? notReady(context);
  if (waiting?.kind !== 'hold' || seconds <= inconclusiveDeadlineSeconds) return undefined;
  return giveUp(
    context,
    `nothing has come of ${position.step} for ${seconds} s (deadline ${inconclusiveDeadlineSeconds} s): ${waiting.reason}`,
  );
}
