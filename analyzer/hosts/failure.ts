import {
  type Answered,
  complaint,
  isRedirect,
  limitedUntil,
  wantedRestSeconds,
} from '../http/answer.ts';
import type { HttpResult } from '../http/client.ts';
import type { HostFailure } from './host.ts';

/** Ends what is asked of a host: inside of adapters, which make an answer of it, and in commands, which end with it. */
export class HostError extends Error {
  readonly failure: HostFailure;
  constructor(failure: HostFailure) {
    super(failure.reason);
    this.failure = failure;
  }
}

/** What is known of an answer that no rule for all hosts knows; undefined where those hold. */
export type Quirk = (answer: Answered) => HostFailure['kind'] | undefined;

/** Whoever says that it is too much, and not for how long, is left alone as long as GitHub wants it at least. */
const REST_SECONDS = 60;

/** What to do about each kind. */
const REMEDIES: Readonly<Record<HostFailure['kind'], string>> = {
  unauthorised: 'put a valid token into its file',
  forbidden: 'give the token the rights of docs/hosts.md',
  'not-found': 'see whether it is there, and whether the token may read the repository',
  conflict: 'it is tried again with the next look',
  refused: 'change what it minds',
  unavailable: 'see whether the host is well, and its address in --hosts-config is right',
  'rate-limited': 'ask less often, or give it a login of its own',
};

/**
 * Why a request was in vain.
 *
 * @param task what was asked for, after "cannot"
 * @param now Unix seconds
 */
export function failureOf(
  result: HttpResult,
  task: string,
  quirk: Quirk,
  now: number,
): HostFailure {
  // Nothing is sent where a file of ours cannot be used.
  if (result.kind === 'unsent') return failure('unauthorised', task, result.reason);
  if (result.kind !== 'answered') return failure('unavailable', task, result.reason);
  const kind = quirk(result) ?? kindOf(result, now);
  const said = complaint(result);
  if (kind !== 'rate-limited') return failure(kind, task, said);
  const wanted = wantedRestSeconds(result);
  const until = wanted === undefined ? limitedUntil(result) : now + wanted;
  return { ...failure(kind, task, said), kind, until: until ?? now + REST_SECONDS };
}

/** A failure of any kind that has no more to it. */
export function failure<K extends HostFailure['kind']>(
  kind: K,
  task: string,
  reason: string,
): { readonly kind: K; readonly reason: string } {
  return { kind, reason: `cannot ${task}: ${reason}; ${REMEDIES[kind]}` };
}

function kindOf(answer: Answered, now: number): HostFailure['kind'] {
  const { status } = answer;
  if (status === 429) return 'rate-limited';
  if (isRedirect(answer) || status >= 500) return 'unavailable';
  switch (status) {
    case 401:
      return 'unauthorised';
    case 403: {
      const isLimit =
        wantedRestSeconds(answer) !== undefined || (limitedUntil(answer) ?? now) > now;
      return isLimit ? 'rate-limited' : 'forbidden';
    }
    case 404:
    case 410:
      return 'not-found';
    case 409:
      return 'conflict';
    default:
      return 'refused';
  }
}
