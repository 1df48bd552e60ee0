import type { Plan } from '../../lib/plan/plan.ts';
import { failedText } from '../core/judge/failed-point.ts';
import { contextOf } from '../core/rules/decide.ts';
import type { Context } from '../core/rules/decision.ts';
import { limitsOf, standingsAt } from '../core/rules/limits.ts';
import { leaves, type Outcome } from '../tick/outcome.ts';

/** A check point that failed, and that nobody was told of yet. */
export interface ToldFailure {
  readonly release: string;
  /** The plan that is judged. */
  readonly plan: Plan;
  /** The release's phase and step when it was found. */
  readonly phase: string;
  readonly step: string | undefined;
  /** `success-rate 69.17 % < 99 % (failed check 3 of 10)`. */
  readonly text: string;
  /** Names of the checks that failed at it. */
  readonly checks: readonly string[];
  /** When the point was, and when it was found; Unix seconds. */
  readonly pointAt: number;
  readonly at: number;
  /** The same for every process that finds it: the release, when its position was taken, the point. */
  readonly key: string;
}

/** How often a process looks. */
export interface Rhythm {
  /** Between two passes at most; of a process that makes a single pass, between two of them. */
  readonly intervalSeconds: number;
  /** Whether this process makes a single pass, and another one the next. */
  readonly isOnce: boolean;
}

/** Finds what failed since the pass before. */
export interface Failures {
  /** Of the outcomes of one pass, the oldest first. */
  fresh(outcomes: readonly Outcome[]): readonly ToldFailure[];
}

/**
 * Tells each failed point once. A point can be judged from its time plus the settle time on, which every process
 * computes alike, so it is new in the first pass after that. A process remembers when it looked last. One that has just
 * started takes it that somebody looked an interval ago. Where each process makes a single pass, which starts a little
 * early or late, whole intervals of the clock are told, so that neither repeats nor leaves out a point of the other's.
 */
export function failuresOf({ intervalSeconds, isOnce }: Rhythm): Failures {
  /** By release, up to when points are told; Unix seconds. */
  const told = new Map<string, number>();
  return {
    fresh: (outcomes) => {
      const present = new Set(outcomes.map((it) => it.release));
      for (const id of told.keys()) if (!present.has(id)) told.delete(id);
      return outcomes.flatMap((it) => {
        const whole = Math.floor(it.at / intervalSeconds) * intervalSeconds;
        const from = told.get(it.release) ?? whole - intervalSeconds;
        // After the last look at a step nobody asks for its points again.
        const until = isOnce && !leaves(it) ? whole : it.at;
        const context = known(it);
        // What a store did not answer now is asked again, and tells of the same points.
        const isHeard = context !== undefined && context.judgement.trouble === undefined;
        told.set(it.release, isHeard ? until : from);
        return context === undefined ? [] : failedBetween(it, context, { from, until });
      });
    },
  };
}

function known({ observation, at }: Outcome): Context | undefined {
  const { rollout } = observation.situation;
  return rollout.kind === 'known' ? contextOf(observation, rollout.value, at) : undefined;
}

/** Points that could first be judged after `from`, and by `until`. */
function failedBetween(
  it: Outcome,
  context: Context,
  { from, until }: { readonly from: number; readonly until: number },
): readonly ToldFailure[] {
  const { plan, state } = context.rollout;
  const { settleSeconds } = plan.plan.analysis;
  const limits = limitsOf(context);
  return context.judgement.failures.flatMap((point): readonly ToldFailure[] => {
    const judgedAt = point.at + settleSeconds;
    if (judgedAt <= from || judgedAt > until) return [];
    return [
      {
        release: it.release,
        plan: plan.plan,
        phase: it.status.phase,
        step: it.status.stepName,
        text: failedText(point.checks, standingsAt(limits, point)),
        checks: point.checks.map((one) => one.check.name),
        pointAt: point.at,
        at: it.at,
        key: `${it.release} ${state.at} failed ${point.at}`,
      },
    ];
  });
}
