import type { MetricStore } from '../../analyzer/metrics/store.ts';

/** A store's answer about counters where a test has none: nobody asks about them, or it would show. */
export const noCounters: Pick<MetricStore, 'growth'> = {
  growth: async () => ({ kind: 'unknown', reason: 'this store has no counters' }),
};
