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
export interface GrowthAsked {
  readonly metric: string;
  readonly matchers: readonly (readonly [label: string, operator: string, value: string])[];
  readonly by: readonly string[];
  readonly seconds: number;
}

/** Answers queries for the growth of these counters, at one moment; undefined for any other query. */
export function growthAnswers(
  counters: readonly EmbeddedCounter[],
): (query: string, at: number) => readonly LabelledValue[] | undefined {
  const selections = new Map<string, Selection | undefined>();
  return (query, at) => {
    if (!selections.has(query)) selections.set(query, selectionOf(counters, growthAsked(query)));
    const selection = selections.get(query);
    if (selection === undefined) return undefined;
    const sums = new Map<string, LabelledValue>();
    for (const { counter, key, labels } of selection.counters) {
      const now = lastSeen(counter, at);
      if (now === undefined) continue;
      const before = lastSeen(counter, at - selection.seconds);
      const growth = before !== undefined && before <= now ? now - before : now;
      sums.set(key, { labels, value: (sums.get(key)?.value ?? 0) + growth });
    }
    return [...sums.values()];
  };
}

/** The counters of one query, and the labels that are left of each. */
interface Selection {
  readonly seconds: number;
  readonly counters: readonly {
    readonly counter: EmbeddedCounter;
    readonly key: string;
    readonly labels: EmbeddedCounter['labels'];
  }[];
}

function selectionOf(
  all: readonly EmbeddedCounter[],
  asked: GrowthAsked | undefined,
): Selection | undefined {
  if (asked === undefined) return undefined;
  const selected = all.filter(
    (it) =>
      it.metric === asked.metric &&
      asked.matchers.every((matcher) => isMatched(it.labels, matcher)),
  );
  const counters = selected.map((counter) => {
    const own = asked.by.flatMap((label) => {
      const value = counter.labels[label] ?? '';
      return value === '' ? [] : [[label, value] as const];
    });
    return { counter, key: JSON.stringify(own), labels: Object.fromEntries(own) };
  });
  return { seconds: asked.seconds, counters };
}

function lastSeen({ samples }: EmbeddedCounter, at: number): number | undefined {
  let [low, high] = [0, samples.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((samples[middle]?.at ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  const last = samples[low - 1];
  return last !== undefined && last.at > at - FORGOTTEN_SECONDS ? last.value : undefined;
}

/** Reads the question back from its text; undefined where it is none. */
export function growthAsked(query: string): GrowthAsked | undefined {
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
