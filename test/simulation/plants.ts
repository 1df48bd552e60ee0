import type { Answer } from '../../analyzer/core/answer.ts';
import { unanswered } from '../../analyzer/core/judge/judge.ts';
import type { CheckSeries, Sample, TrackSeries } from '../../analyzer/core/judge/series.ts';
import type { Observation } from '../../analyzer/core/observation.ts';
import {
  type LiveFile,
  nextPosition,
  type PlanTree,
  type Position,
  stepOf,
} from '../../analyzer/core/position.ts';
import { contextOf } from '../../analyzer/core/rules/decide.ts';
import type { Decision, Move } from '../../analyzer/core/rules/decision.ts';
import { goOn } from '../../analyzer/core/rules/may-go-on.ts';
import { wayBackMove } from '../../analyzer/core/rules/must-go-back.ts';
import type { Rollout } from '../../analyzer/core/situation.ts';
import { type State, unix } from '../../analyzer/core/state.ts';
import type { Plant } from './simulate.ts';

/** Bugs that an analyzer could have; the simulation must find each of them. */
export const PLANTS = {
  advancesOnNaN: { observation: (it) => withSamples(it, passNaN) },
  advancesWithoutData: { observation: (it) => withSamples(it, () => everySecond(it, 99.9)) },
  countsMissingDataAsFailure: {
    observation: (it) => withSamples(it, (all) => everySecond(it, 1, all)),
  },
  advancesWhenTheStoreIsDown: {
    observation: (it) =>
      withAnswers(it, (answer) =>
        answer.kind === 'known' ? answer : { kind: 'known', value: everySecond(it, 99.9) },
      ),
  },
  judgesBeforeLive: { observation: pretendLive },
  judgesWindowsOfTheStepBefore: {
    observation: (it) => (it.cluster?.live.kind === 'live' ? judgeFromCommit(it) : it),
  },
  routesToAnUnreadyCanary: { observation: (it) => withReady(it, 'canary') },
  returnsToAnUnreadyPrimary: { observation: (it) => withReady(it, 'primary') },
  forgetsFailuresOfEarlierSteps: {
    state: (it) => ({ ...it, steps: it.steps.map((step) => ({ ...step, failedChecks: 0 })) }),
  },
  recordsOtherSamples: { state: withOtherSamples },
  forgetsTheFailedCandidate: { state: ({ failed: _, ...it }) => it },
  skipsAStep: {
    decision: (it, observation) =>
      it.kind === 'move' && it.transition === 'next' ? skip(it, observation) : it,
  },
  goesBackInOneCommit: {
    decision: (it) =>
      it.kind === 'move' && it.transition === 'back' ? { ...it, to: { kind: 'stable' } } : it,
  },
  neverGoesBack: {
    decision: (it) =>
      it.kind === 'move' && it.verdict === 'fail' ? { kind: 'hold', reason: 'planted' } : it,
  },
  writesOverHandEdits: { observation: (it) => ({ ...it, situation: forgetEdits(it) }) },
  goesThroughAClosedGate: { decision: openGates },
  startsAHookAgain: { state: ({ hooks: _, ...it }) => it },
  callsAHookTwice: {
    calls: (it) => ({
      ...it,
      start: (asked, hook) => {
        it.start(asked, hook);
        it.start(asked, hook);
      },
    }),
  },
  waitsForNoHook: { decision: (it, observation, now) => skipHooks(it, observation, now) },
  waitsForNoJob: { observation: completeJobs },
  ignoresTheCallBack: {
    decision: (it, observation, now) =>
      it.kind === 'move' && it.reason.includes('asks for a rollback')
        ? pushed(observation, now)
        : it,
  },
  splitsAGroup: { apart: true },
  comparesWithTheCandidate: { outcome: ownBaseline },
  promotesUnseen: {
    decision: (it, observation, now) =>
      it.kind === 'hold' && it.reason.startsWith('no check point') ? pushed(observation, now) : it,
  },
  doesNotWait: {
    decision: (it, observation, now) =>
      it.kind === 'hold' && it.reason.startsWith('bakes for') ? pushed(observation, now) : it,
  },
  ignoresFailedSamples: {
    observation: (it) =>
      withSamples(it, (all) => all.filter((one) => Number.isNaN(one.value) || one.value >= 99)),
  },
  callsAHookUnpushed: { callsUnpushed: true },
  takesSomeAnswersForAll: {
    observation: (it) => ({
      ...it,
      series: it.series.filter(isAnswered),
      unreachableSince: undefined,
    }),
  },
  keepsWhatWasNeverShown: {
    decision: (it) =>
      it.kind === 'move' && it.to.kind === 'back'
        ? { ...it, to: { ...it.to, shown: it.to.step } }
        : it,
  },
  waitsForTheRefusedForEver: {
    decision: (it) =>
      it.kind === 'move' && /the cluster refuses|nothing has come of/.test(it.reason)
        ? PLANTED
        : it,
  },
  waitsForABrokenPrimaryToGoBack: {
    decision: (it, observation) =>
      it.kind === 'move' && positionOf(observation) === 'back' && isShort(observation)
        ? PLANTED
        : it,
  },
  holdsTheFixOfItsPrimary: {
    decision: (it, observation) =>
      it.kind === 'move' && it.transition === 'next' && isShort(observation) ? PLANTED : it,
  },
  takesTheLastPodsForALackOfAnswers: {
    decision: (it, observation, now) =>
      it.kind === 'move' && it.paused !== undefined && isShort(observation)
        ? backNow(observation, now)
        : it,
  },
  blamesForTheEnvironment: { observation: withoutPrimary },
  takesEveryWaitForARefusal: { observation: refusing },
  keepsTheJobInARollback: { outcome: keepJobs },
  takesTheDeletedForLive: {
    observation: (it) => (saysOf(it).includes('is being deleted') ? judgeFromCommit(it) : it),
  },
} as const satisfies Record<string, Plant>;

export type PlantName = keyof typeof PLANTS;

const PLANTED: Decision = { kind: 'hold', reason: 'planted' };

/** A record of samples that were not judged. */
function withOtherSamples({ judged, ...it }: State): State {
  if (judged === undefined) return it;
  const samples = '0'.repeat(16);
  return {
    ...it,
    judged: { ...judged, checks: judged.checks.map((one) => ({ ...one, samples })) },
  };
}

function isAnswered(it: CheckSeries): boolean {
  return unanswered(it) === undefined;
}

function positionOf({ situation: { state } }: Observation): Position['kind'] | undefined {
  return state.kind === 'known' ? state.value.position.kind : undefined;
}

function isShort({ cluster }: Observation): boolean {
  return cluster?.ready.primary?.kind === 'notReady';
}

function saysOf({ cluster }: Observation): string {
  return cluster?.live.kind === 'waiting' ? cluster.live.reason : '';
}

/** Nobody looks how the stable version does. */
function withoutPrimary(it: Observation): Observation {
  const series = it.series.map(({ fromCommit: { primary: _, ...fromCommit }, ...rest }) => ({
    ...rest,
    fromCommit,
  }));
  if (it.cluster === undefined) return { ...it, series };
  return { ...it, series, cluster: { ...it.cluster, outage: undefined } };
}

function refusing(it: Observation): Observation {
  if (it.cluster?.live.kind !== 'waiting') return it;
  return { ...it, cluster: { ...it.cluster, live: { ...it.cluster.live, refused: 'planted' } } };
}

function keepJobs(it: Rollout): Rollout {
  const { position } = it.state;
  if (position.kind !== 'back') return it;
  const files = new Map(it.files);
  for (const [name, info] of Object.entries(it.plan.plan.files)) {
    const oid = it.plan.blobs.get(`steps/${position.step}/${name}`);
    if (info.role === 'job' && oid !== undefined) files.set(name, { oid, info });
  }
  return { ...it, files };
}

/** A rollback that blames nobody. */
function backNow(observation: Observation, now: number): Decision {
  const rollout = observation.situation.rollout;
  if (rollout.kind !== 'known') return PLANTED;
  return wayBackMove(contextOf(observation, rollout.value, now), 'planted');
}

/** The next step, whatever is waited for. */
function pushed(observation: Observation, now: number): Decision {
  const rollout = observation.situation.rollout;
  if (rollout.kind !== 'known') return { kind: 'hold', reason: 'planted' };
  return goOn(contextOf(observation, rollout.value, now));
}

function openGates(it: Decision, observation: Observation, now: number): Decision {
  const isClosed = it.kind === 'hold' && it.reason.startsWith('waits for');
  return isClosed ? pushed(observation, now) : it;
}

function skipHooks(it: Decision, observation: Observation, now: number): Decision {
  const runs = it.kind === 'hold' && / runs$/.test(it.reason);
  return runs ? pushed(observation, now) : it;
}

function completeJobs(it: Observation): Observation {
  if (it.cluster?.jobs === undefined) return it;
  const jobs = new Map([...it.cluster.jobs].map(([file]) => [file, { kind: 'complete' } as const]));
  return { ...it, cluster: { ...it.cluster, jobs } };
}

/** The baseline's files as the candidate's own plan has them, for the rollout after this one. */
function ownBaseline(it: Rollout): Rollout {
  const names = it.stable?.plan.baseline ?? [];
  const files = new Map(it.files);
  for (const name of names) if (files.has(name)) replace(files, it.plan, name);
  return { ...it, files };
}

function replace(files: Map<string, LiveFile>, { plan, blobs }: PlanTree, name: string): void {
  const oid = blobs.get(`as-stable/baseline/${name}`);
  const info = plan.files[name];
  if (oid !== undefined && info !== undefined) files.set(name, { oid, info });
}

function withSamples(
  it: Observation,
  change: (all: readonly Sample[]) => readonly Sample[],
): Observation {
  return withAnswers(it, (answer) =>
    answer.kind === 'known' ? { kind: 'known', value: change(answer.value) } : answer,
  );
}

function withAnswers(
  it: Observation,
  change: (answer: Answer<readonly Sample[]>) => Answer<readonly Sample[]>,
): Observation {
  const changed = ({ canary }: TrackSeries): TrackSeries =>
    canary === undefined ? {} : { canary: change(canary) };
  const series = it.series.map(
    ({ check, fromCommit, fromLive }): CheckSeries => ({
      check,
      fromCommit: changed(fromCommit),
      fromLive: fromLive === undefined ? undefined : changed(fromLive),
    }),
  );
  return { ...it, series, unreachableSince: undefined };
}

function passNaN(all: readonly Sample[]): readonly Sample[] {
  return all.map((it) => ({ ...it, value: Number.isNaN(it.value) ? 99.9 : it.value }));
}

/** A value for each second of the last 20 minutes, wherever there is none. */
function everySecond(
  it: Observation,
  value: number,
  over: readonly Sample[] = [],
): readonly Sample[] {
  const rollout = it.situation.rollout;
  const from = rollout.kind === 'known' ? unix(rollout.value.state.at) : 0;
  const known = new Map(over.map((one) => [one.at, one.value]));
  return Array.from({ length: 1200 }, (_, index) => ({
    at: from + index,
    value: known.get(from + index) ?? value,
  }));
}

function pretendLive(it: Observation): Observation {
  const rollout = it.situation.rollout;
  if (it.cluster === undefined || rollout.kind !== 'known' || it.cluster.live.kind === 'live')
    return it;
  return {
    ...it,
    cluster: { ...it.cluster, live: { kind: 'live', sinceSeconds: unix(rollout.value.state.at) } },
  };
}

/** Takes the points right after the commit for passing ones, though their windows reach further back. */
function judgeFromCommit(it: Observation): Observation {
  const rollout = it.situation.rollout;
  if (it.cluster === undefined || rollout.kind !== 'known') return it;
  const live = { kind: 'live', sinceSeconds: unix(rollout.value.state.at) - 25 } as const;
  const series = it.series.map((one) => ({ ...one, fromLive: one.fromCommit }));
  return { ...it, series, cluster: { ...it.cluster, live } };
}

function withReady(it: Observation, track: 'primary' | 'canary'): Observation {
  if (it.cluster === undefined) return it;
  return {
    ...it,
    cluster: { ...it.cluster, ready: { ...it.cluster.ready, [track]: { kind: 'ready' } } },
  };
}

function skip(move: Move, { situation }: Observation): Move {
  if (situation.plan.kind !== 'known') return move;
  const { plan } = situation.plan.value;
  const further: Position | undefined = nextPosition(plan, move.to);
  const weighty = further !== undefined && (stepOf(plan, further)?.weights.canary ?? 0) > 0;
  return weighty && further.kind === 'step' ? { ...move, to: further } : move;
}

function forgetEdits({ situation }: Observation): Observation['situation'] {
  const rollout = situation.rollout;
  if (rollout.kind !== 'known') return situation;
  const live = new Map([...rollout.value.files].map(([name, file]) => [name, file.oid]));
  return { ...situation, live, lastCommit: undefined };
}
