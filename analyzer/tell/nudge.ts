import { createHmac } from 'node:crypto';
import { refusal, type Signed, send } from '../http/client.ts';
import { readText } from '../http/own-file.ts';
import type { Listener } from './listener.ts';

/** Who is told of a push, so that nobody waits for a poll. */
export interface Nudges {
  /** Addresses that take a push event: a Flux Receiver's, or Argo CD's `/api/webhook`. */
  readonly urls: readonly string[];
  /** A file with the key that the events are signed with, read at each use. @default - they are not signed */
  readonly secretFile?: string | undefined;
  /** The run repository and its branch. */
  readonly repository: string;
  readonly branch: string;
  /** For one event. @default 5 */
  readonly timeoutSeconds?: number | undefined;
}

/** Nudges at each push. Whoever was not told polls: that costs time, and is no failure. */
export function nudgeListener(nudges: Nudges): Listener {
  return {
    name: 'nudges',
    hear: async (notice) => {
      const outcomes = notice.kind === 'pushed' ? notice.outcomes : [];
      const commit = outcomes.at(-1)?.commit;
      if (commit === undefined) return [];
      const reasons = await nudge(nudges, { commit, releases: outcomes.map((it) => it.release) });
      return reasons.map((reason) => ({ what: 'a sync tool was not told of the push', reason }));
    },
    close: async () => undefined,
  };
}

/** A push, as far as a receiver asks. */
export interface Pushed {
  /** The commit that was pushed. */
  readonly commit: string;
  /** Releases whose files it may have moved. */
  readonly releases: readonly string[];
}

/**
 * Tells every receiver of a push, in the shape of GitHub's push event
 * (https://docs.github.com/webhooks/webhook-events-and-payloads#push), which Argo CD and Flux's Receivers of the
 * types github, generic-hmac and generic all take. Nothing depends on it: without it the tool polls.
 *
 * @returns why some could not be told; none when all were
 */
export async function nudge(nudges: Nudges, pushed: Pushed): Promise<readonly string[]> {
  if (nudges.urls.length === 0) return [];
  const text = JSON.stringify(event(nudges, pushed));
  const told = nudges.urls.map((it) => tell(it, text, nudges));
  return (await Promise.all(told)).filter((it) => it !== undefined);
}

/** Argo CD refreshes the Applications of this address and branch; those with declared paths only if these changed. */
function event({ repository, branch }: Nudges, { commit, releases }: Pushed): object {
  return {
    ref: `refs/heads/${branch}`,
    after: commit,
    repository: { html_url: webAddress(repository), default_branch: branch },
    commits: [{ id: commit, added: [], modified: releases.map((it) => `live/${it}`), removed: [] }],
  };
}

/** The repository's address as a web page: no credentials, no `.git`, whatever git calls it. */
export function webAddress(repository: string): string {
  const [, host, path] = /^[^/@\s]+@([^:/\s]+):(.+)$/.exec(repository) ?? [];
  const address = host === undefined ? repository : `https://${host}/${path}`;
  const url = URL.canParse(address) ? new URL(address) : new URL(`file://${address}`);
  if (url.protocol === 'file:') return url.href;
  const plain = url.pathname.replace(/\/+$/, '').replace(/\.git$/, '');
  return `${url.protocol === 'http:' ? 'http' : 'https'}://${url.host}${plain}`;
}

async function tell(url: string, text: string, nudges: Nudges): Promise<string | undefined> {
  const { secretFile, timeoutSeconds = TIMEOUT_SECONDS } = nudges;
  const result = await send({
    method: 'POST',
    url,
    headers: { 'X-GitHub-Event': 'push' },
    body: { type: 'application/json', text },
    sign: secretFile === undefined ? undefined : (body) => sign(secretFile, body),
    connection: { kind: 'kept' },
    timeoutSeconds,
  });
  // A Receiver's path is as good as a password where it asks for no signature, and an answer may repeat it.
  return refusal(result);
}

const TIMEOUT_SECONDS = 5;

async function sign(secretFile: string, body: string): Promise<Signed> {
  const key = (await readText(secretFile)).trim();
  const digest = `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
  // Argo CD and Receivers of type github read the first, Receivers of type generic-hmac the second.
  return { headers: { 'X-Hub-Signature-256': digest, 'X-Signature': digest }, secrets: [key] };
}
