import type { ClusterEvent, EventWriter } from '../cluster/events.ts';
import type { Failure, Listener } from '../tell/listener.ts';
import type { Outcome } from '../tick/outcome.ts';
import { failureEvent, happeningOf } from './happening.ts';

/** What events go through. */
export interface EventReporterOptions {
  /** One for each cluster that holds workloads. */
  readonly writers: readonly EventWriter[];
  /** Unix seconds. */
  readonly clock: () => number;
}

/** Events that may come at once, and one more for each second after that; the rest is left out. */
const BURST = 50;

/**
 * Tells each pushed transition, each failed check point, and each hold once, as Events on the primary workloads. What could not be
 * told is not tried again.
 */
export function eventReporter({ writers, clock }: EventReporterOptions): Listener {
  /** By release, what is told of its present hold. */
  const held = new Map<string, string>();
  const allowance = bucket(clock);
  return {
    name: 'events',
    hear: async (notice) => {
      if (notice.kind !== 'done') return [];
      const failed = notice.failures.flatMap((it) => failureEvent(it) ?? []);
      const news = [...failed, ...newsOf(notice.report.outcomes, held)];
      const events = news.slice(0, allowance.take(news.length));
      const failures = await Promise.all(writers.map((it) => it.write(events)));
      return [
        ...tooMany(news.length - events.length),
        ...[...new Set(failures.flat())].map((reason) => ({ what: NOT_WRITTEN, reason })),
      ];
    },
    close: async () => undefined,
  };
}

const NOT_WRITTEN = 'an event was not written';

function tooMany(left: number): readonly Failure[] {
  return left === 0 ? [] : [{ what: 'too many events at once', reason: `${left} were left out` }];
}

function newsOf(outcomes: readonly Outcome[], held: Map<string, string>): readonly ClusterEvent[] {
  const now = new Set(outcomes.map((it) => it.release));
  for (const release of held.keys()) if (!now.has(release)) held.delete(release);
  return outcomes.flatMap((it) => {
    const told = happeningOf(it);
    if (told === undefined || it.decision.kind !== 'hold') {
      held.delete(it.release);
      return told ?? [];
    }
    const isNew = held.get(it.release) !== told.key;
    held.set(it.release, told.key);
    return isNew ? told : [];
  });
}

/** A token bucket. */
function bucket(clock: () => number): { take(wanted: number): number } {
  let tokens = BURST;
  let at = clock();
  return {
    take: (wanted) => {
      const now = clock();
      tokens = Math.min(BURST, tokens + Math.max(0, now - at));
      at = now;
      const taken = Math.min(wanted, Math.floor(tokens));
      tokens -= taken;
      return taken;
    },
  };
}
