import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { timed } from './numbers.ts';
import { measureProcess, medianUse, type ProcessUse } from './process.ts';

/** One row: what a process took. */
export interface TickResult {
  readonly what: string;
  readonly runs: number;
  readonly ms: number;
  readonly bestMs: number;
  readonly peakMb: number;
}

/** What was measured of the bundle. */
export interface TickResults {
  readonly releases: number;
  /** How long the repository took to make, which is no part of what is measured. */
  readonly preparationMs: number;
  /** `node -e 0`: what no program for Node is below. */
  readonly empty: TickResult;
  /** The bundle that only prints its help. */
  readonly help: TickResult;
  readonly idle: TickResult;
  readonly idleCached: TickResult;
  readonly active: TickResult;
}

/** How ticks are measured. */
export interface TickOptions {
  readonly releases: number;
  readonly runs: number;
  readonly activeRuns: number;
  /** Where the repository is made. */
  readonly folder: string;
  readonly progress: (line: string) => void;
}

const BUNDLE = fileURLToPath(new URL('../../build/perch.cjs', import.meta.url));

/** Spawns the bundle on a generated repository of releases at rest. */
export async function measureTicks(options: TickOptions): Promise<TickResults> {
  const { releases, runs, activeRuns, progress } = options;
  const folder = await mkdtemp(join(options.folder, 'perch-bench-'));
  try {
    progress(`making a repository of ${releases} releases`);
    const { ms: preparationMs } = await timed(() => prepare(folder, releases));
    const analyze = ['analyze', '--once', '--repo', join(folder, 'rest.git')];
    const cached = [...analyze, '--cache', join(folder, 'cache')];
    await mkdir(join(folder, 'cache'));
    const idle = (args: readonly string[]) => async () => {
      const use = await measureProcess([BUNDLE, ...args]);
      if (!use.stdout.includes(`"idle":${releases}`)) throw new Error(`not idle: ${use.stdout}`);
      return use;
    };
    const contestants = {
      empty: () => measureProcess(['-e', '0']),
      help: () => measureProcess([BUNDLE, '--help']),
      idle: idle(analyze),
      idleCached: idle(cached),
    };
    const uses = await inTurns(contestants, runs, progress);
    const row = (what: string, it: readonly ProcessUse[]): TickResult => ({
      what,
      runs: it.length,
      ...medianUse(it),
    });
    const active: ProcessUse[] = [];
    for (let run = 0; run < activeRuns; run++) {
      progress(`active tick: run ${run + 1} of ${activeRuns}`);
      const copy = join(folder, `active-${run}.git`);
      await cp(join(folder, 'next.git'), copy, { recursive: true });
      const use = await measureProcess([BUNDLE, 'analyze', '--once', '--repo', copy]);
      const moved = use.stdout.split('\n').filter((it) => it.includes('"commit":')).length;
      if (moved !== releases) throw new Error(`${moved} of ${releases} moved: ${use.stdout}`);
      active.push(use);
      await rm(copy, { recursive: true });
    }
    return {
      releases,
      preparationMs,
      empty: row('node -e 0', uses.empty),
      help: row('perch --help', uses.help),
      idle: row('idle tick, fresh clone', uses.idle),
      idleCached: row('idle tick, --cache', uses.idleCached),
      active: row('active tick: each release starts', active),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes the repositories rest.git and next.git. */
async function prepare(folder: string, releases: number): Promise<void> {
  const script = fileURLToPath(new URL('prepare.ts', import.meta.url));
  await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    script,
    folder,
    String(releases),
  ]);
}

/** Runs contestants in changing order; the first round warms the file system up and does not count. */
async function inTurns<K extends string>(
  contestants: Readonly<Record<K, () => Promise<ProcessUse>>>,
  runs: number,
  progress: (line: string) => void,
): Promise<Readonly<Record<K, readonly ProcessUse[]>>> {
  const names = Object.keys(contestants) as K[];
  const uses = Object.fromEntries(names.map((it) => [it, []])) as unknown as Record<
    K,
    ProcessUse[]
  >;
  for (let round = 0; round <= runs; round++) {
    progress(`processes: ${round === 0 ? 'warming up' : `run ${round} of ${runs}`}`);
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length] as K;
      const use = await contestants[name]();
      if (round > 0) uses[name].push(use);
    }
  }
  return uses;
}
