import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Kubernetes } from '../../servers/kubernetes.ts';
import { freePort } from '../../servers/program.ts';
import { answers, type Server, startServer } from '../../servers/server.ts';
import { missingNetwork } from '../network.ts';
import type { Behaviour, Busy, PlayerConfiguration, PodCount } from './protocol.ts';

/** Answers HTTP requests at the addresses of all simulated pods, and counts them. */
export interface Player {
  /** Stopped, no pod answers any more; its counts begin at zero again. */
  readonly server: Server;
  /** `stack_pod_requests_total{namespace, pod, workload, status}` for Prometheus. */
  readonly metricsUrl: string;
  /** All ports of all pods, as Prometheus' `http_sd_configs` read them. */
  readonly targetsUrl: string;
  /** Makes the API server ask it how busy pods are; again when the cluster has lost that. */
  setUp(): Promise<void>;
  /** Says how versions answer from now on; what is not named answers well, at once. */
  behave(behaviours: readonly Behaviour[]): Promise<void>;
  /** Says how busy workloads are from now on; autoscalers see it. What is not named is idle. */
  occupy(busy: readonly Busy[]): Promise<void>;
  /** All requests since it was started. */
  counts(): Promise<readonly PodCount[]>;
}

/** What the player starts with. */
export interface PlayerOptions {
  readonly kubernetes: Kubernetes;
  readonly folder: string;
  /** Container ports. @default [9898] */
  readonly ports?: readonly number[];
}

/**
 * Starts the server that plays all pods.
 *
 * @throws Error when the addresses of pods are not local, or a port is taken
 */
export async function startPlayer({
  kubernetes,
  folder,
  ...options
}: PlayerOptions): Promise<Player> {
  const missing = await missingNetwork();
  if (missing !== undefined) throw new Error(missing);
  const { url, certificate, token } = kubernetes;
  const controlPort = await freePort();
  const control = `http://127.0.0.1:${controlPort}`;
  const configuration: PlayerConfiguration = {
    api: { url, certificate, token },
    ports: options.ports ?? [9898],
    controlPort,
    resourceMetrics: { port: await freePort(), ...kubernetes.servingFiles },
  };
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'player.json');
  await writeFile(file, JSON.stringify(configuration), { mode: 0o600 });
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const server = await startServer({
    name: 'player',
    path: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), main, file],
    folder,
    isReady: () => answers(`${control}/healthz`),
  });
  const setUp = async () => {
    await kubernetes.kubectl(['apply', '--filename=-'], apiService(configuration));
  };
  await setUp();
  const put = async (path: string, body: unknown) => {
    const options = { method: 'PUT', body: JSON.stringify(body) };
    const response = await fetch(`${control}${path}`, options);
    if (!response.ok) throw new Error(`player: ${response.status} ${await response.text()}`);
  };
  return {
    server,
    metricsUrl: `${control}/metrics`,
    targetsUrl: `${control}/targets`,
    setUp,
    behave: (behaviours) => put('/behaviours', behaviours),
    occupy: (busy) => put('/busy', busy),
    async counts() {
      return (await (await fetch(`${control}/counts`)).json()) as readonly PodCount[];
    },
  };
}

/** Sends the API server's `metrics.k8s.io` to the player. */
function apiService({ resourceMetrics: { port } }: PlayerConfiguration): string {
  const service = { namespace: 'kube-system', name: 'stack-metrics' };
  const items = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: service,
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1beta1.metrics.k8s.io' },
      spec: {
        group: 'metrics.k8s.io',
        version: 'v1beta1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        insecureSkipTLSVerify: true,
        service: { ...service, port },
      },
    },
  ];
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

/** What was counted since an earlier look. */
export function since(earlier: readonly PodCount[], now: readonly PodCount[]): readonly PodCount[] {
  const keyOf = (it: PodCount) => `${it.namespace}/${it.pod}/${it.status}/${it.kind}`;
  const before = new Map(earlier.map((it) => [keyOf(it), it.count]));
  return now
    .map((it) => ({ ...it, count: it.count - (before.get(keyOf(it)) ?? 0) }))
    .filter((it) => it.count > 0);
}

/** The sum of those counts that a condition takes. */
export function total(
  counts: readonly PodCount[],
  isMeant: (count: PodCount) => boolean = () => true,
): number {
  return counts.filter(isMeant).reduce((sum, it) => sum + it.count, 0);
}
