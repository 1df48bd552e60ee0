import { guardSecondsOf } from '../../../lib/plan/analysis.ts';
import type { Test } from '../../../lib/plan/evidence.ts';
import type { Plan } from '../../../lib/plan/plan.ts';
import type { Bound } from '../../core/judge/counts.ts';
import { chooseBounds } from '../../core/judge/evidence/latency.ts';
import { BOUNDS, bucketsOf, SAME, within } from '../requests.ts';
import type { Load } from './counted-traffic.ts';
import { type PreparedPlan, prepared } from './prepared-plan.ts';

/** What is known of a release and its users before a rollout is played. */
export interface Setting extends PreparedPlan {
  readonly load: Load;
  /** From a commit until new pods are ready. */
  readonly readySeconds: number;
  /** The clock moves by so much: what is counted and judged begins and ends at multiples of it. */
  readonly tickSeconds: number;
  /** What durations are held against, in the test's own unit. */
  boundsOf(test: Test): readonly Bound[];
}

/** What whoever asks says of a release's users. */
export interface Users {
  readonly perSecond: number;
  readonly readySeconds: number;
}

/** How long the requests were counted that tell the usual latency. */
const HISTORY_SECONDS = 3600;

/** A plan, and the traffic in which it is played. */
export function settingOf(plan: Plan, { perSecond, readySeconds }: Users): Setting {
  const { evidence, analysis } = plan;
  const it = prepared(plan);
  const tests = evidence?.tests ?? [];
  const isTimed =
    tests.some((one) => one.counts.canary.kind === 'durations') ||
    [...it.asked.values()].some((one) => one !== 'success-rate');
  const own = tests.flatMap(({ question }) =>
    question.kind === 'objective' && question.boundMs !== undefined ? [question.boundMs] : [],
  );
  const bounds = isTimed ? [...new Set([...BOUNDS, ...own])].sort((a, b) => a - b) : [];
  const isGuarded =
    tests.some((one) => one.catastrophe !== undefined) ||
    plan.checks.some((one) => one.abort !== undefined);
  const guard = isGuarded ? [guardSecondsOf(analysis)] : [];
  const periods = [evidence?.intervalSeconds ?? 0, analysis.checkSeconds, analysis.settleSeconds];
  return {
    ...it,
    load: { perSecond, bounds, noiseSeconds: evidence?.intervalSeconds ?? 60 },
    readySeconds,
    tickSeconds: [...periods, ...guard].reduce(divisor),
    boundsOf: (test) => boundsOf(test, bounds, perSecond),
  };
}

/** The largest number that divides both. */
function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/** As before a rollout: what the primary's requests of an hour tell. */
function boundsOf({ counts, question }: Test, bounds: readonly number[], perSecond: number) {
  if (counts.primary.kind === 'errors') return [];
  const unit = unitMs(counts.primary.unit);
  if (question.kind === 'objective')
    return [{ le: (question.boundMs ?? 0) / unit, share: question.limit }];
  const requests = HISTORY_SECONDS * perSecond;
  const shares = within(SAME, bounds);
  const buckets = bucketsOf(
    bounds,
    shares.map((it) => it * requests),
    requests,
  );
  return chooseBounds(buckets).map((le) => ({
    le: le / unit,
    share: 1 - (shares[bounds.indexOf(le)] ?? 1),
  }));
}

/** Milliseconds of a histogram's unit. */
export function unitMs(unit: 'ms' | 's'): number {
  return unit === 's' ? 1000 : 1;
}
