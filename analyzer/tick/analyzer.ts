import type { Reader, Repository } from '../git/repository.ts';
import type { Admission, AdmissionMemory } from '../situation/admission.ts';
import { type Neighbours, newNeighbours } from '../situation/neighbours.ts';
import { newReadMemory, type ReadMemory } from '../situation/situation.ts';
import type { Seen } from './clusters.ts';
import { type CounterMemory, newCounterMemory } from './counters.ts';
import type { Delivery } from './delivery.ts';
import type { Outcome } from './outcome.ts';
import type { Patience } from './patience.ts';
import type { World } from './world.ts';

/** What it takes to decide, which writes nothing. */
export interface Decider extends World {
  readonly repository: Reader;
  /** What plans must pass before they are pinned. @default - the kinds of every release, and no signature */
  readonly admission?: Admission | undefined;
  /** How long a pass may wait. @default - half a minute for answers, and nobody tells it to end */
  readonly patience?: AnalyzerPatience | undefined;
  /** What is kept between ticks; a restart with none decides the same. */
  readonly memory: Memory;
}

/** What the analyzer works with. */
export interface Analyzer extends Decider {
  readonly repository: Repository;
  readonly delivery: Delivery;
  /** Most rollouts that may be under way at once. @default - any number */
  readonly mostRollouts?: number | undefined;
  /** Is told of each push at once, also where the pass goes on; it must not throw. @default - nobody is */
  readonly pushed?: ((outcomes: readonly Outcome[]) => void) | undefined;
}

/** How long a pass may wait, and with what. */
export interface AnalyzerPatience extends Patience {
  /** So long what is decided waits for the rest of the pass, to be pushed together with it. @default 2 */
  readonly earlySeconds?: number | undefined;
}

/** Kept between ticks to save reads; never needed to decide right. */
export interface Memory extends Required<Seen> {
  readonly read: ReadMemory;
  readonly admissions: AdmissionMemory;
  readonly neighbours: Neighbours;
  readonly counters: CounterMemory;
  /** When a release's sources were first found unreachable by this process; Unix seconds. */
  readonly unreachable: Map<string, number>;
  /** Since when this process has waited for the cluster to show a release's step, or for its pods; Unix seconds. */
  readonly stuck: Map<string, number>;
  /** Releases that the last pass had no time for. */
  readonly postponed: Set<string>;
}

/** The memory of an analyzer that has just started. */
export function newMemory(): Memory {
  return {
    read: newReadMemory(),
    admissions: new Map(),
    neighbours: newNeighbours(),
    counters: newCounterMemory(),
    targets: new Map(),
    shown: new Map(),
    arrived: new Set(),
    unreachable: new Map(),
    stuck: new Map(),
    postponed: new Set(),
  };
}
