import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { GitError } from './git-error.ts';

/** A git process with its three pipes. */
export type GitProcess = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * Starts a process in a session of its own: it can be ended with all that it started, and has no terminal on which
 * anything could ask. @throws GitError where the machine has no process or file handle to spare
 */
export function startProcess(
  args: readonly string[],
  env: Record<string, string | undefined>,
): GitProcess {
  const child = spawned(args, env);
  // Whoever waits for its end hears of it as well; unheard it would end this process.
  child.on('error', () => undefined);
  const pipes = pipesOf(child);
  // A child that ends early closes its stdin; its exit code says more than our EPIPE.
  for (const pipe of pipes) pipe.on('error', () => undefined);
  if (pipes.length < 3) throw startFailure(new Error('EMFILE'));
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** A process that ends leaves none behind: they are in sessions of their own, and would not notice. */
const running = new Set<GitProcess>();
process.on('exit', () => {
  for (const child of running) signalGroup(child, 'SIGTERM');
});

/** Where file handles have run out there is not one, whatever the types say. */
function pipesOf(child: Partial<GitProcess>): readonly (Readable | Writable)[] {
  return [child.stdin, child.stdout, child.stderr].filter((it) => it !== undefined && it !== null);
}

function spawned(args: readonly string[], env: Record<string, string | undefined>): GitProcess {
  try {
    return spawn('git', args, { detached: true, env, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (cause) {
    throw startFailure(cause);
  }
}

/** So long may a helper that runs on, as ssh's master does, keep the pipes of a git that has ended. */
const LINGER_MS = 2000;

/** So long after it was asked to end, a process is killed. */
const POLITE_MS = 1000;

/** How a process ended. */
export type End = { readonly kind: 'exit'; readonly code: number } | { readonly kind: 'tooLong' };

/**
 * Waits for its end, and ends it where it takes too long; politely first, so that it takes its lock files away.
 *
 * @throws GitError where it did not even start
 */
export function endOf(child: GitProcess, limitMs: number): Promise<End> {
  return new Promise((resolve, reject) => {
    let tooLong = false;
    const timers = new Set<NodeJS.Timeout>();
    const later = (ms: number, run: () => void) => timers.add(setTimeout(run, ms));
    const end = (code: number | null) => {
      for (const timer of timers) clearTimeout(timer);
      // What still holds a pipe would hold this process, too.
      for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
      resolve(tooLong ? { kind: 'tooLong' } : { kind: 'exit', code: code ?? 128 });
    };
    child.once('error', (cause) => {
      for (const timer of timers) clearTimeout(timer);
      reject(startFailure(cause));
    });
    child.once('close', end);
    child.once('exit', (code) => later(LINGER_MS, () => end(code)));
    later(limitMs, () => {
      tooLong = true;
      signalGroup(child, 'SIGTERM');
      later(POLITE_MS, () => signalGroup(child, 'SIGKILL'));
      // A disk that does not answer keeps even a killed process.
      later(POLITE_MS + LINGER_MS, () => end(null));
    });
  });
}

/** Signals a process and all that it started. */
export function signalGroup({ pid }: GitProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended in the same moment.
  }
}

function startFailure(cause: unknown): GitError {
  const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = missing
    ? 'git was not found on PATH: install git 2.31 or newer'
    : `git could not be started: ${reason}; the machine has no process, memory or file handle to spare`;
  return new GitError(message, { retryable: !missing, cause });
}
