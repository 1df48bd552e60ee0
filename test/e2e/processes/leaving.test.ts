import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, inject, test } from 'vitest';
import { tick } from '../../../analyzer/tick/tick.ts';
import { emptyCluster } from '../../analyzer/commands/cli.ts';
import { hook, plan } from '../../analyzer/core/fixture.ts';
import { openField, untilRest } from '../../analyzer/field.ts';
import { bare, git, scratch } from '../../analyzer/git/fixture.ts';
import { afterFile } from '../../cleanups.ts';

/** The command, told to end while somebody does not answer. */

/** Takes every connection, and never answers. */
async function startHole() {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterFile(() => {
    server.close();
    for (const it of sockets) it.destroy();
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => sockets.length,
  };
}

let hole: Awaited<ReturnType<typeof startHole>>;

beforeAll(async () => {
  hole = await startHole();
});

async function kubeconfigOf(user: object, server: string): Promise<string> {
  const path = join(await scratch(), 'kubeconfig');
  const name = 'only';
  const config = {
    clusters: [{ name, cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

/** A release that has begun: its cluster is asked. */
async function begun(): Promise<string> {
  const { folder } = await bare();
  const field = await openField(folder);
  await field.release({ app: plan('v1') });
  await tick(await field.analyzer());
  return folder;
}

interface Running {
  readonly pid: number;
  readonly signal: (name: 'SIGTERM' | 'SIGINT') => void;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string }>;
}

async function watch(...args: readonly string[]): Promise<Running> {
  const own = Object.entries(process.env).filter(([name]) => !/^(PERCH_|GIT_)/.test(name));
  const child = spawn(process.execPath, [inject('bundle'), 'analyze', '--watch', ...args], {
    cwd: await scratch(),
    env: { ...Object.fromEntries(own), GIT_CONFIG_NOSYSTEM: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  afterFile(() => void child.kill('SIGKILL'));
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
  });
  return {
    pid: child.pid ?? 0,
    signal: (name) => void child.kill(name),
    ended: once(child, 'exit').then(([code]) => ({ code, stdout })),
  };
}

/** How long it takes to end after a signal, in seconds. */
async function leave(it: Running): Promise<{ seconds: number; code: number | null }> {
  const began = performance.now();
  it.signal('SIGTERM');
  const { code } = await it.ended;
  return { code, seconds: (performance.now() - began) / 1000 };
}

/** Well under the 30 s of a pod, and much for a busy machine. */
const LIMIT_SECONDS = 12;
const ENOUGH = { timeout: 20_000, interval: 20 };

describe.concurrent('a process that is told to end, while', () => {
  test('the API server does not answer, ends at once', async ({ expect }) => {
    const own = await startHole();
    const kubeconfig = await kubeconfigOf({ token: 'x' }, `http://${own.address}`);
    const running = await watch('--repo', await begun(), '--kubeconfig', kubeconfig);
    await expect.poll(own.asked, ENOUGH).toBeGreaterThan(0);
    const { code, seconds } = await leave(running);
    expect(code).toBe(0);
    expect(seconds).toBeLessThan(LIMIT_SECONDS);
  });

  test('the Git server does not answer, ends at once, and leaves no git behind', async ({
    expect,
  }) => {
    const own = await startHole();
    const running = await watch('--repo', `http://${own.address}/repository.git`);
    await expect.poll(own.asked, ENOUGH).toBeGreaterThan(0);
    const { code, seconds } = await leave(running);
    expect(code).toBe(0);
    expect(seconds).toBeLessThan(LIMIT_SECONDS);
    if (existsSync('/proc')) await expect.poll(() => callsOf(own.address), ENOUGH).toEqual([]);
  });

  test('a plugin of the kubeconfig hangs, ends at once, and the plugin with it', async ({
    expect,
  }) => {
    const pid = join(await scratch(), 'pid');
    const script = `require('fs').writeFileSync(${JSON.stringify(pid)}, String(process.pid)); process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6)`;
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', script],
      interactiveMode: 'Never',
    };
    const kubeconfig = await kubeconfigOf({ exec }, `http://${hole.address}`);
    const running = await watch('--repo', await begun(), '--kubeconfig', kubeconfig);
    await expect.poll(() => existsSync(pid), ENOUGH).toBe(true);
    const { code, seconds } = await leave(running);
    expect(code).toBe(0);
    expect(seconds).toBeLessThan(LIMIT_SECONDS);
    const left = Number(await readFile(pid, 'utf8'));
    await expect.poll(() => isRunning(left), ENOUGH).toBe(false);
  });

  test('a hook does not answer, ends at once', async ({ expect }) => {
    const own = await startHole();
    const { folder } = await bare();
    const field = await openField(folder);
    await field.release({ app: plan('v1') });
    await untilRest(field, await field.analyzer());
    const gate = { ...hook('gate', 'confirm-rollout'), url: `http://${own.address}/gate` };
    const more = { hooks: [gate], start: [{ kind: 'hook' as const, hook: 'gate' }] };
    await field.release({ app: plan('v2', { more }) });
    const running = await watch('--repo', folder);
    await expect.poll(own.asked, ENOUGH).toBeGreaterThan(0);
    const { code, seconds } = await leave(running);
    expect(code).toBe(0);
    expect(seconds).toBeLessThan(LIMIT_SECONDS);
  });

  test('whoever is told of a push does not answer, has told the others and ends', async ({
    expect,
  }) => {
    const own = await startHole();
    const { folder } = await bare();
    await (await openField(folder)).release({ app: plan('v1') });
    const running = await watch(
      '--repo',
      folder,
      '--nudge',
      `http://${own.address}/`,
      '--kubeconfig',
      await emptyCluster(),
    );
    await expect.poll(own.asked, ENOUGH).toBeGreaterThan(0);
    const { code, seconds } = await leave(running);
    expect(code).toBe(0);
    expect(seconds).toBeLessThan(LIMIT_SECONDS);
    expect(git(folder, 'log', '-1', '--format=%s', 'main')).toMatch(/^app: initialize/);
  });

  test('a second signal comes, ends in that moment', async ({ expect }) => {
    const own = await startHole();
    const { folder } = await bare();
    await (await openField(folder)).release({ app: plan('v1') });
    const running = await watch(
      '--repo',
      folder,
      '--nudge',
      `http://${own.address}/`,
      '--kubeconfig',
      await emptyCluster(),
    );
    await expect.poll(own.asked, ENOUGH).toBeGreaterThan(0);
    running.signal('SIGTERM');
    // Node takes both in their order, and the first one must have been taken.
    await new Promise((done) => setTimeout(done, 300));
    running.signal('SIGINT');
    expect((await running.ended).code).toBe(130);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Commands of processes that talk to an address. */
async function callsOf(address: string): Promise<readonly string[]> {
  const { readdir } = await import('node:fs/promises');
  const pids = (await readdir('/proc')).filter((it) => /^\d+$/.test(it));
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands.filter((it) => it.includes(address) && !it.includes('analyze'));
}
