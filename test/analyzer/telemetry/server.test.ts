import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Page, type Server, startServer } from '../../../analyzer/telemetry/server.ts';

const open: Server[] = [];

afterEach(async () => {
  for (const it of open.splice(0)) await it.close();
});

async function serve(page: () => Promise<Page> = async () => text('fine')): Promise<Server> {
  const server = await startServer({ host: '127.0.0.1', port: 0 }, new Map([['/a', page]]));
  open.push(server);
  return server;
}

function text(body: string): Page {
  return { status: 200, type: 'text/plain', body };
}

function silent(port: number, count: number): readonly Socket[] {
  return Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => {}));
}

/** A GET with a body, which nobody need send. @returns status, and the length of the answer */
async function sendLarge(url: string, body: string): Promise<readonly number[]> {
  const sent = request(url, { method: 'GET', headers: { 'Content-Length': body.length } });
  sent.end(body);
  const [reply] = await once(sent, 'response');
  let length = 0;
  for await (const chunk of reply) length += chunk.length;
  return [reply.statusCode, length];
}

describe('the server', () => {
  test('answers what is below a folder by its name, once it is asked for', async () => {
    const below = new Map([['/releases/', async (name: string) => text(`of ${name}`)]]);
    const server = await startServer({ host: '127.0.0.1', port: 0 }, new Map(), below);
    open.push(server);
    expect(await (await fetch(`${server.url}/releases/shop?x=1`)).text()).toBe('of shop');
    const other = await fetch(`${server.url}/release`);
    expect([other.status, await other.text()]).toEqual([404, 'there is only /releases/…\n']);
    expect((await fetch(`${server.url}/releases/shop`, { method: 'POST' })).status).toBe(405);
  });

  test('answers its pages, and each connection once', async () => {
    const { url } = await serve();
    const reply = await fetch(`${url}/a?x=1`);
    expect([reply.status, await reply.text()]).toEqual([200, 'fine']);
    expect(reply.headers.get('connection')).toBe('close');
    const head = await fetch(`${url}/a`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
      200,
      '4',
      '',
    ]);
  });

  test.each([
    ['GET', '/', 404],
    ['GET', '/a/', 404],
    ['GET', '//evil.example/a', 404],
    ['POST', '/b', 404],
    ['POST', '/a', 405],
    ['DELETE', '/a', 405],
  ])('%s %s is %i', async (method, path, status) => {
    const { url } = await serve();
    const sent = request(`${url}${path}`, { method });
    sent.end();
    const [reply] = await once(sent, 'response');
    reply.resume();
    expect(reply.statusCode).toBe(status);
  });

  test('a page that cannot be made is 500, and says nothing of why', async () => {
    const { url } = await serve(async () => {
      throw new Error('secret');
    });
    const reply = await fetch(`${url}/a`);
    expect([reply.status, await reply.text()]).toEqual([500, 'this page cannot be made\n']);
  });

  test('ends connections that say nothing when it closes', async () => {
    const server = await serve();
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(socket, 'connect');
    const ended = once(socket, 'close');
    await server.close();
    open.length = 0;
    await ended;
  });

  test('takes a bounded number of connections', async () => {
    const { url } = await serve();
    const port = Number(new URL(url).port);
    const sockets = silent(port, 72);
    let dropped = 0;
    for (const it of sockets) it.on('close', () => dropped++);
    await vi.waitFor(() => expect(dropped).toBe(8));
    for (const it of sockets) it.destroy();
  });

  test('answers whoever asks while many others keep slow connections open', async () => {
    const { url } = await serve();
    const port = Number(new URL(url).port);
    for (const count of [20, 80]) {
      const slow = silent(port, count);
      // The beginning of a request, and no more.
      for (const it of slow) it.write('GET /a HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      await Promise.all(slow.map((it) => once(it, 'connect')));
      const began = performance.now();
      const replies = await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/a`)));
      expect(replies.map((it) => it.status)).toEqual(Array(20).fill(200));
      expect(performance.now() - began).toBeLessThan(4000);
      for (const it of slow) it.destroy();
    }
  });

  test('answers many requests with large bodies and large answers, and makes a page once for all', async () => {
    let made = 0;
    const large = 'x'.repeat(300_000);
    const { url } = await serve(async () => {
      made += 1;
      await new Promise((done) => setTimeout(done, 200));
      return text(large);
    });
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => sendLarge(`${url}/a`, large)),
    );
    expect(replies).toEqual(Array(20).fill([200, large.length]));
    expect(made).toBeLessThan(20);
    expect((await sendLarge(`${url}/a`, 'x'.repeat(2_000_000)).catch(() => [413]))[0]).toBe(413);
  });

  test('an address that is taken is an error that names the flag', async () => {
    const { url } = await serve();
    const port = Number(new URL(url).port);
    await expect(startServer({ host: '127.0.0.1', port }, new Map())).rejects.toThrow(
      `--listen: another program listens on 127.0.0.1:${port} already: end it, or name a port that is free (EADDRINUSE)`,
    );
  });

  test('listens on IPv6 too', async () => {
    const server = await startServer(
      { host: '::1', port: 0 },
      new Map([['/a', async () => text('x')]]),
    );
    open.push(server);
    expect(await (await fetch(`${server.url}/a`)).text()).toBe('x');
  });
});
