import type { Outcome } from '../tick/outcome.ts';
import { fellAt, isGoingBack, returnedAt } from './figures.ts';

/** Measures ways back that failed checks made necessary. */
export interface Rollbacks {
  /** Takes one outcome of each tick. @returns seconds from the newest failed check point to live routes, once */
  seconds(outcome: Outcome): number | undefined;
  /** A release that is gone. */
  forget(release: string): void;
}

/** Times from the decision to roll back until the routes are live; a rollback of another kind is not timed. */
export function rollbacks(): Rollbacks {
  /** When the newest failed check point was of releases whose traffic is on its rollback; Unix seconds. */
  const fallen = new Map<string, number>();
  return {
    seconds(it) {
      const fell = fellAt(it);
      const began = fell ?? fallen.get(it.release);
      const returned = returnedAt(it);
      if (fell !== undefined) fallen.set(it.release, fell);
      else if (returned !== undefined || !isGoingBack(it)) fallen.delete(it.release);
      return began === undefined || returned === undefined ? undefined : returned - began;
    },
    forget: (release) => fallen.delete(release),
  };
}
