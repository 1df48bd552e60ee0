import type { MetricStore, MetricStores } from '../analyzer/metrics/store.ts';
import { DEFAULT_SOURCE } from '../lib/plan/plan.ts';

/** One store, for checks that name none. */
export function oneStore(store: MetricStore): MetricStores {
  return new Map([[DEFAULT_SOURCE, store]]);
}
