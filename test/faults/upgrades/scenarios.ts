import { rm } from 'node:fs/promises';
import type { ReleaseForm, Version } from '../releases.ts';
import type { Scenario } from '../scenario.ts';
import { completes, conclude } from '../ways.ts';
import { UPGRADES, type Upgrade } from './positions.ts';
import { FORMATS, restore } from './restore.ts';

/** From the first start of today's version to the end of what an older one had begun. */
const END_SECONDS = 90;

/** Repositories that older versions left in the middle of something: today's goes on from there. */
export const upgrades: readonly Scenario[] = FORMATS.flatMap((format) => [
  ...UPGRADES.map((it): Scenario => scenarioOf(format, it)),
  synthesizedAgain(format),
]);

/** The same candidate, rendered by today's synth while its rollout is under way. */
function synthesizedAgain(format: number): Scenario {
  const [release, version]: [string, Version] = ['step', { temper: 'good', number: 2 }];
  return {
    name: `upgrades/format-${format}/synthesized-again`,
    promise: `a rollout that format ${format} began adopts the same candidate as today's synth renders it`,
    async run(stage) {
      const repository = await restore(format, 'step');
      const world = await stage.open({ releases: [release], repository });
      world.onStop(() => rm(repository, { recursive: true, force: true }));
      const before = (await world.record()).length;
      await world.release(release, version, formOf(format));
      world.analyzer();
      const end = await conclude(world, [completes(release, version)], END_SECONDS, 'adopted');
      const kinds = (await world.record()).slice(before).map((it) => it.state?.kind);
      const [first] = kinds;
      const problems = first === 'adopt' ? [] : [`it went on with ${kinds.join(', ')}`];
      return { ...end, problems: [...end.problems, ...problems] };
    },
  };
}

/** What an author writes to keep what is there: versions of format 1 selected pods by one label of the author's. */
function formOf(format: number): ReleaseForm {
  return format === 1 ? { selectorLabel: 'app' } : {};
}

function scenarioOf(format: number, it: Upgrade): Scenario {
  return {
    name: `upgrades/format-${format}/${it.name}`,
    promise: `what format ${format} left in position ${it.name} comes to its right end, and verifies`,
    async run(stage) {
      const repository = await restore(format, it.name);
      const world = await stage.open({ releases: it.releases, repository });
      world.onStop(() => rm(repository, { recursive: true, force: true }));
      world.analyzer();
      await it.finish?.(world);
      return conclude(world, it.ends, END_SECONDS, `${it.ends.length} at the right end`);
    },
  };
}
