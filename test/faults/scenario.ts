import type { Random } from '../../analyzer/simulated/random.ts';
import type { World, WorldOptions } from './world.ts';

/** One family's fault, and what Perch promises about it. */
export interface Scenario {
  /** `family/fault` */
  readonly name: string;
  /** In one sentence. */
  readonly promise: string;
  /** How often it is tried. @default once in both forms */
  readonly tries?: { readonly short: number; readonly long: number };
  /**
   * `alone`: it wants the machine for itself, as many processes run in it. `waits`: most of its time nothing
   * happens, so that others may be played beside it.
   *
   * @default works
   */
  readonly load?: 'alone' | 'works' | 'waits';
  /** Why it cannot be had on this machine; nothing where it can. @default - it needs Node and git alone */
  readonly missing?: () => string | undefined;
  run(stage: Stage, random: Random): Promise<Outcome>;
}

/** Where a scenario is played. */
export interface Stage {
  /** Whether the short form is played. */
  readonly short: boolean;
  /** Opens a world, which is taken down after the scenario. */
  open(options?: WorldOptions): Promise<World>;
}

/** What came of one try. */
export interface Outcome {
  /** Promises that were broken, as sentences; none where all were kept. */
  readonly problems: readonly string[];
  /** What was seen, in a few words. */
  readonly seen: string;
  /** The longest time that something took which has a bound, in seconds. */
  readonly longestSeconds: number;
}
