import { randomBytes } from 'node:crypto';
import { mkdir, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { assetPath } from '../servers/assets.ts';
import type { Kubernetes } from '../servers/kubernetes.ts';
import { freePort } from '../servers/program.ts';
import { answers, listens, type Server, startServer } from '../servers/server.ts';
import type { Receiver } from './flux/source-controller.ts';
import type { Follow, SyncTool } from './sync.ts';

/** The real Argo CD: application controller, repository server, API server, and their redis. */
export interface ArgoCd extends SyncTool {
  /** Stopped, nothing is compared or applied. */
  readonly applicationController: Server;
  /** Stopped, no manifests can be read. */
  readonly repoServer: Server;
  /** Stopped, nobody can nudge. */
  readonly apiServer: Server;
  /** Its webhook, for GitHub's push event: signs the body as `X-Hub-Signature-256`. */
  readonly webhook: Receiver;
  /** What an Application names as `spec.destination.server`. */
  readonly destination: string;
}

/** What Argo CD starts with. */
export interface ArgoCdOptions {
  readonly kubernetes: Kubernetes;
  readonly folder: string;
  /** How often each Application is compared with Git. @default 10 */
  readonly pollSeconds?: number;
}

/** Where its objects are. */
const NAMESPACE = 'argocd';

/**
 * Starts Argo CD. Its kinds must be there.
 *
 * @throws Error when a program is missing or does not get ready
 */
export async function startArgoCd(options: ArgoCdOptions): Promise<ArgoCd> {
  const { kubernetes, folder } = options;
  await mkdir(folder, { recursive: true });
  // Git asks the program of this name for passwords.
  await symlink(assetPath('argocd'), join(folder, 'argocd'));
  const token = randomBytes(20).toString('hex');
  const settings = objects(kubernetes, token);
  const setUp = async () => {
    await kubernetes.kubectl(['apply', '--server-side', '--filename=-'], settings);
  };
  await setUp();
  const servers: Server[] = [];
  const started = async (starting: Promise<Server>) => {
    const server = await starting;
    servers.push(server);
    return server;
  };
  try {
    const redis = await freePort();
    await started(startRedis(folder, redis));
    const repo = await freePort();
    const context: Context = { kubernetes, folder, redis, repo, poll: options.pollSeconds ?? 10 };
    const repoServer = await started(startRepoServer(context));
    const applicationController = await started(startApplicationController(context));
    const port = await freePort();
    const apiServer = await started(startApiServer(context, port));
    return {
      servers,
      applicationController,
      repoServer,
      apiServer,
      webhook: { url: `http://127.0.0.1:${port}/api/webhook`, token },
      destination: kubernetes.url,
      setUp,
      follow: (what) => follow(kubernetes, what),
    };
  } catch (error) {
    for (const server of servers.toReversed()) await server.stop();
    throw error;
  }
}

interface Context {
  readonly kubernetes: Kubernetes;
  readonly folder: string;
  /** Ports. */
  readonly redis: number;
  readonly repo: number;
  /** Seconds. */
  readonly poll: number;
}

function startRedis(folder: string, port: number): Promise<Server> {
  return startServer({
    name: 'redis-server',
    path: 'redis-server',
    folder,
    args: ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'],
    isReady: () => listens(port),
  });
}

function start(
  { kubernetes, folder }: Context,
  program: 'argocd-repo-server' | 'argocd-application-controller' | 'argocd-server',
  args: readonly string[],
  isReady: () => Promise<boolean>,
): Promise<Server> {
  return startServer({
    name: program,
    path: join(folder, 'argocd'),
    folder,
    args,
    isReady,
    environment: {
      // One program is all of them.
      ARGOCD_BINARY_NAME: program,
      ARGOCD_GPG_ENABLED: 'false',
      // Its own default is one file for all of this machine.
      ARGOCD_ASK_PASS_SOCK: join(folder, 'ask-pass.sock'),
      KUBECONFIG: kubernetes.kubeconfigPath,
      PATH: `${folder}${delimiter}${process.env.PATH}`,
      TMPDIR: folder,
    },
  });
}

async function startRepoServer(context: Context): Promise<Server> {
  const metrics = await freePort();
  return start(
    context,
    'argocd-repo-server',
    [
      '--disable-tls',
      '--address=127.0.0.1',
      `--port=${context.repo}`,
      '--metrics-address=127.0.0.1',
      `--metrics-port=${metrics}`,
      `--redis=127.0.0.1:${context.redis}`,
      // How old its answer to "where is the branch" may be.
      `--revision-cache-expiration=${context.poll}s`,
    ],
    () => answers(`http://127.0.0.1:${metrics}/healthz`),
  );
}

async function startApplicationController(context: Context): Promise<Server> {
  const metrics = await freePort();
  return start(
    context,
    'argocd-application-controller',
    [
      ...clientFlags(context),
      `--metrics-port=${metrics}`,
      `--app-resync=${context.poll}`,
      '--app-resync-jitter=0',
    ],
    () => answers(`http://127.0.0.1:${metrics}/healthz`),
  );
}

async function startApiServer(context: Context, port: number): Promise<Server> {
  const metrics = await freePort();
  return start(
    context,
    'argocd-server',
    [
      ...clientFlags(context),
      '--insecure',
      '--address=127.0.0.1',
      `--port=${port}`,
      '--metrics-address=127.0.0.1',
      `--metrics-port=${metrics}`,
      `--staticassets=${context.folder}`,
    ],
    () => answers(`http://127.0.0.1:${port}/healthz`),
  );
}

function clientFlags({ kubernetes, redis, repo }: Context): readonly string[] {
  return [
    `--kubeconfig=${kubernetes.kubeconfigPath}`,
    `--namespace=${NAMESPACE}`,
    `--redis=127.0.0.1:${redis}`,
    `--repo-server=127.0.0.1:${repo}`,
    '--repo-server-plaintext',
  ];
}

function metadata(name: string, labels: Readonly<Record<string, string>> = {}): object {
  const own = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'argocd' };
  return { name, namespace: NAMESPACE, labels: { ...own, ...labels } };
}

function listOf(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

function objects(kubernetes: Kubernetes, webhookToken: string): string {
  const caData = Buffer.from(kubernetes.certificate).toString('base64');
  const config = JSON.stringify({ bearerToken: kubernetes.token, tlsClientConfig: { caData } });
  return listOf([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('argocd-cm') },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('argocd-rbac-cm') },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadata('argocd-secret'),
      stringData: {
        'server.secretkey': randomBytes(32).toString('base64'),
        'webhook.github.secret': webhookToken,
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadata('stack', { 'argocd.argoproj.io/secret-type': 'cluster' }),
      stringData: { name: 'stack', server: kubernetes.url, config },
    },
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'AppProject',
      metadata: { name: 'default', namespace: NAMESPACE },
      spec: {
        sourceRepos: ['*'],
        destinations: [{ server: '*', namespace: '*' }],
        clusterResourceWhitelist: [{ group: '*', kind: '*' }],
      },
    },
  ]);
}

async function follow(kubernetes: Kubernetes, what: Follow): Promise<void> {
  const { name, path, repository } = what;
  const list = listOf([
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadata(`repository-${name}`, { 'argocd.argoproj.io/secret-type': 'repository' }),
      stringData: {
        type: 'git',
        url: repository.url,
        username: repository.user.name,
        password: repository.user.password,
      },
    },
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: { name, namespace: NAMESPACE },
      spec: {
        project: 'default',
        source: { repoURL: repository.url, targetRevision: repository.branch, path },
        destination: { server: kubernetes.url },
        syncPolicy: {
          automated: { prune: true, selfHeal: true },
          syncOptions: ['ServerSideApply=true'],
          retry: { limit: 0 },
        },
      },
    },
  ]);
  await kubernetes.kubectl(['apply', '--server-side', '--filename=-'], list);
}
