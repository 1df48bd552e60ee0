import type { Track } from '../../../lib/plan/plan.ts';
import type { ClusterView, JobStatus, Liveness, Outage, Readiness } from './reading.ts';

/** What one cluster shows of a release. */
export interface NamedView {
  /** Stands before its reasons; undefined where there is only one cluster. */
  readonly name: string | undefined;
  readonly live: Liveness;
  /** Absent where the cluster holds no workloads. */
  readonly ready?: ClusterView['ready'] | undefined;
  readonly jobs?: ClusterView['jobs'];
  readonly shownStep: string | undefined;
  readonly outage?: ClusterView['outage'];
  /** Absent where the cluster cannot be read. */
  readonly unseen?: ClusterView['unseen'];
  readonly objects?: ClusterView['objects'];
}

/** A release is live when it is in every cluster, since the last of them; it is as ready as the worst of them. */
export function combine(views: readonly NamedView[]): ClusterView {
  const jobs = worstJobs(views);
  const baseline = views.some((it) => it.ready?.baseline !== undefined);
  return {
    live: worstLiveness(views.map((it) => named(it.name, it.live))),
    ready: {
      primary: worstReadiness(views, 'primary'),
      canary: worstReadiness(views, 'canary'),
      ...(baseline ? { baseline: worstReadiness(views, 'baseline') } : {}),
    },
    ...(jobs === undefined ? {} : { jobs }),
    // A cluster that is behind shows an earlier one.
    shownStep: views
      .flatMap((it) => it.shownStep ?? [])
      .sort()
      .at(-1),
    outage: worstOutage(views.flatMap((it) => it.outage ?? [])),
    unseen: allUnseen(views),
    objects: views.flatMap((it) => it.objects ?? []),
  };
}

/** The longest; one that may be the candidate's own doing counts where no other is known. */
function worstOutage(all: readonly Outage[]): Outage | undefined {
  const sure = all.filter((it) => it.isSure);
  const [worst] = (sure.length > 0 ? sure : [...all]).sort((a, b) => b.until - a.until);
  return worst;
}

/** What one cluster does not show is not shown; what one cannot say, nobody can. */
function allUnseen(views: readonly NamedView[]): ClusterView['unseen'] {
  const sets = views.map((it) => it.unseen);
  if (sets.includes(undefined)) return undefined;
  return new Set(sets.flatMap((it) => [...(it ?? [])]));
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
  const all = views.flatMap((it) => {
    const own = it.ready?.[track];
    return own === undefined ? [] : [named(it.name, own)];
  });
  return (
    all.find((it) => it.kind === 'notReady' && it.deadlinePassed) ??
    all.find((it) => it.kind === 'unknown') ??
    all.find((it) => it.kind === 'notReady') ??
    all[0] ?? { kind: 'unknown', reason: 'no cluster with workloads is known' }
  );
}

/** A Job that has failed in one cluster has failed; it is complete when it is in every one that runs it. */
function worstJobs(views: readonly NamedView[]): ClusterView['jobs'] {
  const order: readonly JobStatus['kind'][] = ['complete', 'running', 'unknown', 'failed'];
  const worst = new Map<string, JobStatus>();
  for (const [file, status] of views.flatMap((it) => [...(it.jobs ?? [])])) {
    const known = worst.get(file) ?? status;
    worst.set(file, order.indexOf(status.kind) > order.indexOf(known.kind) ? status : known);
  }
  return worst.size === 0 ? undefined : worst;
}

function named<T extends Liveness | Readiness>(name: string | undefined, it: T): T {
  return name === undefined || !('reason' in it) ? it : { ...it, reason: `${name}: ${it.reason}` };
}
