import { identityOf, lastStep, type Plan } from '../../lib/plan/plan.ts';
import { status } from '../core/phase.ts';
import {
  type FileSet,
  files,
  nextPosition,
  type PlanTree,
  type Position,
  positionText,
  samePosition,
  wayBack,
} from '../core/position.ts';
import { nextBack } from '../core/rollout.ts';
import type { Rollout, Situation } from '../core/situation.ts';
import { oneNamed } from '../named.ts';

/** What a release would change next, as far as Git alone can tell. */
export interface Prospect {
  /** Where the release is; `nothing` before it has started. */
  readonly from: string;
  /** Undefined where nothing comes next. */
  readonly to: string | undefined;
  readonly candidate: string | undefined;
  /** Why the release is where it is, or what keeps it there. */
  readonly reason: string;
  readonly before: FileSet;
  readonly after: FileSet;
}

/**
 * The files of a release now, and in the position that comes next, or in a later one.
 *
 * @param to name of a later step, `complete`, or a part of the rollback, or how it begins @default - the next position
 * @throws Error for what cannot be read, UsageError for a name that does not lie ahead
 */
export function prospect(situation: Situation, to: string | undefined): Prospect {
  const { id } = situation;
  const rollout = situation.rollout;
  if (rollout.kind === 'broken') throw new Error(rollout.reason);
  const ahead = rollout.kind === 'absent' ? first(situation) : aheadOf(situation, rollout.value);
  const next = to === undefined ? ahead.next : named(id, ahead, to);
  const { plan, stable, before, from } = ahead;
  const reason = status(situation).reason;
  if (next === undefined || plan === undefined)
    return { from, to: undefined, candidate: undefined, reason, before, after: before };
  return {
    from,
    to: positionText(next),
    candidate: identityOf(plan.plan),
    reason,
    before,
    after: files(next, plan, next.kind === 'complete' ? plan : stable),
  };
}

/** The positions that lie ahead of a release, and the plans that their files come from. */
interface Ahead {
  readonly from: string;
  readonly before: FileSet;
  readonly plan: PlanTree | undefined;
  readonly stable: PlanTree | undefined;
  readonly next: Position | undefined;
  readonly all: readonly Position[];
}

function first({ id, dist }: Situation): Ahead {
  if (dist.kind !== 'known')
    throw new Error(dist.kind === 'broken' ? dist.reason : `${id} has no plan in dist/`);
  const init: Position = { kind: 'init' };
  return {
    from: 'nothing',
    before: new Map(),
    plan: dist.value,
    stable: undefined,
    next: init,
    all: [init, { kind: 'complete' }],
  };
}

function aheadOf(situation: Situation, rollout: Rollout): Ahead {
  const { state, plan, stable, files: before } = rollout;
  const { position } = state;
  const common = { from: positionText(position), before, plan, stable };
  switch (position.kind) {
    case 'init':
      return { ...common, next: { kind: 'complete' }, all: [{ kind: 'complete' }] };
    case 'step':
      return {
        ...common,
        next: nextPosition(plan.plan, position),
        all: following(plan.plan, position),
      };
    case 'back': {
      const way = wayBack(plan.plan, position.step, position.shown);
      const here = way.findIndex((it) => samePosition(it, position));
      return { ...common, next: nextBack(rollout), all: way.slice(here + 1) };
    }
    case 'complete':
    case 'stable':
      return { ...common, ...fromRest(situation, stable) };
  }
}

function fromRest(
  { dist }: Situation,
  stable: PlanTree | undefined,
): Pick<Ahead, 'plan' | 'next' | 'all'> {
  const nothing = { plan: undefined, next: undefined, all: [] };
  if (dist.kind === 'broken') throw new Error(dist.reason);
  if (dist.kind === 'absent' || dist.value.tree === stable?.tree) return nothing;
  const plan = dist.value;
  const configured = stable !== undefined && identityOf(stable.plan) === identityOf(plan.plan);
  const all: readonly Position[] = configured
    ? [{ kind: 'complete' }]
    : following(plan.plan, { kind: 'step', step: plan.plan.steps[0]?.name ?? '' });
  return { plan, next: all[0], all };
}

function following(plan: Plan, position: Position): readonly Position[] {
  const next = nextPosition(plan, position);
  return next === undefined ? [] : [next, ...following(plan, next)];
}

function named(id: string, ahead: Ahead, given: string): Position {
  const namesIn = (it: Position): readonly string[] => namesOf(ahead.plan, it);
  const there = ahead.all.map((it) => namesIn(it)[0]).join(', ') || 'none';
  return oneNamed({
    given,
    all: ahead.all,
    namesOf: namesIn,
    none: `${id}: "${given}" does not lie ahead of ${ahead.from}; there are: ${there}`,
  });
}

/** What a person may call a position, the first in what is listed. */
function namesOf(plan: PlanTree | undefined, position: Position): readonly string[] {
  if (position.kind === 'back') return [position.part];
  const last = plan === undefined ? [] : [lastStep(plan.plan).name];
  return position.kind === 'complete' ? [...last, 'complete'] : [positionText(position)];
}
