import type { Response } from 'node-fetch';
import { quote } from '../../lib/plan/plain.ts';

/** What a server sent, whatever its status. */
export interface Answered {
  readonly kind: 'answered';
  readonly host: string;
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** The beginning, where it was cut. */
  readonly body: string;
  /** After how many bytes its reading was ended. @default - all of it was read */
  readonly cutAfterBytes?: number | undefined;
  /** Makes text of the server's own presentable: short, in one line, without our secrets. */
  readonly quote: (text: string) => string;
  /** The beginning of the body, in one line and without our secrets. */
  readonly beginning: (longest: number) => string;
}

const LONGEST_QUOTE = 200;
/** Characters of a body in which secrets are looked for, where its beginning is shown. */
const LONGEST_SHOWN = 16 * 1024;

/** What a response is read with. */
export interface Reading {
  readonly host: string;
  /** Whatever the server may repeat to us, and nobody must see. */
  readonly secrets: readonly string[];
  readonly maxBytes: number;
}

/** Reads a response, and no further than it must. @throws the stream's error where the connection breaks off */
export async function readAnswer(response: Response, reading: Reading): Promise<Answered> {
  const { host, secrets, maxBytes } = reading;
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of response.body ?? []) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > maxBytes) break;
  }
  const isCut = size > maxBytes;
  const body = Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8');
  return {
    kind: 'answered',
    host,
    status: response.status,
    headers: new Map(response.headers),
    body,
    ...(isCut ? { cutAfterBytes: maxBytes } : {}),
    quote: (text) => presentable(text, secrets, LONGEST_QUOTE),
    beginning: (longest) => beginningOf(body, isCut, secrets, longest),
  };
}

function beginningOf(
  body: string,
  isCut: boolean,
  secrets: readonly string[],
  longest: number,
): string {
  const shown = presentable(body.slice(0, LONGEST_SHOWN), secrets, LONGEST_SHOWN);
  // Where the end was cut off, it may be the beginning of a secret.
  const risk = Math.max(0, ...secrets.map((it) => it.length));
  const isWhole = !isCut && body.length <= LONGEST_SHOWN;
  return quote(isWhole ? shown : shown.slice(0, -risk || undefined), longest);
}

/** A server may repeat to us what we sent it. */
function presentable(text: string, secrets: readonly string[], longest: number): string {
  const hidden = secrets
    // A secret that is a part of another one would leave the rest of that one to be seen.
    .toSorted((one, other) => other.length - one.length)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  return quote(hidden, longest);
}

/** Whether it is a 2xx. */
export function isSuccess({ status }: Answered): boolean {
  return status >= 200 && status < 300;
}

/** Whether it sends us elsewhere. Nobody follows, as what is sent is meant for one server alone. */
export function isRedirect({ status }: Answered): boolean {
  return status >= 300 && status < 400;
}

/** What is to be said of an answer that is of no use: where it would lead us, or what it says. */
export function complaint(answer: Answered): string {
  const { host, status, headers } = answer;
  if (isRedirect(answer)) {
    const location = answer.quote(headers.get('location')?.split('?')[0] ?? 'nowhere');
    return `${host} answered HTTP ${status}, a redirect to ${location}, which is not followed: give the address that it leads to`;
  }
  const said = answer.beginning(LONGEST_QUOTE);
  return `${host} answered HTTP ${status}${said === '' ? '' : `: ${said}`}`;
}

/** Why a body cannot be made use of as a whole; undefined where it can. */
export function oversize({ host, cutAfterBytes }: Answered): string | undefined {
  return cutAfterBytes === undefined
    ? undefined
    : `the answer of ${host} is over ${cutAfterBytes} bytes`;
}

/** The Date header in Unix seconds; undefined where there is no valid one. */
export function serverTime({ headers }: Answered): number | undefined {
  const seconds = Date.parse(headers.get('date') ?? '') / 1000;
  return Number.isFinite(seconds) ? seconds : undefined;
}

/** After how many seconds the server wants to be asked again: a number, or a date (RFC 9110, section 10.2.3). */
export function wantedRestSeconds({ headers }: Answered): number | undefined {
  const text = headers.get('retry-after');
  if (text === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text);
  const seconds = (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/** Until when a limit that is used up holds, in Unix seconds, as GitHub, GitLab and Azure DevOps tell it. */
export function limitedUntil({ headers }: Answered): number | undefined {
  const of = (name: string) =>
    headers.get(`x-ratelimit-${name}`) ?? headers.get(`ratelimit-${name}`);
  const [left, reset] = [of('remaining'), of('reset')];
  return left === '0' && reset !== undefined && /^\d+$/.test(reset) ? Number(reset) : undefined;
}
