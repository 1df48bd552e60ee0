import { type Command, InvalidArgumentError } from 'commander';
import { kubernetes } from '../cluster/kubernetes.ts';
import { parseSyncTarget, type SyncTarget } from '../core/cluster/sync.ts';
import type { ClusterSource } from '../tick/world.ts';
import { flag } from './options.ts';

/** Flags that say which clusters are read, and what applies `live/` to them. */
export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: readonly string[];
  readonly routesContext?: readonly string[];
  readonly sync?: SyncTarget;
  readonly syncContext?: string;
}

/** Adds them. */
export function addClusterFlags(command: Command): Command {
  return command
    .addOption(
      flag(
        '--kubeconfig <file>',
        'kubeconfig (default: KUBECONFIG, ~/.kube/config, the pod)',
        'PERCH_KUBECONFIG',
      ),
    )
    .addOption(
      flag(
        '--context <names>',
        'contexts of the kubeconfig, with commas; a step is live when it is in all (default: its current one)',
        'PERCH_CONTEXT',
      ).argParser(parseNames),
    )
    .addOption(
      flag(
        '--routes-context <names>',
        'contexts with the routing objects, where other clusters than the workloads have them',
        'PERCH_ROUTES_CONTEXT',
      ).argParser(parseNames),
    )
    .addOption(
      flag(
        '--sync <tool:namespace/name>',
        'sync object of each release, such as flux:flux-system/{release} or argo-cd:argocd/{release}',
        'PERCH_SYNC',
      ).argParser(parseTarget),
    )
    .addOption(
      flag(
        '--sync-context <name>',
        'context in which the sync objects of all clusters stand (default: each in its own)',
        'PERCH_SYNC_CONTEXT',
      ),
    );
}

/** The clusters that the flags name. */
export function clustersOf(flags: ClusterFlags): readonly ClusterSource[] {
  const { kubeconfig, context = [], routesContext = [], sync, syncContext } = flags;
  const hub =
    syncContext === undefined ? undefined : kubernetes({ kubeconfig, context: syncContext });
  const several = context.length + routesContext.length > 1;
  const open = (name: string | undefined, holds: ClusterSource['holds']): ClusterSource => {
    const cluster = kubernetes({ kubeconfig, context: name });
    const told =
      sync === undefined
        ? undefined
        : { target: sync, cluster: hub ?? cluster, context: name ?? '' };
    return { name: several ? name : undefined, holds, cluster, sync: told };
  };
  const workloads = context.length === 0 ? [undefined] : context;
  return [
    ...workloads.map((it) => open(it, routesContext.length === 0 ? 'all' : 'workloads')),
    ...routesContext.map((it) => open(it, 'routes')),
  ];
}

function parseNames(text: string): readonly string[] {
  const names = text.split(',').map((it) => it.trim());
  if (names.some((it) => it === '') || new Set(names).size < names.length)
    throw new InvalidArgumentError('expected names with commas between them, each once');
  return names;
}

function parseTarget(text: string): SyncTarget {
  try {
    return parseSyncTarget(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
