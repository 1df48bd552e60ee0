import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import pino from 'pino';
import { beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { plan } from '../core/fixture.ts';
import { openField, untilRest } from '../field.ts';
import { bare, scratch } from '../git/fixture.ts';
import { type Cli, emptyCluster } from './cli.ts';
import { openPerch } from './in-process.ts';

let perch: Cli;

beforeAll(async () => {
  perch = await openPerch();
});

async function atRest(): Promise<string> {
  const { folder } = await bare();
  const field = await openField(folder);
  await field.release({ app: plan('v1') });
  await untilRest(field, await field.analyzer());
  return folder;
}

describe.concurrent('the flags', () => {
  test.each([
    [['--listen', '127.0.0.1:0'], '--listen needs --watch or --until-idle'],
    [['--once', '--listen', '127.0.0.1:0'], '--listen needs --watch or --until-idle'],
    [['--watch', '--listen', '9090'], 'expected host:port, such as 0.0.0.0:9090 or [::]:9090'],
    [['--watch', '--listen', 'a:99999'], 'expected host:port'],
    [['--watch', '--listen', '::1:80'], 'expected host:port'],
    [['--push-gateway', 'gateway:9091'], 'expected an http:// or https:// URL'],
    [['--push-gateway', 'http://ann:hunter2@gateway'], 'expected a URL without credentials'],
  ])('%j are wrong usage', async (flags, expected) => {
    const { code, stdout, stderr } = await perch('analyze', ...flags);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(expected);
    expect(stderr).not.toContain('hunter2');
  });

  test('an address that this machine does not have is wrong usage', async () => {
    const flags = ['--watch', '--listen', '192.0.2.1:9090', '--repo', (await bare()).folder];
    expect(await perch('analyze', ...flags)).toMatchObject({
      code: 2,
      stderr:
        'perch: --listen: 192.0.2.1:9090 is not an address of this machine: name one that it has, or 0.0.0.0 for all of them (EADDRNOTAVAIL)\n',
    });
  });

  test('an address that is taken ends it with 3, and names address and remedy', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const address = `127.0.0.1:${port}`;
    const flags = ['--watch', '--listen', address, '--repo', (await bare()).folder];
    expect(await perch('analyze', ...flags)).toMatchObject({
      code: 3,
      stderr: `perch: --listen: another program listens on ${address} already: end it, or name a port that is free (EADDRINUSE)\n`,
    });
    taken.close();
  });
});

test('without the flags the analyzer is as it was, and nothing is loaded', async () => {
  let loaded = 0;
  vi.doMock('prom-client', async (original) => {
    loaded += 1;
    return original();
  });
  vi.resetModules();
  const { openReporters } = await import('../../../analyzer/commands/reporters.ts');
  const analyzer = await (await openField((await bare()).folder)).analyzer();
  const log = pino({ level: 'silent' });
  const { clock } = analyzer;
  const NOBODY = { subscriptions: [], remote: '/repository' };
  const idle = await openReporters({ interval: 10 }, clock, log, NOBODY);
  expect([idle.watch(analyzer) === analyzer, idle.listeners, loaded]).toEqual([true, [], 0]);
  const textfile = join(await scratch(), 'perch.prom');
  const told = await openReporters({ interval: 10, textfile }, clock, log, NOBODY);
  expect([told.watch(analyzer) === analyzer, loaded]).toEqual([false, 1]);
  for (const it of told.listeners) await it.close();
  vi.doUnmock('prom-client');
});

describe.concurrent('a Job', () => {
  test('leaves metrics of releases at rest in a file and at a gateway', async () => {
    const pushed: string[] = [];
    const gateway = createServer(async (request, response) => {
      pushed.push(`${request.method} ${request.url}\n${await text(request)}`);
      response.writeHead(202).end();
    }).listen(0, '127.0.0.1');
    await once(gateway, 'listening');
    const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    const file = join(await scratch(), 'perch.prom');
    const flags = ['--textfile', file, '--push-gateway', url, '--repo', await atRest()];
    const { code, stderr } = await perch('analyze', '--until-idle', ...flags);
    gateway.close();
    expect([code, stderr, pushed.length]).toEqual([0, '', 1]);
    const written = await readFile(file, 'utf8');
    expect(written).toContain('perch_release_phase{release="app",phase="Initialized"} 1');
    expect(pushed[0]).toBe(`PUT /metrics/job/perch\n${written}`);
  });

  test('that cannot reach the repository leaves that, too', async () => {
    const file = join(await scratch(), 'perch.prom');
    const flags = ['--textfile', file, '--repo', 'http://127.0.0.1:1/x.git'];
    expect((await perch('analyze', '--once', ...flags)).code).toBe(3);
    expect(await readFile(file, 'utf8')).toContain('perch_ticks_total{result="failed"} 1');
  });

  test('with --events that may write none moves the release all the same, and says so', async () => {
    const { folder } = await bare();
    await (await openField(folder)).release({ app: plan('v1') });
    const flags = ['--kubeconfig', await emptyCluster(), '--repo', folder];
    const { code, stdout } = await perch('analyze', '--once', '--events', ...flags);
    expect([
      code,
      stdout
        .trimEnd()
        .split('\n')
        .map((it) => JSON.parse(it)),
    ]).toEqual([
      0,
      [
        expect.objectContaining({ transition: 'start', commit: expect.any(String) }),
        expect.objectContaining({
          msg: 'an event was not written',
          reason: expect.stringMatching(/^HTTP 405 for events\.events\.k8s\.io/),
        }),
      ],
    ]);
  });

  test('that cannot tell anybody is done all the same', async () => {
    const flags = ['--textfile', '/nowhere/perch.prom', '--push-gateway', 'http://127.0.0.1:9'];
    const { code, stdout } = await perch('analyze', '--once', ...flags, '--repo', await atRest());
    expect(code).toBe(0);
    expect(stdout).toContain('the textfile was not written');
    expect(stdout).toContain('127.0.0.1:9 cannot be reached (ECONNREFUSED)');
  });
});

test('a process that listens answers while it runs, and ends at once when it is told to', async () => {
  const flags = [
    '--watch',
    '--interval',
    '60',
    '--listen',
    '127.0.0.1:0',
    '--repo',
    await atRest(),
  ];
  const child = spawn(process.execPath, [inject('bundle'), 'analyze', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { url } = JSON.parse((await lines.next()).value ?? '{}') as { readonly url: string };
  await lines.next();
  await expect
    .poll(async () => (await fetch(`${url}/metrics`)).text())
    .toContain('perch_release_weight{release="app"} 0');
  const health = await fetch(`${url}/healthz`);
  expect([health.status, await health.json()]).toEqual([
    200,
    expect.objectContaining({ status: 'ok' }),
  ]);
  const asked = performance.now();
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(performance.now() - asked).toBeLessThan(3000);
});
