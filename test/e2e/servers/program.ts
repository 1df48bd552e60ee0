import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server process that a test has started. */
export interface Program {
  /** The process id; nothing when it could not be started. */
  readonly pid: number | undefined;
  /**
   * Waits until `probe` says true; what it throws counts as "not yet".
   *
   * @param what what is waited for, for the message
   * @throws Error with the end of the program's log when it ends early or takes over a minute
   */
  until(what: string, probe: () => Promise<boolean>): Promise<void>;
  /** Ends this process, by its id, and waits until it is gone. */
  stop(): Promise<void>;
}

/** What to start and where. */
export interface ProgramOptions {
  /** The executable's full path, or its name when it is on PATH. */
  readonly path: string;
  readonly args: readonly string[];
  /** The folder that it takes for its home, and where its log goes. */
  readonly folder: string;
  /**
   * What its log and messages call it.
   *
   * @default - the executable's name
   */
  readonly name?: string;
  /**
   * More environment variables.
   *
   * @default - PATH and HOME alone
   */
  readonly environment?: Readonly<Record<string, string>>;
}

const READY_SECONDS = 60;
const GRACE_SECONDS = 10;

/**
 * What makes the kernel end a server when this process is itself ended by force and can do nothing
 * about it. Where there is no setpriv (util-linux), such servers are left behind.
 */
export const DIES_WITH_US: readonly string[] =
  findOnPath('setpriv') === undefined ? [] : ['setpriv', '--pdeathsig', 'KILL', '--'];

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a server; it ends with `stop()`, or at the latest with this process. */
export function startProgram(options: ProgramOptions): Program {
  const name = options.name ?? options.path.split('/').at(-1) ?? options.path;
  const logPath = join(options.folder, `${name}.log`);
  const child = spawnLogged(options, logPath);
  running.add(child);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  void ended.then(() => running.delete(child));
  return {
    pid: child.pid,
    until: async (what, probe) => {
      const reason = await awaitTrue(probe, () => hasEnded(child));
      if (reason === undefined) return;
      throw new Error(`${name} ${reason} before ${what}; its log ends:\n${tail(logPath)}`);
    },
    stop: async () => {
      if (hasEnded(child)) return;
      child.kill('SIGTERM');
      const grace = setTimeout(() => child.kill('SIGKILL'), GRACE_SECONDS * 1000);
      await ended;
      clearTimeout(grace);
    },
  };
}

function spawnLogged(options: ProgramOptions, logPath: string): ChildProcess {
  // What an earlier process of that name logged is kept: it may say why it was started again.
  const log = openSync(logPath, 'a');
  try {
    const [path = '', ...args] = [...DIES_WITH_US, options.path, ...options.args];
    return spawn(path, args, {
      env: { ...environment(options.folder), ...options.environment },
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
}

/** Why waiting was given up, or nothing when the probe came true. */
async function awaitTrue(
  probe: () => Promise<boolean>,
  ended: () => boolean,
): Promise<string | undefined> {
  const deadline = performance.now() + READY_SECONDS * 1000;
  while (performance.now() < deadline) {
    if (ended()) return 'ended';
    if (await probe().catch(() => false)) return undefined;
    await sleep(50);
  }
  return `took over ${READY_SECONDS} seconds`;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function tail(logPath: string): string {
  return readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-20).join('\n');
}

// Nothing of the developer's own: no kubeconfig, no proxy, no caches under the real home.
function environment(home: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: home };
}

/**
 * Runs a command to its end.
 *
 * @param options what to run, where
 * @param stdin what it reads
 * @returns what it printed on stdout
 * @throws Error with what it said, on stderr if anything, when it fails
 */
export function run(options: ProgramOptions, stdin = ''): Promise<string> {
  const { path, args, folder } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      path,
      args,
      { env: { ...environment(folder), ...options.environment }, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const said = stderr || stdout || error.message;
        reject(new Error(`${path} ${args.join(' ')}: ${said}`, { cause: error }));
      },
    );
    // A command that does not read its input closes it; its exit code says whether that is wrong.
    child.stdin?.on('error', () => {});
    child.stdin?.end(stdin);
  });
}

/** The full path of a command, or nothing when PATH has none of that name. */
export function findOnPath(command: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, command)).find(isExecutable);
}

/** Whether the path is a program that this user may run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * A port on 127.0.0.1 that nobody listens on. It lies below those that the system hands out for
 * outgoing connections, so none of them takes it before the server does.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
