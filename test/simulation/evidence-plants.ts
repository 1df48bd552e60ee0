import type { CounterSeries, TestCounts, TrackCounts } from '../../analyzer/core/judge/counts.ts';
import type { Observation } from '../../analyzer/core/observation.ts';
import { contextOf } from '../../analyzer/core/rules/decide.ts';
import type { Decision } from '../../analyzer/core/rules/decision.ts';
import { goOn } from '../../analyzer/core/rules/may-go-on.ts';
import { unix } from '../../analyzer/core/state.ts';
import type { Plant } from './simulate.ts';

/** Bugs that a judge of evidence could have; the simulation must find each of them. */
export const EVIDENCE_PLANTS = {
  countsOverlappingWindows: { observation: (it) => withCounts(it, overlapping) },
  countsOneTrackOnly: {
    observation: (it) => withCounts(it, (one) => ({ ...one, other: withoutFailures(one.other) })),
  },
  forgetsAReset: { grownBy: (before = 0, now) => Math.max(0, now - before) },
  beginsEvidenceAnewAfterACrash: {
    observation: (it, startedAt) => withCounts(it, (one) => since(one, startedAt)),
  },
  beginsEvidenceAnewInEachStep: { state: ({ evidence: _, ...it }) => it },
  takesProofOfTheStepBefore: {
    decision: (it, observation, now) =>
      it.kind === 'hold' && isUndecided(it) && isLaterStep(observation)
        ? pushed(it, observation, now)
        : it,
  },
  takesSilenceForSafety: {
    decision: (it, observation, now) =>
      it.kind === 'hold' && /^inconclusive: |more canary requests?$/.test(it.reason)
        ? pushed(it, observation, now)
        : it,
  },
  weighsWhatWasBeforeTheStepWasLive: { observation: liveSinceCommit },
  ignoresProofOfHarm: {
    decision: (it, observation, now) =>
      it.kind === 'move' && it.reason.includes('evidence of harm') && it.transition === 'back'
        ? pushed(it, observation, now)
        : it,
  },
} as const satisfies Record<string, Plant>;

export type EvidencePlant = keyof typeof EVIDENCE_PLANTS;

function withCounts(it: Observation, change: (one: TestCounts) => TestCounts): Observation {
  return { ...it, counts: (it.counts ?? []).map(change) };
}

function withSeries(
  answer: TrackCounts,
  change: (one: CounterSeries, question: number) => CounterSeries,
): TrackCounts {
  if (answer.kind !== 'known') return answer;
  const value = answer.value.map((all, question) => all.map((one) => change(one, question)));
  return { kind: 'known', value };
}

/** Each request is in four windows. */
function overlapping(it: TestCounts): TestCounts {
  const summed = (answer: TrackCounts) =>
    withSeries(answer, ({ labels, samples }) => ({
      labels,
      samples: samples.map(({ at }, index) => ({
        at,
        value: samples
          .slice(Math.max(0, index - 3), index + 1)
          .reduce((sum, one) => sum + one.value, 0),
      })),
    }));
  return { ...it, canary: summed(it.canary), other: summed(it.other) };
}

/** Of requests and good ones both are taken for all. */
function withoutFailures(answer: TrackCounts): TrackCounts {
  if (answer.kind !== 'known') return answer;
  const [all = []] = answer.value;
  return { kind: 'known', value: answer.value.map(() => all) };
}

function since(it: TestCounts, startedAt: number): TestCounts {
  const own = (answer: TrackCounts) =>
    withSeries(answer, ({ labels, samples }) => ({
      labels,
      samples: samples.filter(({ at }) => at >= startedAt),
    }));
  return { ...it, canary: own(it.canary), other: own(it.other) };
}

function isUndecided({ reason }: { readonly reason: string }): boolean {
  return reason.startsWith('not sure yet') || reason.startsWith('too few requests');
}

function isLaterStep({ situation: { state } }: Observation): boolean {
  return state.kind === 'known' && (state.value.evidence ?? []).length > 0;
}

function liveSinceCommit(it: Observation): Observation {
  const rollout = it.situation.rollout;
  if (it.cluster?.live.kind !== 'live' || rollout.kind !== 'known') return it;
  const live = { kind: 'live', sinceSeconds: unix(rollout.value.state.at) } as const;
  return { ...it, cluster: { ...it.cluster, live } };
}

/** The next step, whatever is waited for. */
function pushed(it: Decision, observation: Observation, now: number): Decision {
  const rollout = observation.situation.rollout;
  if (rollout.kind !== 'known' || observation.cluster?.live.kind !== 'live') return it;
  return goOn(contextOf(observation, rollout.value, now));
}
