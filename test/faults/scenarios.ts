import { gitFaults } from './git-faults.ts';
import { hostile } from './hostile.ts';
import { kills } from './kills.ts';
import { listen } from './listen.ts';
import { outside } from './outside.ts';
import { plugins } from './plugins.ts';
import { prompts } from './prompts.ts';
import { races } from './races.ts';
import { refused } from './refused.ts';
import { resources } from './resources.ts';
import type { Scenario } from './scenario.ts';
import { upgrades } from './upgrades/scenarios.ts';

/** Every scenario, family by family. */
export const SCENARIOS: readonly Scenario[] = [
  ...kills,
  ...races,
  ...gitFaults,
  ...resources,
  ...hostile,
  ...outside,
  ...listen,
  ...plugins,
  ...refused,
  ...prompts,
  ...upgrades,
];
