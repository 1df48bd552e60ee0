import type { Construct } from 'constructs';
import * as z from 'zod';
import type { JsonObject } from '../manifest/json.ts';
import { put } from '../manifest/put.ts';
import { reprove } from '../mistake.ts';
import { fields, listOf } from '../props/fields.ts';
import { readProps } from '../props/read.ts';
import { addressMistakes, branchOf, repository } from './repository.ts';
import { aPlan, rootsOf, type Sync, type SyncRoot } from './sync.ts';

/** How Argo CD applies the releases. */
export interface ArgoCdProps extends z.infer<typeof argoCdProps> {}

/** The schema of `ArgoCdProps`. */
export const argoCdProps = fields({
  /** The releases: `Manifests` hands them to its factory. */
  plans: listOf(aPlan),
  /** The repository with `live/`. */
  run: repository,
  /**
   * One Application for each release, or one ApplicationSet that makes them of the folders in `live/`.
   * @default 'applications'
   */
  as: z.enum(['applications', 'application-set']).optional(),
  /** @default 'argocd' */
  namespace: z.string().optional(),
  /**
   * AppProject that allows the repository and the releases' namespaces.
   * @default 'default'
   */
  project: z.string().optional(),
  /**
   * API server that is applied to, as Argo CD knows it.
   * @default 'https://kubernetes.default.svc'
   */
  server: z.string().optional(),
  /**
   * API servers that the folders `mesh` and `workload` of releases with two roots are applied to.
   * @default - `server`
   */
  servers: fields({
    mesh: z.string().optional(),
    workload: z.string().optional(),
  }).optional(),
});

const API_VERSION = 'argoproj.io/v1alpha1';

/**
 * Makes an Application for each release, of its id, over `live/<id>`: automated with pruning and self-heal,
 * applied by the server, and without retries, which would keep to a revision that failed while the rollback waits.
 * Nothing is ignored: what is in Git is what is in the cluster. A release with two roots has one for each,
 * `<id>-mesh` and `<id>-workload`, also beside an ApplicationSet.
 *
 * No Application has a finalizer, and none is pruned by whatever applies this folder: an application is never
 * deleted because its release disappeared from `apps/`.
 *
 * @returns what the analyzer is told of it
 */
export function argoCd(scope: Construct, props: ArgoCdProps): Sync {
  const { given, reproofs } = readProps('argoCd', argoCdProps, props);
  reprove(scope, ...reproofs);
  if (given !== undefined) return argoCdOf(scope, given);
  return { tool: 'argo-cd', namespace: 'argocd', resource: APPLICATIONS };
}

const APPLICATIONS = { group: 'argoproj.io', name: 'applications' };

function argoCdOf(scope: Construct, props: ArgoCdProps): Sync {
  const { namespace = 'argocd', plans } = props;
  reprove(scope, ...addressMistakes('run.url of argoCd', props.run.url));
  const roots = plans.flatMap(rootsOf);
  const isSet = props.as === 'application-set';
  if (isSet) applicationSet(scope, props, namespace);
  for (const root of roots.filter((it) => !isSet || it.holds !== 'all'))
    put(scope, {
      apiVersion: API_VERSION,
      kind: 'Application',
      metadata: {
        name: root.name,
        namespace,
        annotations: { 'argocd.argoproj.io/sync-options': 'Prune=false' },
      },
      spec: applicationSpec(props, root.path, serverOf(props, root)),
    });
  return { tool: 'argo-cd', namespace, resource: APPLICATIONS };
}

function serverOf({ servers }: ArgoCdProps, { holds }: SyncRoot): string | undefined {
  return holds === 'all' ? undefined : servers?.[holds];
}

function applicationSet(scope: Construct, props: ArgoCdProps, namespace: string): void {
  const { run, plans } = props;
  // A folder of folders has no manifests of its own.
  const apart = plans.filter((it) => rootsOf(it).some((root) => root.holds !== 'all'));
  put(scope, {
    apiVersion: API_VERSION,
    kind: 'ApplicationSet',
    metadata: { name: 'perch', namespace },
    spec: {
      goTemplate: true,
      goTemplateOptions: ['missingkey=error'],
      generators: [
        {
          git: {
            repoURL: run.url,
            revision: branchOf(run),
            directories: [
              { path: 'live/*' },
              ...apart.map((it) => ({ path: `live/${it.release}`, exclude: true })),
            ],
          },
        },
      ],
      // Else a folder that is gone from live/ would delete the application at once.
      syncPolicy: { preserveResourcesOnDeletion: true },
      template: {
        metadata: { name: '{{.path.basename}}' },
        spec: applicationSpec(props, '{{.path.path}}'),
      },
    },
  });
}

/** Every object names its own namespace, so the destination names none. */
function applicationSpec(
  { run, project, server }: ArgoCdProps,
  path: string,
  own?: string,
): JsonObject {
  return {
    project: project ?? 'default',
    source: { repoURL: run.url, targetRevision: branchOf(run), path },
    destination: { server: own ?? server ?? 'https://kubernetes.default.svc' },
    syncPolicy: {
      automated: { prune: true, selfHeal: true },
      syncOptions: ['ServerSideApply=true'],
      retry: { limit: 0 },
    },
  };
}
