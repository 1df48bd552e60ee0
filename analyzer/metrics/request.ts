import { Agent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from 'node-fetch';
import type { Answer } from '../core/answer.ts';
import {
  FileError,
  isFetchError,
  isTimeout,
  presentable,
  readText,
  redirection,
  retryAfterSeconds,
} from '../http.ts';

/** How a metric store is reached. Credentials are read from their files at each request. */
export interface Connection {
  /** Its URL, without credentials. */
  readonly address: string;
  /** Sent with each request. Values may be secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** A file with more of them, lines `Name: value`. */
  readonly headersFile?: string | undefined;
  /** A file with a bearer token. */
  readonly bearerTokenFile?: string | undefined;
  readonly username?: string | undefined;
  /** A file with the password of `username`. */
  readonly passwordFile?: string | undefined;
  /** A PEM file with the authorities to trust instead of the system's. */
  readonly caFile?: string | undefined;
  /** For one attempt, from connecting to the last byte. */
  readonly timeoutSeconds: number;
  /** Attempts after the first one. */
  readonly retries: number;
  /** Of an answer's body, unpacked. */
  readonly maxBytes: number;
}

/** What a store sent, whatever its status. */
export interface Reply {
  readonly status: number;
  readonly contentType: string;
  /** The Date header in Unix seconds, where there was a valid one. */
  readonly date?: number | undefined;
  readonly body: string;
  /** Makes text of the store's own presentable: short, one line, without our secrets. */
  readonly quote: (text: string) => string;
}

const ACCEPTED = 'application/json';
const BACKOFF_SECONDS = 0.2;
/** A store that asks for a longer rest is asked again at the next tick. */
const LONGEST_REST_SECONDS = 5;
const LONGEST_QUOTE = 200;

/**
 * Posts a form. Repeats what may heal by itself (a broken connection, 429, 5xx), but not what
 * took too long: a query that is too heavy would only be so again. Follows no redirect, which
 * would carry the credentials elsewhere.
 *
 * @param until ends it early @default - each attempt has its time limit alone
 */
export async function post(
  connection: Connection,
  path: string,
  form: Readonly<Record<string, string>>,
  until: AbortSignal = NEVER,
): Promise<Answer<Reply>> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await attemptPost(connection, path, form, until);
    if (outcome.kind !== 'again') return outcome;
    const restSeconds = Math.max(outcome.afterSeconds, BACKOFF_SECONDS * 2 ** attempt);
    if (attempt >= connection.retries || restSeconds > LONGEST_REST_SECONDS) {
      return { kind: 'unknown', reason: outcome.reason, late: new URL(connection.address).host };
    }
    const isOver = await sleep(restSeconds * 1000, false, { signal: until }).catch(() => true);
    if (isOver) return { kind: 'unknown', reason: outcome.reason };
  }
}

const NEVER = new AbortController().signal;

type Outcome =
  | Answer<Reply>
  | { readonly kind: 'again'; readonly reason: string; readonly afterSeconds: number };

async function attemptPost(
  connection: Connection,
  path: string,
  form: Readonly<Record<string, string>>,
  until: AbortSignal,
): Promise<Outcome> {
  const host = new URL(connection.address).host;
  const timeout = AbortSignal.timeout(connection.timeoutSeconds * 1000);
  // Loaded late, as a tick over releases at rest asks no metric store.
  const { default: fetch } = await import('node-fetch');
  try {
    const secrets = await readSecrets(connection);
    const ca = connection.caFile === undefined ? undefined : await readText(connection.caFile);
    const response = await fetch(`${connection.address.replace(/\/+$/, '')}${path}`, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: headersOf(connection, secrets),
      redirect: 'manual',
      size: connection.maxBytes,
      signal: AbortSignal.any([timeout, until]),
      ...(ca === undefined ? {} : { agent: agentFor(ca) }),
    });
    return await outcomeOf(response, host, quoter(connection, secrets));
  } catch (error) {
    if (until.aborted && !timeout.aborted)
      return { kind: 'unknown', reason: `nobody waits for ${host} any more` };
    return failureOf(error, host, connection);
  }
}

async function outcomeOf(
  response: Response,
  host: string,
  quote: (text: string) => string,
): Promise<Outcome> {
  const { status, headers } = response;
  // Read in any case, so that the connection can be used again.
  const body = await response.text();
  if (status === 429 || status >= 500) {
    const afterSeconds = retryAfterSeconds(headers.get('retry-after')) ?? 0;
    const reason = `${host} answered HTTP ${status}: ${quote(body)}`;
    return { kind: 'again', reason, afterSeconds };
  }
  if (status >= 300 && status < 400) {
    const location = quote(headers.get('location')?.split('?')[0] ?? 'nowhere');
    return { kind: 'unknown', reason: redirection(host, status, location) };
  }
  const date = Date.parse(headers.get('date') ?? '') / 1000;
  const contentType = quote(headers.get('content-type') ?? 'no content type');
  const serverDate = Number.isFinite(date) ? { date } : {};
  return { kind: 'known', value: { status, contentType, body, quote, ...serverDate } };
}

// An error's own message may hold the whole URL or a header: only its code is shown.
function failureOf(error: unknown, host: string, connection: Connection): Outcome {
  const { name, code } = error as { readonly name?: string; readonly code?: string };
  if (isTimeout(error)) {
    const reason = `${host} took over ${connection.timeoutSeconds} s`;
    return { kind: 'unknown', reason, late: host };
  }
  if (isFetchError(error) && error.type === 'max-size') {
    const reason = `the answer of ${host} is over ${connection.maxBytes} bytes`;
    return { kind: 'unknown', reason };
  }
  if (error instanceof FileError) return { kind: 'unknown', reason: error.message };
  const reason = `${host} cannot be reached (${code ?? name ?? 'unknown error'})`;
  return isFetchError(error)
    ? { kind: 'again', reason, afterSeconds: 0 }
    : { kind: 'unknown', reason };
}

interface Secrets {
  readonly token?: string;
  readonly password?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function readSecrets(connection: Connection): Promise<Secrets> {
  const { bearerTokenFile, passwordFile, headersFile } = connection;
  return {
    ...(bearerTokenFile === undefined ? {} : { token: (await readText(bearerTokenFile)).trim() }),
    // Passwords may end in blanks, but not in the line break that editors add.
    ...(passwordFile === undefined
      ? {}
      : { password: (await readText(passwordFile)).replace(/\r?\n$/, '') }),
    ...(headersFile === undefined
      ? {}
      : { headers: parseHeaders(await readText(headersFile), headersFile) }),
  };
}

function parseHeaders(text: string, path: string): Readonly<Record<string, string>> {
  const lines = text.split('\n').map((it) => it.trim());
  const given = lines.filter((it) => it !== '' && !it.startsWith('#'));
  const pairs = given.map((line) => /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t\x20-\x7e]*)$/.exec(line));
  // The line itself is not shown: it may be the secret.
  const wrong = pairs.indexOf(null);
  if (wrong >= 0)
    throw new FileError(
      `${path} is not a list of headers: expected lines Name: value (header ${wrong + 1})`,
    );
  return Object.fromEntries(pairs.map((it) => [it?.[1] ?? '', it?.[2] ?? '']));
}

function headersOf(connection: Connection, secrets: Secrets): Record<string, string> {
  const { token, password } = secrets;
  const headers: Record<string, string> = {
    Accept: ACCEPTED,
    ...connection.headers,
    ...secrets.headers,
  };
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  if (connection.username !== undefined) {
    const pair = Buffer.from(`${connection.username}:${password ?? ''}`).toString('base64');
    headers.Authorization = `Basic ${pair}`;
  }
  return headers;
}

/** Secrets are looked for in all that a server says. */
function quoter(connection: Connection, held: Secrets): (text: string) => string {
  const { token, password } = held;
  const secrets = [token, password, ...Object.values(headersOf(connection, held))]
    .flatMap((secret) => (secret === undefined ? [] : [secret, secret.split(' ').at(-1) ?? '']))
    .filter((secret) => secret.length > 3 && secret !== ACCEPTED);
  return (text) => presentable(text, secrets, LONGEST_QUOTE);
}

// One agent for each authority, so that connections are kept; a rotated file brings a new one.
const agents = new Map<string, Agent>();

function agentFor(ca: string): Agent {
  const agent = agents.get(ca) ?? new Agent({ ca, keepAlive: true });
  agents.set(ca, agent);
  return agent;
}
