import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What to send where. */
export interface LoadOptions {
  /** Where Envoy listens: `http://127.0.0.1:<port>` */
  readonly url: string;
  /** The `Host` header, which chooses the route. */
  readonly host: string;
  /** Never more than this; fewer when answers are slow. */
  readonly perSecond: number;
  /** @default / */
  readonly path?: string;
  /** More headers. @default - none */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came back. */
export interface LoadCounts {
  readonly sent: number;
  /** Answers by their status. */
  readonly byStatus: Readonly<Record<number, number>>;
  /** Requests without an answer: refused, reset, or over ten seconds. */
  readonly unanswered: number;
  /** Requests that were not sent in time, because too many waited for their answers. */
  readonly heldBack: number;
}

/** Requests at a steady rate, until it is stopped. */
export interface Load {
  counts(): LoadCounts;
  /** Ends it and waits for the last answers. */
  stop(): Promise<LoadCounts>;
}

const CONNECTIONS = 16;
const TIMEOUT_MS = 10_000;

/** Starts to send requests over kept connections. */
export function startLoad(options: LoadOptions): Load {
  const client = open(options);
  const begin = performance.now();
  let due = 0;
  const timer = setInterval(() => {
    const now = Math.floor(((performance.now() - begin) / 1000) * options.perSecond);
    // After a pause of this process the missed ones are not sent all at once.
    const most = Math.max(1, Math.ceil(options.perSecond / 10));
    client.holdBack(Math.max(0, now - due - most));
    for (due = Math.max(due, now - most); due < now; due++) client.send();
  }, 10);
  return {
    counts: client.counts,
    async stop() {
      clearInterval(timer);
      return client.end();
    },
  };
}

/** Sends so many requests, not faster than asked; back when all are answered. */
export async function sendRequests(
  options: LoadOptions & { readonly count: number },
): Promise<LoadCounts> {
  const client = open(options);
  const begin = performance.now();
  for (let sent = 0; sent < options.count; sent++) {
    const early = begin + (sent / options.perSecond) * 1000 - performance.now();
    if (early > 1) await sleep(early);
    while (client.waiting() >= CONNECTIONS) await sleep(1);
    client.send();
  }
  return client.end();
}

interface Client {
  send(): void;
  holdBack(count: number): void;
  waiting(): number;
  counts(): LoadCounts;
  end(): Promise<LoadCounts>;
}

function open({ url, host, path = '/', headers = {} }: LoadOptions): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const byStatus: Record<number, number> = {};
  let [sent, unanswered, heldBack] = [0, 0, 0];
  const waiting = new Set<Promise<void>>();
  const counts = () => ({ sent, byStatus: { ...byStatus }, unanswered, heldBack });
  return {
    counts,
    waiting: () => waiting.size,
    holdBack: (count) => {
      heldBack += count;
    },
    send() {
      if (waiting.size >= 4 * CONNECTIONS) {
        heldBack += 1;
        return;
      }
      sent += 1;
      const answer = ask(agent, `${url}${path}`, { ...headers, Host: host }).then(
        (status) => {
          byStatus[status] = (byStatus[status] ?? 0) + 1;
        },
        () => {
          unanswered += 1;
        },
      );
      waiting.add(answer);
      void answer.then(() => waiting.delete(answer));
    },
    async end() {
      await Promise.all(waiting);
      agent.destroy();
      return counts();
    },
  };
}

/**
 * A kept connection may be closed in the moment in which it is used again: then the request was never taken, and any
 * client sends it once more (https://nodejs.org/api/http.html#requestreusedsocket).
 */
function ask(
  agent: Agent,
  url: string,
  headers: Record<string, string>,
  again = true,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, headers, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', reject);
    });
    sent.once('timeout', () => sent.destroy(new Error('timeout')));
    sent.once('error', (error: NodeJS.ErrnoException) => {
      if (again && sent.reusedSocket && error.code === 'ECONNRESET')
        ask(agent, url, headers, false).then(resolve, reject);
      else reject(error);
    });
    sent.end();
  });
}
