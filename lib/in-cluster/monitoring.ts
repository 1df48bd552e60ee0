import * as z from 'zod';
import type { JsonObject } from '../manifest/json.ts';
import type { Plan } from '../plan/plan.ts';
import { fields, mapOf } from '../props/fields.ts';

/** Objects of the Prometheus operator. */
export interface MonitoringProps extends z.infer<typeof monitoringProps> {}

/** The schema of `MonitoringProps`. */
export const monitoringProps = fields({
  /**
   * Labels by which the operator's Prometheus selects monitors and rules.
   * @default - none
   */
  labels: mapOf(z.string()).optional(),
});

/** What the alerts are made from. */
export interface AlertsInput {
  readonly isWatch: boolean;
  /** The `job` label of the series. */
  readonly job: string;
  readonly plans: readonly Plan[];
}

const TICK_MINUTES = 5;
const SYNC_MINUTES = 10;

/** Alerts on the analyzer itself, not on what it releases. */
export function alerts({ isWatch, job, plans }: AlertsInput): JsonObject {
  const of = (metric: string) => `${metric}{job="${job}"}`;
  const lastSuccess = of('perch_tick_last_success_timestamp_seconds');
  const since = of('perch_inconclusive_since_timestamp_seconds');
  const unsynced = of('perch_unsynced_since_timestamp_seconds');
  const refused = of('perch_push_refused_total');
  const late = `time() - max(${lastSuccess}) > ${TICK_MINUTES * 60}`;
  const patience = patienceSeconds(plans);
  const rules = [
    alert('PerchNoSuccessfulTick', 'critical', {
      expr: `${late} or absent(${lastSuccess})`,
      for: isWatch ? '1m' : '2m',
      summary: `No tick of the analyzer succeeded for ${TICK_MINUTES} minutes`,
      description:
        'Nothing moves on, and nothing rolls back. Look at the log of the newest pod: Git, the API server or ' +
        'the metric store cannot be reached, or a credential has run out.',
    }),
    alert('PerchInconclusive', 'warning', {
      expr: `max by (release) (time() - (${since} > 0)) > ${patience}`,
      for: '0m',
      summary: `Answers for release {{ $labels.release }} are missing for over ${patience / 60} minutes`,
      description:
        'Its step is not judged and waits. Half of the shortest inconclusiveDeadline is over; at its end the ' +
        'release holds or rolls back, as it says. `perch status` has the reason.',
    }),
    alert('PerchNotSynced', 'critical', {
      expr: `max by (release) (time() - (${unsynced} > 0)) > ${SYNC_MINUTES * 60}`,
      for: '0m',
      summary: `A commit of release {{ $labels.release }} is not in the cluster for over ${SYNC_MINUTES} minutes`,
      description:
        'Its step is not judged and waits, and so does a rollback. Look at its Kustomization or Application: the sync ' +
        'tool is stopped or suspended, cannot reach Git, or the API server refuses an object. `perch analyze` logs which.',
    }),
    alert('PerchOverdue', 'critical', {
      expr: `max by (release) (${of('perch_overdue')}) > 0`,
      for: '0m',
      summary: `Release {{ $labels.release }} waits for something that is past its deadline`,
      description:
        'Pods that are not ready, or a rollback that does not arrive. Nothing ends this wait but whoever mends the ' +
        'cluster, a newer plan, or `perch abort`. `perch status` and the log say what is waited for.',
    }),
    alert('PerchPaused', 'warning', {
      expr: `max by (release) (perch_release_phase{job="${job}",phase="Paused"}) > 0`,
      for: '15m',
      summary: 'Release {{ $labels.release }} is paused',
      description:
        'A person paused it, a deadline did, or somebody edited Git by hand. A necessary rollback still happens, ' +
        'nothing else does. `perch status` says why; `perch resume` goes on.',
    }),
    alert('PerchFailed', 'warning', {
      expr: `max by (release) (perch_release_phase{job="${job}",phase="Failed"}) > 0`,
      for: '0m',
      summary: 'The newest candidate of release {{ $labels.release }} failed and was rolled back',
      description:
        'The stable version serves all requests. Nothing is tried again: release a fix, or `perch retry`. `perch status` ' +
        'says what failed, `perch history` each transition.',
    }),
    alert('PerchPushRefused', 'critical', {
      // A Job counts from zero, and its last word stays in the Pushgateway.
      expr: isWatch ? `increase(${refused}[15m]) > 0` : `${refused} > 0`,
      for: '0m',
      summary: 'The Git server refuses the pushes of the analyzer',
      description:
        'No step and no rollback is committed. The log has what the server said: a protected branch, a hook, or a ' +
        'token that may not write.',
    }),
  ];
  return { groups: [{ name: 'perch', rules }] };
}

/** Half of the shortest time after which a release decides for itself. */
function patienceSeconds(plans: readonly Plan[]): number {
  const deadlines = plans.map((it) => it.analysis.inconclusiveDeadlineSeconds);
  return Math.floor(Math.min(1800, ...deadlines) / 2);
}

interface Alert {
  readonly expr: string;
  readonly for: string;
  readonly summary: string;
  readonly description: string;
}

function alert(name: string, severity: string, it: Alert): JsonObject {
  const { expr, summary, description } = it;
  return {
    alert: name,
    expr,
    for: it.for,
    labels: { severity },
    annotations: { summary, description },
  };
}

/** Scrapes each pod of an analyzer in watch mode; `job` becomes the pods' name label. */
export function podMonitorSpec(labels: JsonObject): JsonObject {
  return {
    jobLabel: 'app.kubernetes.io/name',
    selector: { matchLabels: labels },
    podMetricsEndpoints: [{ port: 'metrics', path: '/metrics', interval: '30s' }],
  };
}
