import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { play } from './play.ts';
import { isFailure, resultsText } from './results.ts';
import { SCENARIOS } from './scenarios.ts';
import { longestStretch } from './stretch.ts';
import { makeTemplate, openWorld, type World, type WorldOptions } from './world.ts';

const HELP = `npm run test:faults -- [options]

Runs the bundle against faults: real git over HTTP, and a cluster and a metric store that are played here.
Exits with 1 where a promise was broken; results on stdout, progress on stderr.

  --short        the form of .ci/run: one try of most, about six minutes on two cores
  --only NAME    only scenarios whose name holds it; may be given more than once
  --seed N       the same random instants again (default: a new one, printed)
  --at-once N    scenarios at the same time (default: 3)
  --list         print scenarios and promises, and play nothing
  --json         print JSON for machines
`;

const { values: flags } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string' },
    'at-once': { type: 'string', default: '3' },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (flags.help) process.stdout.write(HELP);
else if (flags.list)
  for (const it of SCENARIOS) process.stdout.write(`${it.name}: ${it.promise}\n`);
else await main();

async function main(): Promise<void> {
  const { only } = flags;
  const scenarios = SCENARIOS.filter(
    (it) => only.length === 0 || only.some((one) => it.name.includes(one)),
  );
  if (scenarios.length === 0) wrong(`--only: no scenario has ${only.join(' or ')} in its name`);
  const seed = flags.seed === undefined ? Date.now() % 1_000_000 : whole('--seed', flags.seed, 0);
  const atOnce = whole('--at-once', flags['at-once'], 1);
  const progress = (line: string) => void process.stderr.write(`${line}\n`);
  progress(`seed ${seed}, ${scenarios.length} scenarios`);
  const folder = mkdtempSync(join(tmpdir(), 'perch-faults-run-'));
  const worlds = new Set<World>();
  let isOver = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      // Nothing is left behind by a run that somebody ends.
      isOver = true;
      Promise.all([...worlds].map((it) => it.stop()))
        .then(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))
        .finally(() => process.exit(130));
    });
  try {
    const bundle = bundled(folder);
    const templates = new Map<string, Promise<string>>();
    const open = async (options: WorldOptions = {}) => {
      const { releases = ['alpha', 'beta'], repository } = options;
      const key = releases.join();
      const template = () => {
        const known = templates.get(key) ?? makeTemplate(bundle, folder, releases);
        templates.set(key, known);
        return known;
      };
      const world = await openWorld(bundle, repository ?? (await template()), options);
      worlds.add(world);
      if (isOver) await world.stop();
      return world;
    };
    const results = await play(scenarios, { short: flags.short, seed, atOnce, open, progress });
    const stretched = Math.round(longestStretch() * 10) / 10;
    const report = { seed, short: flags.short, stretched, results };
    process.stdout.write(
      flags.json ? `${JSON.stringify(report, null, 2)}\n` : `\n${resultsText(results)}`,
    );
    if (isFailure(results, process.env.PERCH_E2E_REQUIRE === '1')) process.exitCode = 1;
    if (stretched > 1)
      progress(
        `the machine was busy with other things: limits were up to ${stretched} times longer`,
      );
    progress(`seed ${seed}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The bundle of the sources as they are now. */
function bundled(folder: string): string {
  const bundle = join(folder, 'perch.cjs');
  // Some analyzers run as another user.
  chmodSync(folder, 0o755);
  const root = fileURLToPath(new URL('../..', import.meta.url));
  execFileSync(process.execPath, ['.ci/build.js', bundle], { cwd: root, stdio: 'inherit' });
  return bundle;
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  return wrong(`${name}: expected a whole number of ${least} or more, got "${text}"`);
}

function wrong(message: string): never {
  process.stderr.write(`${message}\n${HELP}`);
  process.exit(2);
}
