import { objectAt } from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import type { PlacedReproof } from './warnings.ts';

/**
 * What is wrong with a PodDisruptionBudget that lets pods of the primary be evicted, and none of a canary that is
 * smaller: no node with one could be drained.
 *
 * @param least the least number of pods of each track, while it runs
 */
export function budgetMistakes(
  { path, object }: Authored,
  least: { readonly primary: number; readonly canary: number },
): readonly Mistake[] {
  const { minAvailable: got } = objectAt(object, 'spec');
  if (object.kind !== 'PodDisruptionBudget' || typeof got !== 'number') return [];
  if (got >= least.primary || got < least.canary) return [];
  const problem = `minAvailable of PodDisruptionBudget ${object.metadata.name} lets no pod of the canary be evicted, which has ${least.canary} at times`;
  const remedy = 'use a percent, or maxUnavailable, or give the canary more pods';
  return [{ path, problem, got, remedy }];
}

/** A PodDisruptionBudget that lets no pod be evicted, whatever the number. */
export function closedBudget({ path, object }: Authored): readonly PlacedReproof[] {
  if (object.kind !== 'PodDisruptionBudget') return [];
  const { minAvailable, maxUnavailable } = objectAt(object, 'spec');
  const isClosed = [0, '0', '0%'].some((it) => it === maxUnavailable) || minAvailable === '100%';
  if (!isClosed) return [];
  const problem = `PodDisruptionBudget ${object.metadata.name} lets no pod be evicted: no node with one can be drained`;
  const got = maxUnavailable === undefined ? { minAvailable } : { maxUnavailable };
  return [{ path, problem, got, remedy: 'let one pod be evicted: maxUnavailable: 1' }];
}
