import type { Readable } from 'node:stream';
import { redact } from '../redact.ts';
import { gitEnvironment } from './environment.ts';
import { GitError } from './git-error.ts';
import { endOf, type GitProcess, startProcess } from './running.ts';

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
  /** After how long a call that waits for a remote or a key is ended, with all its children. */
  readonly networkTimeoutMs: number;
  /** The same for all other calls. */
  readonly localTimeoutMs: number;
  readonly log: (event: GitEvent) => void;
}

/** Git for questions to somebody's own repository: each call names its folder. */
export const FOLDER_GIT: GitCommand = {
  gitDir: '',
  config: [],
  environment: {},
  networkTimeoutMs: 60_000,
  localTimeoutMs: 600_000,
  log: () => undefined,
};

/** One call. */
export interface GitCall {
  readonly arguments: readonly string[];
  /** Where git looks for the repository itself, instead of in `gitDir`. */
  readonly folder?: string | undefined;
  /** What it reads from stdin. @default nothing */
  readonly input?: Buffer | string | undefined;
  /** What it may have to wait for, and so must end sooner than others. @default - nothing but the disk */
  readonly waits?: 'network' | 'key' | undefined;
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
  const limitMs = call.waits ? git.networkTimeoutMs : git.localTimeoutMs;
  const child = startGit(git, call);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  child.stdin.end(call.input ?? '');
  const end = await endOf(child, limitMs);
  const command = call.arguments[0] ?? '';
  git.log({
    command,
    arguments: call.arguments.map(redact),
    exitCode: end.kind === 'exit' ? end.code : 128,
    durationMs: performance.now() - started,
  });
  if (end.kind === 'tooLong') throw timeoutFailure(call, limitMs, stderr());
  return { exitCode: end.code, stdout: stdout(), stderr: redact(stderr()) };
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
    retryable: true,
    stderr: output.stderr,
  });
}

/** Starts git with its three pipes; the caller ends it. @throws GitError when it cannot be started */
export function startGit(git: GitCommand, call: GitCall): GitProcess {
  const options = [...FIXED_CONFIG, ...git.config].flatMap((entry) => ['-c', entry]);
  const place = call.folder === undefined ? [`--git-dir=${git.gitDir}`] : ['-C', call.folder];
  return startProcess(
    // No name in a repository is ever a pattern.
    [...place, '--literal-pathspecs', ...options, ...call.arguments],
    gitEnvironment({ ...git.environment, ...call.environment }),
  );
}

/** Hooks are for work trees of people, ids do not depend on anybody's settings, nothing runs on behind us. */
const FIXED_CONFIG = [
  'core.hooksPath=/dev/null',
  'i18n.commitEncoding=UTF-8',
  'gc.autoDetach=false',
];

function collect(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}

function timeoutFailure(call: GitCall, limitMs: number, stderr: string): GitError {
  const reasons: Readonly<Record<NonNullable<GitCall['waits']> | 'nothing', string>> = {
    network: 'the remote is slow or does not answer',
    key: 'the key or its agent may wait for a passphrase, and nobody is there to give one',
    nothing: 'the disk is slow, or does not answer',
  };
  const name = call.arguments[0] ?? '';
  return new GitError(
    `git ${name} took longer than ${limitMs / 1000} s and was ended: ${reasons[call.waits ?? 'nothing']}`,
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
