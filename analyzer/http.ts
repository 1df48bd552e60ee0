import { readFile } from 'node:fs/promises';
import type { FetchError } from 'node-fetch';
import { quote } from '../lib/plan/plain.ts';

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
  return quote(hidden, longest);
}

/** Whether the other side broke off: with a connection that was kept, often before it saw the request. */
export function isReset(error: unknown): boolean {
  const { code } = error as { readonly code?: string };
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

/** Asks once more where the other side broke off: only for what does no harm when it is asked twice. */
export async function onceMore<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!isReset(error)) throw error;
    return ask();
  }
}

/** After how many seconds a server wants to be asked again: a number, or a date (RFC 9110, section 10.2.3). */
export function retryAfterSeconds(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text);
  const seconds = (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/** What to do about a redirect: none is followed, as what is sent is meant for one server alone. */
export function redirection(host: string, status: number, location: string): string {
  return `${host} answered HTTP ${status}, a redirect to ${location}, which is not followed: give the address that it leads to`;
}

/** A range query's 11,000 points have 33,000 of them; no object of a cluster comes near. */
const MOST_VALUES = 100_000;
const DEEPEST = 100;

/** A server's JSON, or why it is not read: what follows "the answer" in a sentence. */
export type JsonReading =
  | { readonly kind: 'read'; readonly value: unknown }
  | { readonly kind: 'vast'; readonly reason: string }
  | { readonly kind: 'broken' };

/**
 * Reads a server's JSON. One that holds more values, or deeper ones, than any answer to us has is not even parsed: what
 * follows from those is time and memory.
 */
export function readJson(text: string): JsonReading {
  const vast = vastness(text);
  if (vast !== undefined) return { kind: 'vast', reason: vast };
  try {
    return { kind: 'read', value: JSON.parse(text) };
  } catch {
    return { kind: 'broken' };
  }
}

/** Counts what opens and separates values, outside of strings, without making any. */
function vastness(text: string): string | undefined {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = stringEnd(text, at);
        break;
      case COMMA:
        values++;
        break;
      case BRACKET:
      case BRACE:
        depth++;
        values++;
        break;
      case BRACKET_END:
      case BRACE_END:
        depth--;
    }
    if (depth > DEEPEST) return `is nested more than ${DEEPEST} deep`;
    if (values > MOST_VALUES) return `holds more than the ${MOST_VALUES} values that are read`;
  }
  return undefined;
}

const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACKET_END, BRACE, BRACE_END] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
];

/** Where the string that begins here ends; the text's end where it does not. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}
