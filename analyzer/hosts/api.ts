import type * as z from 'zod';
import { faultsText } from '../../lib/plan/parse.ts';
import { type Answered, isSuccess, oversize } from '../http/answer.ts';
import { below, type HttpResult, type Rest, type Signed, send } from '../http/client.ts';
import { readJson } from '../http/json.ts';
import { readText } from '../http/own-file.ts';
import { failure, failureOf, HostError, type Quirk } from './failure.ts';

/** What adapters do not make themselves. */
export interface HostTools {
  /** Unix seconds. */
  clock(): number;
  /** For one attempt, from connecting to the last byte. */
  readonly timeoutSeconds: number;
  /** Waits between attempts. @default - real time */
  readonly rest?: Rest | undefined;
}

/** How the REST API of a host is reached. */
export interface Access {
  /** What stands before each path. */
  readonly address: string;
  /** Sent with each request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What logs in; made at each request, as files may be rotated. */
  sign(): Promise<Signed>;
  /** Hears that what logged in was not taken. @default - the next request reads its file again anyway */
  readonly rejected?: (() => void) | undefined;
  /** A PEM file with the authorities to trust instead of the system's. */
  readonly caFile?: string | undefined;
  readonly quirk: Quirk;
  readonly tools: HostTools;
}

/** One question. */
export interface Ask {
  /** What it is for, after "cannot". */
  readonly task: string;
  readonly path: string;
  /** @default 'GET' */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | undefined;
  /** Sent as JSON. @default - nothing */
  readonly body?: unknown;
}

/** What came of it. */
export interface Told<T> {
  readonly value: T;
  readonly answer: Answered;
}

/** A list in pages: what the first one is asked with, and what the one after a page is asked with. */
export interface Paging<P> {
  readonly first: string;
  ask(cursor: string): Ask;
  /** Undefined after the last one. It is no address: whoever answers must not choose whom we ask. */
  next(page: P, answer: Answered, cursor: string): string | undefined;
}

/** Asks a host's API. @throws HostError by each of its functions */
export interface Api {
  read<T>(ask: Ask, schema: z.ZodType<T>): Promise<Told<T>>;
  /** For whose answer nobody looks at. */
  tell(ask: Ask): Promise<void>;
  /** Page by page, and no more of them than anybody needs. */
  pages<P>(paging: Paging<P>, schema: z.ZodType<P>): AsyncIterable<P>;
}

const MAX_BYTES = 8 * 1024 ** 2;
const MOST_RETRIES = 2;
const MOST_PAGES = 50;

/** The API of a host. @param until ends all that is asked of it */
export function openApi(access: Access, until?: AbortSignal): Api {
  const read = async <T>(ask: Ask, schema: z.ZodType<T>): Promise<Told<T>> => {
    const answer = await answerTo(access, ask, until);
    return { value: valueIn(answer, ask, schema), answer };
  };
  return {
    read,
    tell: async (ask) => void (await answerTo(access, ask, until)),
    async *pages({ first, ask, next }, schema) {
      let cursor: string | undefined = first;
      for (let count = 0; cursor !== undefined; count++) {
        const one = ask(cursor);
        if (count === MOST_PAGES) {
          const reason = `there are more than the ${MOST_PAGES} pages that are read`;
          throw new HostError(failure('refused', one.task, reason));
        }
        const { value, answer } = await read(one, schema);
        yield value;
        cursor = next(value, answer, cursor);
      }
    },
  };
}

async function answerTo(access: Access, ask: Ask, until?: AbortSignal): Promise<Answered> {
  const { address, caFile, headers, quirk, tools, sign } = access;
  const { method = 'GET', path, body, task } = ask;
  const result = await send(
    {
      method,
      url: below(address, path),
      headers: { Accept: 'application/json', ...headers },
      ...(body === undefined
        ? {}
        : { body: { type: 'application/json', text: JSON.stringify(body) } }),
      sign,
      connection: {
        kind: 'kept',
        authorities: caFile === undefined ? undefined : () => readText(caFile),
      },
      timeoutSeconds: tools.timeoutSeconds,
      maxBytes: MAX_BYTES,
      packed: true,
      retries: { most: MOST_RETRIES, again: (it) => mayHeal(it, method) },
    },
    until,
    tools.rest,
  );
  if (result.kind === 'answered' && isSuccess(result) && quirk(result) === undefined) return result;
  const failed = failureOf(result, task, quirk, tools.clock());
  if (failed.kind === 'unauthorised') access.rejected?.();
  throw new HostError(failed);
}

/** A second POST may be a second comment, unless the first one was turned away. */
function mayHeal(result: HttpResult, method: string): boolean {
  if (result.kind === 'answered' && result.status === 429) return true;
  if (method === 'POST') return false;
  return result.kind === 'answered' ? result.status >= 500 : result.kind === 'unreachable';
}

/** @throws HostError where it is not what such a host answers */
function valueIn<T>(answer: Answered, { task }: Ask, schema: z.ZodType<T>): T {
  const broken = (what: string) => new HostError(failure('unavailable', task, what));
  const tooLarge = oversize(answer);
  if (tooLarge !== undefined) throw broken(tooLarge);
  const reading = readJson(answer.body);
  if (reading.kind === 'broken') throw broken(`the answer of ${answer.host} is not JSON`);
  if (reading.kind === 'vast') throw broken(`the answer of ${answer.host} ${reading.reason}`);
  const result = schema.safeParse(reading.value);
  if (result.success) return result.data;
  const faults = answer.quote(faultsText(result.error));
  throw broken(`the answer of ${answer.host} is not one of such a host: ${faults}`);
}

/** Whether a Link header names a page after this one (RFC 8288). */
export function hasNext({ headers }: Answered): boolean {
  return /;\s*rel="?next"?(?:\s|[;,]|$)/.test(headers.get('link') ?? '');
}

/** Pages by number, as long as a Link header names a next one. */
export function numbered<P>(ask: (page: string) => Ask): Paging<P> {
  return {
    first: '1',
    ask,
    next: (_, answer, page) => (hasNext(answer) ? String(Number(page) + 1) : undefined),
  };
}

/** A part of a path that was chosen by somebody: slashes in it are no separators. */
export function part(text: string): string {
  return encodeURIComponent(text);
}

/** Parameters behind a path. */
export function query(values: Readonly<Record<string, string>>): string {
  return `?${new URLSearchParams(values).toString()}`;
}
