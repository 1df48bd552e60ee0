/** Every metric by its name, with its labels. The names are a contract: dashboards and alerts are built on them. */
export const METRICS = {
  lastSuccess: {
    name: 'perch_tick_last_success_timestamp_seconds',
    help: 'When the last tick that read and decided ended; 0 before the first one.',
    labelNames: [],
  },
  ticks: { name: 'perch_ticks_total', help: 'Ticks by result.', labelNames: ['result'] },
  tickSeconds: { name: 'perch_tick_seconds', help: 'How long ticks took.', labelNames: [] },
  decisions: {
    name: 'perch_decisions_total',
    help: 'Decisions about releases that a tick looked at: rest, hold, or the kind of the pushed transition.',
    labelNames: ['release', 'decision'],
  },
  phase: {
    name: 'perch_release_phase',
    help: '1 for the phase that the release is in, 0 for the others.',
    labelNames: ['release', 'phase'],
  },
  weight: {
    name: 'perch_release_weight',
    help: "The canary's committed percent of the traffic.",
    labelNames: ['release'],
  },
  failedChecks: {
    name: 'perch_failed_checks',
    help: 'Failed checks of the rollout that is under way, or of the last one.',
    labelNames: ['release'],
  },
  failedPoints: {
    name: 'perch_failed_check_points_total',
    help: 'Points at which a check failed, since the process started.',
    labelNames: ['release', 'check'],
  },
  checkValue: {
    name: 'perch_check_value',
    help: 'The newest value of a check, while it is judged.',
    labelNames: ['release', 'check'],
  },
  evidence: {
    name: 'perch_evidence',
    help: 'E-values of a test while it is weighed: that the candidate is worse (harm), that the next step is safe (safety); 1 is none.',
    labelNames: ['release', 'test', 'of'],
  },
  inconclusiveSince: {
    name: 'perch_inconclusive_since_timestamp_seconds',
    help: 'Since when answers are missing that the step needs; 0 while they come.',
    labelNames: ['release'],
  },
  unsyncedSince: {
    name: 'perch_unsynced_since_timestamp_seconds',
    help: 'When the position was committed that the cluster does not show yet; 0 while it shows it.',
    labelNames: ['release'],
  },
  overdue: {
    name: 'perch_overdue',
    help: '1 while what the release waits for is past its deadline and does not come by itself, else 0.',
    labelNames: ['release'],
  },
  rollbackSeconds: {
    name: 'perch_rollback_seconds',
    help: 'The newest rollback: from the newest failed check point to live routes without the canary.',
    labelNames: ['release'],
  },
  pushConflicts: {
    name: 'perch_push_conflicts_total',
    help: 'Pushes that somebody else was ahead of.',
    labelNames: [],
  },
  pushRefused: {
    name: 'perch_push_refused_total',
    help: 'Pushes that the Git server refused.',
    labelNames: [],
  },
  notifications: {
    name: 'perch_notifications_total',
    help: 'Messages to channels by result: sent, or failed.',
    labelNames: ['channel', 'result'],
  },
  providerSeconds: {
    name: 'perch_provider_seconds',
    help: 'How long questions to the outside took.',
    labelNames: ['provider'],
  },
  buildInfo: {
    name: 'perch_build_info',
    help: 'Always 1; the labels say what is running.',
    labelNames: ['version', 'commit'],
  },
} as const;
