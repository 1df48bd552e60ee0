import type { Answer } from '../../analyzer/core/answer.ts';
import type { CounterSeries } from '../../analyzer/core/judge/counts.ts';
import type { Grid } from '../../analyzer/core/judge/grid.ts';
import { growthQuery } from '../../analyzer/metrics/prometheus-growth.ts';
import type { Growth, GrowthQuestion, MetricStore } from '../../analyzer/metrics/store.ts';
import { type EmbeddedCounter, growthAnswers } from './growth.ts';

/** A store of counters in this process, and what it was asked. */
export interface CounterStore extends MetricStore {
  readonly asked: readonly { readonly question: GrowthQuestion; readonly points: Grid }[];
}

/**
 * A store that holds these counters.
 *
 * @param trouble what it answers instead @default - it answers
 */
export function counterStore(
  counters: readonly EmbeddedCounter[],
  trouble: (
    question: GrowthQuestion,
    points: Grid,
  ) => Extract<Answer<never>, { kind: 'unknown' }> | undefined = () => undefined,
): CounterStore {
  const asked: { question: GrowthQuestion; points: Grid }[] = [];
  const answer = growthAnswers(counters);
  return {
    kind: 'embedded',
    asked,
    values: async () => ({ kind: 'unknown', reason: 'this store has counters alone' }),
    growth: async (question, points): Promise<Answer<Growth>> => {
      asked.push({ question, points });
      const wrong = trouble(question, points);
      if (wrong !== undefined) return wrong;
      const query = growthQuery(question, points.stepSeconds);
      const series = new Map<
        string,
        { labels: CounterSeries['labels']; samples: { at: number; value: number }[] }
      >();
      for (let at = points.start; at <= points.end; at += points.stepSeconds)
        for (const { labels, value } of answer(query, at) ?? []) {
          const key = JSON.stringify(labels);
          const one = series.get(key) ?? { labels, samples: [] };
          one.samples.push({ at, value });
          series.set(key, one);
        }
      return { kind: 'known', value: { series: [...series.values()] } };
    },
  };
}
