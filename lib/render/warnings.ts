import type { Manifest } from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { durationText } from '../plan/describe.ts';
import type { Plan } from '../plan/plan.ts';
import type { Release } from '../release/release.ts';
import { idleIngress } from '../workload/backends.ts';
import { closedBudget } from '../workload/budgets.ts';
import { idlePorts, idleSelectors, podWarnings } from '../workload/warnings.ts';
import { workloadKindOf } from '../workload/workload-kinds.ts';
import { type ReleaseObjects, servicesIn } from './objects.ts';

/** What is probably not meant of a release with which nothing is wrong. */
export function warningsOf(
  { path, names }: Release,
  plan: Plan,
  objects: ReleaseObjects,
  rendered: readonly Authored[],
): readonly Mistake[] {
  const own = objects.apex === undefined ? [] : Object.values(names);
  const around = { namespace: names.namespace, objects: rendered };
  const found = [
    ...(objects.base === undefined ? [] : podWarnings(authorOf(objects.base, rendered, path))),
    ...objects.configuration
      .filter((it) => !isOwnService(it.object, own))
      .flatMap((it) => [...idleSelectors(it, around), ...idlePorts(it, around)]),
    ...objects.running('primary', { kind: 'full' }).flatMap(closedBudget),
    ...objects.configuration.flatMap((it) => idleIngress(it, servicesIn(objects))),
  ];
  return [...found, ...shortBakes(path, plan)].map((it) => ({ ...it, severity: 'warning' }));
}

function authorOf(object: Manifest, rendered: readonly Authored[], path: string): Authored {
  const workload = rendered.find((it) => workloadKindOf(it.object) !== undefined);
  return { path: workload?.path ?? path, object };
}

/** The release's own Services select what the strategy runs, which is nothing at times. */
function isOwnService({ kind, metadata }: Manifest, names: readonly string[]): boolean {
  return kind === 'Service' && names.includes(metadata.name);
}

/** One passing point is enough for them, as if the bake time were one check period. */
function shortBakes(path: string, { steps, analysis }: Plan): readonly Mistake[] {
  const short = steps.flatMap(({ stay }) =>
    stay.kind === 'bake' && stay.seconds < analysis.checkSeconds ? [stay.seconds] : [],
  );
  return [...new Set(short)].map((seconds) => ({
    path,
    problem: `the bake time is under the check period of ${durationText(analysis.checkSeconds)}`,
    got: durationText(seconds),
    remedy: 'bake for a check period or longer, or shorten analysis.checkPeriod',
  }));
}
