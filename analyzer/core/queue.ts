import type { Decision } from './rules/decision.ts';

/** A release that is not idle, and what it would do. */
export interface Queued {
  readonly id: string;
  readonly decision: Decision;
  /** Whether a rollout, or its rollback, is under way. */
  readonly underWay: boolean;
  /** Name of its group, whose releases start together. @default - none */
  readonly group?: string | undefined;
}

/**
 * Lets no more rollouts be under way at once than so many; those that are too many wait. A group that is larger
 * than that starts when nothing else is under way.
 *
 * @returns a decision for each, in their order
 */
export function limited(all: readonly Queued[], most: number): readonly Decision[] {
  let running = all.filter((it) => it.underWay).length;
  const allowed = new Set<string>();
  const refused = new Set<string>();
  return all.map((it) => {
    if (!starts(it.decision)) return it.decision;
    const unit = it.group ?? it.id;
    if (!allowed.has(unit) && !refused.has(unit)) {
      const size = all.filter(
        (one) => (one.group ?? one.id) === unit && starts(one.decision),
      ).length;
      const fits = running + size <= most || running === 0;
      if (fits) running += size;
      (fits ? allowed : refused).add(unit);
    }
    if (allowed.has(unit)) return it.decision;
    return {
      kind: 'hold',
      reason: `waits: ${running} rollouts are under way, at most ${most} may be`,
    };
  });
}

function starts(decision: Decision): boolean {
  return decision.kind === 'move' && decision.transition === 'start' && decision.to.kind === 'step';
}
