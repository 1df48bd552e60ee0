import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { INSIDE, POD_NETWORK } from './network.ts';

/**
 * Runs a command inside a network namespace of its own, where the addresses of simulated pods are
 * local and nothing outside can be reached. Where the kernel allows none, the command runs without,
 * and what needs one says that it is skipped. What the command leaves behind ends with it.
 *
 *     tsx test/e2e/stack/enter.ts COMMAND [ARGUMENT...]
 */
const command = process.argv.slice(2);
if (command.length === 0) {
  console.error('usage: tsx test/e2e/stack/enter.ts COMMAND [ARGUMENT...]');
  process.exit(2);
}

// Not everybody has ip on PATH.
const SET_UP = `PATH=$PATH:/usr/sbin:/sbin; ip link set lo up && ip route add local ${POD_NETWORK} dev lo`;

const isRoot = process.getuid?.() === 0;
const way = process.env[INSIDE] === undefined ? wayIn() : [];
const [program = '', ...args] = [...way, ...command];
const child = spawn(program, args, {
  stdio: 'inherit',
  env: way.length === 0 ? process.env : { ...process.env, [INSIDE]: isRoot ? 'root' : 'user' },
  // A process group of its own, by which all that it started is found.
  detached: true,
});
// Neither the terminal nor whoever stops this process reaches that group: the command itself is told.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)
  process.on(signal, () => child.kill(signal));
child.once('error', (error) => {
  console.error(`${program}: ${error.message}`);
  process.exitCode = 127;
});
child.once('exit', (code, signal) => {
  endRest(child.pid);
  process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
});

/** Vitest that is stopped leaves its workers behind, and they their servers. */
function endRest(group: number | undefined): void {
  if (group === undefined) return;
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    const isEmpty = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!isEmpty) throw error;
  }
}

/** What goes before the command; nothing where no namespace can be had. */
function wayIn(): readonly string[] {
  const unshare = ['unshare', isRoot ? '-n' : '-rn'];
  const inside = (script: string) => [...unshare, 'sh', '-c', script, 'sh'];
  const [path = '', ...tried] = inside(SET_UP);
  const { status, error, stderr } = spawnSync(path, tried, { encoding: 'utf8' });
  if (status === 0) return inside(`${SET_UP} && exec "$@"`);
  const reason = error?.message ?? stderr.trim();
  console.warn(`\nNO NETWORK NAMESPACE (${[path, ...unshare.slice(1)].join(' ')}: ${reason})\n`);
  return [];
}
