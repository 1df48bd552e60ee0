import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { complaint, oversize } from '../../../analyzer/http/answer.ts';
import {
  below,
  type HttpRequest,
  type HttpResult,
  refusal,
  send,
  unanswered,
} from '../../../analyzer/http/client.ts';
import { readText } from '../../../analyzer/http/own-file.ts';
import { afterFile, temporaryFolder } from '../../cleanups.ts';
import { selfSigned } from '../../embedded/certificate.ts';
import { type HookServer, startHookServer } from '../../embedded/hook-server.ts';

let server: HookServer;

beforeAll(async () => {
  server = await startHookServer();
  afterFile(() => server.stop());
});

const status =
  (code: number, body = '', headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(code, headers).end(body);
const reset: RequestListener = (request) => void request.socket.destroy();
const hang: RequestListener = () => undefined;

const ALWAYS = { most: 3, again: () => true };

function request(more: Partial<HttpRequest> = {}): HttpRequest {
  const url = `${server.url}/gate/approve?token=s3cret`;
  return { method: 'POST', url, connection: { kind: 'kept' }, timeoutSeconds: 5, ...more };
}

let rests: number[] = [];
beforeEach(() => {
  rests = [];
});

/** Sends it without waiting for anything. */
const asked = (more?: Partial<HttpRequest>, until?: AbortSignal): Promise<HttpResult> =>
  send(request(more), until, async (seconds) => void rests.push(seconds));

/** What comes of it when the first answers are these, and how many requests that took. */
async function answered(answers: readonly RequestListener[], more?: Partial<HttpRequest>) {
  const before = server.calls.length;
  server.next(...answers);
  const result = await asked(more);
  return { ...result, requests: server.calls.length - before };
}

function answerOf(result: HttpResult) {
  if (result.kind !== 'answered') throw new Error(result.reason);
  return result;
}

describe('a request', () => {
  test('is sent as it is', async () => {
    const body = { type: 'text/plain', text: 'é' };
    await asked({ method: 'PUT', body, headers: { 'X-One': '1' } });
    expect(server.calls.at(-1)).toMatchObject({
      method: 'PUT',
      path: '/gate/approve?token=s3cret',
      headers: { 'content-type': 'text/plain', 'x-one': '1', 'user-agent': 'perch' },
      body: Buffer.from('é'),
    });
    expect(server.calls.at(-1)?.headers).not.toHaveProperty('accept-encoding');
  });

  test('is signed over its body, once for all attempts, and a header is sent once however it is spelled', async () => {
    const bodies: string[] = [];
    const sign = async (body: string) => {
      bodies.push(body);
      return { headers: { 'x-ONE': `over ${body}` }, secrets: [] };
    };
    await answered([status(500), status(500)], {
      body: { type: 'text/plain', text: 'words' },
      headers: { 'X-One': '1' },
      sign,
      retries: { most: 2, again: () => true },
    });
    expect(bodies).toEqual(['words']);
    expect(server.calls.at(-1)?.headers['x-one']).toBe('over words');
  });

  test.each([
    ['http://a/', '/b', 'http://a/b'],
    ['http://a/x///', '/b?c=d', 'http://a/x/b?c=d'],
    ['http://a', '/b', 'http://a/b'],
  ])('below %s at %s goes to %s', (address, path, url) => {
    expect(below(address, path)).toBe(url);
  });
});

test('its transport is loaded for the first request', async () => {
  let loaded = 0;
  vi.doMock('node-fetch', async (original) => {
    loaded += 1;
    return original();
  });
  vi.resetModules();
  const fresh = await import('../../../analyzer/http/client.ts');
  expect(await fresh.send(request({ url: 'nowhere' }))).toMatchObject({ kind: 'unsent' });
  expect(loaded).toBe(0);
  expect(await fresh.send(request())).toMatchObject({ kind: 'answered' });
  expect(loaded).toBe(1);
  vi.doUnmock('node-fetch');
});

describe('an answer', () => {
  test('has status, headers and body, whatever the status', async () => {
    const date = new Date(1_800_000_000_000).toUTCString();
    const said = [status(418, 'no coffee', { Date: date, 'X-Many': 'a' })];
    const result = answerOf(await answered(said));
    expect(result).toMatchObject({ status: 418, body: 'no coffee', requests: 1 });
    expect(result.headers.get('x-many')).toBe('a');
    expect(oversize(result)).toBeUndefined();
    expect(complaint(result)).toMatch(/^127\.0\.0\.1:\d+ answered HTTP 418: no coffee$/);
    expect(complaint(answerOf(await answered([status(503)])))).toMatch(/ answered HTTP 503$/);
  });

  test.each([
    [100, 'whole'],
    [101, 'cut'],
  ])('of %i bytes, where 100 are read, is %s', async (size, what) => {
    const result = answerOf(await answered([status(200, 'z'.repeat(size))], { maxBytes: 100 }));
    expect(result.body).toBe('z'.repeat(100));
    expect(oversize(result)).toEqual(
      what === 'whole' ? undefined : expect.stringMatching(/^the answer of \S+ is over 100 bytes$/),
    );
  });

  test('without end is left where it is not read any more', async () => {
    let closed: Promise<unknown> | undefined;
    const endless: RequestListener = (_, response) => {
      closed = once(response, 'close');
      const pour = (): void => {
        while (!response.destroyed && response.write('more '.repeat(5000)));
      };
      response.on('drain', pour);
      pour();
    };
    expect(await answered([endless])).toHaveProperty('body.length', 16 * 1024);
    await closed;
  });

  test('is unpacked where it was asked for packed, and counts unpacked', async () => {
    const packed: RequestListener = (_, response) =>
      void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('z'.repeat(1e6)));
    const few = answerOf(await answered([packed], { packed: true, maxBytes: 1000 }));
    expect(few).toMatchObject({ body: 'z'.repeat(1000), cutAfterBytes: 1000 });
    const all = answerOf(await answered([packed], { packed: true, maxBytes: 1e6 }));
    expect(all.body).toHaveLength(1e6);
    expect(server.calls.at(-1)?.headers['accept-encoding']).toBe('gzip');
    expect(answerOf(await answered([packed])).body.length).toBeLessThan(5000);
  });

  test.each([301, 302, 303, 307, 308])('%i leads nowhere', async (code) => {
    const other = await startHookServer();
    const location = `${other.url}/elsewhere?state=s3cret`;
    const result = await answered([status(code, '', { Location: location })]);
    const seen = other.calls.length;
    await other.stop();
    expect(complaint(answerOf(result))).toMatch(
      /answered HTTP 30\d, a redirect to \S+\/elsewhere, which is not followed: give the address/,
    );
    expect([seen, result.requests]).toEqual([0, 1]);
  });
});

describe('is no answer, but a reason', () => {
  test('what took too long, with its host', async () => {
    const result = await answered([hang], { timeoutSeconds: 0.1 });
    const { host } = new URL(server.url);
    const reason = `${host} took over 0.1 s`;
    expect(result).toEqual({ kind: 'late', host, reason, requests: 1 });
    expect(unanswered({ kind: 'late', host, reason })).toEqual({
      kind: 'unknown',
      reason,
      late: host,
    });
  });

  test('what drips: the limit is for all of it', async () => {
    const drip: RequestListener = (_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    };
    expect(await answered([drip], { timeoutSeconds: 0.2 })).toMatchObject({ kind: 'late' });
  });

  test.each<[string, RequestListener, string]>([
    ['was reset', reset, 'ECONNRESET'],
    [
      'ended in the middle of its body',
      (it, response) => {
        response.writeHead(200, { 'Content-Length': '100' }).write('half');
        setTimeout(() => it.socket.destroy(), 20);
      },
      'ECONNRESET',
    ],
    [
      'ended in the middle of a chunk',
      (it, response) => {
        response.writeHead(200).write('half');
        setTimeout(() => it.socket.destroy(), 20);
      },
      'ERR_STREAM_PREMATURE_CLOSE',
    ],
    ['speaks no HTTP', (it) => void it.socket.end('SSH-2.0-OpenSSH\r\n'), 'HPE_INVALID_CONSTANT'],
  ])('a connection that %s', async (_, answer, code) => {
    expect(await answered([answer], { connection: { kind: 'own' } })).toEqual({
      kind: 'unreachable',
      reason: `${new URL(server.url).host} cannot be reached (${code})`,
      code,
      requests: 1,
    });
  });

  test('a body that cannot be unpacked', async () => {
    const broken = status(200, 'no gzip', { 'Content-Encoding': 'gzip' });
    expect(await answered([broken], { packed: true })).toMatchObject({
      kind: 'unreachable',
      code: 'Z_DATA_ERROR',
    });
  });

  test.each<[string, Partial<HttpRequest>, RegExp]>([
    ['an address with a password', { url: 'http://ann:s3cret@h/' }, /^the address has a user name/],
    ['a password with a slash', { url: 'http://ann:s3/cret@h/' }, /^the address has a user name/],
    ['an address of another kind', { url: 'data:,s3cret' }, /^the address is not an http/],
    ['no address', { url: 'http://' }, /^the address is not an http/],
    [
      'a file that is missing',
      { sign: async () => ({ headers: { a: await readText('/none/s3') }, secrets: [] }) },
      /^cannot read \/none\/s3 \(ENOENT\)$/,
    ],
    [
      'authorities that are missing',
      { connection: { kind: 'kept', authorities: () => readText('/none/ca') } },
      /^cannot read \/none\/ca \(ENOENT\)$/,
    ],
    [
      'a header that cannot be sent',
      { sign: async () => ({ headers: { a: 's3cret\u0001' }, secrets: [] }) },
      /^127\.0\.0\.1:\d+ cannot be reached \(ERR_INVALID_CHAR\)$/,
    ],
  ])('%s: nothing is sent', async (_, more, reason) => {
    const before = server.calls.length;
    expect(await asked({ ...more, retries: { most: 0, again: () => true } })).toEqual({
      kind: 'unsent',
      reason: expect.stringMatching(reason),
    });
    expect(server.calls).toHaveLength(before);
  });

  test('a bug of ours is none', async () => {
    const sign = () => Promise.reject(new TypeError('a bug'));
    await expect(asked({ sign })).rejects.toThrow('a bug');
  });
});

describe('whoever asked waits no more', () => {
  const reason = expect.stringMatching(/^nobody waits for 127\.0\.0\.1:\d+ any more$/);

  test.each([
    ['nothing', {}],
    // Its stream's error had no listener, which ended the process.
    ['a body', { body: { type: 'text/plain', text: 'up' } }],
  ])('before it is sent with %s', async (_, more) => {
    const before = server.calls.length;
    expect(await asked(more, AbortSignal.abort())).toEqual({ kind: 'abandoned', reason });
    expect(server.calls).toHaveLength(before);
  });

  test('for the answer', async () => {
    const until = new AbortController();
    server.next(() => until.abort());
    expect(await asked({}, until.signal)).toEqual({ kind: 'abandoned', reason });
  });

  test('for another attempt', async () => {
    const until = new AbortController();
    server.next((_, response) => {
      response.writeHead(429, { 'Retry-After': '5' }).end();
      setTimeout(() => until.abort(), 50);
    });
    const began = performance.now();
    const result = await send(request({ retries: ALWAYS }), until.signal);
    expect(result).toEqual({ kind: 'abandoned', reason });
    expect(performance.now() - began).toBeLessThan(3000);
  });
});

describe('another attempt', () => {
  test('follows as often as it may, after rests that grow to a limit; the last result counts', async () => {
    const answers = Array.from({ length: 8 }, (_, index) => status(500, `answer ${index}`));
    expect(await answered(answers, { retries: { most: 7, again: () => true } })).toMatchObject({
      body: 'answer 7',
      requests: 8,
    });
    expect(rests).toEqual([0.2, 0.4, 0.8, 1.6, 3.2, 5, 5]);
  });

  test('follows only what says so', async () => {
    const again = (it: HttpResult) => it.kind === 'answered' && it.status === 503;
    const retries = { most: 3, again };
    expect(await answered([status(503), status(500)], { retries })).toMatchObject({ requests: 2 });
    expect(await answered([status(503)])).toMatchObject({ status: 503, requests: 1 });
    const lateOne = { retries, timeoutSeconds: 0.1 };
    expect(await answered([hang], lateOne)).toMatchObject({ kind: 'late', requests: 1 });
  });

  test.each([
    ['2', 2],
    ['0', 0.2],
    ['soon', 0.2],
    ['-5', 0.2],
    [new Date(0).toUTCString(), 0.2],
  ])('comes after the rest that the server wants: %s', async (wanted, seconds) => {
    const busy = status(429, '', { 'Retry-After': wanted });
    const retries = { most: 1, again: () => true };
    expect(await answered([busy], { retries })).toMatchObject({ requests: 2 });
    expect(rests).toEqual([seconds]);
  });

  test.each(['6', '9'.repeat(400), new Date(Date.now() + 86_400_000).toUTCString()])(
    'is left to whoever comes next where the rest would be long: %s',
    async (wanted) => {
      const busy = status(503, '', { 'Retry-After': wanted });
      expect(await answered([busy], { retries: ALWAYS })).toMatchObject({ requests: 1 });
      expect(rests).toEqual([]);
    },
  );
});

describe('a connection', () => {
  test('that was kept and is reset is opened once more, without a rest', async () => {
    expect(await answered([reset])).toMatchObject({ kind: 'answered', requests: 2 });
    expect(await answered([reset, reset])).toMatchObject({ kind: 'unreachable', requests: 2 });
    expect(rests).toEqual([]);
  });

  test('of its own is not: that the other side broke off says something of the request', async () => {
    expect(await answered([reset], { connection: { kind: 'own' } })).toMatchObject({
      kind: 'unreachable',
      requests: 1,
    });
  });

  test('is kept for the next request, but for those of their own', async () => {
    const ports: (number | undefined)[] = [];
    const note: RequestListener = (it, response) => {
      ports.push(it.socket.remotePort);
      response.end('ok');
    };
    for (const kind of ['kept', 'kept', 'own', 'own'] as const)
      await answered([note], { connection: { kind } });
    expect(ports[1]).toBe(ports[0]);
    expect(new Set(ports).size).toBe(3);
  });

  test.each(['kept', 'own'] as const)(
    '(%s) trusts the authorities in a file, read at each use',
    async (kind) => {
      const [own, foreign] = [selfSigned(), selfSigned()];
      const path = join(temporaryFolder(), 'ca');
      await writeFile(path, foreign.cert);
      const secure = await startHookServer({ tls: own });
      const url = `${secure.url}/gate/approve`;
      const connection = { kind, authorities: () => readText(path) };
      expect(await asked({ url, connection })).toMatchObject({
        kind: 'unreachable',
        code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      });
      await writeFile(path, own.cert);
      expect(await asked({ url, connection })).toMatchObject({ kind: 'answered', status: 200 });
      expect(secure.calls).toHaveLength(1);
      await secure.stop();
    },
  );
});

describe('what is said', () => {
  const KEY = 'correct-horse-battery-staple';
  const sign = async () => ({ headers: { 'X-Key': KEY }, secrets: [KEY, 'horse'] });

  test('of failures names the host, and nothing else of the address', async () => {
    const url = 'http://127.0.0.1:9/path-secret?token=s3cret';
    const result = await asked({ url });
    const reason = '127.0.0.1:9 cannot be reached (ECONNREFUSED)';
    expect(result).toEqual({ kind: 'unreachable', reason, code: 'ECONNREFUSED' });
    expect(refusal(result)).toBe(reason);
  });

  test('of a status, where nothing of the server is to be quoted, is the number', async () => {
    expect(refusal(await answered([status(404, 'secret')]))).toMatch(/^\S+ answered HTTP 404$/);
    expect(refusal(await answered([status(204)]))).toBeUndefined();
  });

  test('by the server is shown without our secrets, on one line', async () => {
    const said = status(500, `got ${KEY}\r\nand \u001b[31mhorse`, { Location: `/${KEY}` });
    const result = answerOf(await answered([said], { sign }));
    expect(result.beginning(100)).toBe('got *** and [31m***');
    expect(result.quote(`a ${KEY}`)).toBe('a ***');
    expect(complaint(result)).toMatch(/ answered HTTP 500: got \*\*\* and \[31m\*\*\*$/);
  });

  test('hides a secret also where the reading of a body, or what is shown of it, ends in its middle', async () => {
    for (const [offset, maxBytes] of [
      [0, 300],
      [13, 300],
      [7, 1e6],
    ] as const) {
      const said = 'x'.repeat(offset) + KEY.repeat(3000);
      const result = answerOf(await answered([status(403, said)], { sign, maxBytes }));
      expect(result.beginning(5000)).toMatch(/^x*\*+$/);
    }
  });
});
