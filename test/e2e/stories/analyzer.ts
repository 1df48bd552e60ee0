import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DIES_WITH_US } from '../servers/program.ts';
import { until } from '../stack/until.ts';

/** One line of the analyzer's log. */
export interface LogLine {
  readonly msg?: string;
  readonly release?: string;
  readonly reason?: string;
  readonly transition?: string;
  readonly commit?: string;
  readonly [field: string]: unknown;
}

/** The bundle as a process of its own. */
export interface AnalyzerProcess {
  /** All lines so far. */
  readonly lines: readonly LogLine[];
  readonly pid: number | undefined;
  readonly running: boolean;
  /** Ends it as a kubelet does: SIGTERM. */
  stop(): Promise<void>;
  /** Ends it as a crash does: SIGKILL. */
  kill(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Builds the bundle, as `npm run build` does, into a file of its own. */
export async function buildBundle(file: string): Promise<void> {
  await promisify(execFile)(process.execPath, ['.ci/build.js', file], { cwd: ROOT });
}

/** Starts `perch analyze` of a bundle with these flags. */
export function startAnalyzer(bundle: string, flags: readonly string[]): AnalyzerProcess {
  const own = Object.entries(process.env).filter(([name]) => !/^(PERCH_|GIT_)/.test(name));
  const [program = '', ...args] = [...DIES_WITH_US, process.execPath, bundle, 'analyze', ...flags];
  const child = spawn(program, args, {
    cwd: ROOT,
    // A killed one leaves its clone behind: beside the bundle, and gone with it.
    env: { ...Object.fromEntries(own), TMPDIR: dirname(bundle) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: LogLine[] = [];
  const read = (text: string) => {
    try {
      lines.push(JSON.parse(text) as LogLine);
    } catch {
      lines.push({ msg: text });
    }
  };
  createInterface({ input: child.stdout }).on('line', read);
  createInterface({ input: child.stderr }).on('line', read);
  const end = (signal: NodeJS.Signals) => ended(child, signal);
  return {
    lines,
    pid: child.pid,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** What to listen for. */
export interface Saying {
  /** @default - of any release, or of none */
  readonly release?: string;
  readonly reason: RegExp;
  /** How many lines had been said before. @default 0 */
  readonly after?: number;
}

/**
 * Waits until an analyzer gives a reason.
 *
 * @param seconds @default 40
 * @throws Error with what it said last when it takes longer
 */
export async function heard(
  { lines }: AnalyzerProcess,
  { release, reason, after = 0 }: Saying,
  seconds = 40,
): Promise<LogLine> {
  const find = () =>
    lines
      .slice(after)
      .find((it) => (release ?? it.release) === it.release && reason.test(it.reason ?? ''));
  await until(async () => find() !== undefined, seconds).catch(() => undefined);
  const line = find();
  if (line !== undefined) return line;
  const said = lines.slice(-12).map((it) => it.msg);
  throw new Error(`not said in ${seconds} s: ${reason}\n${said.join('\n')}`);
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}
