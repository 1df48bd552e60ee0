import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import * as z from 'zod';
import { type ExecCredential, execCredential } from './exec-credential.ts';
import { type KubeconfigEntries, kubeconfigEntries } from './kubeconfig-file.ts';
import { Unreachable } from './unreachable.ts';

/** Where credentials come from. */
export interface CredentialOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** For a plugin. */
  readonly timeoutSeconds: number;
}

/** With what requests are sent. */
export interface Credentials {
  readonly server: string;
  readonly request: RequestOptions;
}

/** A kubeconfig that is loaded: tokens and their files, certificates, exec and OIDC plugins, proxies. */
export interface CredentialSource {
  /** Files are read and plugins run as often as they must be. @throws Unreachable when there are none */
  current(): Promise<Credentials>;
}

/** Reads the kubeconfig. @throws Unreachable when it cannot be used */
export async function openCredentials(options: CredentialOptions): Promise<CredentialSource> {
  const config = await load(options);
  const names = {
    user: config.getCurrentUser()?.name ?? '',
    cluster: config.getCurrentCluster()?.name ?? '',
  };
  const entries = await kubeconfigEntries(options.kubeconfig, names);
  const server = config.getCurrentCluster()?.server ?? '';
  refuseOutdated(config);
  const plugin = pluginOf(config, entries, options.timeoutSeconds);
  return {
    async current() {
      const credential = plugin === undefined ? undefined : await plugin();
      const token = credential?.token ?? (await tokenInFile(config, entries));
      return { server, request: await apply(bare(config, credential, token), options) };
    },
  };
}

async function load({ kubeconfig, context }: CredentialOptions): Promise<KubeConfig> {
  // Loaded late, as a tick without rollouts asks no cluster; and only what authenticates, since
  // the package's index brings a class for each call of each API along (2.5 MB once bundled).
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    // A parser's message quotes the file, and with it perhaps a token.
    const { code, name } = error as { readonly code?: string; readonly name?: string };
    throw new Unreachable(`cannot load ${kubeconfig ?? 'the kubeconfig'} (${code ?? name})`);
  }
  if (context !== undefined) config.setCurrentContext(context);
  if (config.getCurrentContext() === 'loaded-context') {
    throw new Unreachable('no cluster: name a kubeconfig, or run in a pod with a service account');
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const names = config.getContexts().map(({ name }) => name);
    throw new Unreachable(
      `no context "${config.getCurrentContext() ?? ''}" in the kubeconfig; it has ${names.join(', ') || 'none'}`,
    );
  }
  if (!URL.canParse(cluster.server)) throw new Unreachable('the kubeconfig names no server URL');
  return config;
}

/** These run a program while nothing else of this process can: one that hangs would stop everything. */
function refuseOutdated(config: KubeConfig): void {
  const name = config.getCurrentUser()?.authProvider?.name;
  if (name !== 'gcp' && name !== 'azure') return;
  throw new Unreachable(
    `no credentials: the auth-provider ${name} is gone since Kubernetes 1.26: use its exec plugin (${name === 'gcp' ? 'gke-gcloud-auth-plugin' : 'kubelogin'})`,
  );
}

/** So long before its end a credential is not used any more. */
const MARGIN_SECONDS = 30;

/** Runs the plugin once for all who ask, and again when what it brought ends. */
function pluginOf(
  config: KubeConfig,
  entries: KubeconfigEntries,
  timeoutSeconds: number,
): (() => Promise<ExecCredential>) | undefined {
  const user = config.getCurrentUser();
  const spec: unknown = user?.exec ?? user?.authProvider?.config?.exec;
  if (!spec) return undefined;
  let kept: Promise<ExecCredential> | undefined;
  let endsAt = Number.POSITIVE_INFINITY;
  return () => {
    if (Date.now() / 1000 > endsAt - MARGIN_SECONDS) kept = undefined;
    if (kept !== undefined) return kept;
    const fresh = execCredential(spec, entries, timeoutSeconds);
    kept = fresh;
    endsAt = Number.POSITIVE_INFINITY;
    fresh.then(
      ({ expiresAt }) => {
        endsAt = expiresAt ?? Number.POSITIVE_INFINITY;
      },
      () => {
        kept = undefined;
      },
    );
    return fresh;
  };
}

const tokenFile = z.string().min(1);

/** Read each time: whoever rotates a token writes the file. */
async function tokenInFile(
  config: KubeConfig,
  { user }: KubeconfigEntries,
): Promise<string | undefined> {
  const own = config.getCurrentUser()?.authProvider?.config?.tokenFile;
  const path = tokenFile.safeParse(user.value.tokenFile ?? own).data;
  if (path === undefined) return undefined;
  const place = user.folder === undefined ? path : resolve(user.folder, path);
  try {
    return (await readFile(place, 'utf8')).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Unreachable(`no credentials: cannot read the token in ${place} (${code})`);
  }
}

/** The same configuration with what was found, for a user who needs no plugin any more. */
function bare(
  config: KubeConfig,
  credential: ExecCredential | undefined,
  token: string | undefined,
): KubeConfig {
  const current = config.getCurrentUser();
  if (current === null || (credential === undefined && token === undefined)) return config;
  const { exec: _, authProvider: __, certFile, keyFile, ...rest } = current;
  const base64 = (text: string | undefined) => text && Buffer.from(text).toString('base64');
  const [certData, keyData] = [base64(credential?.certificate), base64(credential?.key)];
  const user = {
    ...rest,
    ...(token === undefined ? {} : { token }),
    ...(certData === undefined ? (certFile === undefined ? {} : { certFile }) : { certData }),
    ...(keyData === undefined ? (keyFile === undefined ? {} : { keyFile }) : { keyData }),
  };
  const own: KubeConfig = Object.create(config);
  own.users = [user];
  return own;
}

async function apply(
  config: KubeConfig,
  { timeoutSeconds }: CredentialOptions,
): Promise<RequestOptions> {
  const request: RequestOptions = {};
  const given = new AbortController();
  try {
    // An OIDC provider may not answer.
    const late = sleep(timeoutSeconds * 1000, undefined, { signal: given.signal }).then(() => {
      throw new Unreachable(
        `no credentials: their provider took over ${timeoutSeconds} s`,
        'the provider of credentials',
      );
    });
    await Promise.race([config.applyToHTTPSOptions(request), late]);
  } catch (error) {
    if (error instanceof Unreachable) throw error;
    throw new Unreachable(`no credentials: ${brief(error)}`);
  } finally {
    given.abort();
  }
  return request;
}

function brief(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);
}
