import { readFile } from 'node:fs/promises';
import type { FetchError } from 'node-fetch';

/** A file of ours that cannot be used; the message names it, and holds nothing of what is in it. */
export class FileError extends Error {}

/** A file's text. @throws FileError */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new FileError(`cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Whether an error is node-fetch's own; told by its name, as its class is loaded with the first request. */
export function isFetchError(error: unknown): error is FetchError {
  return error instanceof Error && error.name === 'FetchError';
}

/** Whether an attempt ended because its time was over. */
export function isTimeout(error: unknown): boolean {
  const { name } = error as { readonly name?: string };
  return name === 'AbortError' || name === 'TimeoutError';
}

/**
 * Text of a server's own, in one line and without our secrets: a server may repeat to us what we sent it.
 *
 * @param longest characters that are kept
 */
export function presentable(text: string, secrets: readonly string[], longest: number): string {
  const hidden = secrets
    // A secret that is a part of another one would leave the rest of that one to be seen.
    .toSorted((one, other) => other.length - one.length)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  const line = hidden.replaceAll(/[\p{C}\s]+/gu, ' ').trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}

/** What to do about a redirect: none is followed, as what is sent is meant for one server alone. */
export function redirection(host: string, status: number, location: string): string {
  return `${host} answered HTTP ${status}, a redirect to ${location}, which is not followed: give the address that it leads to`;
}
