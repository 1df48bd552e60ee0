import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findOnPath, freePort, isExecutable, type Program, run, startProgram } from './program.ts';

/** A running API server, with its own etcd, that only this test uses. It has no nodes. */
export interface Kubernetes {
  /** A file that any Kubernetes client takes; its user may do everything. */
  readonly kubeconfigPath: string;
  /**
   * Runs kubectl against this server.
   *
   * @param args its arguments
   * @param stdin what `-f -` reads
   * @returns what it printed on stdout
   * @throws Error with what it printed on stderr when it fails
   */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
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
}

/** What not every folder of Kubernetes' servers holds. */
export type ExtraServerFile = 'kube-controller-manager' | 'istio-crds.yaml';

const PROGRAMS = ['kube-apiserver', 'etcd', 'kubectl'];
const INSTALL = fileURLToPath(new URL('../../../.ci/servers/install', import.meta.url));
const REMEDY =
  'Run .ci/servers/install, which builds the servers (a few minutes, once) where the tests ' +
  'find them, or set KUBEBUILDER_ASSETS to a folder that has them.';

/**
 * Why this machine cannot run Kubernetes' servers, and what to do; nothing when it can.
 *
 * @param extras what the test needs besides the API server, etcd and kubectl
 */
export function missingKubernetes(extras: readonly ExtraServerFile[] = []): string | undefined {
  if (findOnPath('openssl') === undefined) {
    return 'Kubernetes cannot be started: openssl is not on PATH. Run .ci/servers/install.';
  }
  const assets = assetsFolder();
  const missing = [
    ...PROGRAMS.filter((name) => !isExecutable(join(assets.folder, name))),
    ...extras.filter((name) => !existsSync(join(assets.folder, name))),
  ];
  if (missing.length === 0) return undefined;
  return `Kubernetes cannot be started: ${assets.name} lacks ${missing.join(', ')}. ${REMEDY}`;
}

/**
 * The file that defines Istio's kinds, for `KubernetesOptions.crds`.
 *
 * @throws Error with the remedy when it is missing
 */
export function istioCrdsPath(): string {
  const path = join(assetsFolder().folder, 'istio-crds.yaml');
  if (!existsSync(path)) throw new Error(`${path} is missing. ${REMEDY}`);
  return path;
}

/** The folder with the programs, and what to call it in messages. */
function assetsFolder(): { readonly folder: string; readonly name: string } {
  const named = process.env.KUBEBUILDER_ASSETS;
  if (named) return { folder: named, name: `KUBEBUILDER_ASSETS=${named}` };
  const folder = whereInstalled();
  return { folder, name: folder || 'the cache of .ci/servers/install' };
}

// Only the script knows the cache folder's name; without Go it knows none, and nothing is built.
function whereInstalled(): string {
  try {
    return execFileSync(INSTALL, ['--where'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return '';
  }
}

/**
 * Starts etcd and an API server on free loopback ports, with keys and a token of their own.
 *
 * @throws Error when a program is missing or does not get ready, or a CRD is refused
 */
export async function startKubernetes(options: KubernetesOptions = {}): Promise<Kubernetes> {
  const controllerManager = options.controllerManager ?? false;
  const missing = missingKubernetes(controllerManager ? ['kube-controller-manager'] : []);
  if (missing !== undefined) throw new Error(missing);
  const folder = await mkdtemp(join(tmpdir(), 'perch-kubernetes-'));
  const programs: Program[] = [];
  const stop = async () => {
    // The API server before its etcd, or it would wait for it.
    for (const program of programs.toReversed()) await program.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const cluster = await prepare(folder);
    const kubectl = kubectlOf(cluster);
    await startApiServer(cluster, programs, kubectl);
    if (controllerManager) await startControllerManager(cluster, programs, kubectl);
    for (const path of options.crds ?? []) await establish(kubectl, path);
    return { kubeconfigPath: kubeconfigPath(folder), kubectl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Where one cluster's files and ports are. */
interface Cluster {
  readonly assets: string;
  readonly folder: string;
  readonly etcdPort: number;
  readonly apiServerPort: number;
  readonly controllerManagerPort: number;
}

type Kubectl = Kubernetes['kubectl'];

async function prepare(folder: string): Promise<Cluster> {
  const cluster = {
    assets: assetsFolder().folder,
    folder,
    etcdPort: await freePort(),
    apiServerPort: await freePort(),
    controllerManagerPort: await freePort(),
  };
  await writeCertificate(folder);
  await writeServiceAccountKeys(folder);
  await writeKubeconfig(cluster);
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

async function writeKubeconfig({ folder, apiServerPort }: Cluster): Promise<void> {
  const token = randomBytes(32).toString('hex');
  const authority = await readFile(join(folder, 'server.crt'), 'base64');
  const name = 'perch-e2e';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: {
          server: `https://127.0.0.1:${apiServerPort}`,
          'certificate-authority-data': authority,
        },
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

function kubectlOf({ assets, folder }: Cluster): Kubectl {
  const path = join(assets, 'kubectl');
  const kubeconfig = `--kubeconfig=${kubeconfigPath(folder)}`;
  return (args, stdin) => run({ path, args: [kubeconfig, ...args], folder }, stdin);
}

function kubeconfigPath(folder: string): string {
  return join(folder, 'kubeconfig');
}

async function startApiServer(
  cluster: Cluster,
  programs: Program[],
  kubectl: Kubectl,
): Promise<void> {
  programs.push(start(cluster, 'etcd', etcdFlags(cluster)));
  const apiServer = start(cluster, 'kube-apiserver', apiServerFlags(cluster));
  programs.push(apiServer);
  await apiServer.until('it was ready', async () => {
    await kubectl(['get', '--raw=/readyz']);
    // It appears a moment after the server calls itself ready.
    await kubectl(['get', 'namespace', 'default']);
    return true;
  });
}

async function startControllerManager(
  cluster: Cluster,
  programs: Program[],
  kubectl: Kubectl,
): Promise<void> {
  const manager = start(cluster, 'kube-controller-manager', controllerManagerFlags(cluster));
  programs.push(manager);
  await manager.until('its first work was seen', async () => {
    await kubectl(['get', 'serviceaccount', 'default', '--namespace=default']);
    return true;
  });
}

function start({ assets, folder }: Cluster, name: string, args: readonly string[]): Program {
  return startProgram({ path: join(assets, name), args, folder });
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
  ];
}

function apiServerFlags({ folder, etcdPort, apiServerPort }: Cluster): string[] {
  return [
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
    // It would publish a loopback address, which is not allowed as an endpoint.
    '--endpoint-reconciler-type=none',
    // Apart from 10.0.0.0/16, where simulated nodes put their pods.
    '--service-cluster-ip-range=10.96.0.0/16',
  ];
}

function controllerManagerFlags({ folder, controllerManagerPort }: Cluster): string[] {
  return [
    `--kubeconfig=${kubeconfigPath(folder)}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${controllerManagerPort}`,
    // Where it writes the certificate that it makes for itself; the default needs root.
    `--cert-dir=${folder}`,
    '--leader-elect=false',
    `--root-ca-file=${join(folder, 'server.crt')}`,
    `--service-account-private-key-file=${join(folder, 'accounts.key')}`,
  ];
}

async function establish(kubectl: Kubectl, path: string): Promise<void> {
  // Server-side, because large definitions do not fit the annotation of the other kind of apply.
  await kubectl(['apply', '--server-side', '--filename', path]);
  await kubectl(['wait', '--for=condition=Established', '--timeout=60s', '--filename', path]);
}
