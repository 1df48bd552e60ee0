import * as z from 'zod';
import { faultsText } from '../../lib/plan/parse.ts';
import { prometheus, prometheusOptions } from './prometheus.ts';
import type { MetricStore, MetricStores } from './store.ts';

/** Every kind of metric store, by the name that configuration gives it. */
export const metricStoreKinds = { prometheus } satisfies Record<
  string,
  (options: never) => MetricStore
>;

const storeSchema = z.discriminatedUnion('kind', [
  prometheusOptions.extend({ kind: z.literal('prometheus') }),
]);
const storesSchema = z.record(
  z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'the name of a store must be a DNS label'),
  storeSchema,
);

/**
 * Opens the stores that a configuration describes: by name, with a kind and what that kind asks for. No other way
 * leads to a store.
 *
 * @param place where it came from, for the message
 * @throws Error that names the place, the store and the remedy
 */
export function openStores(configuration: unknown, place: string): MetricStores {
  const result = storesSchema.safeParse(configuration);
  if (!result.success)
    throw new Error(
      `${place} does not describe metric stores: ${faultsText(result.error)}. ` +
        'It has the names of stores, each with a kind (prometheus) and its options; docs/install.md shows one.',
    );
  return new Map(
    Object.entries(result.data).map(([name, { kind, ...options }]) => {
      try {
        return [name, metricStoreKinds[kind](options)];
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`${place}: store ${name}: ${reason}`);
      }
    }),
  );
}
