import * as z from 'zod';
import type { Plan } from '../plan/plan.ts';
import { fields, hasMembers, thing } from '../props/fields.ts';

/** A folder that one sync object applies. */
export interface SyncRoot {
  /** Name of the sync object. */
  readonly name: string;
  /** Below the root of the repository. */
  readonly path: string;
  /** Which of the release's objects it holds. */
  readonly holds: 'all' | 'mesh' | 'workload';
}

/**
 * The folders of a release: `live/<id>` under the release's id, or, where mesh objects and all others lie apart,
 * `live/<id>/mesh` and `live/<id>/workload`, those of them that the plan has, under `<id>-mesh` and `<id>-workload`.
 */
export function rootsOf({ release, files }: Plan): readonly SyncRoot[] {
  const names = Object.keys(files);
  const apart = (['mesh', 'workload'] as const).filter((folder) =>
    names.some((it) => it.startsWith(`${folder}/`)),
  );
  if (apart.length === 0) return [{ name: release, path: `live/${release}`, holds: 'all' }];
  return apart.map((folder) => ({
    name: `${release}-${folder}`,
    path: `live/${release}/${folder}`,
    holds: folder,
  }));
}

/** The objects that make a GitOps tool apply `live/`, one for each folder of a release. */
export interface Sync extends z.infer<typeof syncObjects> {}

/** The schema of `Sync`. */
export const syncObjects = fields({
  tool: z.enum(['flux', 'argo-cd']),
  /** Namespace of the objects. */
  namespace: z.string(),
  /** What the analyzer reads of them, as a Role names it. */
  resource: fields({
    group: z.string(),
    name: z.string(),
  }),
});

/** A plan, as `Manifests` hands it to its factory. */
export const aPlan = thing<Plan>(
  { what: 'a plan', remedy: 'hand on the plans that Manifests gives to its factory' },
  (it) =>
    hasMembers(it, { release: 'string', namespace: 'string', files: 'object', analysis: 'object' }),
);

/** The value of `perch analyze --sync`. */
export function syncFlag({ tool, namespace }: Sync): string {
  return `${tool}:${namespace}/{release}`;
}
