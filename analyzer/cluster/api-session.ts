import type { Agent, RequestOptions } from 'node:https';
import { oversize, serverTime, wantedRestSeconds } from '../http/answer.ts';
import { below, type HttpRequest, type HttpResult, type Signed, send } from '../http/client.ts';
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
  /**
   * Creates an object; events.ts alone does so. Made twice it is a conflict, so it may be sent once more.
   *
   * @throws Unreachable when there is no answer in time
   */
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

/** Of a server that is overloaded. */
const REPETITIONS = 3;

function sessionOf(parts: SessionParts): ApiSession {
  return {
    get: (path) => ask(parts, path, { method: 'GET' }),
    post: (path, object) => {
      const body = { type: 'application/json', text: JSON.stringify(object) };
      return ask(parts, path, { method: 'POST', body });
    },
  };
}

async function ask(
  { server, request, agent, given, options }: SessionParts,
  path: string,
  question: Pick<HttpRequest, 'method' | 'body'>,
): Promise<ApiReply> {
  const result = await send(
    {
      ...question,
      url: below(server, path),
      headers: { Accept: 'application/json' },
      sign: async () => signed(request),
      connection: { kind: 'agent', agent },
      timeoutSeconds: options.timeoutSeconds,
      maxBytes: MAX_BYTES,
      packed: true,
      // Nothing else: whoever reads many objects must not wait for each of them where there is no server.
      retries: { most: REPETITIONS, again: saysWhen },
    },
    given,
  );
  return replyOf(result);
}

/** A server that is overloaded says when to come back. */
function saysWhen(result: HttpResult): boolean {
  if (result.kind !== 'answered') return false;
  const isBusy = result.status === 429 || result.status === 503;
  return isBusy && wantedRestSeconds(result) !== undefined;
}

function replyOf(result: HttpResult): ApiReply {
  if (result.kind === 'late') throw new Unreachable(result.reason, result.host);
  if (result.kind !== 'answered') throw new Unreachable(result.reason);
  const reason = oversize(result);
  if (reason !== undefined) throw new Unreachable(reason);
  return { status: result.status, body: result.body, date: serverTime(result) };
}

function signed({ headers = {}, auth }: RequestOptions): Signed {
  const basic = auth ? { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {};
  const given = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  const all: Record<string, string> = { ...Object.fromEntries(given), ...basic };
  return { headers: all, secrets: Object.values(all) };
}
