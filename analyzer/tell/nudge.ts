import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { onceMore } from '../http.ts';

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
  const body = JSON.stringify(event(nudges, pushed));
  const { secretFile } = nudges;
  try {
    const key = secretFile === undefined ? undefined : await readFile(secretFile, 'utf8');
    const headers = headersOf(body, key?.trim());
    const told = nudges.urls.map((it) => tell(it, body, headers, nudges.timeoutSeconds ?? 5));
    return (await Promise.all(told)).filter((it) => it !== undefined);
  } catch (error) {
    const { code, name } = error as { readonly code?: string; readonly name?: string };
    return [`the key in ${secretFile} cannot be used (${code ?? name})`];
  }
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

function headersOf(body: string, key: string | undefined): Record<string, string> {
  const known = { 'Content-Type': 'application/json', 'X-GitHub-Event': 'push' };
  if (key === undefined) return known;
  const digest = `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
  // Argo CD and Receivers of type github read the first, Receivers of type generic-hmac the second.
  return { ...known, 'X-Hub-Signature-256': digest, 'X-Signature': digest };
}

async function tell(
  url: string,
  body: string,
  headers: Record<string, string>,
  timeoutSeconds: number,
): Promise<string | undefined> {
  // A Receiver's path is as good as a password where it asks for no signature.
  const { host } = new URL(url);
  const { default: fetch } = await import('node-fetch');
  try {
    const signal = AbortSignal.timeout(timeoutSeconds * 1000);
    const reply = await onceMore(() =>
      fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal }),
    );
    reply.body?.resume?.();
    return reply.ok ? undefined : `${host} answered HTTP ${reply.status}`;
  } catch (error) {
    const { code, name } = error as { readonly code?: string; readonly name?: string };
    return `${host} cannot be reached (${code ?? name})`;
  }
}
