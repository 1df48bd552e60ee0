import type { Agent, RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';

/** The API server, as one reading talks to it. */
export interface ApiSession {
  /** @throws Unreachable when there is no answer in time */
  get(path: string): Promise<ApiReply>;
  /** Creates an object; events.ts alone does so. @throws Unreachable when there is no answer in time */
  post(path: string, object: object): Promise<ApiReply>;
}

/** What it answered, whatever the status. */
export interface ApiReply {
  readonly status: number;
  readonly body: string;
  /** The Date header in Unix seconds, where there was a valid one. */
  readonly date?: number | undefined;
}

/** There is no API server to be had; the message says why, without secrets. */
export class Unreachable extends Error {}

/** Where credentials come from. */
export interface ApiSessionOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** For one request. */
  readonly timeoutSeconds: number;
}

/** Sessions share connections and what the kubeconfig's plugins brought. */
export interface ApiSessions {
  /**
   * @param given ends the session's requests
   * @throws Unreachable when there are no credentials
   */
  open(given: AbortSignal): Promise<ApiSession>;
  /** Reads the kubeconfig again next time, as its credentials are not accepted any more. */
  forget(): void;
}

/** No object is larger: etcd takes 1.5 MiB. */
const MAX_BYTES = 8 * 1024 ** 2;

/** Opens sessions by a kubeconfig's rules: tokens, certificates, exec and OIDC plugins, proxies. */
export function apiSessions(options: ApiSessionOptions): ApiSessions {
  let loaded: Promise<KubeConfig> | undefined;
  let kept: { readonly agent: Agent; readonly key: string } | undefined;
  const forget = () => {
    loaded = undefined;
  };
  return {
    forget,
    open: async (given) => {
      loaded ??= load(options);
      const config = await loaded.catch((error: unknown) => {
        forget();
        throw error;
      });
      const server = config.getCurrentCluster()?.server ?? '';
      const request = await authenticate(config, options.timeoutSeconds);
      // Connections are kept while the certificates stay the same.
      const key = [server, request.ca, request.cert, request.key].join('\n');
      if (kept?.key !== key) kept = { agent: keepAlive(request.agent as Agent), key };
      return sessionOf({ server, request, agent: kept.agent, given, options });
    },
  };
}

async function load({ kubeconfig, context }: ApiSessionOptions): Promise<KubeConfig> {
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

async function authenticate(config: KubeConfig, timeoutSeconds: number): Promise<RequestOptions> {
  const request: RequestOptions = {};
  const given = new AbortController();
  try {
    // A plugin may wait for somebody who is not there.
    const late = sleep(timeoutSeconds * 1000, undefined, { signal: given.signal }).then(() => {
      throw new Error(`their plugin took over ${timeoutSeconds} s`);
    });
    await Promise.race([config.applyToHTTPSOptions(request), late]);
  } catch (error) {
    throw new Unreachable(`no credentials: ${brief(error)}`);
  } finally {
    given.abort();
  }
  return request;
}

// What a credentials plugin printed may be long.
function brief(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);
}

function keepAlive(agent: Agent): Agent {
  return Object.assign(agent, { keepAlive: true });
}

interface SessionParts {
  readonly server: string;
  readonly request: RequestOptions;
  readonly agent: Agent;
  readonly given: AbortSignal;
  readonly options: ApiSessionOptions;
}

function sessionOf({ server, request, agent, given, options }: SessionParts): ApiSession {
  const { host } = new URL(server);
  const send = async (path: string, object?: object): Promise<ApiReply> => {
    // Late as well: so is all that needs it.
    const { default: fetch } = await import('node-fetch');
    const timeout = AbortSignal.timeout(options.timeoutSeconds * 1000);
    const posted = { method: 'POST', body: JSON.stringify(object) };
    const type = { 'Content-Type': 'application/json' };
    try {
      const response = await fetch(`${server.replace(/\/+$/, '')}${path}`, {
        ...(object === undefined ? {} : posted),
        headers: { ...headersOf(request), ...(object === undefined ? {} : type) },
        agent,
        redirect: 'manual',
        size: MAX_BYTES,
        signal: AbortSignal.any([timeout, given]),
      });
      const date = Date.parse(response.headers.get('date') ?? '') / 1000;
      const { status } = response;
      const body = await response.text();
      return { status, body, ...(Number.isFinite(date) ? { date } : {}) };
    } catch (error) {
      if (timeout.aborted) throw new Unreachable(`${host} took over ${options.timeoutSeconds} s`);
      const { code, name } = error as { readonly code?: string; readonly name?: string };
      // Ours, and no news of the server.
      if (error instanceof TypeError && code === undefined) throw error;
      throw new Unreachable(`${host} cannot be reached (${code ?? name})`);
    }
  };
  return { get: (path) => send(path), post: send };
}

function headersOf({ headers = {}, auth }: RequestOptions): Record<string, string> {
  const basic = auth ? { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {};
  const given = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  return { Accept: 'application/json', ...Object.fromEntries(given), ...basic };
}
