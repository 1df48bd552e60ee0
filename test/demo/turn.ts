import { saidBy } from '../../analyzer/core/judge/failed-point.ts';
import { samples } from '../../analyzer/core/judge/point.ts';
import type { CheckSeries, Sample } from '../../analyzer/core/judge/series.ts';
import { subjectOf } from '../../analyzer/core/message.ts';
import { canaryWeight, type PlanTree, positionText } from '../../analyzer/core/position.ts';
import type { Decision } from '../../analyzer/core/rules/decision.ts';
import type { Situation } from '../../analyzer/core/situation.ts';
import type { Outcome } from '../../analyzer/tick/outcome.ts';
import type { Turn } from './event.ts';

/**
 * What a person is told about one decision.
 *
 * @param now Unix seconds
 */
export function turnOf(outcome: Outcome, now: number): Turn {
  const { decision, observation, release, commit, message } = outcome;
  const { series, situation } = observation;
  return {
    event: 'decision',
    at: new Date(now * 1000).toISOString(),
    release,
    kind: decision.kind,
    ...placeOf(decision, situation),
    ...optional('successRate', newestOf(series, '%')),
    ...optional('latencyP99Ms', newestOf(series, 'ms')),
    verdict: decision.kind === 'move' ? decision.verdict : verdictOf(series),
    reason: decision.reason,
    ...optional('commit', commit),
    ...optional('subject', message && subjectOf(message)),
  };
}

/** Whether two turns say the same, apart from numbers that count up. */
export function isSameTurn(before: Turn | undefined, after: Turn): boolean {
  if (before === undefined || after.kind === 'move') return false;
  const isSameVerdict = after.verdict === before.verdict;
  return after.step === before.step && waitsFor(after) === waitsFor(before) && isSameVerdict;
}

/** What is waited for, without how far it has come. */
function waitsFor({ kind, reason }: Turn): string {
  const [what = ''] = reason.split(':');
  return `${kind} ${what.replaceAll(/\d+/g, '#')}`;
}

function placeOf(decision: Decision, situation: Situation): { step: string; weight: number } {
  const { state } = situation;
  const isPinned = decision.kind === 'move' && decision.pins;
  const plan: PlanTree | undefined = known(isPinned ? situation.dist : situation.plan);
  const position = decision.kind === 'move' ? decision.to : known(state)?.position;
  if (plan === undefined || position === undefined) return { step: 'none', weight: 0 };
  return { step: positionText(position), weight: canaryWeight(plan.plan, position) };
}

function known<T>(loaded: { readonly kind: string; readonly value?: T }): T | undefined {
  return loaded.value;
}

/** What the newest answers together would mean for the candidate. */
function verdictOf(series: readonly CheckSeries[]): Turn['verdict'] {
  const answers = series.map((it) => ({ check: it.check, newest: newest(it) }));
  if (answers.every((it) => it.newest === undefined)) return 'none';
  const all = answers.map(({ check, newest }) => {
    const value = newest === undefined ? [] : [newest];
    const alone: CheckSeries = { check, fromCommit: { canary: { kind: 'known', value } } };
    return saidBy([alone], (it) => it.fromCommit)(newest?.at ?? 0)[0]?.verdict ?? 'unknown';
  });
  if (all.includes('fail')) return 'fail';
  return all.includes('unknown') ? 'inconclusive' : 'pass';
}

function newestOf(series: readonly CheckSeries[], unit: string): number | undefined {
  const found = series.find((it) => it.check.unit === unit);
  return found === undefined ? undefined : newest(found)?.value;
}

function newest({ fromLive, fromCommit }: CheckSeries): Sample | undefined {
  const all = [fromLive, fromCommit].flatMap((it) => samples(it?.canary));
  return all.toSorted((one, other) => one.at - other.at).at(-1);
}

function optional<K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: T });
}
