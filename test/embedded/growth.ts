import { FORGOTTEN_SECONDS } from '../../analyzer/metrics/prometheus-growth.ts';
import type { LabelledValue } from './prometheus.ts';

/** A counter of a store in this process. */
export interface EmbeddedCounter {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  /** In order of time, in Unix seconds. */
  readonly samples: readonly { readonly at: number; readonly value: number }[];
}

/** What the store's query for growth asks, read back from its text. */
interface GrowthAsked {
  readonly metric: string;
  readonly matchers: readonly (readonly [label: string, operator: string, value: string])[];
  readonly by: readonly string[];
  readonly seconds: number;
}

/** The answer to a query for the growth of counters, at one moment; undefined for any other query. */
export function growthAnswer(
  counters: readonly EmbeddedCounter[],
  query: string,
  at: number,
): readonly LabelledValue[] | undefined {
  const asked = growthAsked(query);
  if (asked === undefined) return undefined;
  const sums = new Map<string, LabelledValue>();
  for (const it of counters) {
    if (it.metric !== asked.metric || !asked.matchers.every((one) => isMatched(it.labels, one)))
      continue;
    const now = lastSeen(it, at);
    if (now === undefined) continue;
    const before = lastSeen(it, at - asked.seconds);
    const growth = before !== undefined && before <= now ? now - before : now;
    const own = asked.by.flatMap((label) => {
      const value = it.labels[label] ?? '';
      return value === '' ? [] : [[label, value] as const];
    });
    const key = JSON.stringify(own);
    const value = (sums.get(key)?.value ?? 0) + growth;
    sums.set(key, { labels: Object.fromEntries(own), value });
  }
  return [...sums.values()];
}

function lastSeen({ samples }: EmbeddedCounter, at: number): number | undefined {
  const last = samples.findLast((it) => it.at <= at);
  return last !== undefined && last.at > at - FORGOTTEN_SECONDS ? last.value : undefined;
}

function growthAsked(query: string): GrowthAsked | undefined {
  const by = /^sum by \(([^)]*)\)/.exec(query)?.[1];
  const selected = /last_over_time\((\w+)\{((?:[^}"]|"(?:[^"\\]|\\.)*")*)\}/.exec(query);
  const seconds = / offset (\d+)s/.exec(query)?.[1];
  if (by === undefined || selected === null || seconds === undefined) return undefined;
  const [, metric = '', conditions = ''] = selected;
  const matchers = [...conditions.matchAll(/(\w+)(=~|!~|!=|=)("(?:[^"\\]|\\.)*")/g)].map(
    ([, label = '', operator = '', text = '""']) => [label, operator, JSON.parse(text)] as const,
  );
  const labels = by.split(',').map((it) => it.trim());
  return { metric, matchers, by: labels.filter((it) => it !== ''), seconds: Number(seconds) };
}

function isMatched(
  labels: EmbeddedCounter['labels'],
  [label, operator, value]: GrowthAsked['matchers'][number],
): boolean {
  const own = labels[label] ?? '';
  const isIn = operator.endsWith('~') ? new RegExp(`^(?:${value})$`).test(own) : own === value;
  return operator.startsWith('!') ? !isIn : isIn;
}
