import { spawn } from 'node:child_process';

/** A program that is run for what it prints. */
export interface Plugin {
  readonly command: string;
  readonly args: readonly string[];
  /** Over the variables of this process; our own are taken out of those. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
}

/** How it ended. */
export type PluginEnd =
  | { readonly kind: 'done'; readonly stdout: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'late' };

/** A credential has some kilobytes. */
const MAX_BYTES = 1024 ** 2;
const MAX_SAID = 4000;
/** What a program that is told to end may still do; also how long one that has ended may leave its output open. */
const GRACE_MS = 500;

/** Runs a program in a process group of its own, and ends all of the group when it takes too long or says too much. */
export function runPlugin({ command, args, env, timeoutSeconds }: Plugin): Promise<PluginEnd> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      detached: true,
      env: { ...ownEnvironment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { pid } = child;
    if (pid !== undefined) groups.add(pid);
    const chunks: Buffer[] = [];
    let size = 0;
    let said = '';
    let timer: NodeJS.Timeout | undefined;
    const end = (outcome: PluginEnd) => {
      clearTimeout(timer);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(outcome);
    };
    const kill = (outcome: PluginEnd) => {
      if (pid !== undefined) endGroup(pid);
      end(outcome);
    };
    timer = setTimeout(() => kill({ kind: 'late' }), timeoutSeconds * 1000);
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BYTES) kill(failed(`it printed over ${MAX_BYTES} bytes`));
      else chunks.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-MAX_SAID);
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      end(failed(`it cannot be started (${error.code ?? error.name})`)),
    );
    const ended = (code: number | null) =>
      end(code === 0 ? { kind: 'done', stdout: textOf(chunks) } : failed(said || `exit ${code}`));
    child.once('exit', (code) => {
      // Something that it left behind may hold the output open: no reason to wait.
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (pid !== undefined) endGroup(pid);
        ended(code);
      }, GRACE_MS);
    });
    child.once('close', (code) => {
      if (pid !== undefined) groups.delete(pid);
      ended(code);
    });
  });
}

/** Groups that run: none is left behind when this process ends. */
const groups = new Set<number>();
process.on('exit', () => {
  for (const pid of groups) signal(pid, 'SIGKILL');
});

function endGroup(pid: number): void {
  signal(pid, 'SIGTERM');
  // Nobody waits for it, and the end of this process does the same.
  setTimeout(() => {
    signal(pid, 'SIGKILL');
    groups.delete(pid);
  }, GRACE_MS).unref();
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended.
  }
}

/** Our own variables may hold secrets, and a plugin needs none of them. */
function ownEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('PERCH_')),
  );
}

function failed(reason: string): PluginEnd {
  return { kind: 'failed', reason };
}

function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
