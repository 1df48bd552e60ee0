import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Connection, post } from '../../../analyzer/metrics/request.ts';
import {
  type EmbeddedPrometheus,
  type PrometheusFault,
  startPrometheus,
} from '../../embedded/prometheus.ts';

const now = 1_800_000_000;
let server: EmbeddedPrometheus;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-request-test-'));
  server = await startPrometheus({ clock: () => now, answer: () => 1 });
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const limits = { timeoutSeconds: 10, retries: 2, maxBytes: 1_000_000 };
const ask = (options: Partial<Connection> = {}) =>
  post({ address: server.url, headers: {}, ...limits, ...options }, '/api/v1/query', {
    query: 'up',
  });

/** What comes of it when the next answers go wrong, and how many requests that took. */
async function spoiled(faults: readonly PrometheusFault[], options?: Partial<Connection>) {
  const before = server.queries.length;
  for (const fault of faults) server.faults.next(fault);
  const answer = await ask(options);
  const reason = answer.kind === 'unknown' ? answer.reason : undefined;
  return { kind: answer.kind, reason, requests: server.queries.length - before };
}

describe('post', () => {
  test('brings status, type, time and body', async () => {
    expect(await ask()).toMatchObject({
      kind: 'known',
      value: {
        status: 200,
        contentType: 'application/json',
        date: now,
        body: expect.stringContaining('"status":"success"'),
      },
    });
    server.faults.next('dateless');
    expect(await ask()).toMatchObject({ kind: 'known', value: { date: undefined } });
  });

  describe('tries again', () => {
    test.each<PrometheusFault>([500, 502, 503, 429, 'reset'])('after %s', async (fault) => {
      expect(await spoiled([fault])).toMatchObject({ kind: 'known', requests: 2 });
    });

    test('as often as it may, and then says why there is no answer', async () => {
      expect(await spoiled([500, 502, 503])).toEqual({
        kind: 'unknown',
        reason: expect.stringMatching(/^127\.0\.0\.1:\d+ answered HTTP 503: status 503$/),
        requests: 3,
      });
      expect(await spoiled([500], { retries: 0 })).toMatchObject({ kind: 'unknown', requests: 1 });
    });

    test('after the rest that the store asks for, if it is a short one', async () => {
      const began = performance.now();
      const fault = { retryAfterSeconds: 1 };
      expect(await spoiled([fault])).toMatchObject({ kind: 'known', requests: 2 });
      expect(performance.now() - began).toBeGreaterThan(990);
      const long = { retryAfterSeconds: 60 };
      expect(await spoiled([long])).toMatchObject({ kind: 'unknown', requests: 1 });
    });

    test.each([400, 401, 403, 404, 422])('but not after %i', async (status) => {
      expect(await spoiled([status])).toMatchObject({ kind: 'known', requests: 1 });
    });
  });

  describe('has no answer, but a reason', () => {
    test('when the store hangs; that is not tried again', async () => {
      expect(await spoiled(['hang'], { timeoutSeconds: 0.2 })).toEqual({
        kind: 'unknown',
        reason: expect.stringMatching(/took over 0\.2 s$/),
        requests: 1,
      });
    });

    test('when nobody listens', async () => {
      expect(await ask({ address: 'http://127.0.0.1:9', retries: 0 })).toEqual({
        kind: 'unknown',
        reason: '127.0.0.1:9 cannot be reached (ECONNREFUSED)',
        late: '127.0.0.1:9',
      });
    });

    test('when the body is without end; it is not kept in memory', async () => {
      const before = process.memoryUsage();
      expect(await spoiled(['huge'])).toMatchObject({
        reason: expect.stringMatching(/over 1000000 bytes$/),
        requests: 1,
      });
      const grown = process.memoryUsage().rss - before.rss;
      expect(grown).toBeLessThan(50 * 1024 ** 2);
    });

    test('when the body is a small one that unpacks to a large one', async () => {
      const packed = gzipSync(Buffer.alloc(50 * 1024 ** 2, ' '));
      const bomb = createServer((_, response) => {
        response.setHeader('Content-Encoding', 'gzip');
        response.end(packed);
      }).listen(0, '127.0.0.1');
      await once(bomb, 'listening');
      const { port } = bomb.address() as AddressInfo;
      const answer = await ask({ address: `http://127.0.0.1:${port}` });
      bomb.close();
      expect(answer).toMatchObject({ reason: expect.stringMatching(/over 1000000 bytes$/) });
    });

    test('when it is sent elsewhere, where it does not go', async () => {
      const { reason, requests } = await spoiled(['redirect']);
      expect(reason).toMatch(
        /HTTP 302, a redirect to http:\/\/elsewhere\.example\/login, which is/,
      );
      expect(requests).toBe(1);
    });

    test('when a file is missing', async () => {
      const bearerTokenFile = join(folder, 'none');
      expect(await ask({ bearerTokenFile })).toEqual({
        kind: 'unknown',
        reason: `cannot read ${bearerTokenFile} (ENOENT)`,
      });
    });
  });

  describe('sends', () => {
    const authorization = () => server.queries.at(-1)?.headers.authorization;

    test('a bearer token, read from its file each time', async () => {
      const bearerTokenFile = join(folder, 'token');
      await writeFile(bearerTokenFile, 'first-token\n');
      await ask({ bearerTokenFile });
      expect(authorization()).toBe('Bearer first-token');
      await writeFile(bearerTokenFile, 'second-token\n');
      await ask({ bearerTokenFile });
      expect(authorization()).toBe('Bearer second-token');
    });

    test('a user name and a password', async () => {
      const passwordFile = join(folder, 'password');
      await writeFile(passwordFile, 'pass word \n');
      await ask({ username: 'perch', passwordFile });
      expect(authorization()).toBe(`Basic ${Buffer.from('perch:pass word ').toString('base64')}`);
    });

    test('more headers', async () => {
      await ask({ headers: { 'X-Scope-OrgID': 'team-a' } });
      expect(server.queries.at(-1)?.headers['x-scope-orgid']).toBe('team-a');
    });
  });

  test('shows no secret that the store repeats', async () => {
    const bearerTokenFile = join(folder, 'token');
    await writeFile(bearerTokenFile, 's3cret-token');
    const answer = await ask({ bearerTokenFile, headers: { 'X-Api-Key': 's3cret-key' } });
    const said = 'no such token: Bearer s3cret-token, s3cret-token; key s3cret-key';
    const quoted = answer.kind === 'known' ? answer.value.quote(said) : undefined;
    expect(quoted).toBe('no such token: ***, ***; key ***');
  });

  test('shows no token that cannot be sent', async () => {
    const bearerTokenFile = join(folder, 'token');
    await writeFile(bearerTokenFile, 's3cret\u0001token');
    expect(await ask({ bearerTokenFile })).toEqual({
      kind: 'unknown',
      reason: expect.stringMatching(/^127\.0\.0\.1:\d+ cannot be reached \(ERR_INVALID_CHAR\)$/),
    });
  });

  test('quotes shortly and in one line', async () => {
    const answer = await ask();
    const quote = answer.kind === 'known' ? answer.value.quote : String;
    expect(quote('out of\u0000\u001b[31m\nmemory')).toBe('out of [31m memory');
    expect(quote('!'.repeat(1000))).toHaveLength(201);
  });
});
