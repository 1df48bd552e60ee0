import type { JsonObject, Manifest } from '../../../lib/manifest/json.ts';
import { type Case, letters, of } from './case.ts';
import { DEPLOYMENT } from './pods.ts';

const LABELS = { app: 'shop' };
const ROLLING = 'RollingUpdate';
const metadata = { name: 'shop', namespace: 'default' };

const containers = [
  { name: 'app', image: 'shop:1', volumeMounts: [{ name: 'files', mountPath: '/a' }] },
];
const template = {
  metadata: { labels: LABELS },
  spec: { containers: [{ name: 'app', image: 'shop:1' }] },
};

const DAEMON_SET: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata,
  spec: { selector: { matchLabels: LABELS }, template },
};

const CLAIM = {
  metadata: { name: 'files' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};

const STATEFUL_SET: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata,
  spec: {
    serviceName: 'shop',
    selector: { matchLabels: LABELS },
    template: { ...template, spec: { containers } },
    volumeClaimTemplates: [CLAIM],
  },
};

const POLICY = {
  rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
};

const JOB_SPEC = {
  template: { spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: 'shop:1' }] } },
};

const JOB: Manifest = { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: JOB_SPEC };

const CRON_JOB: Manifest = {
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata,
  spec: { schedule: '0 3 * * *', jobTemplate: { spec: JOB_SPEC } },
};

const spec = (base: Manifest, field: string, wrong: Case['wrong'], right: Case['right']) =>
  of(base, `/spec/${field}`, wrong, right);
const name = (base: Manifest, wrong: Case['wrong'], right: Case['right']) =>
  of(base, '/metadata/name', wrong, right);

const rolled = (rollingUpdate: JsonObject): JsonObject => ({ type: ROLLING, rollingUpdate });

const kept: readonly Case[] = [DEPLOYMENT, DAEMON_SET, STATEFUL_SET].flatMap((base) => [
  spec(base, 'minReadySeconds', [-1], [0]),
  spec(base, 'revisionHistoryLimit', base === STATEFUL_SET ? [] : [-1], [0]),
  spec(
    base,
    'selector',
    [{}, { matchLabels: { app: 'other' } }],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['shop', 'other'] }] }],
  ),
  spec(
    base,
    'template/metadata/labels',
    [{ app: 'other' }, { app: 'shop', 'a b': 'c' }],
    [{ app: 'shop', a: 'b' }],
  ),
  spec(base, 'template/metadata/annotations', [{ 'a b': 'c' }], [{ 'A/b': 'c d' }]),
  spec(base, 'template/spec/restartPolicy', ['OnFailure'], ['Always']),
  spec(base, 'template/spec/activeDeadlineSeconds', [1], []),
  spec(base, 'template/spec/containers/0/image', [''], ['a']),
]);

const deployments: readonly Case[] = [
  name(DEPLOYMENT, ['Shop', 'shop_a', letters(254)], ['a.b', letters(253)]),
  spec(DEPLOYMENT, 'replicas', [-1], [0]),
  spec(DEPLOYMENT, 'progressDeadlineSeconds', [-1, 0], [1]),
  spec(DEPLOYMENT, 'minReadySeconds', [600], [599]),
  spec(
    DEPLOYMENT,
    'strategy',
    [
      { type: 'Rolling' },
      { type: 'Recreate', rollingUpdate: { maxSurge: 1 } },
      rolled({ maxSurge: 0, maxUnavailable: 0 }),
      rolled({ maxSurge: '0%', maxUnavailable: 0 }),
      rolled({ maxSurge: -1 }),
      rolled({ maxSurge: '1' }),
      rolled({ maxSurge: 'a%' }),
      rolled({ maxUnavailable: '101%' }),
    ],
    [
      { type: 'Recreate' },
      { rollingUpdate: { maxSurge: 0 } },
      rolled({ maxUnavailable: 0 }),
      rolled({ maxSurge: '101%', maxUnavailable: '100%' }),
      rolled({ maxSurge: 0, maxUnavailable: 1 }),
    ],
  ),
];

const daemonSets: readonly Case[] = [
  spec(
    DAEMON_SET,
    'updateStrategy',
    [
      { type: 'Recreate' },
      rolled({ maxSurge: 1 }),
      rolled({ maxSurge: 1, maxUnavailable: 1 }),
      rolled({ maxUnavailable: 0 }),
      rolled({ maxSurge: '101%', maxUnavailable: 0 }),
    ],
    [
      { type: 'OnDelete', rollingUpdate: { maxUnavailable: 0 } },
      rolled({ maxSurge: '100%', maxUnavailable: 0 }),
      rolled({ maxUnavailable: '100%' }),
    ],
  ),
];

const statefulSets: readonly Case[] = [
  name(STATEFUL_SET, ['a.b', letters(64)], [letters(63)]),
  spec(STATEFUL_SET, 'replicas', [-1], [0]),
  spec(STATEFUL_SET, 'serviceName', ['a.b'], ['', '0a']),
  spec(STATEFUL_SET, 'podManagementPolicy', ['Together'], ['Parallel']),
  spec(
    STATEFUL_SET,
    'updateStrategy',
    [
      { type: 'Recreate' },
      { type: 'OnDelete', rollingUpdate: { partition: 1 } },
      rolled({ partition: -1 }),
    ],
    [{ type: 'OnDelete' }, rolled({ partition: 0 })],
  ),
  spec(
    STATEFUL_SET,
    'persistentVolumeClaimRetentionPolicy',
    [{ whenDeleted: 'Keep' }],
    [{ whenDeleted: 'Delete', whenScaled: 'Retain' }],
  ),
  spec(STATEFUL_SET, 'ordinals', [{ start: -1 }], [{ start: 0 }]),
  spec(STATEFUL_SET, 'volumeClaimTemplates/0/spec/accessModes', [[]], [['ReadOnlyMany']]),
  spec(STATEFUL_SET, 'volumeClaimTemplates/0/metadata/name', ['others'], []),
  spec(STATEFUL_SET, 'template/spec/hostname', [], ['a.b']),
];

const jobs: readonly Case[] = [
  name(JOB, ['Shop', letters(64)], [letters(63), 'a.b']),
  name(CRON_JOB, ['shop_a', letters(53)], [letters(52), 'a.b']),
  ...[
    { base: JOB, at: '' },
    { base: CRON_JOB, at: 'jobTemplate/spec/' },
  ].flatMap(({ base, at }) => [
    ...[
      'parallelism',
      'completions',
      'backoffLimit',
      'activeDeadlineSeconds',
      'ttlSecondsAfterFinished',
    ].map((field) => spec(base, `${at}${field}`, [-1], [0])),
    spec(base, `${at}template/spec/restartPolicy`, ['Always', undefined], ['OnFailure']),
    spec(base, `${at}template/spec/activeDeadlineSeconds`, [0], [1]),
    spec(base, `${at}template/spec/containers/0/image`, [''], ['a']),
    spec(base, `${at}completionMode`, at === '' ? ['Parallel'] : ['Parallel', 'Indexed'], [
      'NonIndexed',
    ]),
    spec(base, `${at}backoffLimitPerIndex`, [1], []),
    spec(base, `${at}maxFailedIndexes`, [1], []),
    spec(base, `${at}podReplacementPolicy`, ['Never'], ['Failed']),
    spec(base, `${at}selector`, [{ matchLabels: { a: 'b' } }], []),
  ]),
  of(
    JOB,
    '/spec',
    [
      { ...JOB_SPEC, completionMode: 'Indexed', completions: 1, parallelism: 100_001 },
      { ...JOB_SPEC, completionMode: 'Indexed', completions: 1, maxFailedIndexes: 1 },
      { ...JOB_SPEC, completionMode: 'Indexed', parallelism: 1 },
      { ...JOB_SPEC, completionMode: 'Indexed', completions: 1, backoffLimitPerIndex: -1 },
      {
        ...JOB_SPEC,
        completionMode: 'Indexed',
        completions: 1,
        backoffLimitPerIndex: 0,
        maxFailedIndexes: -1,
      },
      {
        template: { spec: { ...JOB_SPEC.template.spec, restartPolicy: 'OnFailure' } },
        podFailurePolicy: POLICY,
      },
      { ...JOB_SPEC, podFailurePolicy: POLICY, podReplacementPolicy: 'TerminatingOrFailed' },
      { ...JOB_SPEC, successPolicy: { rules: [{ succeededCount: 1 }] } },
    ],
    [
      { ...JOB_SPEC, completionMode: 'Indexed', completions: 1, parallelism: 100_000 },
      {
        ...JOB_SPEC,
        completionMode: 'Indexed',
        completions: 1,
        maxFailedIndexes: 1,
        backoffLimitPerIndex: 0,
      },
      { ...JOB_SPEC, completionMode: 'Indexed', completions: 0 },
      { ...JOB_SPEC, completionMode: 'Indexed' },
      { ...JOB_SPEC, podFailurePolicy: POLICY },
    ],
  ),
  spec(
    CRON_JOB,
    'schedule',
    [
      '',
      '* * * *',
      '* * * * * *',
      '60 * * * *',
      '* 24 * * *',
      '* * 0 * *',
      '* * * 13 *',
      '* * * * 7',
      '5-3 * * * *',
      '*/0 * * * *',
      '1/2/3 * * * *',
      '1-2-3 * * * *',
      '@dayly',
      '@every day',
      '@every 1d',
      'TZ=UTC * * * * *',
      '-1 * * * *',
      '1.5 * * * *',
      'mon * * * *',
    ],
    [
      '59 23 31 12 6',
      '*/5,7 ? 1/2 jan-DEC sun',
      '0 0 1 1 MON-fri/2',
      '@daily',
      '@midnight',
      '@every 1h30m',
      '@every 1.5s',
      ' 1   2 3 4 5 ',
      '*-9 * * * *',
      '+1 * * * *',
      ', * * * *',
    ],
  ),
  spec(
    CRON_JOB,
    'timeZone',
    ['', 'Local', 'Nowhere', '+01:00', '../UTC', 'Europe/'],
    ['Europe/Berlin', 'UTC', 'Etc/GMT+1'],
  ),
  spec(CRON_JOB, 'concurrencyPolicy', ['Deny'], ['Forbid']),
  spec(CRON_JOB, 'startingDeadlineSeconds', [-1], [0]),
  spec(CRON_JOB, 'successfulJobsHistoryLimit', [-1], [0]),
  spec(CRON_JOB, 'failedJobsHistoryLimit', [-1], [0]),
  spec(CRON_JOB, 'jobTemplate/spec/manualSelector', [true], [false]),
];

/** What makes pods. */
export const WORKLOADS: readonly Case[] = [
  ...kept,
  ...deployments,
  ...daemonSets,
  ...statefulSets,
  ...jobs,
];
