import { AsyncLocalStorage } from 'node:async_hooks';
import { perch } from '../../../analyzer/perch.ts';
import { afterFile } from '../../cleanups.ts';
import { scratch } from '../git/fixture.ts';
import { type Cli, type Ended, emptyCluster, isolated } from './cli.ts';

/** What a run has said so far; several may be under way at once. */
type Said = Record<'stdout' | 'stderr', string>;

const runs = new AsyncLocalStorage<Said>();

/**
 * The `perch` command inside of this process, where a process of its own would show nothing more. Until the end of the
 * file this process has the working folder, and the environment, that the command's own would have.
 */
export async function openPerch(): Promise<Cli> {
  await enter();
  return inProcess;
}

/** The same, in a working folder that is said each time; one run at a time. */
export async function openPerchIn(
  env: Readonly<Record<string, string>>,
): Promise<(folder: string, ...args: readonly string[]) => Promise<Ended>> {
  const own = await enter(env);
  return async (folder, ...args) => {
    process.chdir(folder);
    try {
      return await inProcess(...args);
    } finally {
      process.chdir(own);
    }
  };
}

async function inProcess(...args: readonly string[]): Promise<Ended> {
  const said: Said = { stdout: '', stderr: '' };
  const signals = listening();
  let code = 0;
  await runs.run(said, () =>
    perch(args, (it) => {
      code = it;
    }),
  );
  // An analyzer listens until its process ends.
  for (const [name, before] of signals)
    for (const it of process.listeners(name)) if (!before.has(it)) process.off(name, it);
  return { code, ...said };
}

function listening() {
  return (['SIGTERM', 'SIGINT'] as const).map(
    (name) => [name, new Set(process.listeners(name))] as const,
  );
}

/** Takes over output, folder and environment, and gives them back after the tests of this file. */
async function enter(env: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await scratch();
  const kubeconfig = await emptyCluster();
  const before = { cwd: process.cwd(), env: { ...process.env } };
  afterFile(() => {
    process.chdir(before.cwd);
    setEnvironment(before.env);
  });
  for (const name of ['stdout', 'stderr'] as const) hear(name);
  process.chdir(folder);
  setEnvironment({ ...isolated(before.env, folder, kubeconfig), ...env });
  return folder;
}

function setEnvironment(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
}

/** Hands what is written by a run to that run. */
function hear(name: keyof Said): void {
  const stream = process[name];
  const { write } = stream;
  const written = write.bind(stream);
  stream.write = ((...args: Parameters<typeof write>) => {
    const said = runs.getStore();
    if (said === undefined) return written(...args);
    said[name] += String(args[0]);
    return true;
  }) as typeof write;
  afterFile(() => {
    stream.write = write;
  });
}
