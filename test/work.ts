import type { Manifest } from '../analyzer/simulated/server-side-apply.ts';
import { isWorkload, nameOf, type Rule } from '../lib/traffic/reach.ts';

/**
 * How work reaches a release without a Service: each pod that runs takes its share, whichever track it is of.
 *
 * @param runs whether a workload of that name has pods
 */
export function workOf(
  objects: readonly Manifest[],
  name: string,
  runs: (workload: string) => boolean,
): readonly Rule[] {
  const tracks = objects.filter((it) => isWorkload(it) && nameOf(it).startsWith(`${name}-`));
  const workloads = tracks.map(nameOf).filter(runs);
  return workloads.length === 0 ? [] : [{ asks: [], to: [{ workloads, weight: 100 }], copies: [] }];
}
