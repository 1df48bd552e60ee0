import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Channel, Delivery, FailureKind } from '../../analyzer/notify/channel.ts';
import { type Message, messageOf } from '../../analyzer/notify/message.ts';
import { openChannels } from '../../analyzer/notify/registry.ts';
import { afterFile, temporaryFolder } from '../cleanups.ts';

/** What a server was asked. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly body: unknown;
}

/** A kind of channel, and how its product answers. */
export interface ChannelUnderTest {
  readonly kind: string;
  /** What the configuration says besides the kind, for a product at this address. */
  options(address: string, file: (text: string) => string): Readonly<Record<string, unknown>>;
  /** What the product answers to a message that it takes. */
  readonly success: { readonly status: number; readonly body: string };
  /** Looks at the first message, as the product documents it. */
  taken(asked: Asked): void;
  /** Whether the product says in the body whether it has taken a message. */
  readonly checksBody: boolean;
}

/** What logs in, wherever it stands. */
export const SECRET = 'canary-0123456789abcdef';

/** Text that is something in each markup, and must stay text. */
export const HOSTILE = `<!channel> <users/all> @everyone **bold** [x](http://evil.example) <b>&amp;</b> "},{"a":"`;

/** What is told. */
export const MESSAGE: Message = messageOf(
  {
    release: 'shop',
    namespace: 'web',
    candidate: '0123456789',
    step: '02-weight-20',
    commit: 'c'.repeat(40),
    at: 1_800_000_000,
    happening: { kind: 'rollingBack', cause: 'failed', reason: HOSTILE },
  },
  'https://git.example.com/team/live',
);

/** The end of that rollout. */
export const END: Message = messageOf({
  release: 'shop',
  namespace: 'web',
  candidate: '0123456789',
  commit: 'd'.repeat(40),
  at: 1_800_000_060,
  happening: { kind: 'promoted' },
});

type Answering = (response: ServerResponse, asked: Asked) => void;

/** A product's server, of which each test says how it answers. */
async function startProduct(): Promise<{
  readonly address: string;
  readonly asked: Asked[];
  answers: Answering;
}> {
  const product = { address: '', asked: [] as Asked[], answers: (() => undefined) as Answering };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const it of request) chunks.push(Buffer.from(it));
    const text = Buffer.concat(chunks).toString('utf8');
    const { method = '', url: path = '', headers } = request;
    const asked: Asked = { method, path, headers, text, body: text === '' ? '' : JSON.parse(text) };
    product.asked.push(asked);
    product.answers(response, asked);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  product.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return product;
}

/** Repeats everything that it was sent, as some products do. */
function repeats(status: number, more: Readonly<Record<string, string>> = {}): Answering {
  return (response, { path, text, headers }) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...more });
    response.end(
      JSON.stringify({ ok: false, error: `${path} ${text} ${JSON.stringify(headers)}` }),
    );
  };
}

/** What callers rely on, whichever product it is. */
export function channelContract(subject: ChannelUnderTest): void {
  let product: Awaited<ReturnType<typeof startProduct>>;
  let channel: Channel;
  let files: string[];
  /** Everything that anybody was told. */
  const told: string[] = [];

  beforeEach(async () => {
    product = await startProduct();
    files = [];
    const folder = temporaryFolder();
    const file = (text: string) => {
      const path = join(folder, `file-${files.length}`);
      writeFileSync(path, `${text}\n`);
      files.push(path);
      return path;
    };
    const options = subject.options(product.address, file);
    const [one] = openChannels({ team: { kind: subject.kind, ...options } }, 'FILE');
    if (one === undefined) throw new Error('there is no channel');
    channel = one.channel;
    product.answers = takes;
  });

  const takes: Answering = (response) => {
    response.writeHead(subject.success.status, { 'Content-Type': 'application/json' });
    response.end(subject.success.body);
  };

  async function send(message = MESSAGE, seconds = 5): Promise<Delivery> {
    const delivery = await channel.send(message, AbortSignal.timeout(seconds * 1000));
    told.push(JSON.stringify(delivery));
    return delivery;
  }

  async function fails(failure: FailureKind, seconds?: number): Promise<string> {
    const delivery = await send(MESSAGE, seconds);
    expect(delivery).toMatchObject({ kind: 'failed', failure });
    return delivery.kind === 'failed' ? delivery.reason : '';
  }

  describe(`the channel ${subject.kind}`, () => {
    test('sends what the product documents, once, and in its markup', async () => {
      expect(await send()).toEqual({ kind: 'sent' });
      expect(product.asked).toHaveLength(1);
      const [asked] = product.asked;
      if (asked === undefined) throw new Error('nothing was asked');
      expect(asked.headers['content-type']).toMatch(/^application\/(?:cloudevents\+)?json/);
      subject.taken(asked);
      // Where the bodies are of the product's own, an address of the author's is the only one.
      expect(asked.text).toContain('https://git.example.com/team/live');
    });

    test('tells the end, too', async () => {
      await send();
      expect(await send(END)).toEqual({ kind: 'sent' });
    });

    test.each<[number, FailureKind]>([
      [400, 'refused'],
      [401, 'unauthorised'],
      [403, 'unauthorised'],
      [404, 'refused'],
      [413, 'refused'],
      [500, 'unavailable'],
      [503, 'unavailable'],
    ])('HTTP %i is %s', async (status, failure) => {
      product.answers = repeats(status);
      expect(await fails(failure)).toContain(`HTTP ${status}`);
    });

    test('429 says when to come again', async () => {
      product.answers = repeats(429, { 'Retry-After': '7' });
      expect(await send()).toMatchObject({ failure: 'rate-limited', retryAfterSeconds: 7 });
    });

    test('a redirect is not followed', async () => {
      const elsewhere = await startProduct();
      product.answers = repeats(307, { Location: `${elsewhere.address}/${SECRET}` });
      await fails('unavailable');
      expect(elsewhere.asked).toEqual([]);
    });

    test('a connection that breaks off, and an answer that never comes, are no success', async () => {
      product.answers = (response) => void response.destroy();
      await fails('unavailable');
      product.answers = () => undefined;
      await fails('unavailable', 0.2);
    });

    test('an endless body holds up nobody', async () => {
      product.answers = (response) => {
        response.writeHead(200, { 'Content-Type': 'application/json' });
        // After the event loop's other work, so that the client gets to read.
        const more = () => {
          if (!response.destroyed) response.write('x'.repeat(8192), () => setImmediate(more));
        };
        more();
      };
      const delivery = await send();
      expect(delivery.kind).toBe(subject.checksBody ? 'failed' : 'sent');
    });

    test('an answer that is not JSON is only a success where the status says it all', async () => {
      product.answers = (response) => {
        response.writeHead(subject.success.status);
        response.end('<!doctype html><title>Sign in</title>');
      };
      expect((await send()).kind).toBe(subject.checksBody ? 'failed' : 'sent');
    });

    test('files are read at each use', async () => {
      expect(await send()).toEqual({ kind: 'sent' });
      for (const path of files) writeFileSync(path, '');
      if (files.length > 0) expect(await fails('unauthorised')).toContain('is empty');
    });

    afterAll(() => {
      expect(told.length).toBeGreaterThan(0);
      expect(told.filter((it) => it.includes(SECRET))).toEqual([]);
    });
  });
}
