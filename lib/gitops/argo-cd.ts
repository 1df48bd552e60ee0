import type { Construct } from 'constructs';
import type { JsonObject } from '../json.ts';
import { reprove } from '../mistake.ts';
import type { Plan } from '../plan/plan.ts';
import { put } from '../put.ts';
import { addressMistakes, branchOf, type Repository } from './repository.ts';
import type { Sync } from './sync.ts';

/** How Argo CD applies the releases. */
export interface ArgoCdProps {
  /** The releases: `Manifests` hands them to its factory. */
  readonly plans: readonly Plan[];
  /** The repository with `live/`. */
  readonly run: Repository;
  /**
   * One Application for each release, or one ApplicationSet that makes them of the folders in `live/`.
   * @default 'applications'
   */
  readonly as?: 'applications' | 'application-set';
  /** @default 'argocd' */
  readonly namespace?: string;
  /**
   * AppProject that allows the repository and the releases' namespaces.
   * @default 'default'
   */
  readonly project?: string;
  /**
   * API server that is applied to, as Argo CD knows it.
   * @default 'https://kubernetes.default.svc'
   */
  readonly server?: string;
}

const API_VERSION = 'argoproj.io/v1alpha1';

/**
 * Makes an Application for each release, of its id, over `live/<id>`: automated with pruning and self-heal,
 * applied by the server, and without retries, which would keep to a revision that failed while the way back waits.
 * Nothing is ignored: what is in Git is what is in the cluster.
 *
 * No Application has a finalizer, and none is pruned by whatever applies this folder: an application is never
 * deleted because its release disappeared from `apps/`.
 *
 * @returns what the analyzer is told of it
 */
export function argoCd(scope: Construct, props: ArgoCdProps): Sync {
  const { namespace = 'argocd', plans } = props;
  reprove(scope, ...addressMistakes('run.url of argoCd', props.run.url));
  if (props.as === 'application-set') applicationSet(scope, props, namespace);
  else
    for (const plan of plans)
      put(scope, {
        apiVersion: API_VERSION,
        kind: 'Application',
        metadata: {
          name: plan.release,
          namespace,
          annotations: { 'argocd.argoproj.io/sync-options': 'Prune=false' },
        },
        spec: applicationSpec(props, `live/${plan.release}`),
      });
  return { tool: 'argo-cd', namespace, resource: { group: 'argoproj.io', name: 'applications' } };
}

function applicationSet(scope: Construct, props: ArgoCdProps, namespace: string): void {
  const { run } = props;
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
            directories: [{ path: 'live/*' }],
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
function applicationSpec({ run, project, server }: ArgoCdProps, path: string): JsonObject {
  return {
    project: project ?? 'default',
    source: { repoURL: run.url, targetRevision: branchOf(run), path },
    destination: { server: server ?? 'https://kubernetes.default.svc' },
    syncPolicy: {
      automated: { prune: true, selfHeal: true },
      syncOptions: ['ServerSideApply=true'],
      retry: { limit: 0 },
    },
  };
}
