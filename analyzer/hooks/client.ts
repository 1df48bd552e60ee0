import type { Hook } from '../../lib/plan/plan.ts';
import type { HookAnswer } from '../core/observation.ts';
import {
  type Answered,
  complaint,
  isRedirect,
  isSuccess,
  wantedRestSeconds,
} from '../http/answer.ts';
import { type HttpResult, send } from '../http/client.ts';
import { type HookFolders, type HookPayload, requestOf } from './request.ts';

/** Calls hooks. What goes wrong outside is an answer, never an exception. */
export interface HookClient {
  /** With as many attempts as the hook may have. Any 2xx passes; the text has the body's first 2,048 characters. */
  call(hook: Hook, payload: HookPayload): Promise<HookAnswer>;
}

/** Posts JSON. */
export function hookClient(folders: HookFolders): HookClient {
  return { call: (hook, payload) => call(folders, hook, payload) };
}

const LONGEST_TEXT = 2048;

async function call(folders: HookFolders, hook: Hook, payload: HookPayload): Promise<HookAnswer> {
  if (/^[^?#]*@/.test(hook.url)) {
    const reason = `hook ${hook.name} is not called: its address has a credential in it, which Git shows to every reader; sign with a key instead, and write an @ in a path as %40`;
    return { kind: 'unsent', reason };
  }
  const again = (it: HttpResult) =>
    isNoAnswer(hook, it) && !isForGood(it) && (isHarmless(hook) || !mayHaveRun(it));
  const result = await send({
    ...requestOf(folders, hook, payload),
    retries: { most: hook.retries, again },
  });
  if (result.kind === 'answered' && !isNoAnswer(hook, result)) {
    const { status } = result;
    const text = result.beginning(LONGEST_TEXT);
    return { kind: 'answered', passed: isSuccess(result), status, text };
  }
  return { kind: mayHaveRun(result) ? 'unknown' : 'unsent', reason: reasonOf(result) };
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

/** Whether nobody has said yes or no. */
function isNoAnswer(hook: Hook, result: HttpResult): boolean {
  return result.kind !== 'answered' || isRedirect(result) || isBroken(hook, result);
}

/**
 * Whether a status says that nobody has answered. A test that failed says so with 500, as Flagger's load tester
 * does; a gate that fails is neither open nor closed. 502 to 504 come from what stands in front of a service.
 */
function isBroken({ type }: Hook, { status }: Answered): boolean {
  if (status === 429 || (status >= 502 && status <= 504)) return true;
  return status >= 500 && type !== 'pre-rollout' && type !== 'rollout';
}

/** Whether it takes a person to change it: the address, or whom the hook trusts. */
function isForGood(result: HttpResult): boolean {
  switch (result.kind) {
    case 'answered':
      return isRedirect(result);
    case 'unreachable':
      return isDistrust(result.code);
    case 'unsent':
      return true;
    case 'late':
    case 'abandoned':
      return false;
  }
}

function isDistrust(code: string): boolean {
  return /SELF_SIGNED|ISSUER_CERT|LEAF_SIGNATURE/.test(code);
}

/** Codes with which nothing was sent. */
const UNREACHED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** Whether the service may have done what it was asked for. */
function mayHaveRun(result: HttpResult): boolean {
  switch (result.kind) {
    case 'answered': {
      const { status } = result;
      // A mesh answers 503 also for a service that broke off; with a time to come back, it was turned away.
      return status !== 429 && !(status === 503 && wantedRestSeconds(result) !== undefined);
    }
    case 'unreachable':
      return !UNREACHED.has(result.code);
    case 'unsent':
      return false;
    case 'late':
    case 'abandoned':
      return true;
  }
}

function reasonOf(result: HttpResult): string {
  if (result.kind === 'answered') return complaint(result);
  const isDistrusted = result.kind === 'unreachable' && isDistrust(result.code);
  const remedy = ': let the hook name the authority that its certificate is from';
  return `${result.reason}${isDistrusted ? remedy : ''}`;
}
