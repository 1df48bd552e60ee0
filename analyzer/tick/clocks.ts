import type { Answer } from '../core/answer.ts';
import { serverTime } from '../http/answer.ts';
import { below, send, unanswered } from '../http/client.ts';

/** A server whose clock can be compared with ours. */
export interface ServerClock {
  /** Which server, for people. */
  readonly name: string;
  /**
   * By how many seconds at least it is ahead of ours; negative where it is behind.
   * @param clock ours, Unix seconds
   * @param until ends the question early @default - it has a time limit of its own alone
   */
  aheadSeconds(clock: () => number, until?: AbortSignal): Promise<Answer<number>>;
}

/**
 * By how many seconds at least a server's clock is ahead, or behind where negative: it told its time somewhere between
 * question and answer, so a slow answer is no difference. A Date header is cut to whole seconds.
 */
export function ahead(serverTime: number | undefined, asked: number, answered: number): number {
  if (serverTime === undefined) return 0;
  if (serverTime > answered) return serverTime - answered;
  return Math.min(0, serverTime + 1 - asked);
}

const TIMEOUT_SECONDS = 5;
/** Many rollouts may begin in one pass. */
const KEPT_MS = 30_000;

/**
 * The clock of a Git server: the Date header of whatever it answers, without credentials. Undefined for ssh and
 * folders, which tell no time.
 */
export function gitClock(repository: string): ServerClock | undefined {
  if (!/^https?:/.test(repository) || !URL.canParse(repository)) return undefined;
  const { origin, pathname, host } = new URL(repository);
  const url = below(`${origin}${pathname}`, '/info/refs?service=git-upload-pack');
  let kept: { readonly at: number; readonly answer: Promise<Answer<number>> } | undefined;
  return {
    name: `the Git server ${host}`,
    aheadSeconds: (clock, until) => {
      const now = performance.now();
      if (kept === undefined || now - kept.at > KEPT_MS)
        kept = { at: now, answer: ask(url, clock, until) };
      return kept.answer;
    },
  };
}

async function ask(
  url: string,
  clock: () => number,
  until: AbortSignal | undefined,
): Promise<Answer<number>> {
  const asked = clock();
  const result = await send(
    { method: 'HEAD', url, connection: { kind: 'kept' }, timeoutSeconds: TIMEOUT_SECONDS },
    until,
  );
  // Git may reach it by ways that are not ours, such as a proxy or an authority of its own.
  if (result.kind !== 'answered') return unanswered(result);
  const time = serverTime(result);
  return time === undefined
    ? { kind: 'unknown', reason: `${result.host} tells no time` }
    : { kind: 'known', value: ahead(time, asked, clock()) };
}
