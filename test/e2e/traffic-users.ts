import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { KIND_HEADER } from './stack/player/protocol.ts';

/** What a request asks for, and what kind it is; pods count kinds apart. */
export interface Asking {
  readonly kind: string;
  /** @default / */
  readonly path?: string;
  /** @default - none but the kind */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came back. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Image of the pod that answered; empty where no pod did. */
  readonly image: string;
}

/** Somebody at a gateway: connections are kept. */
export interface User {
  ask(asking: Asking): Promise<Answered>;
  /** Asks so often, eight at a time. */
  askAll(asking: Asking, count: number): Promise<readonly Answered[]>;
  close(): void;
}

/** @param url where Envoy listens; the host chooses the route */
export function userOf(url: string, host: string): User {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const ask = async ({ kind, path = '/', headers = {} }: Asking) => {
    const all = { ...headers, [KIND_HEADER]: kind, Host: host };
    return answerTo(agent, `${url}${path}`, all);
  };
  return {
    ask,
    async askAll(asking, count) {
      const answers: Answered[] = [];
      const part = async (size: number) => {
        for (let asked = 0; asked < size; asked++) answers.push(await ask(asking));
      };
      const sizes = Array.from({ length: 8 }, (_, index) => Math.floor((count + index) / 8));
      await Promise.all(sizes.map(part));
      return answers;
    },
    close: () => agent.destroy(),
  };
}

function answerTo(agent: Agent, url: string, headers: Record<string, string>): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, headers, timeout: 10_000 }, (response) => {
      text(response)
        .then((body) => {
          const { statusCode: status = 0, headers: got } = response;
          resolve({ status, headers: got, image: imageIn(body) });
        })
        .catch(reject);
    });
    sent.once('timeout', () => sent.destroy(new Error('timeout')));
    sent.once('error', reject);
    sent.end();
  });
}

function imageIn(body: string): string {
  try {
    return String((JSON.parse(body) as { readonly image?: unknown }).image ?? '');
  } catch {
    return '';
  }
}

/** The cookies that an answer sets, by name, with all that stands behind the name. */
export function cookiesOf({ headers }: Answered): ReadonlyMap<string, string> {
  const all = headers['set-cookie'] ?? [];
  return new Map(all.map((it) => [it.slice(0, it.indexOf('=')), it.slice(it.indexOf('=') + 1)]));
}
