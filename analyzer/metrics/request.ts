import type { Answer } from '../core/answer.ts';
import { type Answered, complaint, isRedirect, oversize, serverTime } from '../http/answer.ts';
import { below, type HttpResult, type Signed, send, unanswered } from '../http/client.ts';
import { FileError, readText } from '../http/own-file.ts';

/** How a metric store is reached. Credentials are read from their files at each request. */
export interface Connection {
  /** Its URL, without credentials. */
  readonly address: string;
  /** Sent with each request. Values may be secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** A file with more of them, lines `Name: value`. */
  readonly headersFile?: string | undefined;
  /** A file with a bearer token. */
  readonly bearerTokenFile?: string | undefined;
  readonly username?: string | undefined;
  /** A file with the password of `username`. */
  readonly passwordFile?: string | undefined;
  /** A PEM file with the authorities to trust instead of the system's. */
  readonly caFile?: string | undefined;
  /** For one attempt, from connecting to the last byte. */
  readonly timeoutSeconds: number;
  /** Attempts after the first one. */
  readonly retries: number;
  /** Of an answer's body, unpacked. */
  readonly maxBytes: number;
}

/** What a store sent, whatever its status. */
export interface Reply {
  readonly status: number;
  readonly contentType: string;
  /** The Date header in Unix seconds, where there was a valid one. */
  readonly date?: number | undefined;
  readonly body: string;
  /** Makes text of the store's own presentable: short, one line, without our secrets. */
  readonly quote: (text: string) => string;
}

const FORM = 'application/x-www-form-urlencoded;charset=UTF-8';

/**
 * Posts a form. Repeats what may heal by itself (a broken connection, 429, 5xx), but not what
 * took too long: a query that is too heavy would only be so again.
 *
 * @param until ends it early @default - each attempt has its time limit alone
 */
export async function post(
  connection: Connection,
  path: string,
  form: Readonly<Record<string, string>>,
  until?: AbortSignal,
): Promise<Answer<Reply>> {
  const { address, caFile, timeoutSeconds, maxBytes, retries } = connection;
  const authorities = caFile === undefined ? undefined : () => readText(caFile);
  const result = await send(
    {
      method: 'POST',
      url: below(address, path),
      headers: { Accept: 'application/json' },
      body: { type: FORM, text: new URLSearchParams(form).toString() },
      sign: () => sign(connection),
      connection: { kind: 'kept', authorities },
      timeoutSeconds,
      maxBytes,
      packed: true,
      retries: { most: retries, again: mayHeal },
    },
    until,
  );
  const answer = result.kind === 'answered' ? replyOf(result) : unanswered(result);
  // What was asked again in vain is as good as late: nobody else of this pass needs to try.
  const { host } = new URL(address);
  return answer.kind === 'unknown' && mayHeal(result) ? { ...answer, late: host } : answer;
}

function mayHeal(result: HttpResult): boolean {
  return result.kind === 'answered' ? isFailing(result) : result.kind === 'unreachable';
}

function isFailing({ status }: Answered): boolean {
  return status === 429 || status >= 500;
}

function replyOf(answer: Answered): Answer<Reply> {
  const { status, headers, body, quote } = answer;
  if (isFailing(answer) || isRedirect(answer))
    return { kind: 'unknown', reason: complaint(answer) };
  const reason = oversize(answer);
  if (reason !== undefined) return { kind: 'unknown', reason };
  const contentType = quote(headers.get('content-type') ?? 'no content type');
  const date = serverTime(answer);
  return { kind: 'known', value: { status, contentType, date, body, quote } };
}

/** What logs in, and whatever of it must not be shown. */
async function sign(connection: Connection): Promise<Signed> {
  const { headersFile, bearerTokenFile, username, passwordFile } = connection;
  const token = (await textOf(bearerTokenFile))?.trim();
  // Passwords may end in blanks, but not in the line break that editors add.
  const password = (await textOf(passwordFile))?.replace(/\r?\n$/, '') ?? '';
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  const headers = {
    ...connection.headers,
    ...parseHeaders((await textOf(headersFile)) ?? '', headersFile),
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    ...(username === undefined ? {} : { Authorization: `Basic ${basic}` }),
  };
  const secrets = [password, ...Object.values(headers)]
    // A scheme, such as Bearer, stands before what is secret.
    .flatMap((it) => [it, it.split(' ').at(-1) ?? ''])
    .filter((it) => it.length > 3);
  return { headers, secrets };
}

async function textOf(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : await readText(path);
}

function parseHeaders(text: string, path: string | undefined): Readonly<Record<string, string>> {
  const lines = text.split('\n').map((it) => it.trim());
  const given = lines.filter((it) => it !== '' && !it.startsWith('#'));
  const pairs = given.map((line) => /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t\x20-\x7e]*)$/.exec(line));
  // The line itself is not shown: it may be the secret.
  const wrong = pairs.indexOf(null);
  if (wrong >= 0)
    throw new FileError(
      `${path} is not a list of headers: expected lines Name: value (header ${wrong + 1})`,
    );
  return Object.fromEntries(pairs.map((it) => [it?.[1] ?? '', it?.[2] ?? '']));
}
