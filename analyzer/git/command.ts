import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { GitError, redact } from './git-error.ts';

/** One git call that ended, for a log. */
export interface GitEvent {
  /** The subcommand: fetch, push, fast-import … */
  readonly command: string;
  readonly arguments: readonly string[];
  readonly exitCode: number;
  readonly durationMs: number;
}

/** Where and how git is called. */
export interface GitCommand {
  /** The repository, as `--git-dir`. */
  readonly gitDir: string;
  /** Configuration for every call, as `-c key=value`; no secrets, it is argv. */
  readonly config: readonly string[];
  /** Variables over those of the process. */
  readonly environment: Readonly<Record<string, string>>;
  /** After how long a call over the network is killed, with all its children. */
  readonly networkTimeoutMs: number;
  readonly log: (event: GitEvent) => void;
}

/** One call. */
export interface GitCall {
  readonly arguments: readonly string[];
  /** Where git looks for the repository itself, instead of in `gitDir`. */
  readonly folder?: string | undefined;
  /** What it reads from stdin. @default nothing */
  readonly input?: Buffer | string | undefined;
  /** Whether it speaks to a remote, and so must end in time. @default false */
  readonly network?: boolean | undefined;
  /** Variables of this call only. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** How a call ended; a non-zero exit code is an answer, not an exception. */
export interface GitOutput {
  readonly exitCode: number;
  readonly stdout: string;
  /** Redacted. */
  readonly stderr: string;
}

/** Runs git to its end. @throws GitError when git cannot be started or ran out of time */
export async function runGit(git: GitCommand, call: GitCall): Promise<GitOutput> {
  const started = performance.now();
  const child = startGit(git, call);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (cause) => reject(startFailure(cause)));
    child.once('close', (code) => resolve(code ?? 128));
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  child.stdin.end(call.input ?? '');
  const timer =
    call.network && child.pid !== undefined
      ? startTimer(git.networkTimeoutMs, child.pid)
      : undefined;
  try {
    const exitCode = await ended;
    const name = call.arguments[0] ?? '';
    git.log({
      command: name,
      arguments: call.arguments.map(redact),
      exitCode,
      durationMs: performance.now() - started,
    });
    if (timer?.passed()) throw timeoutFailure(name, git.networkTimeoutMs, stderr());
    return { exitCode, stdout: stdout(), stderr: redact(stderr()) };
  } finally {
    timer?.stop();
  }
}

/** Runs git and returns its stdout. @throws GitError also when it exits with another code than 0 */
export async function mustGit(git: GitCommand, call: GitCall): Promise<string> {
  const output = await runGit(git, call);
  if (output.exitCode === 0) return output.stdout;
  throw exitFailure(call.arguments[0] ?? '', output);
}

function exitFailure(command: string, output: GitOutput): GitError {
  const said = lastLines(output.stderr) || 'it said nothing';
  return new GitError(`git ${command} exited with ${output.exitCode}: ${said}`, {
    retryable: false,
    stderr: output.stderr,
  });
}

/** Starts git with its three pipes, in a process group of its own; the caller ends it. */
export function startGit(
  git: GitCommand,
  call: GitCall,
): ChildProcessByStdio<Writable, Readable, Readable> {
  const options = [...FIXED_CONFIG, ...git.config].flatMap((entry) => ['-c', entry]);
  const place = call.folder === undefined ? [`--git-dir=${git.gitDir}`] : ['-C', call.folder];
  const child = spawn('git', [...place, '--literal-pathspecs', ...options, ...call.arguments], {
    // A group of its own can be killed whole; it also has no terminal on which ssh could ask and hang.
    detached: call.network ?? false,
    env: gitEnvironment({ ...git.environment, ...call.environment }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A child that ends early closes its stdin; its exit code says more than our EPIPE.
  child.stdin.on('error', () => undefined);
  return child;
}

/** The variables of the process, without those that would point git to another repository. */
export function gitEnvironment(
  environment: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(
      // Our own may hold secrets, and git's children, such as ssh and credential helpers, need none of them.
      ([name]) => !REPOSITORY_VARIABLES.has(name) && !name.startsWith('PERCH_'),
    ),
  );
  return { ...inherited, ...environment, ...FIXED_VARIABLES };
}

/** Hooks are for work trees of people, ids do not depend on anybody's settings, nothing runs on behind us. */
const FIXED_CONFIG = [
  'core.hooksPath=/dev/null',
  'i18n.commitEncoding=UTF-8',
  'gc.autoDetach=false',
];

const FIXED_VARIABLES = {
  LC_ALL: 'C',
  GIT_TERMINAL_PROMPT: '0',
  // What is read must be what the object ids say: replacements would show other content.
  GIT_NO_REPLACE_OBJECTS: '1',
} as const;

/** From `git rev-parse --local-env-vars`, but the configuration stays the user's. A hook's process has them. */
const REPOSITORY_VARIABLES = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_NAMESPACE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]);

function collect(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}

interface Timer {
  readonly passed: () => boolean;
  readonly stop: () => void;
}

/** Ends git and the helpers that it started; politely first, so that it takes its lock files away. */
function startTimer(milliseconds: number, pid: number): Timer {
  let passed = false;
  const timers = [
    setTimeout(() => {
      passed = true;
      signalGroup(pid, 'SIGTERM');
    }, milliseconds),
    setTimeout(() => signalGroup(pid, 'SIGKILL'), milliseconds + 1000),
  ];
  return { passed: () => passed, stop: () => timers.forEach(clearTimeout) };
}

function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended in the same moment.
  }
}

function startFailure(cause: Error): GitError {
  const missing = 'code' in cause && cause.code === 'ENOENT';
  const message = missing
    ? 'git was not found on PATH: install git 2.31 or newer'
    : `git could not be started: ${cause.message}`;
  return new GitError(message, { retryable: !missing, cause });
}

function timeoutFailure(command: string, timeoutMs: number, stderr: string): GitError {
  return new GitError(
    `git ${command} took longer than ${timeoutMs / 1000} s and was ended: the remote is slow or does not answer`,
    { retryable: true, stderr },
  );
}

/** The last lines that say something, on one line. */
export function lastLines(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '')
    .slice(-4)
    .join('; ');
}
