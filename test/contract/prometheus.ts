import { describe, expect, test } from 'vitest';
import type { Answer } from '../../analyzer/core/answer.ts';
import type { Grid } from '../../analyzer/core/judge/grid.ts';
import type { Growth, Values } from '../../analyzer/metrics/store.ts';
import { joinQuestions } from '../../analyzer/tick/joint.ts';
import {
  CONTRACT_SECONDS,
  type ContractQueries,
  type ContractSeries,
  type MetricsUnderTest,
} from './metrics.ts';

/** The contract's queries in PromQL. */
export const PROMQL = {
  requests: 'sum(rate(contract_requests_total[1m]))',
  requestsByCode: 'sum by (code) (rate(contract_requests_total[1m]))',
  elapsed: 'last_over_time(contract_elapsed_seconds[1m])',
  nothing: 'sum(rate(contract_missing_total[1m]))',
  notANumber: 'vector(0) / vector(0)',
  infinity: 'vector(1) / vector(0)',
  minusInfinity: 'vector(-1) / vector(0)',
  broken: 'sum(',
  counters: 'contract_counters_total',
} as const satisfies ContractQueries;

/** What Prometheus says of the broken one. */
export const PROMQL_COMPLAINT = 'parse error';

/** The Unix time of the point itself. */
export const PROMQL_TIME = 'time()';

/** The history as OpenMetrics text. */
export function openMetrics(history: readonly ContractSeries[]): string {
  const of = (metric: ContractSeries['metric'], name: string) =>
    history
      .filter((it) => it.metric === metric)
      .flatMap(({ labels, samples }) => {
        const pairs = Object.entries(labels).map(([label, it]) => `${label}="${it}"`);
        return samples.map(({ at, value }) => `${name}{${pairs.join(',')}} ${value} ${at}\n`);
      })
      .join('');
  return [
    `# TYPE contract_requests counter\n${of('requests', 'contract_requests_total')}`,
    `# TYPE contract_counters counter\n${of('counters', PROMQL.counters)}`,
    `# TYPE contract_elapsed_seconds gauge\n${of('elapsed', 'contract_elapsed_seconds')}`,
    '# EOF\n',
  ].join('');
}

/**
 * What Prometheus promises beyond the contract of all metric stores.
 *
 * @param subject the running server, which is asked in PromQL; asked for inside the tests only
 */
export function prometheusContract(
  subject: () => Pick<MetricsUnderTest, 'address' | 'open' | 'start'>,
): void {
  const answerTo = (query: string, offset: number, seconds: number, stepSeconds: number) => {
    const { open, address, start } = subject();
    const points: Grid = { start: start + offset, end: start + offset + seconds, stepSeconds };
    return open(address).values({ query, windowSeconds: 60 }, points);
  };

  describe('Prometheus', () => {
    test('keeps to the grid of its start, also between seconds', async () => {
      const samples = samplesOf(await answerTo(PROMQL_TIME, 300.25, 0.75, 0.25));
      const start = subject().start + 300;
      const times = [start + 0.25, start + 0.5, start + 0.75, start + 1];
      expect(samples).toEqual(times.map((time) => ({ at: time, value: time })));
    });

    test('is asked for more points than it accepts in pieces, which are joined', async () => {
      const samples = samplesOf(await answerTo(PROMQL_TIME, 0, 25_000, 1));
      expect(samples).toHaveLength(25_001);
      const stray = samples.filter((it, index) => it.at !== subject().start + index);
      expect(stray).toEqual([]);
      expect(samples.filter((it) => it.at !== it.value)).toEqual([]);
    });

    test('may have nothing in some of the pieces', async () => {
      const samples = samplesOf(await answerTo(PROMQL.requests, 0, 25_000, 1));
      expect(samples.length).toBeGreaterThan(3000);
      expect(samples.at(-1)?.at).toBeLessThanOrEqual(subject().start + CONTRACT_SECONDS + 60);
    });

    test('tells several questions that were joined what it tells each alone', async () => {
      const { open, address, start } = subject();
      const store = open(address);
      const points: Grid = { start: start + 600, end: start + 720, stepSeconds: 60 };
      const cases = ['failing', 'gap', 'replaced', 'durations', 'a.*|"b\\'];
      const questions = [...cases, 'failing|gap', 'fail[0-9]+ing'].map((name, index) => ({
        selector: {
          metric: PROMQL.counters,
          matchers: [['case', index < cases.length ? '=' : '=~', name] as const],
        },
        by: ['code'],
      }));
      const [joint, ...others] = joinQuestions(questions, 500);
      if (joint === undefined) throw new Error('nothing was joined');
      expect(others).toEqual([]);
      const dealt = joint.dealOut(seriesOf(await store.growth(joint.question, points)));
      expect(dealt.map((it) => it.length)).toEqual([2, 1, 1, 1, 0, 3, 0]);
      for (const [index, it] of questions.entries())
        expect(inOrder(dealt[index])).toEqual(inOrder(seriesOf(await store.growth(it, points))));
    });

    test('counts series, and its answer says what to do', async () => {
      expect(await answerTo(PROMQL.requestsByCode, 300, 60, 30)).toEqual({
        kind: 'unknown',
        reason: '2 series instead of one: aggregate them, for example with sum()',
      });
    });
  });
}

function samplesOf(answer: Answer<Values>): Values['samples'] {
  if (answer.kind === 'unknown') throw new Error(answer.reason);
  return answer.value.samples;
}

function seriesOf(answer: Answer<Growth>): Growth['series'] {
  if (answer.kind === 'unknown') throw new Error(answer.reason);
  return answer.value.series;
}

function inOrder(series: Growth['series'] = []): Growth['series'] {
  const key = ({ labels }: Growth['series'][number]) => JSON.stringify(labels);
  return series.toSorted((one, other) => (key(one) < key(other) ? -1 : 1));
}
