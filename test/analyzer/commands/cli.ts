import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import { scratch } from '../git/fixture.ts';

/** How a run of the command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The `perch` command as a process of its own, without anything of this machine's configuration. */
export type Cli = (...args: readonly string[]) => Promise<Ended>;

/** The bundled command in a folder of its own. */
export async function openCli(env: Readonly<Record<string, string>> = {}): Promise<Cli> {
  const folder = await scratch();
  const bundle = inject('bundle');
  return async (...args) => {
    const own = Object.entries(process.env).filter(([name]) => !/^(PERCH_|GIT_)/.test(name));
    const child = spawn(process.execPath, [bundle, ...args], {
      cwd: folder,
      env: {
        ...Object.fromEntries(own),
        HOME: folder,
        GIT_CONFIG_NOSYSTEM: '1',
        FORCE_COLOR: '1',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return ended(child);
  };
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
