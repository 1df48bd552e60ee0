import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** One line of an analyzer's log. */
export interface LogLine {
  readonly msg?: string;
  readonly reason?: string;
  readonly release?: string;
  readonly decision?: string;
  readonly level?: number;
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly seconds: number;
}

/** The bundle as a process, in a group of its own. */
export interface Running {
  readonly pid: number;
  /** What it has logged so far. */
  readonly lines: readonly LogLine[];
  /** Everything on stdout, at most the last megabytes. */
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<Ended>;
  /** Whether it has ended already. */
  isOver(): boolean;
  /** The process alone, as the kernel's killer does it: its children are left to themselves. */
  kill(): Promise<Ended>;
  /** Asks it to end. @returns how it ended; killed after the limit */
  terminate(limitSeconds: number): Promise<Ended & { readonly late: boolean }>;
}

/** How a process is started. */
export interface Start {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Put before the command, such as `prlimit --nofile=40`. */
  readonly before?: readonly string[];
}

const LAST_WORDS_MS = 1000;

const MOST_TEXT = 4 * 1024 ** 2;

/** Starts the bundle. */
export function startProcess(bundle: string, { args, env, cwd, before = [] }: Start): Running {
  const [command = process.execPath, ...rest] = [...before, process.execPath, bundle, ...args];
  const child = spawn(command, rest, {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const began = performance.now();
  const lines: LogLine[] = [];
  const stdout = collect(child.stdout, (line) => {
    const found = logLine(line);
    if (found !== undefined) lines.push(found);
  });
  const stderr = collect(child.stderr, () => undefined);
  const ended = new Promise<Ended>((resolve) => {
    const seconds = () => (performance.now() - began) / 1000;
    child.once('error', () => resolve({ code: 127, signal: null, seconds: seconds() }));
    child.once('exit', (code, signal) => {
      const end = { code, signal, seconds: seconds() };
      // What it said last may still be on its way; what it has left behind may hold its pipes for ever.
      const timer = setTimeout(() => resolve(end), LAST_WORDS_MS);
      child.once('close', () => {
        clearTimeout(timer);
        resolve(end);
      });
    });
  });
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const isOver = () => over;
  return {
    pid: child.pid ?? 0,
    lines,
    stdout,
    stderr,
    ended,
    isOver,
    kill: () => signal(child, 'SIGKILL', ended),
    async terminate(limitSeconds) {
      const start = performance.now();
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), limitSeconds * 1000);
      const end = await ended;
      clearTimeout(timer);
      const seconds = (performance.now() - start) / 1000;
      return { ...end, seconds, late: seconds >= limitSeconds };
    },
  };
}

function signal(child: ChildProcess, name: NodeJS.Signals, ended: Promise<Ended>): Promise<Ended> {
  child.kill(name);
  return ended;
}

function collect(stream: NodeJS.ReadableStream, onLine: (line: string) => void): () => string {
  let text = '';
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text = (text + chunk).slice(-MOST_TEXT);
    const all = (rest + chunk).split('\n');
    rest = all.pop() ?? '';
    for (const line of all) onLine(line);
  });
  return () => text;
}

function logLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}

/** The variable by which processes of a world are known, with those that they started. */
export const MARK = 'FAULTS_WORLD';

/** Ids of the processes that carry a mark and still run. */
export function marked(mark: string): readonly number[] {
  const wanted = `${MARK}=${mark}`;
  return readdirSync('/proc')
    .filter((it) => /^\d+$/.test(it))
    .map(Number)
    .filter((pid) => pid !== process.pid && carries(pid, wanted));
}

function carries(pid: number, wanted: string): boolean {
  try {
    // A dead process that nobody has waited for has no environment.
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(wanted);
  } catch {
    return false;
  }
}

/** What a process was started as. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 160);
  } catch {
    return 'ended';
  }
}

/** Waits until no process carries the mark, then ends what is left. @returns what had to be ended */
export async function endMarked(mark: string, patienceSeconds: number): Promise<readonly string[]> {
  const until = performance.now() + patienceSeconds * 1000;
  while (marked(mark).length > 0 && performance.now() < until) await sleep(100);
  const left = marked(mark).map((pid) => ({ pid, command: commandOf(pid) }));
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended in the same moment.
    }
  }
  return left.map((it) => it.command);
}
