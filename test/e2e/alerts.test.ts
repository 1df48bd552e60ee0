import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Analyzer, type AnalyzerProps } from '../../lib/index.ts';
import { type JsonObject, labelsAt, listAt } from '../../lib/manifest/json.ts';
import { folderOf } from '../lib/folder.ts';
import { isMissing } from './servers/missing.ts';
import { run } from './servers/program.ts';
import { missingPrometheus } from './servers/prometheus.ts';

const WATCH: Partial<AnalyzerProps> = { mode: { kind: 'watch' } };
const JOBS: Partial<AnalyzerProps> = { pushGateway: 'http://pushgateway:9091' };

/** When alerts fire, with the values that a series has every 30 s from Unix time 0. */
interface Story {
  readonly what: string;
  readonly props: Partial<AnalyzerProps>;
  readonly series: Readonly<Record<string, string>>;
  readonly alert: string;
  readonly silentAt: readonly string[];
  readonly firesAt: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

const TICK = 'perch_tick_last_success_timestamp_seconds{job="perch"}';
const UNSYNCED = 'perch_unsynced_since_timestamp_seconds{job="perch",release="shop"}';
const SINCE = 'perch_inconclusive_since_timestamp_seconds{job="perch",release="shop"}';
const OVERDUE = 'perch_overdue{job="perch",release="shop"}';
const PAUSED = 'perch_release_phase{job="perch",phase="Paused",release="shop"}';
const FAILED = 'perch_release_phase{job="perch",phase="Failed",release="shop"}';
const REFUSED = 'perch_push_refused_total{job="perch"}';

const STORIES: readonly Story[] = [
  {
    what: 'ticks stop after ten minutes',
    props: WATCH,
    series: { [TICK]: '0+30x20 600x40' },
    alert: 'PerchNoSuccessfulTick',
    silentAt: ['5m', '10m', '15m'],
    firesAt: ['17m', '25m'],
  },
  {
    what: 'a Job each minute, then none: its last word stays in the Pushgateway',
    props: JOBS,
    series: { [TICK]: '0+30x20 600x40' },
    alert: 'PerchNoSuccessfulTick',
    silentAt: ['10m', '15m'],
    firesAt: ['18m'],
  },
  {
    what: 'no analyzer at all',
    props: WATCH,
    series: { 'perch_tick_last_success_timestamp_seconds{job="other"}': '0+30x20' },
    alert: 'PerchNoSuccessfulTick',
    silentAt: [],
    firesAt: ['2m'],
    labels: { job: 'perch' },
  },
  {
    what: 'answers are missing from the fifth minute on, for half of the deadline of 30 minutes',
    props: WATCH,
    series: { [SINCE]: '0x10 300x60' },
    alert: 'PerchInconclusive',
    silentAt: ['1m', '19m'],
    firesAt: ['21m'],
    labels: { release: 'shop' },
  },
  {
    what: 'a commit is not applied from the fifth minute on, as the sync tool is stopped',
    props: WATCH,
    series: { [UNSYNCED]: '0x10 300x60' },
    alert: 'PerchNotSynced',
    silentAt: ['1m', '14m'],
    firesAt: ['16m'],
    labels: { release: 'shop' },
  },
  {
    what: 'a rollback does not arrive from the fifth minute to the tenth',
    props: WATCH,
    series: { [OVERDUE]: '0x10 1x10 0x40' },
    alert: 'PerchOverdue',
    silentAt: ['1m', '12m'],
    firesAt: ['6m', '9m'],
    labels: { release: 'shop' },
  },
  {
    what: 'a release is paused for longer than a person needs for a look',
    props: WATCH,
    series: { [PAUSED]: '0x10 1x60' },
    alert: 'PerchPaused',
    silentAt: ['1m', '19m'],
    firesAt: ['22m'],
    labels: { release: 'shop' },
  },
  {
    what: 'a rollout has failed, until a fix starts',
    props: WATCH,
    series: { [FAILED]: '0x10 1x10 0x40' },
    alert: 'PerchFailed',
    silentAt: ['1m', '12m'],
    firesAt: ['6m', '9m'],
    labels: { release: 'shop' },
  },
  {
    what: 'pushes are refused, then no longer',
    props: WATCH,
    series: { [REFUSED]: '0x10 2x60' },
    alert: 'PerchPushRefused',
    silentAt: ['4m', '25m'],
    firesAt: ['6m', '15m'],
    labels: { job: 'perch' },
  },
  {
    what: 'a Job says that its push was refused, the next one says nothing of the kind',
    props: JOBS,
    series: { [REFUSED]: '0x4 1x2 0x10' },
    alert: 'PerchPushRefused',
    silentAt: ['1m', '5m'],
    firesAt: ['3m'],
    labels: { job: 'perch' },
  },
];

describe('alerts, as a real Prometheus evaluates them', {
  skip: isMissing(missingPrometheus()),
}, () => {
  test.each(STORIES)('$alert: $what', async (story) => {
    const folder = await mkdtemp(join(tmpdir(), 'perch-alerts-'));
    try {
      const groups = await groupsOf(story.props);
      await writeFile(join(folder, 'rules.yaml'), JSON.stringify({ groups }));
      await writeFile(join(folder, 'test.yaml'), JSON.stringify(unitTest(story, groups)));
      const args = ['test', 'rules', join(folder, 'test.yaml')];
      expect(await run({ path: 'promtool', args, folder })).toContain('SUCCESS');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

async function groupsOf(props: Partial<AnalyzerProps>): Promise<readonly JsonObject[]> {
  const objects = await folderOf(
    (scope, plans) =>
      void new Analyzer(scope, 'analyzer', {
        plans,
        image: 'example/perch:1',
        run: { url: 'https://git.example.com/team/live.git' },
        metrics: { url: 'http://prometheus:9090' },
        monitoring: {},
        ...props,
      }),
  );
  return listAt(objects.get('PrometheusRule perch/perch'), 'spec', 'groups');
}

/** A file for `promtool test rules`. */
function unitTest(story: Story, groups: readonly JsonObject[]): JsonObject {
  const { series, alert, labels = {} } = story;
  const rule = groups.flatMap((it) => listAt(it, 'rules')).find((it) => it.alert === alert);
  const annotations = Object.entries(labelsAt(rule, 'annotations')).map(([key, text]) => [
    key,
    text.replaceAll('{{ $labels.release }}', labels.release ?? ''),
  ]);
  const firing = {
    exp_labels: { ...labelsAt(rule, 'labels'), ...labels },
    exp_annotations: Object.fromEntries(annotations),
  };
  const at = (times: readonly string[], exp_alerts: readonly JsonObject[]) =>
    times.map((eval_time) => ({ eval_time, alertname: alert, exp_alerts }));
  return {
    rule_files: ['rules.yaml'],
    evaluation_interval: '30s',
    tests: [
      {
        interval: '30s',
        input_series: Object.entries(series).map((it) => ({ series: it[0], values: it[1] })),
        alert_rule_test: [...at(story.silentAt, []), ...at(story.firesAt, [firing])],
      },
    ],
  };
}
