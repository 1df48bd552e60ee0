import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from './numbers.ts';

/** What one process took from its start to its end. */
export interface ProcessUse {
  readonly ms: number;
  /** Peak resident memory of the process itself, without git's; MB of 10^6 bytes. */
  readonly peakMb: number;
  readonly stdout: string;
}

const HOOK = fileURLToPath(new URL('usage.cjs', import.meta.url));

/** Runs Node with these arguments. @throws Error with what it said when it fails */
export function measureProcess(args: readonly string[]): Promise<ProcessUse> {
  const start = performance.now();
  const child = spawn(process.execPath, ['--require', HOOK, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: environment(),
  });
  const read = (index: 1 | 2 | 3) => {
    const parts: string[] = [];
    child.stdio[index]?.on('data', (it: Buffer) => parts.push(String(it)));
    return () => parts.join('');
  };
  const [stdout, stderr, usage] = [read(1), read(2), read(3)];
  // Its exit, not the end of its pipes.
  let ms = 0;
  child.once('exit', () => {
    ms = performance.now() - start;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code !== 0) return reject(new Error(`node ${args.join(' ')}: ${stderr() || stdout()}`));
      resolve({ ms, peakMb: (Number(usage()) * 1024) / 1e6, stdout: stdout() });
    });
  });
}

/** What is measured is what a user would have: no flags of this process. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...rest } = process.env;
  return rest;
}

/** The medians of several runs, and the fastest, which other work on the machine disturbed least. */
export function medianUse(
  uses: readonly ProcessUse[],
): Pick<ProcessUse, 'ms' | 'peakMb'> & { readonly bestMs: number } {
  const times = uses.map((it) => it.ms);
  const peakMb = median(uses.map((it) => it.peakMb));
  return { ms: median(times), bestMs: Math.min(...times), peakMb };
}
