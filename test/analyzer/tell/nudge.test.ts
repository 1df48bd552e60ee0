import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { nudge, nudgeListener, webAddress } from '../../../analyzer/tell/nudge.ts';
import { situation, step, T0 } from '../core/fixture.ts';
import { scratch } from '../git/fixture.ts';
import { outcomeOf } from '../telemetry/outcome.ts';

interface Told {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const stops: (() => unknown)[] = [];
afterAll(async () => {
  for (const stop of stops) await stop();
});

/** A receiver that answers with a status; 0 never answers. */
async function receiver(status = 200): Promise<{ readonly url: string; readonly told: Told[] }> {
  const told: Told[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (it: Buffer) => chunks.push(it));
    request.on('end', () => {
      told.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (status === 0) return;
      response.writeHead(status, { location: 'http://127.0.0.1:1/elsewhere' }).end('ok');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook/one`, told };
}

const PUSHED = { commit: 'a'.repeat(40), releases: ['shop'] };
const RUN = { repository: 'https://robin:pw@git.example.com/team/run.git', branch: 'run' };

test('a connection that the receiver closed is opened once more', async () => {
  let count = 0;
  const server = createServer((request, response) => {
    count += 1;
    if (count % 2 === 1) request.socket.resetAndDestroy();
    else response.end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  stops.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  expect(await nudge({ ...RUN, urls: [`http://127.0.0.1:${port}/`] }, PUSHED)).toEqual([]);
  expect(count).toBe(2);
});

describe('a push', () => {
  test('is told as GitHub would tell it, without credentials', async () => {
    const { url, told } = await receiver();
    expect(await nudge({ ...RUN, urls: [url] }, PUSHED)).toEqual([]);
    expect(told).toHaveLength(1);
    expect(told[0]?.headers).toMatchObject({
      'x-github-event': 'push',
      'content-type': 'application/json',
    });
    expect(told[0]?.headers['x-signature']).toBeUndefined();
    expect(JSON.parse(told[0]?.body ?? '')).toEqual({
      ref: 'refs/heads/run',
      after: PUSHED.commit,
      repository: { html_url: 'https://git.example.com/team/run', default_branch: 'run' },
      commits: [{ id: PUSHED.commit, added: [], modified: ['live/shop'], removed: [] }],
    });
    expect(told[0]?.body).not.toContain('pw');
  });

  test('is signed with the key in the file, as both tools read it', async () => {
    const { url, told } = await receiver();
    const secretFile = join(await scratch(), 'key');
    await writeFile(secretFile, 'the key\n');
    expect(await nudge({ ...RUN, urls: [url], secretFile }, PUSHED)).toEqual([]);
    const digest = createHmac('sha256', 'the key')
      .update(told[0]?.body ?? '')
      .digest('hex');
    expect(told[0]?.headers).toMatchObject({
      'x-hub-signature-256': `sha256=${digest}`,
      'x-signature': `sha256=${digest}`,
    });
  });

  test('that some cannot be told of reaches the others', async () => {
    const good = await receiver();
    const urls = [
      'http://127.0.0.1:1/hook/secret-path',
      (await receiver(500)).url,
      (await receiver(302)).url,
      good.url,
    ];
    const failures = await nudge({ ...RUN, urls }, PUSHED);
    expect(failures).toEqual([
      '127.0.0.1:1 cannot be reached (ECONNREFUSED)',
      expect.stringMatching(/^127\.0\.0\.1:\d+ answered HTTP 500$/),
      expect.stringMatching(/^127\.0\.0\.1:\d+ answered HTTP 302$/),
    ]);
    expect(good.told).toHaveLength(1);
  });

  test('waits for nobody for long', async () => {
    const { url } = await receiver(0);
    const failures = await nudge({ ...RUN, urls: [url], timeoutSeconds: 0.1 }, PUSHED);
    expect(failures).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+ took over 0\.1 s$/)]);
  });

  test('is told to nobody unsigned when the key cannot be read', async () => {
    const { url, told } = await receiver();
    const failures = await nudge({ ...RUN, urls: [url], secretFile: '/none/key' }, PUSHED);
    expect(failures).toEqual(['cannot read /none/key (ENOENT)']);
    expect(told).toHaveLength(0);
  });
});

test.each([
  ['https://git.example.com/team/run.git', 'https://git.example.com/team/run'],
  ['https://git.example.com:8443/team/run/', 'https://git.example.com:8443/team/run'],
  ['http://git.example.com/run.git', 'http://git.example.com/run'],
  ['git@git.example.com:team/run.git', 'https://git.example.com/team/run'],
  ['ssh://git@git.example.com:22/team/run.git', 'https://git.example.com:22/team/run'],
  ['/srv/run.git', 'file:///srv/run.git'],
])('the web page of %s is %s', (repository, page) => {
  expect(webAddress(repository)).toBe(page);
});

test('a listener nudges when something was pushed, and at the end of a tick no more', async () => {
  const { url, told } = await receiver(503);
  const it = nudgeListener({ ...RUN, urls: [url] });
  const moved = outcomeOf(situation({ position: step('02-weight-20') }), T0 + 500);
  const report = { idle: 0, outcomes: [moved], conflicts: 0 };
  expect(await it.hear({ kind: 'done', report, failures: [], seconds: 1 })).toEqual([]);
  expect(told).toEqual([]);
  expect(await it.hear({ kind: 'pushed', outcomes: [moved] })).toEqual([
    {
      what: 'a sync tool was not told of the push',
      reason: expect.stringContaining('503'),
    },
  ]);
  expect(JSON.parse(told[0]?.body ?? '')).toMatchObject({
    after: moved.commit,
    commits: [{ modified: ['live/app'] }],
  });
});
