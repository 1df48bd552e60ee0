import type { Mistake } from '../mistake.ts';
import type { Step } from '../plan/plan.ts';
import type { Weights } from '../traffic/router.ts';

/** What a step writes; the sets of files are the same for every strategy. */
export type Writes =
  /** The steady state without the apex Service and the routing files. */
  | 'init'
  /** The canary's workload, all that is new, and the routing files. */
  | 'canary'
  /** The objects that carry the weights. */
  | 'routes'
  /** The primary's workload, and the objects that carry the weights. */
  | 'promotion'
  /** The steady state. */
  | 'complete';

/** A step before its files are known. */
export interface StepDraft {
  /** Without its number. */
  readonly name: string;
  readonly phase: Step['phase'];
  readonly weights: Weights;
  readonly ready: Step['ready'];
  /** Whether the checks are judged in it, and whether they must pass for the bake time. */
  readonly checks: 'none' | 'guard' | 'bake';
  readonly writes: Writes;
}

/** How traffic reaches the candidate: a list of steps, the first `init` and the last `complete`. */
export interface Strategy {
  readonly kind: string;
  mistakes(path: string): readonly Mistake[];
  steps(): readonly StepDraft[];
}
