import type { Mistake } from '../mistake.ts';
import { AT_REST, type Traffic } from '../traffic/traffic.ts';
import type { Scale, StepDraft } from './strategy.ts';

/** All pods of the canary. */
export const FULL: Scale = { kind: 'full' };

/** What may differ in a stage. */
export type StageProps = Partial<Omit<StepDraft, 'name' | 'phase' | 'traffic' | 'primary'>>;

/** Where each rollout comes from; the primary still runs what was stable before. */
export const INIT: StepDraft = {
  name: 'init',
  phase: 'Initializing',
  traffic: AT_REST,
  primary: 'stable',
  canary: { kind: 'none' },
  ready: ['primary'],
  checks: 'none',
};

/** Where each rollout ends. */
export const COMPLETE: StepDraft = {
  ...INIT,
  name: 'complete',
  phase: 'Succeeded',
  primary: 'candidate',
};

/** The canary gets its pods, and no request. */
export function canaryUp(canary: Scale = FULL, props: StageProps = {}): StepDraft {
  return progressing('canary-up', AT_REST, { canary, checks: 'none', ...props });
}

/** The candidate is tried on the canary. */
export function progressing(name: string, traffic: Traffic, props: StageProps = {}): StepDraft {
  return {
    name,
    phase: 'Progressing',
    traffic,
    primary: 'stable',
    canary: FULL,
    ready: props.canary?.kind === 'none' ? ['primary'] : ['canary', 'primary'],
    checks: 'guard',
    ...props,
  };
}

/** The primary gets the candidate while the canary keeps its requests. */
export function promote(traffic: Traffic, props: StageProps = {}): StepDraft {
  return {
    name: 'promote',
    phase: 'Promoting',
    traffic,
    primary: 'candidate',
    canary: FULL,
    ready: props.canary?.kind === 'none' ? ['primary'] : ['primary', 'canary'],
    checks: 'guard',
    ...props,
  };
}

/** Requests go back to the primary, which runs the candidate. */
export function finalising(name: string, traffic: Traffic, props: StageProps = {}): StepDraft {
  return {
    name,
    phase: 'Finalising',
    traffic,
    primary: 'candidate',
    canary: FULL,
    ready: ['primary'],
    checks: 'none',
    ...props,
  };
}

/** Steps have two digits: `00-init` to `99-complete`. */
export const MAX_STEPS = 100;

/** A strategy with more steps than a plan can number. */
export function countMistakes(
  path: string,
  drafts: readonly StepDraft[],
  remedy: string,
): Mistake[] {
  if (drafts.length <= MAX_STEPS) return [];
  const problem = `strategy makes more than ${MAX_STEPS} steps`;
  return [{ path, problem, got: drafts.length, remedy }];
}
