import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../analyzer/simulated/random.ts';
import type { Version } from './releases.ts';
import type { Outcome, Scenario, Stage } from './scenario.ts';
import { completes, conclude, rollsBack } from './ways.ts';
import type { World } from './world.ts';

const ANALYZERS = 20;
/** How long persons interfere. */
const MEDDLE_SECONDS = { short: 20, long: 90 };

const GOOD: Version = { temper: 'good', number: 2 };
const BAD: Version = { temper: 'bad', number: 2 };

/** Many analyzers on one repository, while persons commit. */
export const races: readonly Scenario[] = [
  {
    name: 'races/twenty-analyzers',
    promise: `${ANALYZERS} analyzers and persons at once make no transition twice, leave none out, and every release arrives`,
    load: 'alone',
    run: race,
  },
];

async function race(stage: Stage, random: Random): Promise<Outcome> {
  const world = await stage.open({ releases: ['alpha', 'beta', 'gamma', 'delta'], beatMs: 500 });
  for (let it = 0; it < ANALYZERS; it++)
    world.analyzer({
      remote: it % 3 === 0 ? 'folder' : 'http',
      // All of them together make a pass or two in a second, which is what two cores can do.
      args: ['--interval', String(random.between(10, 30))],
    });
  await world.release('alpha', GOOD);
  await world.release('beta', BAD);
  const until =
    performance.now() + 1000 * (stage.short ? MEDDLE_SECONDS.short : MEDDLE_SECONDS.long);
  let commands = 0;
  while (performance.now() < until) {
    commands += await meddle(world, random, commands);
    await sleep(random.between(100, 1200));
  }
  // Gamma was paused, aborted and promoted; at last a newer version comes, and nobody is in its way.
  await world.perch('resume', 'gamma', '-m', 'the end');
  const last: Version = { temper: 'good', number: 1000 };
  await world.release('gamma', last);
  const expected = [completes('alpha', GOOD), rollsBack('beta', BAD), completes('gamma', last)];
  const seen = `${ANALYZERS} analyzers, ${commands} acts of persons`;
  return conclude(world, expected, 180, seen);
}

/** A person does something to gamma, or to what nobody watches. @returns 1 where it was taken */
async function meddle(world: World, random: Random, number: number): Promise<number> {
  const act = random.pick(['dist', 'pause', 'resume', 'abort', 'promote', 'note', 'full', 'delta']);
  const by = ['-m', 'to see what happens'];
  switch (act) {
    case 'dist':
      await world.release('gamma', { temper: 'good', number: number + 10 });
      return 1;
    case 'delta':
      await world.release('delta', {
        temper: random.chance(0.5) ? 'bad' : 'good',
        number: number + 10,
      });
      return 1;
    case 'note':
      await world.edit({ subject: 'a note', files: [['NOTES.md', `${number}\n`]] });
      return 1;
    case 'full':
      return (await world.perch('promote', 'gamma', '--full', ...by)).code === 0 ? 1 : 0;
    default:
      return (await world.perch(act, 'gamma', ...by)).code === 0 ? 1 : 0;
  }
}
