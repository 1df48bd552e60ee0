import { identityOf } from '../../lib/plan/plan.ts';
import { failedBefore } from './failure.ts';
import { type Status, status } from './phase.ts';
import { nextPosition, positionText, stepOf } from './position.ts';
import { nextBack } from './rollout.ts';
import { isApproved } from './rules/gate.ts';
import type { Rollout, Situation } from './situation.ts';
import type { HookRecord, StepRecord } from './state.ts';

/** All that Git knows of one release: what `perch status <release>` prints. */
export interface Detail extends Status {
  readonly images: readonly string[];
  /** The candidate that a rollback brings back; undefined before the first release is complete. */
  readonly stable: string | undefined;
  /** The candidate in dist/, where it is another one. */
  readonly newest: string | undefined;
  /** What brought the release to its position, and who asked for it. */
  readonly entered: string | undefined;
  readonly enteredBy: string | undefined;
  /** Failed checks in the steps that were left, and failed hooks; and how many the rollout may have. */
  readonly failedChecks: number | undefined;
  readonly threshold: number | undefined;
  readonly gates: readonly GateDetail[];
  /** Runs of hooks in the step. */
  readonly hooks: readonly HookRecord[];
  /** Steps that this rollout has left. */
  readonly left: readonly StepRecord[];
  /** What follows; undefined at rest. */
  readonly next: string | undefined;
}

/** A gate of the present step. */
export interface GateDetail {
  /** `person`, or the name of a hook. */
  readonly opener: string;
  /** Who opened it; undefined where no person did. */
  readonly openedBy: string | undefined;
}

/** What Git alone says of one release, in full. */
export function detailOf(situation: Situation): Detail {
  const { rollout, dist } = situation;
  const newest = dist.kind === 'known' ? identityOf(dist.value.plan) : undefined;
  const row = status(situation);
  if (rollout.kind !== 'known')
    return {
      ...row,
      images: dist.kind === 'known' ? dist.value.plan.images : [],
      ...{ stable: undefined, newest: undefined, entered: undefined, enteredBy: undefined },
      ...{ failedChecks: undefined, threshold: undefined, gates: [], hooks: [], left: [] },
      next: undefined,
    };
  const { state, plan, stable } = rollout.value;
  const step = state.position.kind === 'step' ? state.position.step : undefined;
  return {
    ...row,
    images: plan.plan.images,
    stable: stable === undefined ? undefined : identityOf(stable.plan),
    newest: newest === identityOf(plan.plan) ? undefined : newest,
    entered: state.reason,
    enteredBy: state.by,
    failedChecks: failedBefore(state),
    threshold: plan.plan.analysis.threshold,
    gates: gatesOf(rollout.value),
    hooks: (state.hooks ?? []).filter((it) => it.step === step),
    left: state.steps,
    next: nextOf(rollout.value),
  };
}

function gatesOf({ state, plan: { plan } }: Rollout): readonly GateDetail[] {
  const step = state.position.kind === 'step' ? stepOf(plan, state.position) : undefined;
  if (step === undefined) return [];
  const isOpen = isApproved(state, plan, step.name);
  const approval = isOpen ? state.approved?.find((it) => it.step === step.name) : undefined;
  return (step.gates ?? []).map((it) => ({
    opener: it.kind === 'person' ? 'person' : it.hook,
    openedBy: approval?.by,
  }));
}

function nextOf(rollout: Rollout): string | undefined {
  const { position } = rollout.state;
  const next =
    position.kind === 'back' ? nextBack(rollout) : nextPosition(rollout.plan.plan, position);
  return next === undefined ? undefined : positionText(next);
}
