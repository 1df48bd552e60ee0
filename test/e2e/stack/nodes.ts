import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assetPath } from '../servers/assets.ts';
import type { Kubernetes } from '../servers/kubernetes.ts';
import { freePort } from '../servers/program.ts';
import { answers, type Server, startServer } from '../servers/server.ts';
import { stages } from './stages.ts';

/** Simulated nodes. */
export interface Nodes {
  readonly server: Server;
  /** Makes their objects; again when the cluster has lost them. */
  setUp(): Promise<void>;
}

/** What nodes start with. */
export interface NodesOptions {
  readonly kubernetes: Kubernetes;
  /** For KWOK's configuration and log. */
  readonly folder: string;
  /** How many; each takes any number of pods. @default 1 */
  readonly count?: number;
}

/**
 * Starts KWOK, which plays nodes and the pods on them; their addresses are 10.0.x.y.
 *
 * @throws Error when it is missing or does not get ready
 */
export async function startNodes({ kubernetes, folder, count = 1 }: NodesOptions): Promise<Nodes> {
  await mkdir(folder, { recursive: true });
  const configuration = join(folder, 'stages.yaml');
  await writeFile(configuration, stages());
  const port = await freePort();
  const server = await startServer({
    name: 'kwok',
    path: assetPath('kwok'),
    folder,
    args: [
      `--kubeconfig=${kubernetes.kubeconfigPath}`,
      `--config=${configuration}`,
      '--manage-all-nodes=true',
      '--cidr=10.0.0.1/16',
      '--node-ip=10.0.255.253',
      `--server-address=127.0.0.1:${port}`,
    ],
    isReady: () => answers(`http://127.0.0.1:${port}/healthz`),
  });
  const setUp = async () => {
    for (let index = 0; index < count; index++) await addNode(kubernetes, `node-${index}`);
  };
  try {
    await setUp();
    return { server, setUp };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function addNode(kubernetes: Kubernetes, name: string): Promise<void> {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
  };
  await kubernetes.kubectl(['apply', '--filename=-'], JSON.stringify(node));
  await kubernetes.kubectl(['wait', '--for=condition=Ready', '--timeout=60s', `node/${name}`]);
  // The API server adds "not ready" to each new node; what takes it away does not run.
  await kubernetes.kubectl(['patch', 'node', name, '--patch={"spec":{"taints":null}}']);
}
