import type { Agent, RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { onceMore, retryAfterSeconds } from '../http.ts';
import {
  type CredentialOptions,
  type CredentialSource,
  type Credentials,
  openCredentials,
} from './credentials.ts';
import { Unreachable } from './unreachable.ts';

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

/** Opens sessions by a kubeconfig's rules. */
export function apiSessions(options: CredentialOptions): ApiSessions {
  let loaded: Promise<CredentialSource> | undefined;
  let kept: { readonly agent: Agent; readonly key: string } | undefined;
  const forget = () => {
    loaded = undefined;
  };
  return {
    forget,
    open: async (given) => {
      loaded ??= openCredentials(options);
      const source = await loaded.catch((error: unknown) => {
        forget();
        throw error;
      });
      const credentials = await unlessEnded(source.current(), given);
      const { server, request } = credentials;
      // Connections are kept while the certificates stay the same.
      const key = [server, request.ca, request.cert, request.key].join('\n');
      if (kept?.key !== key) kept = { agent: keepAlive(request.agent as Agent), key };
      return sessionOf({ ...credentials, agent: kept.agent, given, options });
    },
  };
}

/** A plugin runs on for the others who wait for it. */
async function unlessEnded<T>(question: Promise<T>, given: AbortSignal): Promise<T> {
  if (given.aborted) throw new Unreachable('nobody waits for it any more');
  let stop: () => void = () => undefined;
  const ended = new Promise<never>((_, reject) => {
    stop = () => reject(new Unreachable('nobody waits for it any more'));
    given.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([question, ended]);
  } finally {
    given.removeEventListener('abort', stop);
  }
}

function keepAlive(agent: Agent): Agent {
  return Object.assign(agent, { keepAlive: true });
}

interface SessionParts extends Credentials {
  readonly agent: Agent;
  readonly given: AbortSignal;
  readonly options: CredentialOptions;
}

/** A server that is overloaded says when to come back; a longer rest is for the next pass. */
const LONGEST_REST_SECONDS = 5;
const REPETITIONS = 3;

function sessionOf(parts: SessionParts): ApiSession {
  const send = async (path: string, object?: object): Promise<ApiReply> => {
    for (let count = 0; ; count++) {
      const reply = await sendOnce(parts, path, object);
      const { restSeconds } = reply;
      const isLast = count >= REPETITIONS || (restSeconds ?? Infinity) > LONGEST_REST_SECONDS;
      if (isLast || restSeconds === undefined) return reply;
      await rest(restSeconds, parts.given);
    }
  };
  return { get: (path) => send(path), post: send };
}

async function rest(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal }).catch(() => {
    throw new Unreachable('nobody waits for it any more');
  });
}

/** An answer, and after how long the server wants to be asked again instead. */
interface Reply extends ApiReply {
  readonly restSeconds?: number | undefined;
}

async function sendOnce(parts: SessionParts, path: string, object?: object): Promise<Reply> {
  const { host } = new URL(parts.server);
  const { timeoutSeconds } = parts.options;
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  const signal = AbortSignal.any([timeout, parts.given]);
  const attempt = () => exchange(parts, path, object, signal);
  try {
    // A connection that was kept may be closed by the other side in that moment.
    return await (object === undefined ? onceMore(attempt) : attempt());
  } catch (error) {
    if (timeout.aborted) throw new Unreachable(`${host} took over ${timeoutSeconds} s`, host);
    const { code, name } = error as { readonly code?: string; readonly name?: string };
    // Ours, and no news of the server.
    if (error instanceof TypeError && code === undefined) throw error;
    throw new Unreachable(`${host} cannot be reached (${code ?? name})`);
  }
}

async function exchange(
  { server, request, agent }: SessionParts,
  path: string,
  object: object | undefined,
  signal: AbortSignal,
): Promise<Reply> {
  // Late as well: so is all that needs it.
  const { default: fetch } = await import('node-fetch');
  const posted = { method: 'POST', body: JSON.stringify(object) };
  const type = { 'Content-Type': 'application/json' };
  const response = await fetch(`${server.replace(/\/+$/, '')}${path}`, {
    ...(object === undefined ? {} : posted),
    headers: { ...headersOf(request), ...(object === undefined ? {} : type) },
    agent,
    redirect: 'manual',
    size: MAX_BYTES,
    signal,
  });
  const { status, headers } = response;
  const date = Date.parse(headers.get('date') ?? '') / 1000;
  const body = await response.text();
  const isBusy = status === 429 || status === 503;
  const restSeconds = isBusy ? retryAfterSeconds(headers.get('retry-after')) : undefined;
  return { status, body, restSeconds, ...(Number.isFinite(date) ? { date } : {}) };
}

function headersOf({ headers = {}, auth }: RequestOptions): Record<string, string> {
  const basic = auth ? { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {};
  const given = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  return { Accept: 'application/json', ...Object.fromEntries(given), ...basic };
}
