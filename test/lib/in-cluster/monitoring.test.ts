import { expect, test } from 'vitest';
import { METRICS } from '../../../analyzer/telemetry/names.ts';
import { Analyzer, type AnalyzerProps } from '../../../lib/index.ts';
import { listAt } from '../../../lib/manifest/json.ts';
import { folderOf } from '../folder.ts';

async function folder(more: Partial<AnalyzerProps>) {
  return folderOf(
    (scope, plans) =>
      void new Analyzer(scope, 'analyzer', {
        plans,
        image: 'example/perch:1',
        run: { url: 'https://git.example.com/team/live.git' },
        metrics: { url: 'http://prometheus:9090' },
        monitoring: { labels: { release: 'prometheus' } },
        ...more,
      }),
  );
}

const known = new Set<string>(Object.values(METRICS).map((it) => it.name));

test.each([
  ['watch', { mode: { kind: 'watch' } }, 'mover'],
  ['cron-job', { pushGateway: 'http://pushgateway:9091' }, 'perch'],
] as const)('%s: alerts on metrics that the analyzer has, of its own job', async (_, more, job) => {
  const rule = (await folder({ ...more, name: 'mover' })).get('PrometheusRule perch/mover');
  expect(rule?.metadata.labels).toEqual({ release: 'prometheus' });
  const rules = listAt(rule, 'spec', 'groups').flatMap((it) => listAt(it, 'rules'));
  expect(rules.map((it) => it.alert)).toEqual([
    'PerchNoSuccessfulTick',
    'PerchInconclusive',
    'PerchNotSynced',
    'PerchOverdue',
    'PerchPaused',
    'PerchFailed',
    'PerchPushRefused',
  ]);
  for (const { expr } of rules) {
    const series = [...String(expr).matchAll(/(perch_\w+)(\{[^}]*\})?/g)];
    expect(series.length).toBeGreaterThan(0);
    for (const [, name = '', labels] of series) {
      expect(known).toContain(name);
      expect(labels).toContain(`{job="${job}"`);
    }
  }
});

test('in watch mode each pod is scraped, under the job that the alerts name', async () => {
  const objects = await folder({ mode: { kind: 'watch' } });
  const labels = {
    'app.kubernetes.io/name': 'perch',
    'app.kubernetes.io/component': 'analyzer',
  };
  expect(objects.get('PodMonitor perch/perch')?.spec).toEqual({
    jobLabel: 'app.kubernetes.io/name',
    selector: { matchLabels: labels },
    podMetricsEndpoints: [{ port: 'metrics', path: '/metrics', interval: '30s' }],
  });
  expect(objects.get('Deployment perch/perch')?.spec).toMatchObject({
    template: { metadata: { labels } },
  });
});
