import { at } from '../../../lib/plan/pointer.ts';
import { appliedAt } from './liveness.ts';
import type { ObjectReading, Outage, Readiness } from './reading.ts';

/** What readiness is measured against. */
export interface ReadinessRule {
  /** Percent of the updated replicas that must be available. */
  readonly readyPercent: number;
  /** The HPA's minimum, where one rules. */
  readonly minReplicas: number;
  readonly deadlineSeconds: number;
  /** Whether the current step wrote the workload, so that all its time counts against the deadline. */
  readonly writtenByStep: boolean;
}

/**
 * Whether a workload can take its traffic: its newest generation is observed, all its replicas are updated that are
 * to be, and enough of them available. A deadline is passed when Kubernetes says so (`ProgressDeadlineExceeded`),
 * when it was short of pods for so long, or when the step that wrote the workload has waited for so long.
 */
export function readiness(
  reading: ObjectReading | undefined,
  rule: ReadinessRule,
  now: number,
): Readiness {
  if (reading === undefined || reading.kind === 'unknown')
    return { kind: 'unknown', reason: reading?.reason ?? 'not asked' };
  if (reading.kind === 'absent')
    return { kind: 'notReady', reason: 'does not exist yet', deadlinePassed: false, available: 0 };
  const { object } = reading;
  const reason = isObserved(object)
    ? shortfall(object, rule)
    : 'its newest generation is not observed yet';
  if (reason === undefined) return { kind: 'ready' };
  const available = availablePods(reading);
  return { kind: 'notReady', reason, deadlinePassed: deadlinePassed(object, rule, now), available };
}

/**
 * Whether pods of both tracks were missing since a time at which they had been there: as an outage of nodes, or of
 * the whole cluster, leaves it. Where the canary alone lost pods that is the candidate's own fault; and it is given no
 * longer than its deadline to come back after the primary.
 *
 * @returns undefined where no such thing is known, and of kinds without conditions
 */
export function outage(
  primary: ObjectReading | undefined,
  canary: ObjectReading | undefined,
  { since, now, deadlineSeconds, mayBeOwn = false }: Circumstances,
): Outage | undefined {
  const ends = [primary, canary].map((it) => missingUntil(it, now));
  const [first, second] = ends;
  if (first === undefined || second === undefined) return undefined;
  if (first <= since || second <= since) return undefined;
  return {
    until: Math.min(Math.max(first, second), first + deadlineSeconds),
    // Pods may come and go with the step's own work, or for the candidate's sake; Deployments do not.
    isSure: !mayBeOwn || [primary, canary].every((it) => isNewer(it, since)),
  };
}

/** When a step was taken, and what it does itself. */
interface Circumstances {
  /** When the step was taken; Unix seconds, as `now`. */
  readonly since: number;
  readonly now: number;
  readonly deadlineSeconds: number;
  /** Whether the step itself, or a candidate on both tracks, may explain missing pods. @default false */
  readonly mayBeOwn?: boolean;
}

/** Whether an object was made after a time, or is gone: its cluster was lost, or built again. */
function isNewer(reading: ObjectReading | undefined, since: number): boolean {
  if (reading?.kind === 'absent') return true;
  return reading?.kind === 'found' && timeAt(reading.object, '/metadata/creationTimestamp') > since;
}

/** When a Deployment was last short of pods: now, or when it became available again. */
function missingUntil(reading: ObjectReading | undefined, now: number): number | undefined {
  if (reading?.kind === 'absent') return now;
  if (reading?.kind !== 'found') return undefined;
  const available = conditionsOf(reading.object).find((it) => at(it, '/type') === 'Available');
  if (available === undefined) return undefined;
  if (at(available, '/status') !== 'True') return now;
  const time = timeAt(available, '/lastTransitionTime');
  return Number.isNaN(time) ? undefined : time;
}

function conditionsOf(object: unknown): readonly unknown[] {
  const conditions = at(object, '/status/conditions');
  return Array.isArray(conditions) ? conditions : [];
}

/** Pods of a workload that can take requests, of any version. */
export function availablePods(reading: ObjectReading | undefined): number {
  if (reading?.kind !== 'found') return 0;
  const { object } = reading;
  const field = at(object, '/kind') === 'DaemonSet' ? 'numberAvailable' : 'availableReplicas';
  return count(object, `/status/${field}`);
}

function isObserved(object: unknown): boolean {
  return count(object, '/status/observedGeneration') >= count(object, '/metadata/generation');
}

/** What is missing; undefined where nothing is. */
type Shortfall = (object: unknown, rule: ReadinessRule) => string | undefined;

function shortfall(object: unknown, rule: ReadinessRule): string | undefined {
  const kind = at(object, '/kind');
  if (kind === 'DaemonSet') return ofDaemonSet(object, rule);
  return kind === 'StatefulSet' ? ofStatefulSet(object, rule) : ofDeployment(object, rule);
}

const ofDeployment: Shortfall = (object, rule) => {
  const wanted = wantedReplicas(object);
  const updated = count(object, '/status/updatedReplicas');
  const total = count(object, '/status/replicas');
  const available = count(object, '/status/availableReplicas');
  if (wanted === 0) return 'it is scaled to 0';
  if (wanted < rule.minReplicas)
    return `${wanted} replicas wanted, its HPA will want ${rule.minReplicas}`;
  if (updated < wanted) return `${updated} of ${wanted} replicas updated`;
  if (total > updated) return `${total - updated} old replicas still run`;
  const needed = Math.max(needs(updated, rule), rule.minReplicas);
  const enough = Math.min(needed, Math.max(1, updated));
  return available < enough ? `${available} of ${updated} replicas available` : undefined;
};

const ofDaemonSet: Shortfall = (object, rule) => {
  const wanted = count(object, '/status/desiredNumberScheduled');
  const updated = count(object, '/status/updatedNumberScheduled');
  const available = count(object, '/status/numberAvailable');
  if (wanted === 0) return 'no node is to run it';
  if (updated < wanted) return `${updated} of ${wanted} nodes run the newest pods`;
  return available < needs(wanted, rule)
    ? `its pods are available on ${available} of ${wanted} nodes`
    : undefined;
};

/** Pods below the partition keep what they run; that the others can serve is what the step is about. */
const ofStatefulSet: Shortfall = (object, rule) => {
  const wanted = wantedReplicas(object);
  const kept = Math.min(wanted, count(object, '/spec/updateStrategy/rollingUpdate/partition'));
  const updated = count(object, '/status/updatedReplicas');
  const available = count(object, '/status/availableReplicas');
  if (wanted === 0) return 'it is scaled to 0';
  if (updated < wanted - kept) return `${updated} of ${wanted - kept} replicas updated`;
  // Which pods are not available is not said: each may be one of the updated ones.
  const enough = kept + needs(wanted - kept, rule);
  return available < Math.min(wanted, enough)
    ? `${available} of ${wanted} replicas available`
    : undefined;
};

function wantedReplicas(object: unknown): number {
  return at(object, '/spec/replicas') === undefined ? 1 : count(object, '/spec/replicas');
}

/** How many of some updated pods must be available: never none. */
function needs(updated: number, { readyPercent }: ReadinessRule): number {
  return Math.max(1, Math.floor((updated * readyPercent) / 100));
}

function deadlinePassed(object: unknown, rule: ReadinessRule, now: number): boolean {
  const all = conditionsOf(object);
  const exceeded = all.some((it) => at(it, '/reason') === 'ProgressDeadlineExceeded');
  if (isObserved(object) && exceeded) return true;
  const applied = appliedAt(object);
  // What was unavailable before this template came says nothing about it.
  const since = Math.max(shortSince(object, all), applied ?? 0);
  if (!Number.isNaN(since) && now - since > rule.deadlineSeconds) return true;
  return rule.writtenByStep && applied !== undefined && now - applied > rule.deadlineSeconds;
}

/** Since when pods have been missing for sure, in Unix seconds; NaN where nobody can tell. */
function shortSince(object: unknown, conditions: readonly unknown[]): number {
  const unavailable = conditions.find(
    (it) => at(it, '/type') === 'Available' && at(it, '/status') === 'False',
  );
  if (unavailable !== undefined) return timeAt(unavailable, '/lastTransitionTime');
  const kind = at(object, '/kind');
  if (kind !== 'DaemonSet' && kind !== 'StatefulSet') return Number.NaN;
  // These have no conditions. A status that nobody has written since says what it said then.
  const entries = at(object, '/metadata/managedFields');
  const all: readonly unknown[] = Array.isArray(entries) ? entries : [];
  const written = all
    .filter((it) => at(it, '/fieldsV1/f:status') !== undefined)
    .map((it) => timeAt(it, '/time'));
  return written.length === 0 ? Number.NaN : Math.max(...written);
}

function timeAt(object: unknown, pointer: string): number {
  return Date.parse(String(at(object, pointer))) / 1000;
}

function count(object: unknown, pointer: string): number {
  const value = at(object, pointer);
  return typeof value === 'number' ? value : 0;
}
