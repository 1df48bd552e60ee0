import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { METRICS } from '../names.ts';
import { anyOf, bars, dashboard, lines, names, type Query, stat } from './panels.ts';

const OF = '{instance=~"$instance"}';
const RATE = '[$__rate_interval]';

/** "Perch analyzer": whether it runs, and what it waits for. */
export function analyzerDashboard(): DashboardBuilder {
  const lastSuccess = `${METRICS.lastSuccess.name}${OF}`;
  const refused = `${METRICS.pushRefused.name}${OF}`;
  return dashboard(
    'perch-analyzer',
    { title: 'Perch analyzer', description: 'Whether the analyzer runs, and what it waits for.' },
    [anyOf('instance', METRICS.buildInfo.name)],
    {
      Now: [
        stat(
          { title: 'Last successful tick', description: 'How long ago.', unit: 's' },
          { expr: `time() - max(${lastSuccess})`, legend: 'age' },
          [
            { value: null, color: 'green' },
            { value: 120, color: 'orange' },
            { value: 300, color: 'red' },
          ],
        ),
        stat(
          { title: 'Releases', description: 'How many it looks after, the ones at rest too.' },
          {
            expr: `count(max by (release) (${METRICS.weight.name}${OF})) or vector(0)`,
            legend: 'releases',
          },
        ),
        stat(
          {
            title: 'Refused pushes',
            description: 'In the time that is shown: rights, or a protected branch.',
          },
          { expr: `sum(increase(${refused}[$__range]))`, legend: 'pushes' },
          [
            { value: null, color: 'green' },
            { value: 1, color: 'red' },
          ],
        ),
        names(
          { title: 'Running', description: 'Version and commit.' },
          {
            expr: `max by (version, commit) (${METRICS.buildInfo.name}${OF})`,
            legend: '{{version}} {{commit}}',
          },
        ),
      ],
      Ticks: [
        bars(
          { title: 'Ticks', description: 'For each second, by result.', unit: 'cps' },
          {
            expr: `sum by (result) (rate(${METRICS.ticks.name}${OF}${RATE}))`,
            legend: '{{result}}',
          },
        ),
        lines(
          {
            title: 'Duration of ticks',
            description: 'Half of them, and all but one in a hundred, are faster.',
            unit: 's',
          },
          quantile(0.5, METRICS.tickSeconds.name, []),
          quantile(0.99, METRICS.tickSeconds.name, []),
        ),
        bars(
          {
            title: 'Decisions',
            description: 'For each second; releases at rest are not looked at.',
            unit: 'cps',
          },
          {
            expr: `sum by (decision) (rate(${METRICS.decisions.name}${OF}${RATE}))`,
            legend: '{{decision}}',
          },
        ),
        lines(
          {
            title: 'Pushes that did not get through',
            description: 'For each second.',
            unit: 'cps',
          },
          {
            expr: `sum(rate(${METRICS.pushConflicts.name}${OF}${RATE}))`,
            legend: 'somebody else was ahead',
          },
          { expr: `sum(rate(${refused}${RATE}))`, legend: 'refused' },
        ),
      ],
      'Questions to the outside': [
        lines(
          {
            title: 'Questions',
            description:
              'For each second: ranges of checks, readings of a cluster, fetches and pushes.',
            unit: 'reqps',
          },
          {
            expr: `sum by (provider) (rate(${METRICS.providerSeconds.name}_count${OF}${RATE}))`,
            legend: '{{provider}}',
          },
        ),
        lines(
          {
            title: 'Time to the answer',
            description: 'All but one in a hundred are faster.',
            unit: 's',
          },
          quantile(0.99, METRICS.providerSeconds.name, ['provider']),
        ),
      ],
    },
  );
}

function quantile(share: number, histogram: string, by: readonly string[]): Query {
  const labels = ['le', ...by].join(', ');
  return {
    expr: `histogram_quantile(${share}, sum by (${labels}) (rate(${histogram}_bucket${OF}${RATE})))`,
    legend: by.length === 0 ? `p${share * 100}` : by.map((it) => `{{${it}}}`).join(' '),
  };
}
