import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../analyzer/simulated/random.ts';
import type { Version } from './releases.ts';
import type { Outcome, Scenario, Stage } from './scenario.ts';
import { conclude, rollsBack } from './ways.ts';
import type { AnalyzerOptions, World } from './world.ts';

const BAD: Version = { temper: 'bad', number: 2 };
const BACK_SECONDS = 45;

/** A machine that lacks something. */
export const resources: readonly Scenario[] = [
  full('resources/full-temporary-folder', false),
  full('resources/full-cache', true),
  limited('resources/40-descriptors', ['prlimit', '--nofile=40']),
  limited('resources/64-descriptors', ['prlimit', '--nofile=64']),
  limited('resources/few-processes', () => {
    // Such a limit counts for a user, and not for root: it must be one whom nobody else is.
    const id = 50_000 + Math.floor(Math.random() * 10_000);
    return [
      ...['prlimit', '--nproc=14', 'setpriv', `--reuid=${id}`, `--regid=${id}`],
      '--clear-groups',
    ];
  }),
  {
    name: 'resources/no-home',
    promise: 'without HOME the analyzer does all that it does',
    run: async (stage) => plain(stage, { env: { HOME: undefined } }, 'no HOME'),
  },
  {
    name: 'resources/read-only-cache',
    promise: 'a cache that cannot be written is named in a message, and nothing harmful is pushed',
    missing: noMounts,
    run: readOnly,
  },
  {
    name: 'resources/stale-locks',
    promise: 'lock files that a dead process left in the cache hold nobody up',
    run: staleLocks,
  },
  {
    name: 'resources/half-made-clones',
    promise: 'a cache that was cut off anywhere is made again',
    tries: { short: 1, long: 10 },
    run: halfMade,
  },
  {
    name: 'resources/shared-cache',
    promise: 'two analyzers with one cache by mistake do no harm, and the rollback arrives',
    run: shared,
  },
];

/** Why no small file system can be had here. */
function noMounts(): string | undefined {
  if (process.getuid?.() !== 0) return 'a tmpfs needs root';
  const folder = join('/tmp', `perch-faults-mount-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
  if (status === 0) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
  return status === 0 ? undefined : 'this machine lets nobody mount a tmpfs';
}

function noPrlimit(): string | undefined {
  const { status } = spawnSync('prlimit', ['--version'], { stdio: 'ignore' });
  if (status !== 0) return 'prlimit is missing: install util-linux';
  return undefined;
}

async function plain(stage: Stage, options: AnalyzerOptions, seen: string): Promise<Outcome> {
  const world = await stage.open();
  await world.release('alpha', BAD);
  world.analyzer(options);
  return conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, seen);
}

function mounted(world: World, name: string, options: string): string {
  const folder = join(world.folder, name);
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  world.onStop(() => spawnSync('umount', ['--lazy', folder]));
  return folder;
}

function full(name: string, cached: boolean): Scenario {
  return {
    name,
    promise:
      'while the disk is full nothing harmful is pushed; the rollback arrives when it is not',
    missing: noMounts,
    async run(stage) {
      const world = await stage.open();
      const folder = mounted(world, 'small', 'size=6m');
      await world.release('alpha', BAD);
      const analyzer = world.analyzer({
        env: { TMPDIR: folder },
        cache: cached ? join(folder, 'cache') : undefined,
      });
      await world.untilStep('alpha', /weight-20|canary-up/);
      fill(join(folder, 'filler'));
      // Something to fetch that has no room.
      await world.edit({ subject: 'a note', files: [['NOTES.md', 'x\n'.repeat(5000)]] });
      await sleep(6000);
      rmSync(join(folder, 'filler'), { force: true });
      const died = analyzer.isOver() ? [`the analyzer ended: ${analyzer.stderr().trim()}`] : [];
      world.problems.push(...died);
      const outcome = await conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, 'disk full');
      const left = readdirSync(folder).filter((it) => it !== 'cache');
      const problems = left.length === 0 ? [] : [`left in TMPDIR: ${left.join(', ')}`];
      return { ...outcome, problems: [...outcome.problems, ...problems] };
    },
  };
}

/** Takes all the room there is. */
function fill(path: string): void {
  spawnSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=4k'], { stdio: 'ignore' });
}

function limited(name: string, before: readonly string[] | (() => readonly string[])): Scenario {
  return {
    name,
    promise:
      'with too little of it an analyzer moves releases rightly or says why not; with enough the rollback arrives',
    missing: noPrlimit,
    async run(stage) {
      const world = await stage.open();
      openToAll(world.folder);
      await world.release('alpha', BAD);
      const line = typeof before === 'function' ? before() : before;
      const analyzer = world.analyzer({ before: line });
      const isBack = async () => (await world.state('alpha'))?.position.kind === 'stable';
      const seconds = await world.until(20, isBack);
      const said = analyzer.stderr().trim() || analyzer.lines.at(-1)?.reason || 'nothing';
      if (seconds === undefined && said === 'nothing')
        world.problems.push('it neither moved nor said why');
      // Why is a sentence of ours, not a stack of Node's.
      if (/^node:|\n {4}at /.test(said)) world.problems.push(`it crashed: ${said.slice(0, 200)}`);
      if (!analyzer.isOver()) await analyzer.terminate(30);
      world.analyzer();
      const seen = seconds === undefined ? `not under the limit: ${said}` : 'back under the limit';
      return conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, seen);
    },
  };
}

/** Another user may read it, and write into it. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o777);
  for (const it of readdirSync(folder)) {
    const path = join(folder, it);
    chmodSync(path, statSync(path).isDirectory() ? 0o777 : 0o666);
  }
}

async function readOnly(stage: Stage): Promise<Outcome> {
  const world = await stage.open();
  const cache = mounted(world, 'cache', 'ro,size=1m');
  await world.release('alpha', BAD);
  const before = (await world.record()).length;
  const analyzer = world.analyzer({ cache });
  const said = () => `${analyzer.stderr()}${analyzer.stdout()}`;
  const seconds = await world.until(20, () => /read-only|EROFS/i.test(said()));
  if (seconds === undefined) world.problems.push(`no message tells of it: ${said().slice(0, 200)}`);
  else if (!said().includes(cache)) world.problems.push(`the message does not name ${cache}`);
  if ((await world.record()).length > before) world.problems.push('it pushed something');
  world.analyzer();
  const seen = `said after ${seconds?.toFixed(1) ?? '20'} s`;
  return await conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, seen);
}

/** A cache as an analyzer leaves it that was killed in the middle of the rollout. */
async function cacheOf(world: World): Promise<{ readonly cache: string; readonly clone: string }> {
  const cache = join(world.folder, 'cache');
  await world.release('alpha', BAD);
  const analyzer = world.analyzer({ cache });
  await world.untilStep('alpha', /canary-up|weight-20/);
  await analyzer.kill();
  return { cache, clone: join(cache, 'clone.git') };
}

async function staleLocks(stage: Stage): Promise<Outcome> {
  const world = await stage.open();
  const { cache, clone } = await cacheOf(world);
  const names = ['config', 'HEAD', 'packed-refs', 'shallow', 'index', 'gc.pid'];
  for (const it of [...names, 'refs/perch/run', 'refs/perch/source', 'FETCH_HEAD'])
    if (existsSync(join(clone, it, '..'))) writeFileSync(join(clone, `${it}.lock`), '');
  world.analyzer({ cache });
  return conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, 'nine locks of nobody');
}

async function halfMade(stage: Stage, random: Random): Promise<Outcome> {
  const world = await stage.open();
  const { cache, clone } = await cacheOf(world);
  const files = filesBelow(clone);
  const [first = '', ...rest] = files;
  const gone: string[] = [];
  for (let count = random.between(1, 4); count > 0; count--) {
    const path = random.pick([first, ...rest]);
    gone.push(path.slice(clone.length + 1));
    // Cut off in the middle, empty, or not there at all.
    if (!existsSync(path)) continue;
    const size = statSync(path).size;
    if (random.chance(0.5)) rmSync(path, { force: true });
    else spawnSync('truncate', ['--size', String(random.between(0, size)), path]);
  }
  world.analyzer({ cache });
  return conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, `broken: ${gone.join(', ')}`);
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((it) => join(folder, it))
    .filter((it) => statSync(it).isFile())
    .sort();
}

async function shared(stage: Stage): Promise<Outcome> {
  const world = await stage.open();
  const cache = join(world.folder, 'cache');
  await world.release('alpha', BAD);
  const both = [world.analyzer({ cache }), world.analyzer({ cache })];
  const outcome = await conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, 'two at once');
  const said = both.flatMap((it) => it.stderr().trim() || []);
  return { ...outcome, seen: `two at once${said.length > 0 ? `; said: ${said.join('; ')}` : ''}` };
}
