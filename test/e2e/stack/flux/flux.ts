import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { assetPath } from '../../servers/assets.ts';
import type { Kubernetes } from '../../servers/kubernetes.ts';
import { freePort } from '../../servers/program.ts';
import { answers, type Server, startServer } from '../../servers/server.ts';
import type { Api } from '../api.ts';
import type { Follow, SyncTool } from '../sync.ts';
import { type Receiver, startSourceController } from './source-controller.ts';

/** The real kustomize-controller, behind a played source-controller. */
export interface Flux extends SyncTool {
  /** Stopped, artifacts are made and nothing is applied. */
  readonly kustomizeController: Server;
  /** Stopped, a new revision is not seen. */
  readonly sourceController: Server;
  readonly receiver: Receiver;
}

/** What Flux starts with. */
export interface FluxOptions {
  readonly kubernetes: Kubernetes;
  readonly api: Api;
  readonly folder: string;
}

/** Where its objects are. */
const NAMESPACE = 'flux-system';

/**
 * Starts Flux. Its kinds must be there.
 *
 * @throws Error when a program is missing or does not get ready
 */
export async function startFlux({ kubernetes, api, folder }: FluxOptions): Promise<Flux> {
  await mkdir(folder, { recursive: true });
  const setUp = async () => {
    await kubernetes.kubectl(['create', 'namespace', NAMESPACE]);
  };
  await setUp();
  const token = randomBytes(20).toString('hex');
  const source = await startSourceController({ api, folder: join(folder, 'source'), token });
  try {
    const kustomizeController = await startKustomizeController(kubernetes, folder);
    return {
      servers: [source.server, kustomizeController],
      kustomizeController,
      sourceController: source.server,
      receiver: source.receiver,
      setUp,
      follow: (what) => follow(kubernetes, what),
    };
  } catch (error) {
    await source.server.stop();
    throw error;
  }
}

async function startKustomizeController(kubernetes: Kubernetes, folder: string): Promise<Server> {
  const health = await freePort();
  const metrics = await freePort();
  return startServer({
    name: 'kustomize-controller',
    path: assetPath('kustomize-controller'),
    folder,
    args: [
      `--health-addr=127.0.0.1:${health}`,
      `--metrics-addr=127.0.0.1:${metrics}`,
      '--interval-jitter-percentage=0',
      '--log-encoding=console',
      // After an outage as long as a story's, and not the minutes by which its waits have doubled.
      '--max-retry-delay=5s',
    ],
    environment: {
      KUBECONFIG: kubernetes.kubeconfigPath,
      RUNTIME_NAMESPACE: NAMESPACE,
      TMPDIR: folder,
    },
    isReady: () => answers(`http://127.0.0.1:${health}/readyz`),
  });
}

async function follow(kubernetes: Kubernetes, what: Follow): Promise<void> {
  const metadata = (name: string) => ({ name, namespace: NAMESPACE });
  const { name, path, repository, interval = '10s' } = what;
  const { user } = repository;
  const items = [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadata(name),
      stringData: { username: user.name, password: user.password },
    },
    {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: metadata(name),
      spec: {
        url: repository.url,
        ref: { branch: repository.branch },
        interval,
        secretRef: { name },
      },
    },
    {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: metadata(name),
      spec: {
        sourceRef: { kind: 'GitRepository', name },
        path: `./${path}`,
        prune: true,
        wait: false,
        interval: '10m',
        retryInterval: '5s',
      },
    },
  ];
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await kubernetes.kubectl(['apply', '--server-side', '--filename=-'], list);
}
