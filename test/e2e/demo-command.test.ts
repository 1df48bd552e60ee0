import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';

let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'perch-demo-main-'));
  await mkdir(join(scratch, 'tmp'));
  await mkdir(join(scratch, 'taken'));
  await writeFile(join(scratch, 'taken/file'), 'mine');
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command itself rather than npm's, with a folder of its own for what is temporary. */
function start(...args: string[]): ChildProcess {
  const main = new URL('../demo/main.ts', import.meta.url).pathname;
  return spawn(process.execPath, ['--import', 'tsx', main, ...args], {
    env: { ...process.env, TMPDIR: join(scratch, 'tmp') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: ChildProcess): Promise<Ended> {
  if (child.stdout === null || child.stderr === null) throw new Error('there are pipes');
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, stdout, stderr };
}

/** What the demo left behind; tsx keeps a folder of its own there. */
async function leftovers(): Promise<readonly string[]> {
  const all = await readdir(join(scratch, 'tmp'));
  return all.filter((it) => !it.startsWith('tsx-') && !it.startsWith('node-compile-cache'));
}

test('--help names every flag', async () => {
  const { code, stdout } = await ended(start('--help'));
  expect(code).toBe(0);
  for (const flag of ['--strategy', '--bad', '--json', '--keep', '--help'])
    expect(stdout).toContain(flag);
});

test.each([
  [['--worse'], /unknown option '--worse'/],
  [['now'], /too many arguments/],
  [['--keep'], /argument missing/],
  [['--strategy', 'magic'], /"magic" is none of canary, .*partitions/],
])('%j is an error', async (args, message) => {
  const { code, stdout, stderr } = await ended(start(...args));
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(message);
});

test('--keep takes no folder that holds something, and no file', async () => {
  const taken = await ended(start('--json', '--keep', join(scratch, 'taken')));
  expect(taken).toMatchObject({ code: 1, stderr: expect.stringMatching(/taken is not empty/) });
  const file = await ended(start('--json', '--keep', join(scratch, 'taken/file')));
  expect(file).toMatchObject({ code: 1, stderr: expect.stringMatching(/is a file/) });
  expect(await readdir(join(scratch, 'taken'))).toEqual(['file']);
  expect(await leftovers()).toEqual([]);
});

test('Ctrl-C ends it soon, and leaves nothing behind', async () => {
  const child = start('--json');
  const whole = ended(child);
  let isSent = false;
  child.stdout?.on('data', (chunk) => {
    if (isSent || !String(chunk).includes('"event":"decision"')) return;
    isSent = child.kill('SIGINT');
  });
  const { code, stdout, stderr } = await whole;
  expect(isSent).toBe(true);
  expect(code).toBe(130);
  expect(stderr).toBe('');
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).event);
  expect(events).toContain('decision');
  expect(events).not.toContain('end');
  expect(await leftovers()).toEqual([]);
});

test('--json --bad prints one object a line, the end last, and cleans up', async () => {
  const { code, stdout, stderr } = await ended(start('--bad', '--json'));
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const { event } of events) expect(event).toEqual(expect.any(String));
  const end = events.at(-1);
  expect(Object.keys(end)).toEqual(['event', 'release', 'phase', 'commits', 'seconds']);
  expect(end).toMatchObject({ event: 'end', release: 'podinfo', phase: 'Failed' });
  expect(end.commits).toHaveLength(7);
  expect(await leftovers()).toEqual([]);
});
