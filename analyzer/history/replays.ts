import { type Decided, momentOf } from '../core/decided.ts';
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
  /** What is wrong with the commit; a decision is made again where it was a legal one. */
  readonly decided: Decided;
}

/** A decision that was made again. */
export interface Replayed extends Replay {
  readonly decision: PastDecision;
}

/** The decisions of a release by which a step was left, or a rollout paused, oldest first. */
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
  { transition, kind, verdict, reason }: Transition,
  { situation: before }: Visit,
  { situation: { state }, commit }: Visit,
): Decided | undefined {
  const { rollout } = before;
  if (transition === undefined || rollout.kind !== 'known' || state.kind !== 'known')
    return undefined;
  if (rollout.value.state.position.kind !== 'step') return undefined;
  const after = state.value;
  const isPause = after.note?.kind === 'paused' && verdict !== 'none';
  if (!LEAVING.has(kind) && !isPause) return undefined;
  // A note leaves the time of its position as it is.
  const at = isPause ? commit.at : unix(after.at);
  return { before, rollout: rollout.value, after, verdict, reason, at };
}

const LEAVING: ReadonlySet<Transition['kind']> = new Set(['next', 'complete', 'back']);

/** Makes a decision again: asks the metric stores what was asked then, as of then. */
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
  const other = unjudged(decided);
  if (other !== undefined) return { ...other, decision };
  const moment = momentOf(decided);
  const { rollout, after } = decided;
  const [series, { counts }] = await Promise.all([
    askMetrics(world, rollout, moment.live, moment.now),
    askCounts(world, rollout, moment.now, after.evidence ?? rollout.state.evidence),
  ]);
  const told = { series: series.map((it) => it.series), counts };
  return { ...replay(decided, moment, told), decision };
}
