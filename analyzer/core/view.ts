import type { Track } from '../../lib/plan/plan.ts';
import type { ClusterView, Liveness, Readiness } from './observation.ts';

/** What one cluster shows of a release. */
export interface NamedView {
  /** Stands before its reasons; undefined where there is only one cluster. */
  readonly name: string | undefined;
  readonly live: Liveness;
  /** Absent where the cluster holds no workloads. */
  readonly ready?: ClusterView['ready'] | undefined;
  readonly shownStep: string | undefined;
}

/** A release is live when it is in every cluster, since the last of them; it is as ready as the worst of them. */
export function combine(views: readonly NamedView[]): ClusterView {
  return {
    live: worstLiveness(views.map((it) => named(it.name, it.live))),
    ready: { primary: worstReadiness(views, 'primary'), canary: worstReadiness(views, 'canary') },
    // A cluster that is behind shows an earlier one.
    shownStep: views
      .flatMap((it) => it.shownStep ?? [])
      .sort()
      .at(-1),
  };
}

function worstLiveness(all: readonly Liveness[]): Liveness {
  const since = all.map((it) => (it.kind === 'live' ? it.sinceSeconds : 0));
  return (
    all.find((it) => it.kind === 'unknown') ??
    all.find((it) => it.kind === 'waiting') ?? {
      kind: 'live',
      sinceSeconds: Math.max(...since),
    }
  );
}

/** A deadline that has passed in one cluster counts, whatever cannot be asked in another. */
function worstReadiness(views: readonly NamedView[], track: Track): Readiness {
  const all = views.flatMap((it) => (it.ready ? named(it.name, it.ready[track]) : []));
  return (
    all.find((it) => it.kind === 'notReady' && it.deadlinePassed) ??
    all.find((it) => it.kind === 'unknown') ??
    all.find((it) => it.kind === 'notReady') ??
    all[0] ?? { kind: 'unknown', reason: 'no cluster with workloads is known' }
  );
}

function named<T extends Liveness | Readiness>(name: string | undefined, it: T): T {
  return name === undefined || !('reason' in it) ? it : { ...it, reason: `${name}: ${it.reason}` };
}
