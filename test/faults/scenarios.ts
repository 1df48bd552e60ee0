import { gitFaults } from './git-faults.ts';
import { kills } from './kills.ts';
import { outside } from './outside.ts';
import { refused } from './refused.ts';
import type { Scenario } from './scenario.ts';

/** Every scenario, family by family. */
export const SCENARIOS: readonly Scenario[] = [...kills, ...gitFaults, ...outside, ...refused];
