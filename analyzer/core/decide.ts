import type { Judgement } from './judge.ts';
import { disagreement } from './integrity.ts';
import { judge } from './judge.ts';
import type { CheckSeries, Observation, Rollout, Situation } from './observation.ts';
import {
  atRest,
  difference,
  files,
  hasPromoted,
  nextPosition,
  type PlanTree,
  type Position,
  samePosition,
  stepOf,
  wayBack,
} from './position.ts';
import { refusals } from './refuse.ts';
import { rolloutOf } from './rollout.ts';
import type { State, TransitionKind } from './state.ts';
import { unix } from './state.ts';

/** What is to be done about a release now. */
export type Decision =
  /** Nothing is under way and nothing new has come. */
  | { readonly kind: 'rest'; readonly reason: string }
  /** Something is under way, and what it waits for has not come. */
  | { readonly kind: 'hold'; readonly reason: string; readonly untilSeconds?: number | undefined }
  | Move;

/** One transition: exactly one commit. */
export interface Move {
  readonly kind: 'move';
  readonly transition: TransitionKind;
  readonly to: Position;
  /** Whether the newest dist becomes the plan in use. */
  readonly pins: boolean;
  /** What is remembered as failed afterwards. */
  readonly failed: State['failed'];
  readonly paused?: State['paused'];
  readonly verdict: 'pass' | 'fail' | 'inconclusive' | 'none';
  readonly reason: string;
  readonly judgement?: Judgement | undefined;
  /** When the position that is left was live; Unix seconds. */
  readonly liveSince?: number | undefined;
}

/**
 * What to do about one release: the same answer for the same arguments, always.
 *
 * Two questions, kept apart: must it go back (asked first, also while paused or not live yet), and
 * may it go on (only when everything that the step asks for is known to be true).
 *
 * @param now Unix seconds
 */
export function decide(observation: Observation, now: number): Decision {
  const rollout = rolloutOf(observation.situation);
  if (rollout.kind === 'broken') return { kind: 'hold', reason: rollout.reason };
  if (rollout.kind === 'absent') return first(observation.situation);
  const context = contextOf(observation, rollout.value, now);
  for (const rule of RULES) {
    const decision = rule(context);
    if (decision !== undefined) return decision;
  }
  throw new Error(`release ${observation.situation.id}: no rule applied`);
}

interface Context {
  readonly observation: Observation;
  readonly rollout: Rollout;
  readonly judgement: Judgement;
  /** Failed checks of the whole rollout. */
  readonly failedChecks: number;
  readonly disagreement: string | undefined;
  readonly now: number;
}

type Rule = (context: Context) => Decision | undefined;

/** In order; the first that answers decides. */
const RULES: readonly Rule[] = [
  tooManyFailedChecks,
  deadlinePassed,
  inconclusiveTooLong,
  handEdited,
  paused,
  resting,
  initializing,
  goingBack,
  newPlan,
  notLive,
  notReady,
  notBaked,
  goOn,
];

function contextOf(observation: Observation, rollout: Rollout, now: number): Context {
  const live = observation.cluster?.live ?? { kind: 'unknown', reason: 'the cluster was not asked' };
  const judgement = judge(rollout, trusted(observation, rollout), live, now);
  const before = rollout.state.steps.reduce((sum, it) => sum + it.failedChecks, 0);
  return {
    observation,
    rollout,
    judgement,
    failedChecks: before + judgement.failedChecks,
    disagreement: disagreement(observation.situation, rollout),
    now,
  };
}

/** With clocks that differ by more than the settle time, no sample can be placed: nothing is known. */
function trusted({ series, skewSeconds }: Observation, rollout: Rollout): readonly CheckSeries[] {
  const { settleSeconds } = rollout.plan.plan.analysis;
  if (skewSeconds <= settleSeconds) return series;
  const reason = `clocks differ by ${Math.round(skewSeconds)} s, more than the settle time of ${settleSeconds} s`;
  const unknown = { kind: 'unknown', reason } as const;
  return series.map((it) => ({ check: it.check, fromCommit: unknown, fromLive: unknown }));
}

// --- must it go back? ---------------------------------------------------------------------------

function tooManyFailedChecks(context: Context): Decision | undefined {
  const { rollout, judgement, failedChecks, observation } = context;
  const { threshold } = rollout.plan.plan.analysis;
  if (rollout.state.position.kind !== 'step') return undefined;
  if (failedChecks < threshold) return undefined;
  const bad = judgement.evidence.filter((it) => it.failed > 0).map((it) => it.check.name);
  const shown = observation.cluster?.shownStep ?? rollout.state.position.step;
  const names = bad.length === 0 ? '' : ` of ${bad.join(', ')}`;
  return back(context, `${failedChecks} failed checks${names} at ${shown} (threshold ${threshold})`);
}

function deadlinePassed(context: Context): Decision | undefined {
  const { rollout, observation } = context;
  const step = rollout.state.position.kind === 'step' ? stepOf(rollout.plan.plan, rollout.state.position) : undefined;
  for (const track of step?.ready ?? []) {
    const it = observation.cluster?.ready[track];
    // The primary that still runs the stable version says nothing about the candidate.
    const candidates = track === 'canary' || hasPromoted(rollout.plan.plan, step?.name ?? '');
    if (it?.kind === 'notReady' && it.deadlinePassed && candidates)
      return back(
        context,
        `the ${track} is not ready after its progress deadline of ` +
          `${rollout.plan.plan.analysis.progressDeadlineSeconds} s: ${it.reason}`,
      );
  }
  return undefined;
}

function inconclusiveTooLong(context: Context): Decision | undefined {
  const { rollout, now } = context;
  const { inconclusiveDeadlineSeconds, onInconclusive } = rollout.plan.plan.analysis;
  if (rollout.state.position.kind !== 'step' || rollout.state.paused !== undefined) return undefined;
  const since = inconclusiveSince(context);
  if (since === undefined || now - since <= inconclusiveDeadlineSeconds) return undefined;
  const reason = `no conclusive answer for ${Math.round(now - since)} s (deadline ${inconclusiveDeadlineSeconds} s): ${missing(context)}`;
  if (onInconclusive === 'back') return { ...back(context, reason), verdict: 'inconclusive' };
  // An edit by hand holds the release already, and only a way back may write over it.
  if (context.disagreement !== undefined) return undefined;
  return { ...note(context, reason), verdict: 'inconclusive', paused: { reason } };
}

/** Since when answers are missing that the step needs; undefined while they come. */
function inconclusiveSince({ observation, judgement, rollout }: Context): number | undefined {
  const at = unix(rollout.state.at);
  if (observation.unreachableSince !== undefined) return Math.max(observation.unreachableSince, at);
  const silent = judgement.newest === 'unknown' && observation.cluster?.live.kind === 'live';
  return silent && judgement.needed > 0 ? Math.max(judgement.conclusiveAt, at) : undefined;
}

function missing({ observation, judgement }: Context): string {
  if (observation.cluster?.live.kind === 'unknown') return observation.cluster.live.reason;
  return judgement.trouble ?? 'the checks have no data; does the candidate get traffic?';
}

/** The first commit of the way back, for a candidate that is bad. */
function back(context: Context, reason: string): Move {
  const { state } = context.rollout;
  const step = state.position.kind === 'step' ? state.position.step : '';
  return {
    ...wayBackMove(context, reason),
    verdict: 'fail',
    failed: { candidate: state.candidate, step, reason },
  };
}

function wayBackMove(context: Context, reason: string): Move {
  const { rollout, judgement, observation } = context;
  const live = observation.cluster?.live;
  return {
    kind: 'move',
    transition: 'back',
    to: nextBack(rollout),
    pins: false,
    failed: rollout.state.failed,
    verdict: 'none',
    reason,
    judgement,
    liveSince: live?.kind === 'live' ? live.sinceSeconds : undefined,
  };
}

/**
 * The next position on the way back; those that change no byte of `live/` are skipped.
 *
 * @throws Error when a position has no way back
 */
export function nextBack(rollout: Rollout): Position {
  const { position } = rollout.state;
  if (position.kind !== 'step' && position.kind !== 'back')
    throw new Error(`release ${rollout.state.release}: there is no way back from ${position.kind}`);
  const way = wayBack(rollout.plan.plan, position.step);
  const here = way.findIndex((it) => samePosition(it, position));
  const left = way.slice(here + 1);
  const changing = left.find((it) => {
    const { changed, removed } = difference(rollout.files, files(it, rollout.plan, rollout.stable));
    return changed.length + removed.length > 0;
  });
  return changing ?? { kind: 'stable' };
}

// --- does somebody else have the word? ------------------------------------------------------------

function handEdited(context: Context): Decision | undefined {
  const { disagreement: differs } = context;
  if (differs === undefined) return undefined;
  return { kind: 'hold', reason: `paused, Git was edited by hand: ${differs}. \`perch resume\` goes on` };
}

function paused({ rollout }: Context): Decision | undefined {
  const { paused: pause, position } = rollout.state;
  if (pause === undefined) return undefined;
  // The way back is never left half done.
  if (position.kind === 'back') return undefined;
  const reason = `paused${pause.by === undefined ? '' : ` by ${pause.by}`}: ${pause.reason}`;
  return { kind: atRest(position) ? 'rest' : 'hold', reason };
}

// --- nothing under way, or the very first release ---------------------------------------------------

function first(situation: Situation): Decision {
  const { dist } = situation;
  if (dist.kind === 'broken') return { kind: 'rest', reason: dist.reason };
  if (dist.kind === 'absent') return { kind: 'rest', reason: 'nothing in dist/ and nothing running' };
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

function resting(context: Context): Decision | undefined {
  const { rollout, observation } = context;
  const { state, stable } = rollout;
  const { dist } = observation.situation;
  if (!atRest(state.position)) return undefined;
  if (dist.kind === 'absent')
    return { kind: 'rest', reason: 'orphaned: gone from apps/, still running; `perch remove` deletes it' };
  if (dist.kind === 'broken') return { kind: 'rest', reason: dist.reason };
  if (stable === undefined) return { kind: 'rest', reason: 'there is no stable set' };
  if (dist.value.tree === stable.tree) return { kind: 'rest', reason: restReason(state) };
  if (state.failed?.candidate === dist.value.plan.candidate)
    return { kind: 'rest', reason: failedReason(state) };
  return pinAtRest(context, dist.value, stable);
}

function pinAtRest(context: Context, dist: PlanTree, stable: PlanTree): Decision {
  const refused = refusals(dist.plan.shape, stable.plan.shape);
  if (refused.length > 0) return { kind: 'rest', reason: `refused: ${refused.join('; ')}` };
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

function initializing(context: Context): Decision | undefined {
  const { rollout, observation } = context;
  if (rollout.state.position.kind !== 'init') return undefined;
  const { dist } = observation.situation;
  if (dist.kind === 'known' && dist.value.tree !== rollout.plan.tree)
    return {
      kind: 'move',
      transition: 'start',
      to: { kind: 'init' },
      pins: true,
      failed: undefined,
      verdict: 'none',
      reason: `a newer plan replaces the one that was initializing: ${dist.value.plan.candidate}`,
    };
  return notLive(context) ?? notReady(context) ?? goOn(context);
}

// --- under way ------------------------------------------------------------------------------------

function goingBack(context: Context): Decision | undefined {
  const { rollout, now } = context;
  const { position } = rollout.state;
  if (position.kind !== 'back') return undefined;
  const waiting = notLive(context);
  if (waiting !== undefined) return waiting;
  // The routes may only return to a primary that can take the traffic.
  if (position.part === 'primary') {
    const primary = context.observation.cluster?.ready.primary;
    if (primary?.kind !== 'ready')
      return { kind: 'hold', reason: `going back: the primary is not ready: ${primary?.reason ?? 'unknown'}` };
  }
  const live = context.observation.cluster?.live;
  const until =
    (live?.kind === 'live' ? live.sinceSeconds : now) + rollout.plan.plan.analysis.rollbackDelaySeconds;
  if (position.part === 'routes' && now < until)
    return { kind: 'hold', reason: 'going back: the canary is kept for debugging', untilSeconds: until };
  const done = position.part === 'primary' ? 'the primary is restored' : 'all traffic is on the primary';
  return wayBackMove(context, done);
}

function newPlan(context: Context): Decision | undefined {
  const { rollout, observation } = context;
  const { dist } = observation.situation;
  if (dist.kind === 'absent') return wayBackMove(context, 'the release is gone from apps/');
  // A plan that cannot be read must not stop the rollout that is under way.
  if (dist.kind === 'broken' || dist.value.tree === rollout.plan.tree) return undefined;
  const { candidate } = dist.value.plan;
  if (candidate === rollout.stable?.plan.candidate)
    return wayBackMove(context, `the newest plan is back at the stable candidate ${candidate}`);
  if (candidate !== rollout.state.candidate)
    return wayBackMove(context, `a newer candidate ${candidate} replaces ${rollout.state.candidate}`);
  return adopt(context, dist.value);
}

function adopt(context: Context, dist: PlanTree): Decision | undefined {
  const { rollout, judgement, observation } = context;
  const sameSteps = stepList(dist) === stepList(rollout.plan);
  if (!sameSteps) return wayBackMove(context, 'the newest plan has other steps: it starts again');
  if (rollout.stable === undefined) return undefined;
  // Refused again, and said, when the running rollout is over.
  if (refusals(dist.plan.shape, rollout.stable.plan.shape).length > 0) return undefined;
  const live = observation.cluster?.live;
  return {
    kind: 'move',
    transition: 'adopt',
    to: rollout.state.position,
    pins: true,
    failed: rollout.state.failed,
    verdict: 'none',
    reason: 'configuration changed, candidate and steps are the same',
    judgement,
    liveSince: live?.kind === 'live' ? live.sinceSeconds : undefined,
  };
}

function stepList(plan: PlanTree): string {
  return plan.plan.steps.map((it) => `${it.name} ${it.phase} ${it.weights.canary}`).join('\n');
}

// --- may it go on? ----------------------------------------------------------------------------------

function notLive({ observation, rollout }: Context): Decision | undefined {
  const live = observation.cluster?.live;
  const place = rollout.state.position.kind === 'step' ? rollout.state.position.step : rollout.state.position.kind;
  if (live?.kind === 'live') return undefined;
  if (live === undefined || live.kind === 'unknown')
    return { kind: 'hold', reason: `${place}: the cluster cannot be read: ${live?.reason ?? 'not asked'}` };
  return { kind: 'hold', reason: `${place} is not live yet: ${live.reason}`, untilSeconds: live.untilSeconds };
}

function notReady({ observation, rollout }: Context): Decision | undefined {
  const step = stepOf(rollout.plan.plan, rollout.state.position);
  for (const track of step?.ready ?? []) {
    const it = observation.cluster?.ready[track];
    if (it?.kind !== 'ready')
      return { kind: 'hold', reason: `the ${track} is not ready: ${it?.reason ?? 'unknown'}` };
  }
  return undefined;
}

function notBaked({ judgement }: Context): Decision | undefined {
  const { passed, needed, newest, nextAt, trouble } = judgement;
  if (newest === 'fail') return { kind: 'hold', reason: 'the newest check failed', untilSeconds: nextAt };
  if (needed === 0) return undefined;
  if (trouble !== undefined) return { kind: 'hold', reason: `inconclusive: ${trouble}` };
  if (newest === 'unknown')
    return { kind: 'hold', reason: 'inconclusive: the newest check has no data', untilSeconds: nextAt };
  if (passed < needed)
    return { kind: 'hold', reason: `${passed} of ${needed} checks passed`, untilSeconds: nextAt };
  return undefined;
}

function goOn(context: Context): Decision {
  const { rollout, judgement, observation } = context;
  const to = nextPosition(rollout.plan.plan, rollout.state.position);
  if (to === undefined) throw new Error(`release ${rollout.state.release}: nothing follows its position`);
  const live = observation.cluster?.live;
  return {
    kind: 'move',
    transition: to.kind === 'complete' ? 'complete' : 'next',
    to,
    pins: false,
    failed: rollout.state.failed,
    verdict: judgement.needed > 0 ? 'pass' : 'none',
    reason: judgement.needed > 0 ? `${judgement.passed} of ${judgement.needed} checks passed` : 'live and ready',
    judgement,
    liveSince: live?.kind === 'live' ? live.sinceSeconds : undefined,
  };
}

function note(context: Context, reason: string): Move {
  const { state } = context.rollout;
  return {
    kind: 'move',
    transition: 'note',
    to: state.position,
    pins: false,
    failed: state.failed,
    verdict: 'none',
    reason,
    judgement: context.judgement,
  };
}
