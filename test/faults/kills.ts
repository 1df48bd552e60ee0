import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../analyzer/simulated/random.ts';
import type { Expectation } from './oracle.ts';
import type { Running } from './process.ts';
import type { Outcome, Scenario, Stage } from './scenario.ts';
import { completes, conclude, rollsBack } from './ways.ts';
import { type AnalyzerOptions, leftInTemporary, TERM_SECONDS, type World } from './world.ts';

/** How many analyzers are killed in one try. */
const KILLS = { short: 6, long: 50 };

const PROMISE =
  'an analyzer that is killed at any instant leaves nothing half done; the next one goes on';

/** Analyzers that end at random instants, with and without a cache, on a URL and on a folder. */
export const kills: readonly Scenario[] = [
  killed('kills/http', { remote: 'http' }, false),
  killed('kills/http-cache', { remote: 'http' }, true),
  killed('kills/folder', { remote: 'folder' }, false),
  killed('kills/folder-cache', { remote: 'folder' }, true),
  {
    name: 'kills/sigterm',
    promise: `SIGTERM at any instant ends an analyzer within ${TERM_SECONDS} s, with its processes and temporary files`,
    run: terminated,
  },
];

function killed(name: string, options: AnalyzerOptions, cached: boolean): Scenario {
  return {
    name,
    promise: PROMISE,
    async run(stage, random) {
      const world = await stage.open();
      const cache = cached ? `${world.folder}/cache` : undefined;
      const end = await whileKilling({
        world,
        random,
        start: () => world.analyzer({ ...options, cache }),
        end: (it) => it.kill().then(() => undefined),
        count: stage.short ? KILLS.short : KILLS.long,
      });
      world.analyzer({ ...options, cache });
      return conclude(world, end.expected, 90, `${end.ended} killed, ${end.versions} versions`);
    },
  };
}

async function terminated(stage: Stage, random: Random): Promise<Outcome> {
  const world = await stage.open();
  let longest = 0;
  const end = await whileKilling({
    world,
    random,
    start: () => world.analyzer(),
    end: async (it) => {
      const { late, seconds, code, signal } = await it.terminate(TERM_SECONDS);
      longest = Math.max(longest, seconds);
      if (late) world.problems.push(`SIGTERM was not heard within ${TERM_SECONDS} s`);
      // It may be ended by the signal itself, as long as it has begun nothing.
      else if (code !== 0 && signal !== 'SIGTERM')
        world.problems.push(`after SIGTERM the exit code was ${code}`);
      const left = await leftInTemporary(world);
      if (left.length > 0) world.problems.push(`left in TMPDIR: ${left.join(', ')}`);
    },
    count: stage.short ? 5 : 30,
  });
  world.analyzer();
  const seen = `${end.ended} ended in at most ${longest.toFixed(1)} s, ${end.versions} versions`;
  const outcome = await conclude(world, end.expected, 90, seen);
  return { ...outcome, longestSeconds: Math.max(longest, outcome.longestSeconds) };
}

interface Killing {
  readonly world: World;
  readonly random: Random;
  readonly start: () => Running;
  readonly end: (it: Running) => Promise<void>;
  readonly count: number;
}

interface Killed {
  readonly ended: number;
  readonly versions: number;
  readonly expected: readonly Expectation[];
}

/** Ends analyzers at random instants, while alpha gets good versions and beta bad ones, one after the other. */
async function whileKilling({ world, random, start, end, count }: Killing): Promise<Killed> {
  // The newest versions, and the transitions in which the ones before them ended.
  const first = async (id: string) => ({
    number: 2,
    seen: (await world.state(id))?.transition ?? 0,
  });
  let [good, bad] = [await first('alpha'), await first('beta')];
  await world.release('alpha', { temper: 'good', number: 2 });
  await world.release('beta', { temper: 'bad', number: 2 });
  let ended = 0;
  while (ended < count) {
    const analyzer = start();
    await sleep(random.between(50, 2500));
    await end(analyzer);
    ended += 1;
    if (ended >= count) break;
    // The next version once this one is over, so that every kill meets a rollout.
    const [alpha, beta] = await Promise.all([world.state('alpha'), world.state('beta')]);
    if (alpha?.position.kind === 'complete' && alpha.transition > good.seen) {
      good = { number: good.number + 1, seen: alpha.transition };
      await world.release('alpha', { temper: 'good', number: good.number });
    }
    if (beta?.position.kind === 'stable' && beta.transition > bad.seen) {
      bad = { number: bad.number + 1, seen: beta.transition };
      await world.release('beta', { temper: 'bad', number: bad.number });
    }
  }
  return {
    ended,
    versions: good.number + bad.number - 2,
    expected: [
      completes('alpha', { temper: 'good', number: good.number }),
      rollsBack('beta', { temper: 'bad', number: bad.number }),
    ],
  };
}
