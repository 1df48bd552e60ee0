import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { openLimited, startCli } from '../../analyzer/commands/cli.ts';
import { plan } from '../../analyzer/core/fixture.ts';
import { openField } from '../../analyzer/field.ts';
import { bare, begin, git, serve } from '../../analyzer/git/fixture.ts';
import { afterFile } from '../../cleanups.ts';

type Answer = readonly [status: number, type?: string, body?: string];

/** A server that gives these answers first, and then those of a Git server. */
async function after(answers: readonly Answer[], url: string): Promise<string> {
  const left = [...answers];
  const { port } = new URL(url);
  const server = createServer((request, response) => {
    const [status, type = 'text/plain', body = ''] = left.shift() ?? [];
    if (status !== undefined) {
      response.writeHead(status, { 'content-type': type, connection: 'close' }).end(body);
      return;
    }
    const { method, url: path, headers } = request;
    const passed = httpRequest({ port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterFile(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/repository.git`;
}

const WATCH = ['analyze', '--watch', '--interval', '0.05'];

describe.concurrent('perch analyze --watch', () => {
  test('starts where the repository answers 401, 403, 404, 500 and a login page, and goes on when it is there', async () => {
    const server = await serve();
    const field = await openField(server.folder, server.url);
    await field.release({ app: plan('v1') });
    const url = await after(
      [[401], [403], [404], [500], [200, 'text/html', '<!DOCTYPE html>\n<p>Sign in</p>\n']],
      server.url,
    );
    const running = await startCli(...WATCH, '--repo', url);
    await running.line((it) => it.transition === 'start');
    expect(await running.stop()).toBe(0);
    const reasons = running.lines
      .filter((it) => it.msg === 'the repository cannot be used')
      .map((it) => String(it.reason));
    for (const [index, said] of [
      /authentication failed/,
      /lack the right/,
      /no such repository/,
      /cannot be reached/,
      /login page/,
    ].entries())
      expect(reasons[index]).toMatch(said);
  });

  test('says each pass that the run branch is gone, does nothing, and goes on when it is back', async () => {
    const { folder } = await bare();
    const field = await openField(folder);
    await field.release({ app: plan('v1') });
    const running = await startCli(...WATCH, '--repo', folder);
    await running.line((it) => it.transition === 'start');
    git(folder, 'branch', '--move', 'main', 'elsewhere');
    const isGone = (it: Readonly<Record<string, unknown>>) =>
      /branch main of \S+ is gone; it was at/.test(String(it.reason));
    await running.line(isGone);
    const { length } = running.lines;
    await running.line((it) => running.lines.indexOf(it) > length && isGone(it));
    expect(git(folder, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/elsewhere');
    git(folder, 'branch', '--move', 'elsewhere', 'main');
    await running.line((it) => running.lines.indexOf(it) > length && it.release === 'app');
    expect(await running.stop()).toBe(0);
  });

  test('stops everything when the run branch was pushed back to before a transition', async () => {
    const { folder } = await bare();
    const field = await openField(folder);
    const released = await field.release({ app: plan('v1') });
    const running = await startCli(...WATCH, '--repo', folder);
    await running.line((it) => it.transition === 'start');
    const tip = git(folder, 'rev-parse', 'main');
    git(folder, 'update-ref', 'refs/heads/main', released);
    await running.line((it) =>
      String(it.reason).startsWith(
        `the run branch was pushed by force, from ${tip} to ${released}: app was at transition 1 and is at none`,
      ),
    );
    expect(git(folder, 'rev-parse', 'main')).toBe(released);
    expect(await running.stop()).toBe(0);
  });

  test('tells of paths that belong to no release, once for each change', async () => {
    const { folder } = await bare();
    const field = await openField(folder);
    await field.edit({ 'live/My App/a.yaml': 'x', 'rollouts/notes.txt': 'x' });
    const running = await startCli(...WATCH, '--repo', folder);
    await running.line((it) => it.msg === 'every release is at rest');
    await running.line((it) => running.lines.length > 3 && it === running.lines.at(-1));
    await field.edit({}, ['live/My App', 'rollouts/notes.txt']);
    await running.line((it) => it.msg === 'every path belongs to a release again');
    expect(await running.stop()).toBe(0);
    expect(running.lines.filter((it) => it.paths !== undefined)).toMatchObject([
      { paths: ['live/My App', 'rollouts/notes.txt'], count: 2 },
    ]);
  });

  test.each([
    ['--identity', 'A <a@b>', '--branch', 'a..b'],
    ['--repo', 'https://me:word@127.0.0.1/x'],
  ])('ends at once with wrong usage: %s %s', async (...flags) => {
    const limited = await openLimited();
    expect(await limited('-n 1024', ...WATCH, ...flags)).toMatchObject({ code: 2 });
  });
});

test('with too few file handles it says so, and nothing is thrown that nobody catches', async () => {
  const { folder } = await bare();
  begin(folder);
  const limited = await openLimited();
  const limits = [24, 26, 28, 30, 32, 34, 40, 48];
  const ends = await Promise.all(
    limits.map((it) => limited(`-n ${it}`, 'analyze', '--once', '--repo', folder)),
  );
  const failed = ends.filter(({ code }) => code !== 0);
  for (const { code, stderr } of failed) {
    expect(stderr).toMatch(/^perch: git could not be started: /);
    expect(code).toBe(3);
  }
  expect(failed.length).toBeGreaterThan(0);
  expect(ends.at(-1)?.code).toBe(0);
});
