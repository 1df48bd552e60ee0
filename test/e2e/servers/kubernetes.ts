import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Asset, assetPath, missingAssets } from './assets.ts';
import { findOnPath, freePort, run } from './program.ts';
import { answers, listens, type Server, startServer } from './server.ts';

/** A running API server, with its own etcd, that only this test uses. It has no nodes. */
export interface Kubernetes {
  /** A file that any Kubernetes client takes; its user may do everything. */
  readonly kubeconfigPath: string;
  /** https://127.0.0.1:<port> */
  readonly url: string;
  /** Signed by itself: the authority that clients must trust, as PEM. */
  readonly certificate: string;
  /** Its certificate and key, for other servers on loopback. */
  readonly servingFiles: { readonly certificateFile: string; readonly keyFile: string };
  /** The bearer token of the user who may do everything. */
  readonly token: string;
  /** Where the calls of audited users stand; there is no file where nobody is audited. */
  readonly auditLogPath: string;
  /**
   * etcd, API server, and what else the options asked for, in the order in which they were
   * started. Each can be taken away for a while.
   */
  readonly servers: readonly Server[];
  /**
   * Runs kubectl against this server.
   *
   * @param args its arguments
   * @param stdin what `-f -` reads
   * @returns what it printed on stdout
   * @throws Error with what it printed on stderr when it fails
   */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  /** Loses every object, as a cluster that is built anew has; the kinds are there again after it. */
  wipe(): Promise<void>;
  /** Ends the processes that were started for it, and removes their data. */
  stop(): Promise<void>;
}

/** What Kubernetes starts with. */
export interface KubernetesOptions {
  /**
   * Files of CustomResourceDefinitions; their kinds can be used once `startKubernetes` is back.
   *
   * @default - only the built-in kinds
   */
  readonly crds?: readonly string[];
  /**
   * Whether the controller manager runs, so that Deployments make Pods, Services EndpointSlices…
   *
   * @default false
   */
  readonly controllerManager?: boolean;
  /**
   * Whether the scheduler runs, so that pods get nodes, where there are any.
   *
   * @default false
   */
  readonly scheduler?: boolean;
  /**
   * Users whose calls the API server writes down, one JSON object in a line, in `auditLogPath`.
   *
   * @default - nobody's
   */
  readonly auditedUsers?: readonly string[];
  /**
   * Keeps the data and the logs; `stop` leaves it there.
   *
   * @default - a temporary folder, which `stop` removes
   */
  readonly folder?: string;
}

/** What not every folder of Kubernetes' servers holds. */
export type ExtraServerFile = 'kube-controller-manager' | 'kube-scheduler' | 'istio-crds.yaml';

/**
 * Why this machine cannot run Kubernetes' servers, and what to do; nothing when it can.
 *
 * @param extras what the test needs besides the API server, etcd and kubectl
 */
export function missingKubernetes(extras: readonly ExtraServerFile[] = []): string | undefined {
  if (findOnPath('openssl') === undefined) {
    return 'Kubernetes cannot be started: openssl is not on PATH. Run .ci/servers/install.';
  }
  return missingAssets('Kubernetes', ['kube-apiserver', 'etcd', 'kubectl', ...extras]);
}

/**
 * The file that defines Istio's kinds, for `KubernetesOptions.crds`.
 *
 * @throws Error with the remedy when it is missing
 */
export function istioCrdsPath(): string {
  return assetPath('istio-crds.yaml');
}

/**
 * Starts etcd and an API server on free loopback ports, with keys and a token of their own.
 *
 * @throws Error when a program is missing or does not get ready, or a CRD is refused
 */
export async function startKubernetes(options: KubernetesOptions = {}): Promise<Kubernetes> {
  const extras: ExtraServerFile[] = [];
  if (options.controllerManager === true) extras.push('kube-controller-manager');
  if (options.scheduler === true) extras.push('kube-scheduler');
  const missing = missingKubernetes(extras);
  if (missing !== undefined) throw new Error(missing);
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'perch-kubernetes-')));
  const servers: Server[] = [];
  const end = async () => {
    // The API server before its etcd, or it would wait for it.
    for (const server of servers.toReversed()) await server.stop();
  };
  const stop = async () => {
    await end();
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  };
  try {
    const cluster = await prepare(folder, options.auditedUsers ?? []);
    const kubectl = kubectlOf(cluster);
    const crds = options.crds ?? [];
    servers.push(await startEtcd(cluster));
    servers.push(await startApiServer(cluster, kubectl));
    // Before the controllers start, which would else look for the kinds a while later.
    await establish(kubectl, crds);
    if (options.controllerManager === true) {
      servers.push(await startControllerManager(cluster, kubectl));
    }
    if (options.scheduler === true) servers.push(await startScheduler(cluster));
    return {
      ...(await access(cluster)),
      servers,
      kubectl,
      async wipe() {
        await end();
        await rm(join(folder, 'etcd'), { recursive: true, force: true });
        for (const server of servers) {
          await server.start();
          if (server.name === 'kube-apiserver') await establish(kubectl, crds);
        }
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Access = Pick<
  Kubernetes,
  'kubeconfigPath' | 'url' | 'certificate' | 'servingFiles' | 'token' | 'auditLogPath'
>;

async function access({ folder, token, url }: Cluster): Promise<Access> {
  const certificateFile = join(folder, 'server.crt');
  return {
    kubeconfigPath: kubeconfigPath(folder),
    url,
    certificate: await readFile(certificateFile, 'utf8'),
    servingFiles: { certificateFile, keyFile: join(folder, 'server.key') },
    token,
    auditLogPath: auditLogPath(folder),
  };
}

/** Where one cluster's files and ports are. */
interface Cluster {
  readonly folder: string;
  readonly etcdPort: number;
  readonly apiServerPort: number;
  readonly url: string;
  readonly token: string;
  readonly auditedUsers: readonly string[];
}

type Kubectl = Kubernetes['kubectl'];

async function prepare(folder: string, auditedUsers: readonly string[]): Promise<Cluster> {
  await mkdir(folder, { recursive: true });
  const etcdPort = await freePort();
  const apiServerPort = await freePort();
  const url = `https://127.0.0.1:${apiServerPort}`;
  const token = randomBytes(32).toString('hex');
  const cluster = { folder, etcdPort, apiServerPort, url, token, auditedUsers };
  await writeCertificate(folder);
  await writeServiceAccountKeys(folder);
  await writeKubeconfig(cluster);
  if (auditedUsers.length > 0) await writeAuditPolicy(cluster);
  return cluster;
}

// Signed by itself, so it is the authority that clients trust as well.
async function writeCertificate(folder: string): Promise<void> {
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  args.push('-nodes', '-keyout', join(folder, 'server.key'), '-out', join(folder, 'server.crt'));
  args.push('-days', '2', '-subj', '/CN=perch-e2e');
  args.push('-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  await run({ path: 'openssl', args, folder });
}

async function writeServiceAccountKeys(folder: string): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  await writeFile(join(folder, 'accounts.key'), privateKey, { mode: 0o600 });
  await writeFile(join(folder, 'accounts.pub'), publicKey);
}

async function writeKubeconfig({ folder, url, token }: Cluster): Promise<void> {
  const authority = await readFile(join(folder, 'server.crt'), 'base64');
  const name = 'perch-e2e';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: { server: url, 'certificate-authority-data': authority },
      },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  // JSON is YAML.
  await writeFile(kubeconfigPath(folder), JSON.stringify(config, null, 2), { mode: 0o600 });
  const user = `${token},${name},${name},"system:masters"\n`;
  await writeFile(join(folder, 'tokens.csv'), user, { mode: 0o600 });
}

async function writeAuditPolicy({ folder, auditedUsers }: Cluster): Promise<void> {
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived', 'ResponseStarted'],
    rules: [{ level: 'Metadata', users: auditedUsers }, { level: 'None' }],
  };
  await writeFile(auditPolicyPath(folder), JSON.stringify(policy, null, 2));
}

function auditPolicyPath(folder: string): string {
  return join(folder, 'audit-policy.yaml');
}

function auditLogPath(folder: string): string {
  // Not named as a log: it is data, and far too long for the message of a failure.
  return join(folder, 'audit.jsonl');
}

function kubectlOf({ folder }: Cluster): Kubectl {
  const path = assetPath('kubectl');
  const kubeconfig = `--kubeconfig=${kubeconfigPath(folder)}`;
  return (args, stdin) => run({ path, args: [kubeconfig, ...args], folder }, stdin);
}

function kubeconfigPath(folder: string): string {
  return join(folder, 'kubeconfig');
}

function start(
  { folder }: Cluster,
  name: Asset,
  args: readonly string[],
  isReady: () => Promise<boolean>,
): Promise<Server> {
  return startServer({ path: assetPath(name), args, folder, name, isReady });
}

function startEtcd(cluster: Cluster): Promise<Server> {
  const url = `http://127.0.0.1:${cluster.etcdPort}/readyz`;
  return start(cluster, 'etcd', etcdFlags(cluster), () => answers(url));
}

function startApiServer(cluster: Cluster, kubectl: Kubectl): Promise<Server> {
  return start(cluster, 'kube-apiserver', apiServerFlags(cluster), async () => {
    await kubectl(['get', '--raw=/readyz']);
    // It appears a moment after the server calls itself ready.
    await kubectl(['get', 'namespace', 'default']);
    return true;
  });
}

async function startControllerManager(cluster: Cluster, kubectl: Kubectl): Promise<Server> {
  const flags = await controllerManagerFlags(cluster);
  return start(cluster, 'kube-controller-manager', flags, async () => {
    // Its first work.
    await kubectl(['get', 'serviceaccount', 'default', '--namespace=default']);
    return true;
  });
}

async function startScheduler(cluster: Cluster): Promise<Server> {
  const port = await freePort();
  const flags = [
    `--kubeconfig=${kubeconfigPath(cluster.folder)}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${cluster.folder}`,
    '--leader-elect=false',
  ];
  // Its certificate is of its own making: that it listens must do.
  return start(cluster, 'kube-scheduler', flags, () => listens(port));
}

function etcdFlags({ folder, etcdPort }: Cluster): string[] {
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
    `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
    // It has no peers; any port will do.
    '--listen-peer-urls=http://127.0.0.1:0',
    // The data need not survive a power cut.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

function apiServerFlags({ folder, etcdPort, apiServerPort, auditedUsers }: Cluster): string[] {
  const policy = `--audit-policy-file=${auditPolicyPath(folder)}`;
  const audit =
    auditedUsers.length === 0 ? [] : [policy, `--audit-log-path=${auditLogPath(folder)}`];
  return [
    ...audit,
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${apiServerPort}`,
    `--tls-cert-file=${join(folder, 'server.crt')}`,
    `--tls-private-key-file=${join(folder, 'server.key')}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'accounts.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'accounts.key')}`,
    // Pods are created without waiting for a service account's controller.
    '--disable-admission-plugins=ServiceAccount',
    // Said to nobody, but without a default route it finds none itself. (RFC 5737: no such host.)
    '--advertise-address=192.0.2.1',
    // It would publish a loopback address, which is not allowed as an endpoint.
    '--endpoint-reconciler-type=none',
    // As in every cluster that a tool has made.
    '--allow-privileged=true',
    // Apart from 10.0.0.0/16, where simulated nodes put their pods.
    '--service-cluster-ip-range=10.96.0.0/16',
  ];
}

async function controllerManagerFlags({ folder }: Cluster): Promise<string[]> {
  const port = await freePort();
  return [
    `--kubeconfig=${kubeconfigPath(folder)}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    // Where it writes the certificate that it makes for itself; the default needs root.
    `--cert-dir=${folder}`,
    '--leader-elect=false',
    // Simulated nodes are never lost: what the API server's absence does to them is no subject.
    '--controllers=*,-node-lifecycle-controller',
    // Autoscalers act within seconds: real ones wait minutes for what cannot happen here.
    '--horizontal-pod-autoscaler-sync-period=2s',
    '--horizontal-pod-autoscaler-cpu-initialization-period=0s',
    '--horizontal-pod-autoscaler-initial-readiness-delay=0s',
    '--horizontal-pod-autoscaler-downscale-stabilization=5s',
    `--root-ca-file=${join(folder, 'server.crt')}`,
    `--service-account-private-key-file=${join(folder, 'accounts.key')}`,
  ];
}

async function establish(kubectl: Kubectl, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const files = paths.map((path) => `--filename=${path}`);
  // Server-side, because large definitions do not fit the annotation of the other kind of apply.
  await kubectl(['apply', '--server-side', ...files]);
  const wait = () => kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...files]);
  // A definition so new that it has no conditions at all is an error to kubectl, not a "not yet".
  await wait().catch((error: Error) => {
    if (!error.message.includes('.status.conditions accessor error')) throw error;
    return sleep(1000).then(wait);
  });
}
