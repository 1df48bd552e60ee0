import { rm } from 'node:fs/promises';
import type { Scenario } from '../scenario.ts';
import { conclude } from '../ways.ts';
import { UPGRADES, type Upgrade } from './positions.ts';
import { FORMATS, restore } from './restore.ts';

/** From the first start of today's version to the end of what an older one had begun. */
const END_SECONDS = 90;

/** Repositories that older versions left in the middle of something: today's goes on from there. */
export const upgrades: readonly Scenario[] = FORMATS.flatMap((format) =>
  UPGRADES.map((it): Scenario => scenarioOf(format, it)),
);

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
