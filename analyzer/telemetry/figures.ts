import { beyondAbort } from '../core/judge/abort.ts';
import { failedTimes } from '../core/judge/failed-point.ts';
import type { TestProof } from '../core/judge/proof.ts';
import { saidOf } from '../core/judge/proof-text.ts';
import type { Observation } from '../core/observation.ts';
import { phaseAtRest, status } from '../core/phase.ts';
import type { Phase } from '../core/phases.ts';
import { canaryWeight } from '../core/position.ts';
import { contextOf } from '../core/rules/decide.ts';
import { inconclusiveSince } from '../core/rules/must-go-back.ts';
import type { Rollout, Situation } from '../core/situation.ts';
import { type State, unix } from '../core/state.ts';
import { leaves, type Outcome } from '../tick/outcome.ts';

/** What the series of one release say. */
export interface Figures {
  readonly phase: Phase;
  /** The canary's committed percent of the traffic. */
  readonly weight: number;
  /** Of the rollout that is under way, or of the last one. */
  readonly failedChecks: number;
  /** Newest value by check; none while nothing is judged. */
  readonly checks: ReadonlyMap<string, number>;
  /** E-values by test: that the candidate is worse, and that the next step is safe; none while nothing is weighed. */
  readonly evidence: ReadonlyMap<string, Readonly<Partial<Record<'harm' | 'safety', number>>>>;
  /** Since when answers are missing that the step needs; Unix seconds, 0 while they come. */
  readonly inconclusiveSince: number;
  /** Since when the cluster does not show the position; Unix seconds, 0 while it does. */
  readonly unsyncedSince: number;
  /** Whether what the release waits for is past its deadline, and only somebody outside can end the wait. */
  readonly isOverdue: boolean;
}

/** The figures of a release that a tick looked at, with what it pushed. */
export function figures(it: Outcome): Figures {
  const situation = situationOf(it);
  const { phase, weight } = status(situation);
  const before = it.observation.situation.rollout;
  if (before.kind !== 'known')
    return { phase, weight, failedChecks: 0, checks: new Map(), evidence: new Map(), ...SOUND };
  const context = contextOf(it.observation, before.value, it.at);
  const values = context.judgement.evidence.flatMap(({ check, latest }) =>
    latest === undefined ? [] : [[check.name, latest] as const],
  );
  const moved = situation !== it.observation.situation && situation.state.kind === 'known';
  return {
    phase,
    weight,
    failedChecks: moved ? failedIn(situation.state.value) : context.failedChecks,
    checks: new Map(values),
    evidence: new Map((context.proof?.tests ?? []).map(evidenceOf)),
    inconclusiveSince: leaves(it) ? 0 : (inconclusiveSince(context) ?? 0),
    unsyncedSince: leaves(it) ? 0 : unsyncedSince(it.observation, before.value),
    isOverdue: it.decision.kind === 'hold' && it.decision.overdue === true,
  };
}

function evidenceOf(proof: TestProof) {
  const { name, harm, safety } = saidOf(proof);
  return [name, { harm, ...(safety === null ? {} : { safety }) }] as const;
}

const SOUND = { inconclusiveSince: 0, unsyncedSince: 0, isOverdue: false };

/** A stopped sync tool, or one whose commit the cluster refuses, shows here. */
function unsyncedSince({ cluster }: Observation, { state }: Rollout): number {
  return cluster?.live.kind === 'waiting' ? unix(state.at) : 0;
}

/** The figures of a release at rest, from its state alone. */
export function figuresAtRest(state: State): Figures {
  const phase = phaseAtRest(state);
  return {
    phase,
    weight: 0,
    failedChecks: failedIn(state),
    checks: new Map(),
    evidence: new Map(),
    ...SOUND,
  };
}

/** What Git says of the release after the tick: with the pushed move, where there was one. */
export function situationOf({ observation, commit, after }: Outcome): Situation {
  return commit === undefined || after === undefined ? observation.situation : after;
}

/**
 * When the newest failed check point was, for a pushed move that takes traffic away because of failed checks;
 * Unix seconds. Undefined for any other.
 */
export function fellAt({ observation, decision, commit }: Outcome): number | undefined {
  if (decision.kind !== 'move' || commit === undefined) return undefined;
  if (decision.transition !== 'back' || decision.verdict !== 'fail') return undefined;
  const rollout = observation.situation.rollout;
  if (rollout.kind !== 'known' || !hasTraffic(rollout.value)) return undefined;
  const { blame } = decision.proof ?? {};
  return blame === undefined
    ? newestFailure(observation)
    : newestCount(observation, blame.test.test.name);
}

/** When what a test has weighed was counted last. */
function newestCount({ counts = [] }: Observation, test: string): number | undefined {
  const found = counts.find((it) => it.test.name === test);
  return found?.tail?.to ?? found?.grid.end;
}

/** Since when the rollback's routes are live; Unix seconds. Undefined before that, and everywhere else. */
export function returnedAt({ observation }: Outcome): number | undefined {
  const { state } = observation.situation;
  const live = observation.cluster?.live;
  if (state.kind !== 'known' || live?.kind !== 'live') return undefined;
  const { position } = state.value;
  return position.kind === 'back' && position.part === 'routes' ? live.sinceSeconds : undefined;
}

/** Whether a release was on its rollback before the tick. */
export function isGoingBack({ observation: { situation } }: Outcome): boolean {
  return situation.state.kind === 'known' && situation.state.value.position.kind === 'back';
}

function hasTraffic({ state, plan }: Rollout): boolean {
  return canaryWeight(plan.plan, state.position) > 0;
}

function newestFailure({ series: all }: Observation): number | undefined {
  // A dry run has taken nothing back.
  const series = all.filter(({ check }) => check.dryRun !== true);
  const aborted = series.flatMap(({ check, guarded }) =>
    beyondAbort(check.abort, guarded?.canary).map((it) => it.at),
  );
  const failed = [...failedTimes(series), ...aborted];
  return failed.length === 0 ? undefined : Math.max(...failed);
}

function failedIn(state: State): number {
  return state.steps.reduce((sum, it) => sum + it.failedChecks, 0);
}
