import type { Answer } from '../core/answer.ts';

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
export function gitClock(
  repository: string,
  timeoutSeconds: number = TIMEOUT_SECONDS,
): ServerClock | undefined {
  if (!/^https?:/.test(repository) || !URL.canParse(repository)) return undefined;
  const { origin, pathname, host } = new URL(repository);
  const url = `${origin}${pathname.replace(/\/+$/, '')}/info/refs?service=git-upload-pack`;
  let kept: { readonly at: number; readonly answer: Promise<Answer<number>> } | undefined;
  return {
    name: `the Git server ${host}`,
    aheadSeconds: (clock, until) => {
      const now = performance.now();
      if (kept === undefined || now - kept.at > KEPT_MS)
        kept = { at: now, answer: ask(url, host, clock, { until, timeoutSeconds }) };
      return kept.answer;
    },
  };
}

async function ask(
  url: string,
  host: string,
  clock: () => number,
  { until, timeoutSeconds }: { until: AbortSignal | undefined; timeoutSeconds: number },
): Promise<Answer<number>> {
  // Loaded late, as most passes begin nothing.
  const { default: fetch } = await import('node-fetch');
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  const signal = until === undefined ? timeout : AbortSignal.any([timeout, until]);
  const asked = clock();
  try {
    const { headers } = await fetch(url, { method: 'HEAD', redirect: 'manual', signal });
    const serverTime = Date.parse(headers.get('date') ?? '') / 1000;
    if (Number.isFinite(serverTime))
      return { kind: 'known', value: ahead(serverTime, asked, clock()) };
    return { kind: 'unknown', reason: `${host} tells no time` };
  } catch (error) {
    // Git may reach it by ways that are not ours, such as a proxy or an authority of its own.
    const { code, name } = error as { readonly code?: string; readonly name?: string };
    const late = timeout.aborted ? { late: host } : {};
    return { kind: 'unknown', reason: `${host} cannot be reached (${code ?? name})`, ...late };
  }
}
