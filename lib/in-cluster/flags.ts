import { syncFlag } from '../gitops/sync.ts';
import type { AnalyzerProps, PublicFile, PublicFolder } from './analyzer-props.ts';
import { mountedHosts } from './git-hosts.ts';
import { mountedStores } from './metric-stores.ts';

/** Where the analyzer keeps its clone. */
export const CACHE_FOLDER = '/cache';

/** The port of /metrics and /healthz in watch mode. */
export const LISTEN_PORT = 8080;

/** What is mounted for a flag: one file, or a folder of them. */
export interface Mount {
  /** Name of the volume, and of the folder below /etc/perch. */
  readonly name: string;
  readonly from: PublicFile | PublicFolder;
}

/** What the pod mounts, by the flag or variable that names it. */
export function mountsOf({
  git,
  metrics,
  nudge,
  hooks,
  channels,
  allowedSigners,
  clusters,
}: AnalyzerProps): Mount[] {
  const all: readonly (readonly [string, Mount['from'] | undefined])[] = [
    ['git-credentials', git?.credentials],
    ['ssh-key', git?.ssh?.key],
    ['known-hosts', git?.ssh?.knownHosts],
    ['signing-key', git?.signingKey],
    ['metrics-token', metrics.token],
    ['metrics-password', metrics.basic?.password],
    ['metrics-ca', metrics.ca],
    ['metrics-headers', metrics.headersFile],
    ['nudge-secret', nudge?.secret],
    ['hook-keys', hooks?.keys],
    ['hook-authorities', hooks?.authorities],
    ['channels-config', channels?.config],
    ['channel-secrets', channels?.secrets],
    ['allowed-signers', allowedSigners],
    ['kubeconfig', clusters?.kubeconfig],
  ];
  return all.flatMap(([name, from]) => (from === undefined ? [] : [{ name, from }]));
}

/** Where a mounted file or folder is. */
export function pathOf({ name, from }: Mount): string {
  return `/etc/perch/${name}${'key' in from ? `/${from.key}` : ''}`;
}

/** The arguments of the container, each flag and its value in one, so that no value is read as a flag. */
export function argumentsOf(props: AnalyzerProps): readonly string[] {
  const { run, source, metrics, clusters, nudge, sync, git, interval } = props;
  const isWatch = props.mode?.kind === 'watch';
  const files = new Map(mountsOf(props).map((it) => [it.name, pathOf(it)]));
  return [
    'analyze',
    isWatch ? '--watch' : '--until-idle',
    ...flags({
      repo: run.url,
      branch: run.branch,
      'source-repo': source?.url === run.url ? undefined : source?.url,
      'source-branch': source === undefined ? undefined : (source.branch ?? 'main'),
      identity: git?.identity,
      'git-credentials': files.get('git-credentials'),
      'signing-key': files.get('signing-key'),
      cache: CACHE_FOLDER,
      interval: interval === undefined ? undefined : String(interval.toSeconds()),
      metrics: metrics.url,
      'metrics-token-file': files.get('metrics-token'),
      'metrics-user': metrics.basic?.user,
      'metrics-password-file': files.get('metrics-password'),
      'metrics-ca': files.get('metrics-ca'),
      'metrics-headers-file': files.get('metrics-headers'),
      'metrics-header': Object.entries(metrics.headers ?? {}).map((it) => it.join('=')),
      'metrics-config': mountedStores(props)?.path,
      'hosts-config': mountedHosts(props)?.path,
      kubeconfig: files.get('kubeconfig'),
      context: clusters?.contexts?.join(','),
      'routes-context': clusters?.routesContexts?.join(','),
      sync: sync === undefined ? undefined : syncFlag(sync),
      'sync-context': clusters?.syncContext,
      nudge: nudge?.urls.join(','),
      'nudge-secret-file': files.get('nudge-secret'),
      'channels-config': files.get('channels-config'),
      'hook-keys': files.get('hook-keys'),
      'hook-authorities': files.get('hook-authorities'),
      'allowed-signers': files.get('allowed-signers'),
      'allow-kind': props.allowKinds?.join(','),
      // The kubelet and Prometheus ask from outside the pod.
      listen: isWatch ? `0.0.0.0:${LISTEN_PORT}` : undefined,
      'push-gateway': props.pushGateway,
    }),
    ...(metrics.acceptPartial === true ? ['--metrics-accept-partial'] : []),
    ...(props.events === true ? ['--events'] : []),
  ];
}

function flags(values: Readonly<Record<string, string | readonly string[] | undefined>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const all = typeof value === 'string' ? [value] : (value ?? []);
    return all.map((it) => `--${name}=${it}`);
  });
}
