import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from 'node-fetch';
import type { Hook } from '../../lib/plan/plan.ts';
import type { HookAnswer } from '../core/observation.ts';
import {
  FileError,
  isFetchError,
  isTimeout,
  presentable,
  redirection,
  retryAfterSeconds,
} from '../http.ts';
import type { HookPayload } from './request.ts';
import { type HookFolders, type HookRequest, requestOf } from './request.ts';

/** Calls hooks. What goes wrong outside is an answer, never an exception. */
export interface HookClient {
  /** With as many attempts as the hook may have. Any 2xx passes; the text has the body's first 2,048 characters. */
  call(hook: Hook, payload: HookPayload): Promise<HookAnswer>;
}

/** Posts JSON, and follows no redirect. */
export function hookClient(folders: HookFolders): HookClient {
  return { call: (hook, payload) => call(folders, hook, payload) };
}

const BACKOFF_SECONDS = 0.2;
/** A service that asks for a longer rest is asked again at the next pass. */
const LONGEST_REST_SECONDS = 5;
const LONGEST_TEXT = 2048;
const LONGEST_QUOTE = 200;
/** Bytes of a body that are read, whatever follows: room for what is shown, and for what is hidden in it. */
const MAX_BYTES = 16 * 1024;

async function call(folders: HookFolders, hook: Hook, payload: HookPayload): Promise<HookAnswer> {
  const url = new URL(hook.url);
  // With a slash in the password, what stands before it would be taken for the host.
  if (/^[^?#]*@/.test(hook.url)) {
    const reason = `hook ${hook.name} is not called: its address has a credential in it, which Git shows to every reader; sign with a key instead, and write an @ in a path as %40`;
    return { kind: 'unknown', reason };
  }
  try {
    const request = await requestOf(folders, hook, payload);
    return await repeated(hook, () => attempt(hook, url.host, request));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { kind: 'unknown', reason: error.message, taken: false };
  }
}

/** No answer yet. */
interface Again {
  readonly kind: 'again';
  readonly reason: string;
  readonly afterSeconds: number;
  /** Whether the service may have done what it was asked for. */
  readonly mayHaveRun: boolean;
}

async function repeated(hook: Hook, once: () => Promise<HookAnswer | Again>): Promise<HookAnswer> {
  for (let count = 0; ; count++) {
    const outcome = await once();
    if (outcome.kind !== 'again') return outcome;
    const backoff = Math.min(BACKOFF_SECONDS * 2 ** count, LONGEST_REST_SECONDS);
    const restSeconds = Math.max(outcome.afterSeconds, backoff);
    const isAllowed = isHarmless(hook) || !outcome.mayHaveRun;
    if (count >= hook.retries || !isAllowed || restSeconds > LONGEST_REST_SECONDS)
      return {
        kind: 'unknown',
        reason: outcome.reason,
        ...(outcome.mayHaveRun ? {} : { taken: false }),
      };
    await sleep(restSeconds * 1000);
  }
}

/** Whether a call may be made a second time where nobody can tell whether the first one did something. */
function isHarmless({ type, once, repeatable }: Hook): boolean {
  switch (type) {
    case 'confirm-rollout':
    case 'confirm-traffic-increase':
    case 'confirm-promotion':
    case 'rollback':
      return true;
    case 'rollout':
      return once !== true || repeatable === true;
    case 'pre-rollout':
      return repeatable === true;
    case 'post-rollout':
    case 'event':
      return false;
  }
}

async function attempt(
  hook: Hook,
  host: string,
  request: HookRequest,
): Promise<HookAnswer | Again> {
  const { body, headers, agent, secrets } = request;
  // Loaded late, as most passes call nobody.
  const { default: fetch } = await import('node-fetch');
  try {
    const response = await fetch(hook.url, {
      method: 'POST',
      body,
      headers,
      agent,
      redirect: 'manual',
      // Nothing is asked to be packed, so nothing small unpacks to something large.
      compress: false,
      signal: AbortSignal.timeout(hook.timeoutSeconds * 1000),
    });
    return outcomeOf(hook, host, response, await textOf(response, secrets), secrets);
  } catch (error) {
    return failureOf(hook, host, error);
  }
}

/** Reads no further than it must: the status counts, whatever follows. */
async function textOf({ body }: Response, secrets: readonly string[]): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of body ?? []) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size >= MAX_BYTES) break;
  }
  const text = Buffer.concat(chunks).subarray(0, MAX_BYTES).toString('utf8');
  const shown = presentable(text, secrets, MAX_BYTES);
  // Where the end was cut off, it may be the beginning of a secret.
  const longest = Math.max(0, ...secrets.map((it) => it.length));
  const whole = size < MAX_BYTES ? shown : shown.slice(0, -longest || undefined);
  return presentable(whole, [], LONGEST_TEXT);
}

function outcomeOf(
  hook: Hook,
  host: string,
  { status, headers }: Response,
  text: string,
  secrets: readonly string[],
): HookAnswer | Again {
  if (status >= 300 && status < 400) {
    const location = headers.get('location')?.split('?')[0] ?? 'nowhere';
    const shown = presentable(location, secrets, LONGEST_QUOTE);
    return { kind: 'unknown', reason: redirection(host, status, shown) };
  }
  if (!isBroken(hook, status))
    return { kind: 'answered', passed: status >= 200 && status < 300, status, text };
  const wanted = retryAfterSeconds(headers.get('retry-after'));
  return {
    kind: 'again',
    reason: `${host} answered HTTP ${status}: ${presentable(text, [], LONGEST_QUOTE)}`,
    afterSeconds: wanted ?? 0,
    // A mesh answers 503 also for a service that broke off; with a time to come back, it was turned away.
    mayHaveRun: status !== 429 && !(status === 503 && wanted !== undefined),
  };
}

/**
 * Whether a status says that nobody has answered. A test that failed says so with 500, as Flagger's load tester
 * does; a gate that fails is neither open nor closed. 502 to 504 come from what stands in front of a service.
 */
function isBroken({ type }: Hook, status: number): boolean {
  if (status === 429 || (status >= 502 && status <= 504)) return true;
  return status >= 500 && type !== 'pre-rollout' && type !== 'rollout';
}

/** Codes with which nothing was sent. */
const UNREACHED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

// An error's own message may hold the whole URL: only its code is shown.
function failureOf(hook: Hook, host: string, error: unknown): HookAnswer | Again {
  const { name, code } = error as { readonly name?: string; readonly code?: string };
  const again = { kind: 'again', afterSeconds: 0 } as const;
  if (isTimeout(error))
    return { ...again, reason: `${host} took over ${hook.timeoutSeconds} s`, mayHaveRun: true };
  const reason = `${host} cannot be reached (${code ?? name ?? 'unknown error'})`;
  if (/SELF_SIGNED|ISSUER_CERT|LEAF_SIGNATURE/.test(code ?? '')) {
    const remedy = 'let the hook name the authority that its certificate is from';
    return { kind: 'unknown', reason: `${reason}: ${remedy}` };
  }
  if (isFetchError(error) || code !== undefined)
    return { ...again, reason, mayHaveRun: !UNREACHED.has(code ?? '') };
  return { kind: 'unknown', reason };
}
