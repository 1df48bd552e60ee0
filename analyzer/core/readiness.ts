import { appliedAt, at } from './liveness.ts';
import type { ObjectReading, Readiness } from './observation.ts';

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
 * Whether a Deployment can take its traffic: its newest generation is observed, all its replicas are updated,
 * and enough of them available. A deadline is passed when Kubernetes says so
 * (`ProgressDeadlineExceeded`), when nothing was available for so long, or when the step that wrote the
 * workload has waited for so long.
 */
export function readiness(
  reading: ObjectReading | undefined,
  rule: ReadinessRule,
  now: number,
): Readiness {
  if (reading === undefined || reading.kind === 'unknown')
    return { kind: 'unknown', reason: reading?.reason ?? 'not asked' };
  if (reading.kind === 'absent')
    return { kind: 'notReady', reason: 'does not exist yet', deadlinePassed: false };
  const reason = shortfall(reading.object, rule);
  if (reason === undefined) return { kind: 'ready' };
  return { kind: 'notReady', reason, deadlinePassed: deadlinePassed(reading.object, rule, now) };
}

function shortfall(object: unknown, rule: ReadinessRule): string | undefined {
  const generation = count(object, '/metadata/generation');
  const observed = count(object, '/status/observedGeneration');
  if (observed < generation) return 'its newest generation is not observed yet';
  const wanted = at(object, '/spec/replicas') === undefined ? 1 : count(object, '/spec/replicas');
  const updated = count(object, '/status/updatedReplicas');
  const total = count(object, '/status/replicas');
  const available = count(object, '/status/availableReplicas');
  if (wanted === 0) return 'it is scaled to 0';
  if (wanted < rule.minReplicas)
    return `${wanted} replicas wanted, its HPA will want ${rule.minReplicas}`;
  if (updated < wanted) return `${updated} of ${wanted} replicas updated`;
  if (total > updated) return `${total - updated} old replicas still run`;
  const needed = Math.max(1, Math.floor((updated * rule.readyPercent) / 100), rule.minReplicas);
  const enough = Math.min(needed, Math.max(1, updated));
  return available < enough ? `${available} of ${updated} replicas available` : undefined;
}

function deadlinePassed(object: unknown, rule: ReadinessRule, now: number): boolean {
  const conditions = at(object, '/status/conditions');
  const all: readonly unknown[] = Array.isArray(conditions) ? conditions : [];
  const observed =
    count(object, '/status/observedGeneration') >= count(object, '/metadata/generation');
  if (observed && all.some((it) => at(it, '/reason') === 'ProgressDeadlineExceeded')) return true;
  const unavailable = all.find(
    (it) => at(it, '/type') === 'Available' && at(it, '/status') === 'False',
  );
  const applied = appliedAt(object);
  // What was unavailable before this template came says nothing about it.
  const since = Math.max(
    Date.parse(String(at(unavailable, '/lastTransitionTime'))) / 1000,
    applied ?? 0,
  );
  if (!Number.isNaN(since) && now - since > rule.deadlineSeconds) return true;
  return rule.writtenByStep && applied !== undefined && now - applied > rule.deadlineSeconds;
}

function count(object: unknown, pointer: string): number {
  const value = at(object, pointer);
  return typeof value === 'number' ? value : 0;
}
