import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from 'node-fetch';
import type { Answer } from '../core/answer.ts';
import { type Answered, isSuccess, readAnswer, wantedRestSeconds } from './answer.ts';
import { agentOf, type Connection } from './connection.ts';
import { FileError } from './own-file.ts';

/** One question to one server, or something that it is told. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH';
  /** An http or https one, without credentials in it. */
  readonly url: string;
  /** Nothing secret: what a server repeats of them is shown. @default - none of our own */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** @default - none */
  readonly body?: { readonly type: string; readonly text: string } | undefined;
  /** Makes what logs in or signs, over the text of the body; once for all attempts. @default - nothing does */
  readonly sign?: ((body: string) => Promise<Signed>) | undefined;
  readonly connection: Connection;
  /** For one attempt, from connecting to the last byte. */
  readonly timeoutSeconds: number;
  /** Of the answer's body, unpacked; what follows is not read. @default 16 KiB, for whom the status is the answer */
  readonly maxBytes?: number | undefined;
  /** Asks for a packed answer: for whom answers are large. @default false */
  readonly packed?: boolean | undefined;
  /** @default - it is sent once */
  readonly retries?: Retries | undefined;
}

/** Headers with secrets in them, made of files that are read at each use. */
export interface Signed {
  readonly headers: Readonly<Record<string, string>>;
  /** Whatever must not be shown when the server repeats it. */
  readonly secrets: readonly string[];
}

/** What is sent again. */
export interface Retries {
  /** Attempts after the first one. */
  readonly most: number;
  /** Whether another attempt may bring something else, and does no harm. */
  again(result: HttpResult): boolean;
}

/** What came of a request. Reasons name the host, and nothing else of the address. */
export type HttpResult =
  | Answered
  /** The time limit was over first. */
  | { readonly kind: 'late'; readonly host: string; readonly reason: string }
  /** There was no connection, or it broke off; `code` is Node's word for it. */
  | { readonly kind: 'unreachable'; readonly reason: string; readonly code: string }
  /** Nothing was sent: the address, a file of ours, or what stands in it is of no use. */
  | { readonly kind: 'unsent'; readonly reason: string }
  /** Whoever asked waits no more. */
  | { readonly kind: 'abandoned'; readonly reason: string };

/** Waits so long, or until somebody ends it. */
export type Rest = (seconds: number, until: AbortSignal) => Promise<unknown>;

const MAX_BYTES = 16 * 1024;
const BACKOFF_SECONDS = 0.2;
/** Whoever wants a longer rest is asked again by whoever comes next. */
const LONGEST_REST_SECONDS = 5;

const NEVER = new AbortController().signal;

const restFor: Rest = (seconds, until) =>
  sleep(seconds * 1000, undefined, { signal: until }).catch(() => undefined);

/**
 * Sends a request, and follows no redirect: what is sent is meant for one server alone. What goes wrong outside is a
 * result, never an exception. After a rest that grows, or that the server wants, it is sent again as often as it says.
 *
 * @param until ends it early @default - each attempt has its time limit alone
 * @param rest waits between attempts
 */
export async function send(
  request: HttpRequest,
  until: AbortSignal = NEVER,
  rest: Rest = restFor,
): Promise<HttpResult> {
  const order = await orderOf(request, until);
  if (order.kind === 'unsent') return order;
  for (let count = 0; ; count++) {
    const result = await attempt(order);
    const seconds = restSeconds(request.retries, result, count);
    if (seconds === undefined) return result;
    await rest(seconds, until);
    if (until.aborted) return abandoned(order.url);
  }
}

/** After how long a result is followed by another attempt; undefined where it is the last. */
function restSeconds(
  retries: Retries | undefined,
  result: HttpResult,
  count: number,
): number | undefined {
  if (retries === undefined || count >= retries.most || !retries.again(result)) return undefined;
  const backoff = Math.min(BACKOFF_SECONDS * 2 ** count, LONGEST_REST_SECONDS);
  const wanted = result.kind === 'answered' ? (wantedRestSeconds(result) ?? 0) : 0;
  const seconds = Math.max(wanted, backoff);
  return seconds > LONGEST_REST_SECONDS ? undefined : seconds;
}

type Unsent = Extract<HttpResult, { kind: 'unsent' }>;

/** A request with all that is read for it. */
interface Order {
  readonly kind: 'order';
  readonly request: HttpRequest;
  readonly url: URL;
  readonly signed: Signed;
  readonly until: AbortSignal;
}

async function orderOf(request: HttpRequest, until: AbortSignal): Promise<Order | Unsent> {
  const { url, body, sign } = request;
  // With a slash in a password, what stands before it would be taken for the host, and be named.
  if (/^[^?#]*@/.test(url)) return unsent('the address has a user name or a password in it');
  if (!/^https?:/i.test(url) || !URL.canParse(url))
    return unsent('the address is not an http:// or https:// URL');
  try {
    const signed = (await sign?.(body?.text ?? '')) ?? { headers: {}, secrets: [] };
    return { kind: 'order', request, url: new URL(url), signed, until };
  } catch (error) {
    if (error instanceof FileError) return unsent(error.message);
    throw error;
  }
}

/** A connection that was kept may be closed by the other side in that moment: then it is opened once more. */
async function attempt(order: Order): Promise<HttpResult> {
  const { connection, timeoutSeconds } = order.request;
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  const result = await exchange(order, timeout);
  const isStale = result.kind === 'unreachable' && BROKEN_OFF.has(result.code);
  return isStale && connection.kind !== 'own' ? exchange(order, timeout) : result;
}

/** Codes of connections that the other side closed: one that was kept, often before it saw the request. */
const BROKEN_OFF: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

async function exchange(order: Order, timeout: AbortSignal): Promise<HttpResult> {
  const { request, url, signed, until } = order;
  const { method, body, headers, connection, packed, maxBytes = MAX_BYTES } = request;
  // Loaded late, as most passes ask nobody.
  const { default: fetch, Headers } = await import('node-fetch');
  const signal = AbortSignal.any([timeout, until]);
  let response: Response | undefined;
  try {
    const agent = await agentOf(connection, url);
    const sent = new Headers({ 'User-Agent': 'perch' });
    if (body !== undefined) sent.set('Content-Type', body.type);
    if (packed) sent.set('Accept-Encoding', 'gzip');
    for (const [name, value] of Object.entries({ ...headers, ...signed.headers }))
      sent.set(name, value);
    // The body of what is over before it is sent has nobody who hears its error, and that would end the process.
    signal.throwIfAborted();
    response = await fetch(url, {
      method,
      headers: sent,
      redirect: 'manual',
      // What was not asked for packed is not unpacked either.
      compress: packed === true,
      signal,
      ...(body === undefined ? {} : { body: body.text }),
      ...(agent === undefined ? {} : { agent }),
    });
    return await readAnswer(response, { host: url.host, secrets: signed.secrets, maxBytes });
  } catch (error) {
    if (timeout.aborted) return late(url, request.timeoutSeconds);
    if (until.aborted) return abandoned(url);
    return failureOf(error, url, response !== undefined);
  }
}

/** An error's own message may hold the whole address, or a header: only its code is shown. */
function failureOf(error: unknown, { host }: URL, wasSent: boolean): HttpResult {
  if (error instanceof FileError) return unsent(error.message);
  const { code = nameOf(error) } = error as { readonly code?: string };
  // Without a code it is no news of the world, but a bug of ours.
  if (code === 'TypeError') throw error;
  const reason = `${host} cannot be reached (${code})`;
  // What node-fetch does not report as its own was thrown before there was a connection: a header or a certificate
  // of ours that cannot be used.
  const isOutside = wasSent || nameOf(error) === 'FetchError' || BROKEN_OFF.has(code);
  return isOutside ? { kind: 'unreachable', reason, code } : unsent(reason);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error';
}

/** A path below an address, whether that ends in a slash or not. */
export function below(address: string, path: string): string {
  return `${address.replace(/\/+$/, '')}${path}`;
}

/** Why there is no answer, for whoever only wants one. */
export function unanswered(
  result: Exclude<HttpResult, Answered>,
): Extract<Answer<never>, { kind: 'unknown' }> {
  const { kind, reason } = result;
  return { kind: 'unknown', reason, ...(kind === 'late' ? { late: result.host } : {}) };
}

/** Why something was not taken, without a word of the server's; undefined where it was. */
export function refusal(result: HttpResult): string | undefined {
  if (result.kind !== 'answered') return result.reason;
  return isSuccess(result) ? undefined : `${result.host} answered HTTP ${result.status}`;
}

function late({ host }: URL, seconds: number): HttpResult {
  return { kind: 'late', host, reason: `${host} took over ${seconds} s` };
}

function unsent(reason: string): Unsent {
  return { kind: 'unsent', reason };
}

function abandoned({ host }: URL): HttpResult {
  return { kind: 'abandoned', reason: `nobody waits for ${host} any more` };
}
