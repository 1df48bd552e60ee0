import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureEvidence } from './evidence.ts';
import { measureLimits } from './limits.ts';
import { type Report, reportText } from './report.ts';
import { firstRender, measureSynth } from './synth.ts';
import { measureTicks } from './tick.ts';

const HELP = `npm run bench -- [options]

Measures synth beside plain cdk8s, the bundle's cold start, passes over releases with tests of evidence, and inputs
of hostile size; results on stdout, progress on stderr.

  --sizes 1,10,100,1000  numbers of releases to synthesize; "none" leaves synth out
  --plain-max 100        largest of them at which plain cdk8s runs too: it takes minutes at 1000
  --ticks 1000           releases in the generated repository; 0 leaves ticks out
  --no-evidence          leaves passes over releases with tests of evidence out
  --no-limits            leaves inputs of hostile size out
  --runs N               runs of each measurement (default: fewer for what takes long)
  --folder DIR           where files are written (default: /dev/shm where there is one, as a disk's
                         own time would hide the rest; else the system's temporary folder)
  --json                 print JSON for machines
`;

const { values: flags } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1,10,100,1000' },
    'plain-max': { type: 'string', default: '100' },
    ticks: { type: 'string', default: '1000' },
    runs: { type: 'string' },
    folder: { type: 'string' },
    'no-evidence': { type: 'boolean', default: false },
    'no-limits': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const progress = (line: string) => void process.stderr.write(`${line}\n`);
  const sizes = flags.sizes === 'none' ? [] : flags.sizes.split(',').map((it) => whole(it, 1));
  const runs = flags.runs === undefined ? undefined : whole(flags.runs, 1);
  const releases = whole(flags.ticks, 0);
  const folder = flags.folder ?? memoryFolder() ?? tmpdir();
  const plainMax = whole(flags['plain-max'], 0);
  if (releases > 0) build();
  // First, as a small process starts others faster than one that has rendered thousands of files.
  const ticks =
    releases === 0
      ? undefined
      : await measureTicks({ releases, runs: runs ?? 9, activeRuns: 1, folder, progress });
  const firstRenderMs = sizes.length === 0 ? undefined : await firstRender();
  const synth = await measureSynth({ sizes, plainMax, runs, folder, progress });
  const evidence = flags['no-evidence'] ? undefined : await measureEvidence(progress);
  const limits = flags['no-limits'] ? [] : await measureLimits(progress);
  const report: Report = {
    machine: { node: process.version, cores: cpus().length, folder },
    ...(firstRenderMs === undefined ? {} : { firstRenderMs }),
    synth,
    limits,
    ...(ticks === undefined ? {} : { ticks }),
    ...(evidence === undefined ? {} : { evidence }),
  };
  process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
}

/** A folder that is no disk. */
function memoryFolder(): string | undefined {
  const folder = '/dev/shm';
  return existsSync(folder) && statSync(folder).isDirectory() ? folder : undefined;
}

/** The bundle of the sources as they are now. */
function build(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  execFileSync(process.execPath, ['.ci/build.js'], { cwd: root, stdio: 'inherit' });
}

function whole(text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  process.stderr.write(`expected a whole number of ${least} or more, got "${text}"\n${HELP}`);
  process.exit(2);
}
