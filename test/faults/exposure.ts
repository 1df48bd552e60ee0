import { rulesOf } from '../../analyzer/simulated/reach.ts';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import { at } from '../../lib/plan/pointer.ts';
import { isWorkload, nameOf } from '../../lib/traffic/reach.ts';

/** What percent of a release's requests each image gets by these objects, whether its pods are ready or not. */
export function exposure(objects: readonly Manifest[], apex: string): ReadonlyMap<string, number> {
  const images = imagesOf(objects);
  const found = new Map<string, number>();
  const rule = rulesOf(objects, apex).at(-1);
  const total = rule?.to.reduce((sum, it) => sum + it.weight, 0) ?? 0;
  for (const { workloads, weight } of rule?.to ?? []) {
    for (const name of workloads) {
      const image = images.get(name);
      if (image === undefined || weight === 0) continue;
      const share = (100 * weight) / total / workloads.length;
      found.set(image, (found.get(image) ?? 0) + share);
    }
  }
  return found;
}

/** What each workload runs; image by name. */
export function imagesOf(objects: readonly Manifest[]): ReadonlyMap<string, string> {
  return new Map(objects.filter(isWorkload).map((it) => [nameOf(it), imageIn(it)]));
}

function imageIn(workload: Manifest): string {
  return String(at(workload, '/spec/template/spec/containers/0/image'));
}
