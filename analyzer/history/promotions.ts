import type { Loaded } from '../core/answer.ts';
import type { PlanTree } from '../core/position.ts';
import { oneNamed } from '../named.ts';
import { age } from '../table.ts';
import type { Walk } from './history.ts';

/** A candidate that was the whole release once. */
export interface Promotion {
  readonly candidate: string;
  /** Its newest plan that was complete, as history holds it. */
  readonly plan: Loaded<PlanTree>;
  /** When that was; Unix seconds. */
  readonly at: number;
  /** Whether it was taken back since, and not promoted again. */
  readonly failed: boolean;
}

/** Every candidate that was complete in a walk through a release's history, the newest first. */
export function promotions({ visits }: Walk): readonly Promotion[] {
  const all = new Map<string, Promotion>();
  for (const { commit, situation, problems } of visits) {
    if (situation.state.kind === 'absent') all.clear();
    if (situation.state.kind !== 'known' || problems.length > 0) continue;
    const { candidate, position, kind, failed } = situation.state.value;
    const before = failed === undefined ? undefined : all.get(failed.candidate);
    if (before !== undefined) all.set(before.candidate, { ...before, failed: true });
    if (position.kind !== 'complete') continue;
    const known = kind === 'complete' ? undefined : all.get(candidate);
    // Entered anew, so that the newest stands last.
    all.delete(candidate);
    const at = known?.at ?? commit.at;
    all.set(candidate, { candidate, plan: situation.plan, at, failed: false });
  }
  return [...all.values()].reverse();
}

/** What an undo looks for. */
export interface Earlier {
  readonly id: string;
  /** The candidate that runs. */
  readonly present: string;
  /** A candidate or how it begins. @default - the newest one before the present that did not fail */
  readonly to: string | undefined;
  /** For the ages in what is listed; Unix seconds. */
  readonly now: number;
}

/**
 * The plan of the earlier candidate that an undo leads to.
 *
 * @throws UsageError that lists what there is where it is not there, Error where it cannot be read
 */
export function earlierPlan(past: Walk, { id, present, to, now }: Earlier): PlanTree {
  const all = promotions(past);
  const others = all.filter((it) => it.candidate !== present);
  const there = `there are: ${others.map((it) => listed(it, now)).join(', ') || 'none'}${cutText(past)}`;
  if (to === undefined) {
    const newest = others.find((it) => !it.failed);
    if (newest !== undefined) return planOf(id, newest);
    throw new Error(
      `${id}: no candidate before ${present} was promoted and did not fail; ${there}`,
    );
  }
  const one = oneNamed({
    given: to,
    all,
    namesOf: (it) => [it.candidate],
    none: `${id}: no candidate ${to} was promoted before; ${there}`,
  });
  if (one.candidate === present) throw new Error(`${id} runs ${present} already; ${there}`);
  return planOf(id, one);
}

function planOf(id: string, { candidate, plan }: Promotion): PlanTree {
  if (plan.kind === 'known') return plan.value;
  const reason = plan.kind === 'broken' ? plan.reason : 'it is missing';
  throw new Error(`${id}: the plan of ${candidate} cannot be read from history: ${reason}`);
}

function listed({ candidate, plan, at, failed }: Promotion, now: number): string {
  const images = plan.kind === 'known' ? `${plan.value.plan.images.join(' ')}, ` : '';
  return `${candidate} (${images}${age(now - at)} ago${failed ? ', failed since' : ''})`;
}

function cutText({ complete }: Walk): string {
  if (complete) return '';
  return '. History is cut off in this clone: with all of it (`git fetch --unshallow`, or the URL as --repo) there may be more';
}
