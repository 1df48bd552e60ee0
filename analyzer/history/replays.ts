import { type Decided, isDecision, momentOf } from '../core/decided.ts';
import { positionText } from '../core/position.ts';
import { type Replay, replay, unjudged, untold } from '../core/replay.ts';
import { unix } from '../core/state.ts';
import { askCounts } from '../tick/counting.ts';
import { askMetrics } from '../tick/observe.ts';
import type { World } from '../tick/world.ts';
import type { Visit, Walk } from './history.ts';
import { type Transition, transitions } from './transitions.ts';

/** A decision in a release's history. */
export interface PastDecision {
  readonly release: string;
  readonly transition: Transition;
  /** The step in which it was made. */
  readonly step: string;
  readonly decided: Decided;
}

/** A decision that was made again. */
export interface Replayed extends Replay {
  readonly decision: PastDecision;
}

/** The decisions in a release's history, oldest first. */
export function pastDecisions(release: string, past: Walk): readonly PastDecision[] {
  return transitions(release, past).flatMap((transition, index) => {
    const before = past.visits[index - 1];
    const visit = past.visits[index];
    const decided = before && visit && decidedIn(transition, before, visit);
    if (decided === undefined) return [];
    return [{ release, transition, step: positionText(decided.rollout.state.position), decided }];
  });
}

function decidedIn(
  { transition, verdict, reason }: Transition,
  { situation: before }: Visit,
  { situation: { state }, commit }: Visit,
): Decided | undefined {
  const { rollout } = before;
  if (transition === undefined || rollout.kind !== 'known' || state.kind !== 'known')
    return undefined;
  const after = state.value;
  if (!isDecision(rollout.value, after)) return undefined;
  // A note leaves the time of its position as it is.
  const at = after.kind === 'note' ? commit.at : unix(after.at);
  return { before, rollout: rollout.value, after, verdict, reason, at };
}

/** Makes a decision again, where it was a legal one. */
export async function replayed(
  world: Pick<World, 'metrics' | 'clock'>,
  decision: PastDecision,
): Promise<Replayed> {
  const { decided, transition } = decision;
  const [wrong] = transition.problems;
  if (wrong !== undefined) {
    const reason = `not a legal transition: ${wrong}`;
    return { ...untold('unjudged', reason, decided.after.judged), decision };
  }
  return { ...(await decidedAgain(world, decided)), decision };
}

/** Asks the stores for what a decision rested on, as of then, and makes it again. */
export async function decidedAgain(
  world: Pick<World, 'metrics' | 'clock'>,
  decided: Decided,
): Promise<Replay> {
  const other = unjudged(decided);
  if (other !== undefined) return other;
  const moment = momentOf(decided);
  const { rollout, after } = decided;
  const [series, { counts }] = await Promise.all([
    askMetrics(world, rollout, moment.live, moment.now),
    askCounts(
      { ...world, countedAt: moment.countedAt },
      rollout,
      moment.live,
      moment.now,
      after.evidence ?? rollout.state.evidence,
    ),
  ]);
  return replay(decided, moment, { series: series.map((it) => it.series), counts });
}
