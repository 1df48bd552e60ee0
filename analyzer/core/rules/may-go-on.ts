import type { Context, Decision } from '../decision.ts';
import { nextPosition, stepOf } from '../position.ts';

/** Nothing is judged, and nothing follows, before the cluster shows what Git says. */
export function notLive({ observation, rollout }: Context): Decision | undefined {
  const live = observation.cluster?.live;
  const place =
    rollout.state.position.kind === 'step'
      ? rollout.state.position.step
      : rollout.state.position.kind;
  if (live?.kind === 'live') return undefined;
  if (live === undefined || live.kind === 'unknown')
    return {
      kind: 'hold',
      reason: `${place}: the cluster cannot be read: ${live?.reason ?? 'not asked'}`,
    };
  return {
    kind: 'hold',
    reason: `${place} is not live yet: ${live.reason}`,
    untilSeconds: live.untilSeconds,
  };
}

/** The tracks that the step names must be able to take their traffic. */
export function notReady({ observation, rollout }: Context): Decision | undefined {
  const step = stepOf(rollout.plan.plan, rollout.state.position);
  for (const track of step?.ready ?? []) {
    const it = observation.cluster?.ready[track];
    if (it?.kind !== 'ready')
      return { kind: 'hold', reason: `the ${track} is not ready: ${it?.reason ?? 'unknown'}` };
  }
  return undefined;
}

/** Enough points must have passed, and the newest must not be bad. */
export function notBaked(context: Context): Decision | undefined {
  const { passed, needed, newest, nextAt, trouble } = context.judgement;
  if (newest === 'fail')
    return { kind: 'hold', reason: 'the newest check failed', untilSeconds: nextAt };
  if (needed === 0) return notWaited(context);
  if (trouble !== undefined) return { kind: 'hold', reason: `inconclusive: ${trouble}` };
  if (newest === 'unknown')
    return {
      kind: 'hold',
      reason: 'inconclusive: the newest check has no data',
      untilSeconds: nextAt,
    };
  if (passed < needed)
    return { kind: 'hold', reason: `${passed} of ${needed} checks passed`, untilSeconds: nextAt };
  return undefined;
}

/** Without checks, bake time is time alone. */
function notWaited({ rollout, observation, now }: Context): Decision | undefined {
  const { position } = rollout.state;
  const step = position.kind === 'step' ? stepOf(rollout.plan.plan, position) : undefined;
  const live = observation.cluster?.live;
  const until = (live?.kind === 'live' ? live.sinceSeconds : now) + (step?.bakeSeconds ?? 0);
  if (now >= until) return undefined;
  return {
    kind: 'hold',
    reason: `bakes for ${step?.bakeSeconds ?? 0} s, without checks`,
    untilSeconds: until,
  };
}

/** Everything that the step asks for is known to be true. */
export function goOn(context: Context): Decision {
  const { rollout, judgement, observation } = context;
  const to = nextPosition(rollout.plan.plan, rollout.state.position);
  if (to === undefined)
    throw new Error(`release ${rollout.state.release}: nothing follows its position`);
  const live = observation.cluster?.live;
  return {
    kind: 'move',
    transition: to.kind === 'complete' ? 'complete' : 'next',
    to,
    pins: false,
    failed: rollout.state.failed,
    verdict: judgement.needed > 0 ? 'pass' : 'none',
    reason:
      judgement.needed > 0
        ? `${judgement.passed} of ${judgement.needed} checks passed`
        : 'live and ready',
    judgement,
    liveSince: live?.kind === 'live' ? live.sinceSeconds : undefined,
  };
}
