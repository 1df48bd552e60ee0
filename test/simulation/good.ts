import { hasPromoted, type PlanTree } from '../../analyzer/core/position.ts';
import type { State } from '../../analyzer/core/state.ts';
import type { Outage, Refusal } from './faults.ts';
import { type Git, imageOf } from './git.ts';
import type { Hooks } from './hooks.ts';
import { primaryOf } from './oracle.ts';
import { type Blobs, stepObjects } from './plans.ts';
import { isGoodVersion, type Scenario } from './scenario.ts';
import type { World } from './world.ts';

/** What it depends on. */
export interface Asked {
  readonly scenario: Scenario;
  readonly releases: readonly Git[];
  readonly hooks: Hooks;
  readonly blobs: Blobs;
  readonly world: World;
}

/** Whether nothing that a rollout asks speaks against what runs. */
export function isGood({ scenario, releases, hooks, blobs, world }: Asked, now: number): boolean {
  const { behaviours, faults } = scenario;
  return releases.every(({ plan, stable, state }) => {
    const begun = Date.parse(state?.steps[0]?.at ?? state?.at ?? '') / 1000;
    const signals = (plan?.plan.hooks ?? []).filter((it) => it.type === 'rollback');
    // On one track both versions answer the same questions.
    const judged = plan?.plan.shape.selectors.canary === undefined ? [plan, stable] : [plan];
    return (
      judged.every((it) => isGoodVersion(behaviours.get(imageOf(it)))) &&
      hooks.failuresTold(begun) === 0 &&
      !signals.some((it) => hooks.isOpen(it.name, now)) &&
      !wasRefused(plan, blobs, faults.refusals, begun) &&
      !(
        isPromoted(state, plan) && faults.breaks.some((it) => it.start <= now && it.end >= begun)
      ) &&
      faults.environment.every((it) => isTold(world, { state, plan, begun, now }, it))
    );
  });
}

/** Whether the cluster refuses, or has refused since a time, something of a plan. */
function wasRefused(
  plan: PlanTree | undefined,
  blobs: Blobs,
  refusals: readonly Refusal[],
  since: number,
): boolean {
  const active = refusals.filter((it) => it.end >= since);
  if (plan === undefined || active.length === 0) return false;
  return stepObjects(plan, blobs).some((object) => active.some((it) => it.matches(object)));
}

/** Whether the primary may run the candidate: what breaks there then speaks against it. */
function isPromoted(state: State | undefined, plan: PlanTree | undefined): boolean {
  const { position } = state ?? {};
  if (position === undefined || plan === undefined || !('step' in position)) return false;
  return hasPromoted(plan.plan, position.step);
}

/** A rollout, and the time that it has taken so far. */
interface Span {
  readonly state: State | undefined;
  readonly plan: PlanTree | undefined;
  readonly begun: number;
  readonly now: number;
}

/** Whether an outage of the environment shows as one: at a primary that runs another version and has requests. */
function isTold(world: World, { state, plan, begun, now }: Span, { start, end }: Outage): boolean {
  if (plan === undefined || end + WINDOW < begun || start > now) return true;
  if (isPromoted(state, plan) || plan.plan.checks.some((it) => it.ask.primary === undefined))
    return false;
  const primary = primaryOf(plan.plan);
  for (let at = Math.max(start, begun); at < Math.min(end + WINDOW, now); at++)
    if (world.truth(at, primary) === undefined) return false;
  return true;
}

const WINDOW = 30;
