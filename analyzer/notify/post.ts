import * as z from 'zod';
import { type Answered, isSuccess, wantedRestSeconds } from '../http/answer.ts';
import { type HttpRequest, refusal, type Signed, send } from '../http/client.ts';
import { readJson } from '../http/json.ts';
import { FileError, readText } from '../http/own-file.ts';
import type { Delivery, FailureKind } from './channel.ts';

/** What is sent to a product. */
export interface Posting {
  /** Where to; it may be secret, and is never shown. @throws FileError */
  readonly url: () => string | Promise<string>;
  /** @default 'POST' */
  readonly method?: 'POST' | 'PUT';
  /** @throws FileError */
  readonly body: () => unknown | Promise<unknown>;
  /** @default 'application/json' */
  readonly type?: string;
  /** What logs in. @default - the address does, or the body */
  readonly sign?: ((body: string) => Promise<Signed>) | undefined;
  readonly caFile: string | undefined;
  /** Looks at the body of a success, as some products say there that it is none. @default - the status is the answer */
  readonly check?: (body: unknown) => Delivery;
  readonly until: AbortSignal;
}

const TIMEOUT_SECONDS = 10;

/** Sends it once. Nothing of what the server says is repeated, as most addresses are as good as a password. */
export async function post(it: Posting): Promise<Delivery> {
  const { caFile, check, method = 'POST', type = 'application/json', sign, until } = it;
  let request: HttpRequest;
  try {
    const body = await it.body();
    request = {
      method,
      url: await it.url(),
      body: { type, text: typeof body === 'string' ? body : JSON.stringify(body) },
      sign,
      connection: {
        kind: 'kept',
        authorities: caFile === undefined ? undefined : () => readText(caFile),
      },
      timeoutSeconds: TIMEOUT_SECONDS,
    };
  } catch (error) {
    if (error instanceof FileError) return failed('unauthorised', error.message);
    throw error;
  }
  const result = await send(request, until);
  const reason = refusal(result);
  if (result.kind === 'unsent') return failed('unauthorised', result.reason);
  if (result.kind !== 'answered') return failed('unavailable', result.reason);
  if (reason !== undefined || !isSuccess(result))
    return failed(kindOf(result), reason ?? '', restOf(result));
  if (check === undefined) return { kind: 'sent' };
  const reading = readJson(result.body);
  return reading.kind === 'read' && result.cutAfterBytes === undefined
    ? check(reading.value)
    : failed('unavailable', `the answer of ${result.host} is not JSON that such a product sends`);
}

function kindOf({ status }: Answered): FailureKind {
  if (status === 401 || status === 403) return 'unauthorised';
  if (status === 429) return 'rate-limited';
  return status >= 400 && status < 500 && status !== 408 ? 'refused' : 'unavailable';
}

/** Some products say it in the body alone: Discord and Telegram in seconds, Matrix in milliseconds. */
const rest = z.object({
  retry_after: z.number().nonnegative().optional(),
  retry_after_ms: z.number().nonnegative().optional(),
  parameters: z.object({ retry_after: z.number().nonnegative() }).optional(),
});

function restOf(answer: Answered): number | undefined {
  const wanted = wantedRestSeconds(answer);
  if (wanted !== undefined || answer.status !== 429) return wanted;
  const reading = readJson(answer.body);
  const said = rest.safeParse(reading.kind === 'read' ? reading.value : undefined).data;
  const milliseconds = said?.retry_after_ms;
  return (
    said?.parameters?.retry_after ??
    said?.retry_after ??
    (milliseconds === undefined ? undefined : milliseconds / 1000)
  );
}

/** A message that was not taken. */
export function failed(failure: FailureKind, reason: string, retryAfterSeconds?: number): Delivery {
  return { kind: 'failed', failure, reason, retryAfterSeconds };
}
