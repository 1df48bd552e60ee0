import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import type { HookAnswer } from '../../../analyzer/core/observation.ts';
import { hookClient } from '../../../analyzer/hooks/client.ts';
import type { HookPayload } from '../../../analyzer/hooks/request.ts';
import { payloadOf } from '../../../analyzer/hooks/request.ts';
import type { Hook } from '../../../lib/plan/plan.ts';
import { afterFile, temporaryFolder } from '../../cleanups.ts';
import { selfSigned } from '../../embedded/certificate.ts';
import { type HookServer, startHookServer } from '../../embedded/hook-server.ts';
import { planOf } from './plan.ts';

const TYPES: readonly Hook['type'][] = [
  'confirm-rollout',
  'pre-rollout',
  'rollout',
  'confirm-traffic-increase',
  'confirm-promotion',
  'post-rollout',
  'rollback',
  'event',
];
const KEY = 'correct-horse-battery-staple';

let server: HookServer;
let keysFolder: string;
let authoritiesFolder: string;

beforeAll(async () => {
  const folder = temporaryFolder();
  keysFolder = join(folder, 'keys');
  authoritiesFolder = join(folder, 'authorities');
  await mkdir(keysFolder);
  await mkdir(authoritiesFolder);
  await writeFile(join(keysFolder, 'gate'), `${KEY}\n`);
  await writeFile(join(keysFolder, 'empty'), '\n');
  server = await startHookServer({
    bash: (command) => (command === 'false' ? 'exit status 1' : undefined),
  });
  afterFile(() => server.stop());
});

const payload: HookPayload = {
  name: 'shop',
  namespace: 'prod',
  phase: 'Progressing',
  checksum: '0123456789',
};

function hook(more: Partial<Hook> = {}): Hook {
  const url = `${server.url}/gate/approve`;
  return { name: 'gate', type: 'confirm-promotion', url, timeoutSeconds: 5, retries: 0, ...more };
}

function call(more: Partial<Hook> = {}): Promise<HookAnswer> {
  return hookClient({ keysFolder, authoritiesFolder }).call(hook(more), payload);
}

/** What comes of it when a service's first answers are these, and how many requests that took. */
async function answered(answers: readonly RequestListener[], more?: Partial<Hook>) {
  const odd = await startHookServer();
  odd.next(...answers);
  const answer = await call({ url: `${odd.url}/gate/approve`, ...more });
  const requests = odd.calls.length;
  await odd.stop();
  return { ...answer, requests };
}

const status =
  (code: number, body = '', headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(code, headers).end(body);
const reset: RequestListener = (request) => void request.socket.destroy();
const hang: RequestListener = () => undefined;

describe('what is sent', () => {
  test("is Flagger's payload, and nothing more", async () => {
    await call({ metadata: { type: 'cmd', cmd: 'hey http://shop' } });
    expect(server.calls.at(-1)).toMatchObject({
      method: 'POST',
      path: '/gate/approve',
      headers: { 'content-type': 'application/json' },
    });
    expect(server.calls.at(-1)?.headers).not.toHaveProperty('x-signature');
    expect(JSON.parse(server.calls.at(-1)?.body.toString() ?? '')).toEqual({
      name: 'shop',
      namespace: 'prod',
      phase: 'Progressing',
      checksum: '0123456789',
      metadata: { type: 'cmd', cmd: 'hey http://shop' },
    });
    await call();
    expect(JSON.parse(server.calls.at(-1)?.body.toString() ?? '')).toEqual(payload);
  });

  test('names the workload, its namespace and its candidate', () => {
    expect(payloadOf(planOf([]), 'WaitingPromotion')).toEqual({
      name: 'podinfo',
      namespace: 'test',
      phase: 'WaitingPromotion',
      checksum: 'aaaaaaaaaa',
    });
  });

  test('carries a signature over its very bytes', async () => {
    expect(await call({ key: 'gate', metadata: { note: 'é 🦆' } })).toMatchObject({ passed: true });
    const seen = server.calls.at(-1);
    const digest = createHmac('sha256', KEY)
      .update(seen?.body ?? '')
      .digest('hex');
    expect(seen?.headers['x-signature']).toBe(`sha256=${digest}`);
  });

  test('a key is read at each call', async () => {
    await writeFile(join(keysFolder, 'rotated'), 'the-first-key');
    await call({ key: 'rotated' });
    const first = server.calls.at(-1)?.headers['x-signature'];
    await writeFile(join(keysFolder, 'rotated'), 'the-second-key');
    await call({ key: 'rotated' });
    expect(server.calls.at(-1)?.headers['x-signature']).not.toBe(first);
  });
});

describe('an answer', () => {
  test.each([200, 201, 202, 203, 204, 206])('%i is yes, for every type', async (code) => {
    for (const type of TYPES)
      expect(await answered([status(code)], { type, retries: 2 })).toEqual({
        kind: 'answered',
        passed: true,
        status: code,
        text: '',
        requests: 1,
      });
  });

  test.each([400, 401, 403, 404, 408])('%i is no, and asked once', async (code) => {
    for (const type of TYPES)
      expect(await answered([status(code, 'nope')], { type, retries: 2 })).toEqual({
        kind: 'answered',
        passed: false,
        status: code,
        text: 'nope',
        requests: 1,
      });
  });

  test.each(TYPES)('500 of a %s hook: a test failed, a gate is broken', async (type) => {
    const isTest = type === 'pre-rollout' || type === 'rollout';
    expect(await answered([status(500, 'exit status 1')], { type })).toEqual(
      isTest
        ? { kind: 'answered', passed: false, status: 500, text: 'exit status 1', requests: 1 }
        : {
            kind: 'unknown',
            reason: expect.stringMatching(/^127\.0\.0\.1:\d+ answered HTTP 500: exit status 1$/),
            requests: 1,
          },
    );
  });

  test('is text, whatever it claims to be', async () => {
    const json = { 'Content-Type': 'application/json' };
    expect(await answered([status(200, '{"approved": tru', json)])).toMatchObject({
      passed: true,
      text: '{"approved": tru',
    });
    const packed = (_: unknown, response: Parameters<RequestListener>[1]) =>
      void response
        .writeHead(200, { 'Content-Encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(1e7, ' ')));
    expect(await answered([packed])).toMatchObject({ kind: 'answered', passed: true });
  });

  test('is in one line, without control characters', async () => {
    const said = 'line one\r\nPerch-Transition: 7\u0000\u001b[31m\u202eback\u2028end\n';
    expect(await answered([status(403, said)])).toMatchObject({
      text: 'line one Perch-Transition: 7 [31m back end',
    });
  });

  test('is cut after 2,048 characters', async () => {
    const { text } = (await answered([status(200, 'é'.repeat(5000))])) as { text?: string };
    expect(text).toBe(`${'é'.repeat(2048)}…`);
  });
});

describe('secrets', () => {
  test.each([
    ['the key', `got ${KEY}!`, 'got ***!'],
    ['the key many times', KEY.repeat(3), '*********'],
  ])('%s, repeated to us, is hidden', async (_, said, text) => {
    expect(await answered([status(403, said)], { key: 'gate' })).toMatchObject({ text });
  });

  test('a key is hidden where the reading of a body ends in its middle', async () => {
    for (const offset of [0, 7, 13]) {
      const said = 'x'.repeat(offset) + KEY.repeat(3000);
      const answer = await answered([status(403, said)], { key: 'gate' });
      // Hidden, 16 kB of it fit into what is shown.
      expect(answer).toMatchObject({ text: expect.stringMatching(/^x*\*+$/) });
    }
  });

  test('a key with quotes is hidden in JSON, too', async () => {
    await writeFile(join(keysFolder, 'quoted'), 'a "quoted" \\ key');
    const said = JSON.stringify({ key: 'a "quoted" \\ key' });
    expect(await answered([status(403, said)], { key: 'quoted' })).toMatchObject({
      text: '{"key":"***"}',
    });
  });

  test('our signature is hidden, also in the address of a redirect', async () => {
    const echo: RequestListener = ({ headers }, response) =>
      void response.writeHead(302, { Location: `/${headers['x-signature']}/${KEY}` }).end();
    expect(await answered([echo], { key: 'gate' })).toMatchObject({
      reason: expect.stringContaining('a redirect to /sha256=***/***, which is not followed'),
    });
  });

  test('what stands in an address is not shown', async () => {
    const url = `${server.url.replace('127.0.0.1', 'localhost.invalid')}/token-in-path?token=s3cret`;
    const answer = await call({ url });
    expect(answer).toEqual({
      kind: 'unsent',
      reason: expect.stringMatching(/^localhost\.invalid:\d+ cannot be reached \(E\w+\)$/),
    });
  });
});

describe('is not called', () => {
  test.each<[string, Partial<Hook>, RegExp]>([
    [
      'without its key',
      { key: 'none' },
      /^hook gate is signed by none, and not called: cannot read \S+none \(ENOENT\); put .* --hook-keys$/,
    ],
    ['with an empty key', { key: 'empty' }, /^hook gate is not called: its key empty is empty$/],
    [
      'without its authority',
      { url: 'https://127.0.0.1:1/', authority: 'none' },
      /^hook gate trusts none alone, and is not called: cannot read .* --hook-authorities$/,
    ],
  ])('%s', async (_, more, reason) => {
    const before = server.calls.length;
    expect(await call(more)).toEqual({
      kind: 'unsent',
      reason: expect.stringMatching(reason),
    });
    expect(server.calls).toHaveLength(before);
  });

  test('when the analyzer has no folders', async () => {
    const bare = hookClient({});
    expect(await bare.call(hook({ key: 'gate' }), payload)).toEqual({
      kind: 'unsent',
      reason:
        'hook gate is signed by gate, and not called: put the key into the folder of --hook-keys',
    });
    expect(await bare.call(hook(), payload)).toMatchObject({ passed: true });
  });

  test('with a credential in its address, which is not shown', async () => {
    const url = server.url.replace('://', '://ann:s3cret@');
    const before = server.calls.length;
    const answer = await call({ url });
    expect(answer).toEqual({
      kind: 'unsent',
      reason: expect.stringMatching(/^hook \S+ is not called: .* credential/),
    });
    expect(server.calls).toHaveLength(before);
  });
});

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])('%i leads nowhere', async (code) => {
    const other = await startHookServer();
    const location = `${other.url}/gate/approve?state=s3cret`;
    const answer = await answered([status(code, '', { Location: location })], {
      key: 'gate',
      retries: 2,
    });
    const seen = [...other.calls];
    await other.stop();
    expect(answer).toEqual({
      kind: 'unknown',
      reason: expect.stringMatching(
        /HTTP \d+, a redirect to http:\S+\/gate\/approve, which is not followed: give the address/,
      ),
      requests: 1,
    });
    expect(seen).toEqual([]);
  });
});

describe.concurrent('tries again', () => {
  test.each<[string, RequestListener]>([
    ['429', status(429)],
    ['502', status(502)],
    ['503', status(503)],
    ['504', status(504)],
    ['a broken connection', reset],
    ['a time that is over', hang],
  ])('after %s, what is only asked', async (_, answer) => {
    const wanted = { retries: 1, timeoutSeconds: answer === hang ? 0.2 : 5 };
    expect(await answered([answer], wanted)).toMatchObject({ passed: true, requests: 2 });
  });

  test('as often as it may, and then says why there is no answer', async () => {
    const all = [status(503, 'one'), reset, status(502, 'three')];
    expect(await answered(all, { retries: 2 })).toEqual({
      kind: 'unknown',
      reason: expect.stringMatching(/^127\.0\.0\.1:\d+ answered HTTP 502: three$/),
      requests: 3,
    });
    expect(await answered([reset])).toMatchObject({
      kind: 'unknown',
      reason: expect.stringMatching(/cannot be reached \(ECONNRESET\)$/),
      requests: 1,
    });
  });

  describe.each<[string, Partial<Hook>]>([
    ['pre-rollout', { type: 'pre-rollout' }],
    ['awaited rollout', { type: 'rollout', once: true }],
    ['post-rollout', { type: 'post-rollout' }],
    ['event', { type: 'event' }],
  ])('never a %s hook that may have run', (_, more) => {
    test.each<[string, RequestListener]>([
      ['a broken connection', reset],
      ['a time that is over', hang],
      ['502', status(502)],
      ['a mesh in front of it', status(503)],
    ])('after %s', async (_name, answer) => {
      const timeoutSeconds = answer === hang ? 0.2 : 5;
      const wanted = { ...more, retries: 3, timeoutSeconds };
      expect(await answered([answer], wanted)).toMatchObject({ kind: 'unknown', requests: 1 });
    });

    test('but one that was turned away', async () => {
      const later = status(503, '', { 'Retry-After': '0' });
      expect(await answered([status(429), later], { ...more, retries: 2 })).toMatchObject({
        passed: true,
        requests: 3,
      });
    });
  });

  test.each<[string, Partial<Hook>]>([
    ['pre-rollout', { type: 'pre-rollout', repeatable: true }],
    ['awaited rollout', { type: 'rollout', once: true, repeatable: true }],
    ['rollout', { type: 'rollout' }],
  ])('a %s hook that may be repeated', async (_, more) => {
    expect(await answered([reset], { ...more, retries: 1 })).toMatchObject({
      passed: true,
      requests: 2,
    });
  });

  test('where nobody listens, whatever the hook', async () => {
    const gone = await startHookServer();
    await gone.stop();
    const began = performance.now();
    expect(await call({ url: gone.url, type: 'pre-rollout', retries: 1 })).toMatchObject({
      reason: expect.stringMatching(/cannot be reached \(ECONNREFUSED\)$/),
    });
    expect(performance.now() - began).toBeGreaterThan(190);
  });

  test('after the rest that is asked for, as seconds', async () => {
    const began = performance.now();
    const busy = status(429, '', { 'Retry-After': '1' });
    expect(await answered([busy], { retries: 1 })).toMatchObject({ passed: true, requests: 2 });
    expect(performance.now() - began).toBeGreaterThan(990);
  });

  test.each([
    ['seconds', '86400'],
    ['a number without end', '9'.repeat(400)],
    ['a date', new Date(Date.now() + 86_400_000).toUTCString()],
  ])('but not after an absurd rest: %s', async (_, wanted) => {
    const busy = status(429, 'busy', { 'Retry-After': wanted });
    expect(await answered([busy], { retries: 10 })).toMatchObject({
      kind: 'unsent',
      requests: 1,
    });
  });

  test.each([
    ['a date that is over', new Date(Date.now() - 86_400_000).toUTCString()],
    ['nonsense', 'soon'],
    ['less than nothing', '-5'],
  ])('soon after a rest of %s', async (_, wanted) => {
    const busy = status(429, '', { 'Retry-After': wanted });
    expect(await answered([busy], { retries: 1 })).toMatchObject({ passed: true, requests: 2 });
  });
});

describe('a hostile or broken service', () => {
  test('that drips is given up in time', async () => {
    const drip: RequestListener = (_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    };
    expect(await answered([drip], { timeoutSeconds: 0.3 })).toMatchObject({
      reason: expect.stringMatching(/took over 0\.3 s$/),
    });
  });

  test('whose body has no end is answered by its status, and left', async () => {
    let closed: Promise<unknown> | undefined;
    const endless: RequestListener = (_, response) => {
      closed = once(response, 'close');
      response.writeHead(403);
      const pour = (): void => {
        while (!response.destroyed && response.write('no '.repeat(5000)));
      };
      response.on('drain', pour);
      pour();
    };
    const answer = await answered([endless]);
    expect(answer).toMatchObject({ kind: 'answered', passed: false, status: 403 });
    expect(answer).toHaveProperty('text.length', 2049);
    await closed;
  });

  test('whose body has 50 MB fills no memory', async () => {
    const large = Buffer.alloc(50 * 1024 ** 2, 'z');
    const before = process.memoryUsage().rss;
    const huge: RequestListener = (_, response) => void response.writeHead(200).end(large);
    expect(await answered([huge])).toMatchObject({ passed: true });
    expect(process.memoryUsage().rss - before).toBeLessThan(40 * 1024 ** 2);
  });

  test('that ends in the middle of its body has not answered', async () => {
    const torn: RequestListener = (request, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('half');
      setTimeout(() => request.socket.destroy(), 20);
    };
    expect(await answered([torn])).toMatchObject({ kind: 'unknown' });
  });

  test('that speaks no HTTP has not answered', async () => {
    const noise: RequestListener = (request) => void request.socket.end('SSH-2.0-OpenSSH\r\n');
    expect(await answered([noise])).toEqual({
      kind: 'unknown',
      reason: expect.stringMatching(/cannot be reached \(HPE_INVALID_CONSTANT\)$/),
      requests: 1,
    });
  });
});

describe('TLS', () => {
  test('trusts the authority that the hook names, and no other', async () => {
    const [own, foreign] = [selfSigned(), selfSigned()];
    await writeFile(join(authoritiesFolder, 'own'), own.cert);
    await writeFile(join(authoritiesFolder, 'foreign'), foreign.cert);
    await writeFile(join(authoritiesFolder, 'broken'), 'no certificate');
    const secure = await startHookServer({ tls: own });
    const url = `${secure.url}/gate/approve`;
    const answers = {
      own: await call({ url, authority: 'own' }),
      foreign: await call({ url, authority: 'foreign', retries: 2 }),
      broken: await call({ url, authority: 'broken' }),
      system: await call({ url, key: 'gate' }),
      name: await call({ url: url.replace('127.0.0.1', 'localhost'), authority: 'own' }),
    };
    const seen = secure.calls.length;
    await secure.stop();
    const refused = { kind: 'unknown', reason: expect.stringContaining('cannot be reached (') };
    expect(answers).toEqual({
      own: { kind: 'answered', passed: true, status: 200, text: 'OK' },
      foreign: refused,
      broken: refused,
      system: {
        kind: 'unknown',
        reason: expect.stringMatching(/SELF_SIGNED_CERT\): let the hook name the authority/),
      },
      name: {
        kind: 'unknown',
        reason: expect.stringMatching(/^localhost:\d+ .*ERR_TLS_CERT_ALTNAME_INVALID/),
      },
    });
    expect(seen).toBe(1);
  });
});

describe("Flagger's load tester", () => {
  const open = (path: string, name = 'shop') =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      body: JSON.stringify({ name, namespace: 'prod' }),
    });

  test('opens and closes a gate', async () => {
    const url = `${server.url}/gate/check`;
    expect(await call({ url })).toMatchObject({ passed: false, status: 403, text: 'Forbidden' });
    await open('/gate/open', 'other');
    expect(await call({ url })).toMatchObject({ passed: false });
    await open('/gate/open');
    expect(await call({ url })).toMatchObject({ passed: true, text: 'Approved' });
    await open('/gate/close');
    expect(await call({ url })).toMatchObject({ passed: false });
    expect(await call({ url: `${server.url}/gate/halt` })).toMatchObject({ passed: false });
  });

  test('takes a rollout back', async () => {
    const rollback = { type: 'rollback', url: `${server.url}/rollback/check` } as const;
    expect(await call(rollback)).toMatchObject({ passed: false });
    await open('/rollback/open');
    expect(await call(rollback)).toMatchObject({ passed: true });
  });

  test('starts a load test, and runs an acceptance test to its end', async () => {
    const metadata = { type: 'cmd', cmd: 'hey -z 1m http://shop-canary.prod' };
    const task = { type: 'rollout', url: `${server.url}/`, retries: 2 } as const;
    expect(await call({ ...task, metadata })).toMatchObject({ passed: true, status: 202 });
    expect(server.commands).toEqual(['hey -z 1m http://shop-canary.prod']);
    const bash = (cmd: string) => call({ ...task, metadata: { type: 'bash', cmd } });
    expect(await bash('true')).toMatchObject({ passed: true, status: 200 });
    const failed = { kind: 'answered', passed: false, status: 500, text: 'exit status 1' };
    expect(await bash('false')).toEqual(failed);
    expect(await call(task)).toMatchObject({ status: 400, text: 'metadata not found in payload' });
  });
});
