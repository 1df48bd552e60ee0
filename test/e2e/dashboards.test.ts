import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { dashboardFiles } from '../../analyzer/telemetry/dashboards/files.ts';
import { openTelemetry, type Telemetry } from '../../analyzer/telemetry/telemetry.ts';
import { tick } from '../../analyzer/tick/tick.ts';
import { plan } from '../analyzer/core/fixture.ts';
import { openField } from '../analyzer/field.ts';
import { scratch, serve } from '../analyzer/git/fixture.ts';
import { isMissing } from './servers/missing.ts';
import { run } from './servers/program.ts';
import { missingPrometheus, type Prometheus, startPrometheus } from './servers/prometheus.ts';

/**
 * Every query of every panel, asked of the real Prometheus, which scrapes the analyzer's own /metrics: one
 * release has been rolled back, another one stands in a step and is looked at again and again.
 */

interface Target {
  readonly expr: string;
  readonly range: boolean;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly Target[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly query: string }[] };
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly result: readonly { readonly values?: Point[]; readonly value?: Point }[];
  };
}

type Point = readonly [number, string];

const boards = [...dashboardFiles()].map(([name, text]) => ({
  name,
  board: JSON.parse(text) as Dashboard,
}));
const targets = boards.flatMap(({ name, board }) =>
  board.panels.flatMap(({ title, targets: all = [] }) =>
    all.map((it) => [`${name}: ${title}: ${it.expr}`, it] as const),
  ),
);

describe('dashboards', { skip: isMissing(missingPrometheus()) }, () => {
  let telemetry: Telemetry;
  let prometheus: Prometheus;

  beforeAll(async () => {
    const git = await serve();
    const field = await openField(git.folder, git.url);
    telemetry = await openTelemetry({
      listen: { host: '127.0.0.1', port: 0 },
      intervalSeconds: 10,
      build: { version: '0.0.0', commit: 'none' },
      clock: () => Date.now() / 1000,
    });
    const analyzer = telemetry.watch(await field.analyzer());
    const pass = async (laterSeconds: number) => {
      const began = performance.now();
      const report = await tick(analyzer);
      const seconds = (performance.now() - began) / 1000;
      await telemetry.hear({ kind: 'done', report, failures: [], seconds });
      await field.world.sync();
      field.now += laterSeconds;
    };
    const until = async (path: string, text: string) => {
      for (let ticks = 0; ticks < 40 && !field.read(path).includes(text); ticks++) await pass(70);
      expect(field.read(path)).toContain(text);
    };
    const url = `${telemetry.url}/metrics`;
    prometheus = await startPrometheus({ scrapes: [{ job: 'perch', url, intervalSeconds: 1 }] });
    await field.release({ bad: plan('v1'), good: plan('v1') });
    await pass(0);
    await until('rollouts/bad/state.yaml', 'kind: complete');
    await field.release({ bad: plan('v2') });
    field.world.value = (release) => (release === 'bad' ? 80 : 99.9);
    await until('rollouts/bad/state.yaml', 'kind: stable');
    await field.release({ good: plan('v2') });
    await until('rollouts/good/state.yaml', 'step: 02-weight-20');
    field.now += 5;
    // It stands there, and is looked at for as long as a rate needs.
    for (let passes = 0; passes < 24; passes++) {
      await pass(passes === 0 ? 0 : 1);
      await sleep(400);
    }
  });

  afterAll(async () => {
    await prometheus?.stop();
    await telemetry?.close();
  });

  async function ask({ expr, range }: Target): Promise<Answer> {
    const query = expr
      .replaceAll(/\$\{?(release|instance|namespace|name)\b\}?/g, '.*')
      .replaceAll('$__rate_interval', '6s')
      .replaceAll('$__range', '30s');
    const now = Date.now() / 1000;
    const form = range
      ? { query, start: String(now - 8), end: String(now), step: '1' }
      : { query, time: String(now) };
    const path = range ? 'query_range' : 'query';
    const reply = await fetch(`${prometheus.url}/api/v1/${path}`, {
      method: 'POST',
      body: new URLSearchParams(form),
    });
    return (await reply.json()) as Answer;
  }

  test.each(targets)('%s', async (_, target) => {
    const { status, error, data } = await ask(target);
    expect([status, error]).toEqual(['success', undefined]);
    // Nobody serves requests here: that Prometheus understands the query is all there is to see.
    if (!target.expr.includes('perch_')) return;
    const points = data.result.flatMap(
      (it) => it.values ?? (it.value === undefined ? [] : [it.value]),
    );
    const values = points.map(([, value]) => Number(value)).filter(Number.isFinite);
    expect(values.length).toBeGreaterThan(0);
  });

  test('say what happened', async () => {
    const value = async (title: string) => {
      const board = boards.flatMap((it) => it.board.panels).find((it) => it.title === title);
      const target = board?.targets?.[0];
      if (target === undefined) throw new Error(`no panel ${title}`);
      const [first] = (await ask(target)).data.result;
      return Number((first?.value ?? first?.values?.at(-1))?.[1]);
    };
    expect(await value('Failed')).toBe(1);
    expect(await value('Under way')).toBe(1);
    expect(await value('Paused')).toBe(0);
    expect(await value('Releases')).toBe(2);
    expect(await value('Last successful tick')).toBeLessThan(30);
    expect(await value('Ways back')).toBeGreaterThan(0);
  });

  test('go with alerts that Prometheus takes', async () => {
    const page = await readFile(new URL('../../docs/observability.md', import.meta.url), 'utf8');
    const [, rules = ''] = /<!-- test: alerts -->\n```yaml\n([^`]*)```/.exec(page) ?? [];
    const folder = await scratch();
    await writeFile(join(folder, 'rules.yaml'), rules);
    const checked = await run({
      path: 'promtool',
      args: ['check', 'rules', join(folder, 'rules.yaml')],
      folder,
    });
    expect(checked).toContain('7 rules found');
    const { groups } = parse(rules) as {
      readonly groups: readonly { readonly rules: readonly Rule[] }[];
    };
    const [late, ...others] = groups.flatMap((it) => it.rules);
    for (const { alert, expr } of [late, ...others].flatMap((it) => it ?? [])) {
      const { status, data } = await ask({ expr, range: false });
      // All is well here but for the release that was rolled back.
      const firing = alert === 'PerchFailed' ? 1 : 0;
      expect([expr, status, data.result.length]).toEqual([expr, 'success', firing]);
    }
    const later = late?.expr.replace('> 300', '> -1') ?? '';
    expect((await ask({ expr: later, range: false })).data.result).toHaveLength(1);
  });

  test('offer values for their variables', async () => {
    const queries = boards.map(({ board }) => board.templating.list[1]?.query ?? '');
    // Others ask what the cluster's own exporters know, which are not here.
    const ours = queries.filter((it) => it.includes('(perch_'));
    expect(ours.length).toBeGreaterThan(1);
    for (const query of ours) {
      const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
      const url = `${prometheus.url}/api/v1/label/${label}/values?match[]=${metric}`;
      const { data } = (await (await fetch(url)).json()) as { readonly data: readonly string[] };
      expect(data.length, query).toBeGreaterThan(0);
    }
  });
});
