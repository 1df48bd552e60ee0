import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import { afterFile } from '../../cleanups.ts';
import { startApiServer } from '../../embedded/api-server.ts';
import { scratch } from '../git/fixture.ts';

/** How a run of the command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the command sees of this machine: a home and a cluster of its own, and no configuration. */
export function isolated(
  from: NodeJS.ProcessEnv,
  home: string,
  kubeconfig: string,
): NodeJS.ProcessEnv {
  const own = Object.entries(from).filter(([name]) => !/^(PERCH_|GIT_)/.test(name));
  const ours = { HOME: home, GIT_CONFIG_NOSYSTEM: '1', FORCE_COLOR: '1', KUBECONFIG: kubeconfig };
  return { ...Object.fromEntries(own), ...ours };
}

/** The `perch` command as a process of its own, without anything of this machine's configuration. */
export type Cli = (...args: readonly string[]) => Promise<Ended>;

/** The bundled command in a folder of its own. */
export async function openCli(env: Readonly<Record<string, string>> = {}): Promise<Cli> {
  const folder = await scratch();
  const bundle = inject('bundle');
  const kubeconfig = await emptyCluster();
  return async (...args) => {
    const child = spawn(process.execPath, [bundle, ...args], {
      cwd: folder,
      env: { ...isolated(process.env, folder, kubeconfig), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return ended(child);
  };
}

/** The bundled command under `ulimit`, and in a folder of its own. */
export async function openLimited(): Promise<
  (limit: string, ...args: readonly string[]) => Promise<Ended>
> {
  const folder = await scratch();
  const bundle = inject('bundle');
  return (limit, ...args) =>
    ended(
      spawn('sh', ['-c', `ulimit ${limit} && exec "$@"`, 'sh', process.execPath, bundle, ...args], {
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1' },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
}

/** A command that runs on; its lines of JSON as they come, and how it is ended. */
export interface Running {
  /** Waits for a line. */
  readonly line: (matches: (line: Readonly<Record<string, unknown>>) => boolean) => Promise<void>;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** Ends it with SIGTERM. */
  readonly stop: () => Promise<number | null>;
}

/** Starts the bundled command. */
export async function startCli(...args: readonly string[]): Promise<Running> {
  const folder = await scratch();
  const child = spawn(process.execPath, [inject('bundle'), ...args], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      KUBECONFIG: await emptyCluster(),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Readonly<Record<string, unknown>>[] = [];
  const closed = once(child, 'close');
  afterFile(() => child.kill());
  let heard: () => void = () => undefined;
  createInterface({ input: child.stdout }).on('line', (it) => {
    lines.push(JSON.parse(it) as Readonly<Record<string, unknown>>);
    heard();
  });
  return {
    lines,
    async line(matches) {
      while (!lines.some(matches)) {
        if (child.exitCode !== null) throw new Error(`it ended: ${JSON.stringify(lines)}`);
        await Promise.race([closed, new Promise<void>((done) => (heard = done))]);
      }
    },
    async stop() {
      child.kill('SIGTERM');
      const [code] = (await closed) as [number | null];
      return code;
    },
  };
}

/** The kubeconfig of a cluster in which nothing runs, as it must be asked before a first release. */
export async function emptyCluster(): Promise<string> {
  const server = await startApiServer({ clock: () => Date.now() / 1000 });
  afterFile(() => server.stop());
  return server.kubeconfigPath;
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
