import { prometheus } from './prometheus.ts';
import type { MetricProvider } from './provider.ts';

/** Every kind of metric store, by the name that configuration gives it. A new one is one line. */
export const metricProviders = { prometheus } satisfies Record<
  string,
  (options: never) => MetricProvider
>;
