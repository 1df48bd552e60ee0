import type { Plan } from '../../../lib/plan/plan.ts';
import { outcome } from '../../core/change.ts';
import type { ClusterView, Liveness, Readiness } from '../../core/cluster/reading.ts';
import { nextFailureAt } from '../../core/judge/judge.ts';
import { nextIntervalAt, proofOf } from '../../core/judge/proof.ts';
import { canaryWeight, hasPromoted, stepOf } from '../../core/position.ts';
import { situationAfter } from '../../core/rollout.ts';
import { contextOf, ruled } from '../../core/rules/decide.ts';
import type { Decision, Move } from '../../core/rules/decision.ts';
import type { Rollout, Situation } from '../../core/situation.ts';
import { seeded } from '../random.ts';
import type { Scenario } from '../requests.ts';
import { openTraffic } from './counted-traffic.ts';
import { type EvidenceSoFar, openEvidence } from './evidence-so-far.ts';
import { started } from './prepared-plan.ts';
import type { Setting } from './setting.ts';

/** How a rollout ended. */
export interface Ended {
  /** Held: nothing is proved either way, and a person must look. */
  readonly kind: 'promoted' | 'rolled back' | 'held';
  /** From the first commit on until it was promoted, or until what ended it otherwise was decided. */
  readonly seconds: number;
  /** From when on the candidate was worse and had requests until the rollback was decided; undefined where it was not. */
  readonly detectedSeconds: number | undefined;
  /** Bad requests that the candidate answered until it had none, or was promoted. */
  readonly bad: number;
  /** For how long the candidate had which share of all requests. */
  readonly shares: readonly { readonly share: number; readonly seconds: number }[];
  readonly reason: string;
}

/** From a commit until the cluster shows it, where no pod has to start. */
const SYNC_SECONDS = 5;
/** The part of all requests that has what a rule asks for, where a step matches requests instead of weights. */
const MATCHED = 0.1;
/** What has not ended by then is held. */
const MOST_SECONDS = 24 * 3600;
/** No part of a plan waits for longer without anything that can be judged. */
const LONGEST_PAUSE = 600;
/** A time that begins an interval of almost any length. */
const EPOCH = 1_800_000_000;

/** A position, and when the cluster follows. */
interface Standing {
  readonly rollout: Rollout;
  readonly situation: Situation;
  readonly liveAt: number;
  readonly readyAt: number;
  readonly evidence: EvidenceSoFar;
}

/** Plays one rollout on the analyzer's own rules: the same seed gives the same rollout. */
export function play(setting: Setting, scenario: Scenario, seed: number): Ended {
  const { tickSeconds: tick, load } = setting;
  const random = seeded(seed);
  const start = EPOCH + tick * random.between(0, Math.ceil(load.noiseSeconds / tick) - 1);
  const traffic = openTraffic(load, scenario, random, start, tick);
  const onsetSeconds = 60 * (scenario.onsetMinute ?? 0);
  const first = started(setting, start);
  let standing = stand(first.rollout, first.situation, start);
  let flow = AT_REST;
  let due = start;
  let bad = 0;
  let reachedAt = Infinity;
  let back: { readonly at: number; readonly reason: string } | undefined;
  const shares: { share: number; seconds: number }[] = [];

  for (let now = start + tick; now <= start + MOST_SECONDS; now += tick) {
    const isLive = now > standing.liveAt;
    if (isLive) flow = flowOf(standing.rollout, now > standing.readyAt, flow);
    if (flow.reached > 0) reachedAt = Math.min(reachedAt, now - tick);
    const fromCandidate = traffic.tick(now, {
      ...flow,
      isWorse: now > reachedAt + onsetSeconds,
    });
    bad += fromCandidate;
    if (!flow.isPromoted) count(flow.canary);
    if (back !== undefined && flow.reached === 0 && standing.rollout.state.position.kind !== 'step')
      return ended('rolled back', back.at, back.reason);
    if (now < due && !standing.evidence.isAlarming(now)) continue;
    const decision = look(standing, now);
    if (decision.kind === 'move') {
      if (decision.to.kind === 'complete') return ended('promoted', now, decision.reason);
      if (decision.transition === 'note') return ended('held', now, decision.reason);
      if (decision.transition === 'back' && decision.verdict === 'inconclusive')
        return ended('held', now, decision.reason);
      if (decision.transition === 'back') back ??= { at: now, reason: decision.reason };
      standing = moved(standing, decision, now);
    }
    due = nextLook(standing, decision, now);
  }
  return back === undefined
    ? ended('held', start + MOST_SECONDS, 'it has not ended within a day')
    : ended('rolled back', back.at, back.reason);

  function count(share: number): void {
    const last = shares.at(-1);
    if (last?.share === share) last.seconds += tick;
    else shares.push({ share, seconds: tick });
  }

  function stand(rollout: Rollout, situation: Situation, at: number): Standing {
    const starts = rollout.state.changed.some((it) => isWorkload(rollout, it));
    const after = (seconds: number) => at + tick * Math.ceil(seconds / tick);
    const liveAt = after(SYNC_SECONDS);
    const readyAt = starts ? Math.max(liveAt, after(setting.readySeconds)) : liveAt;
    return {
      rollout,
      situation,
      liveAt,
      readyAt,
      evidence: openEvidence(setting, rollout, traffic, liveAt),
    };
  }

  function moved({ situation }: Standing, move: Move, now: number): Standing {
    const rollout = outcome(situation, move, now);
    return stand(rollout, situationAfter(situation, rollout), now);
  }

  function ended(kind: Ended['kind'], at: number, reason: string): Ended {
    const onset = reachedAt + onsetSeconds;
    const isFound = kind === 'rolled back' && at > onset;
    return {
      kind,
      seconds: at - start,
      detectedSeconds: isFound ? at - onset : undefined,
      bad,
      shares,
      reason,
    };
  }
}

/** What the analyzer would decide now. */
function look({ rollout, situation, liveAt, readyAt, evidence }: Standing, now: number): Decision {
  const live: Liveness =
    now >= liveAt
      ? { kind: 'live', sinceSeconds: liveAt }
      : { kind: 'waiting', reason: 'not synced yet', untilSeconds: liveAt };
  const weighed = evidence.weighed(now);
  const observation = {
    situation,
    cluster: viewOf(rollout, live, now >= readyAt, now),
    series: evidence.series(live, now),
    skewSeconds: 0,
  };
  return ruled(contextOf(observation, rollout, now, weighed && proofOf(rollout, weighed)));
}

function viewOf(
  { plan, state }: Rollout,
  live: Liveness,
  isReady: boolean,
  now: number,
): ClusterView {
  const { analysis } = plan.plan;
  const position = state.position;
  const tracks = position.kind === 'step' ? (stepOf(plan.plan, position)?.ready ?? []) : [];
  const late = now - Date.parse(state.at) / 1000 > analysis.progressDeadlineSeconds;
  const readiness: Readiness = isReady
    ? { kind: 'ready' }
    : { kind: 'notReady', reason: 'pods start', deadlinePassed: late, available: 1 };
  return {
    live,
    ready: Object.fromEntries(['primary' as const, ...tracks].map((it) => [it, readiness])),
    shownStep: undefined,
  };
}

function isWorkload({ plan, stable }: Rollout, file: string): boolean {
  const role = plan.plan.files[file]?.role ?? stable?.plan.files[file]?.role;
  return role === 'primary' || role === 'canary' || role === 'baseline';
}

/** When the next thing can be judged, or happens by itself. */
function nextLook({ rollout, liveAt, readyAt }: Standing, decision: Decision, now: number): number {
  const until = decision.kind === 'hold' ? decision.untilSeconds : undefined;
  const hasTests = rollout.plan.plan.evidence !== undefined;
  const all = [
    liveAt,
    readyAt,
    until ?? Infinity,
    nextFailureAt(rollout, now) ?? Infinity,
    hasTests ? nextIntervalAt(rollout, now) : Infinity,
  ];
  return Math.min(now + LONGEST_PAUSE, ...all.filter((it) => it > now));
}

/** Where requests go once a position is live. */
interface Flow {
  readonly canary: number;
  readonly baseline: number;
  readonly isPromoted: boolean;
  /** The share that the candidate answers. */
  readonly reached: number;
}

const AT_REST: Flow = { canary: 0, baseline: 0, isPromoted: false, reached: 0 };

function flowOf(
  { plan: { plan }, state: { position } }: Rollout,
  isReady: boolean,
  was: Flow,
): Flow {
  const step = position.kind === 'step' ? stepOf(plan, position) : undefined;
  const isMatched = (step?.besides ?? []).length > 0;
  const percent = canaryWeight(plan, position);
  const canary = percent === 0 && isMatched ? MATCHED : percent / 100;
  const baseline = (step?.weights.baseline ?? 0) / 100;
  // Until its new pods are ready the old ones answer.
  const isPromoted = isReady
    ? step !== undefined && runsCandidate(plan, step.name)
    : was.isPromoted;
  return { canary, baseline, isPromoted, reached: isPromoted ? 1 - baseline : canary };
}

/** Without a workload of its own a release promotes nothing but its routes. */
function runsCandidate(plan: Plan, step: string): boolean {
  return plan.workloads.primary !== undefined && hasPromoted(plan, step);
}
