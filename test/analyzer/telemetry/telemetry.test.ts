import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { GitError } from '../../../analyzer/git/index.ts';
import { METRICS } from '../../../analyzer/telemetry/names.ts';
import {
  openTelemetry,
  type Telemetry,
  type TelemetryOptions,
} from '../../../analyzer/telemetry/telemetry.ts';
import { failuresOf } from '../../../analyzer/tell/failures.ts';
import type { Failure } from '../../../analyzer/tell/listener.ts';
import type { Analyzer } from '../../../analyzer/tick/analyzer.ts';
import { tick as runTick, type TickReport } from '../../../analyzer/tick/tick.ts';
import { plan } from '../core/fixture.ts';
import { type Field, inStep, openMemoryField, untilRest } from '../field.ts';
import { scratch } from '../git/fixture.ts';

/** Real ticks and HTTP; repositories, cluster and metric store are in memory. */

const open: Telemetry[] = [];

afterAll(async () => {
  for (const it of open.splice(0)) await it.close();
});

interface Observed {
  readonly telemetry: Telemetry;
  readonly analyzer: Analyzer;
  readonly failures: readonly Failure[];
  /** One tick, told. */
  tick(): Promise<TickReport>;
  /** Value by series, as a scrape shows them. */
  scrape(): Promise<ReadonlyMap<string, number>>;
}

async function observed(
  field: Field,
  analyzer: Analyzer,
  more: Partial<TelemetryOptions> = {},
): Promise<Observed> {
  const failures: Failure[] = [];
  const telemetry = await openTelemetry({
    listen: { host: '127.0.0.1', port: 0 },
    intervalSeconds: 10,
    build: { version: '1.2.3', commit: 'abc' },
    clock: () => field.now,
    ...more,
  });
  open.push(telemetry);
  const watched = telemetry.watch(analyzer);
  return {
    telemetry,
    analyzer: watched,
    failures,
    tick: async () => {
      const report = await runTick(watched);
      failures.push(
        ...(await telemetry.hear({ kind: 'done', report, failures: [], seconds: 0.02 })),
      );
      await field.world.sync();
      return report;
    },
    scrape: async () => parse(await (await fetch(`${telemetry.url}/metrics`)).text()),
  };
}

function parse(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((it) => it !== '' && !it.startsWith('#'));
  return new Map(
    lines.map((it) => {
      const end = it.lastIndexOf(' ');
      return [it.slice(0, end), Number(it.slice(end + 1))];
    }),
  );
}

function of(series: ReadonlyMap<string, number>, label: string): readonly string[] {
  return [...series.keys()].filter((it) => it.includes(label)).sort();
}

describe.concurrent('a rollout', () => {
  test('can be followed in the series of its release', async () => {
    const { field, analyzer } = await inStep('02-weight-20');
    const it = await observed(field, analyzer);
    await it.tick();
    field.now += 25;
    await it.tick();
    const early = await it.scrape();
    expect(early.get('perch_release_weight{release="app"}')).toBe(20);
    expect(early.get('perch_release_phase{release="app",phase="Progressing"}')).toBe(1);
    expect(early.get('perch_check_value{release="app",check="success-rate"}')).toBe(99.9);
    expect(early.get('perch_decisions_total{release="app",decision="hold"}')).toBe(2);
    expect(early.get('perch_decisions_total{release="app",decision="next"}')).toBe(0);
    field.now += 60;
    await it.tick();
    const moved = await it.scrape();
    expect(moved.get('perch_release_weight{release="app"}')).toBe(50);
    expect(moved.get('perch_decisions_total{release="app",decision="next"}')).toBe(1);
    expect(moved.get('perch_ticks_total{result="ok"}')).toBe(3);
    expect(moved.get('perch_tick_last_success_timestamp_seconds')).toBe(field.now);
    expect(moved.get('perch_build_info{version="1.2.3",commit="abc"}')).toBe(1);
    for (const provider of ['git', 'kubernetes', 'prometheus'])
      expect(moved.get(`perch_provider_seconds_count{provider="${provider}"}`)).toBeGreaterThan(2);
  });

  test('that went back tells how long that took, from the newest failed check', async () => {
    const { field, analyzer } = await inStep('02-weight-20');
    const it = await observed(field, analyzer);
    const began = field.now;
    field.world.value = (_, at) => (at <= began + 50 ? 80 : 99.9);
    field.now = began + 58;
    const [back] = (await it.tick()).outcomes;
    expect(back?.decision).toMatchObject({ transition: 'back', verdict: 'fail' });
    expect((await it.scrape()).has('perch_rollback_seconds{release="app"}')).toBe(false);
    // The rollback is live when its sync is known to be over: one sync interval after its commit.
    const commit = field.now;
    field.now = commit + 70;
    await it.tick();
    const seconds = (await it.scrape()).get('perch_rollback_seconds{release="app"}') ?? 0;
    const { syncSeconds } = plan('v1').plan.analysis;
    expect(seconds).toBeGreaterThanOrEqual(commit + syncSeconds - (began + 50));
    expect(seconds).toBeLessThan(commit + syncSeconds - (began + 40));
  });

  test('with failed checks keeps their number, and drops values that nobody asks for any more', async () => {
    const { field, analyzer } = await inStep('02-weight-20');
    const it = await observed(field, analyzer);
    field.now += 60;
    field.world.value = () => 80;
    await it.tick();
    field.now += 70;
    await it.tick();
    const series = await it.scrape();
    expect(series.get('perch_failed_checks{release="app"}')).toBeGreaterThanOrEqual(3);
    expect(series.get('perch_release_phase{release="app",phase="Failed"}')).toBe(1);
    expect(of(series, 'perch_check_value')).toEqual([]);
  });
});

describe.concurrent('releases at rest', () => {
  test('have series, and only the first tick reads them', async () => {
    const it = openMemoryField();
    await it.release({ a: plan('v1'), b: plan('v1') });
    await untilRest(it, await it.analyzer());
    let reads = 0;
    const analyzer = await it.analyzer((repository) => ({
      ...repository,
      texts: (blobs) => {
        reads += blobs.length;
        return repository.texts(blobs);
      },
    }));
    const fresh = await observed(it, analyzer);
    expect(await fresh.tick()).toMatchObject({ idle: 2, outcomes: [] });
    const first = await fresh.scrape();
    for (const release of ['a', 'b']) {
      expect(first.get(`perch_release_phase{release="${release}",phase="Initialized"}`)).toBe(1);
      expect(first.get(`perch_release_weight{release="${release}"}`)).toBe(0);
      expect(first.get(`perch_inconclusive_since_timestamp_seconds{release="${release}"}`)).toBe(0);
    }
    expect(reads).toBe(2);
    await fresh.tick();
    expect([reads, of(await fresh.scrape(), 'release=')]).toEqual([2, of(first, 'release=')]);
  });

  test('are right as soon as a rollout is over', async () => {
    const { field, analyzer } = await inStep('05-weight-0');
    const it = await observed(field, analyzer);
    field.now += 70;
    await it.tick();
    const pushed = await it.scrape();
    expect(pushed.get('perch_release_phase{release="app",phase="Succeeded"}')).toBe(1);
    await it.tick();
    const idle = await it.scrape();
    expect(idle.get('perch_release_phase{release="app",phase="Succeeded"}')).toBe(1);
    expect(
      of(idle, 'perch_release_phase')
        .map((one) => idle.get(one))
        .filter(Boolean),
    ).toEqual([1]);
  });

  test('that are removed take all their series along', async () => {
    const it = openMemoryField();
    await it.release({ a: plan('v1'), b: plan('v1') });
    const first = await observed(it, await it.analyzer());
    await first.tick();
    expect(of(await first.scrape(), 'release="a"')).not.toEqual([]);
    await it.edit({}, ['dist/a', 'live/a', 'rollouts/a']);
    await first.tick();
    const left = await first.scrape();
    expect([of(left, 'release="a"'), of(left, 'release="b"').length]).toEqual([[], 28]);
  });

  test('with a state that cannot be read are said, and keep nobody else from being shown', async () => {
    const it = openMemoryField();
    await it.release({ a: plan('v1'), b: plan('v1') });
    await untilRest(it, await it.analyzer());
    await it.edit({ 'rollouts/a/state.yaml': 'nonsense: true\n' });
    const fresh = await observed(it, await it.analyzer());
    await fresh.tick();
    expect((await fresh.scrape()).get('perch_release_weight{release="b"}')).toBe(0);
    await fresh.tick();
    expect(fresh.failures.map((it) => it.reason).join()).toContain(
      'rollouts/a/state.yaml is not a state',
    );
    expect(fresh.failures).toHaveLength(1);
  });
});

describe.concurrent('ticks that do not go well', () => {
  test('are counted, and /healthz says for how long', async () => {
    const it = openMemoryField();
    const { telemetry, scrape } = await observed(it, await it.analyzer());
    const healthz = async () => {
      const reply = await fetch(`${telemetry.url}/healthz`);
      return [reply.status, await reply.json()];
    };
    const error = new GitError('git.example.com cannot be reached', { retryable: true });
    it.now += 50;
    await telemetry.hear({ kind: 'failed', error, seconds: 10 });
    expect(await healthz()).toEqual([200, expect.objectContaining({ lastFailure: error.message })]);
    it.now += 50;
    expect(await healthz()).toEqual([
      503,
      expect.objectContaining({
        reason: 'no tick succeeded in the 100 s since the start (limit 90 s)',
        lastFailure: error.message,
      }),
    ]);
    const series = await scrape();
    expect(series.get('perch_ticks_total{result="failed"}')).toBe(1);
    expect(series.get('perch_tick_last_success_timestamp_seconds')).toBe(0);
    const report = { idle: 0, outcomes: [], conflicts: 2, refused: 'protected branch' };
    await telemetry.hear({ kind: 'done', report, failures: [], seconds: 1 });
    expect(await healthz()).toEqual([200, expect.not.objectContaining({ lastFailure: '' })]);
    expect((await scrape()).get('perch_push_conflicts_total')).toBe(2);
    expect((await scrape()).get('perch_push_refused_total')).toBe(1);
  });
});

describe.concurrent('files and gateways', () => {
  test('get the same text as a scrape, after every tick', async () => {
    const it = openMemoryField();
    const textfile = join(await scratch(), 'perch.prom');
    const { telemetry, scrape, tick } = await observed(it, await it.analyzer(), { textfile });
    await it.edit({ 'README.md': 'x' });
    await tick();
    expect(parse(await readFile(textfile, 'utf8'))).toEqual(await scrape());
    await telemetry.hear({ kind: 'failed', error: new Error('x'), seconds: 1 });
    expect(parse(await readFile(textfile, 'utf8'))).toEqual(await scrape());
  });

  test('that fail are told, and stop nothing', async () => {
    const it = openMemoryField();
    const textfile = join(await scratch(), 'folder');
    await mkdir(join(textfile, 'inside'), { recursive: true });
    const { failures, tick } = await observed(it, await it.analyzer(), {
      textfile,
      pushGateway: 'http://127.0.0.1:9',
    });
    await it.edit({ 'README.md': 'x' });
    await tick();
    expect(JSON.stringify(failures)).toMatch(
      /textfile was not written(.|\n)*127\.0\.0\.1:9 cannot be reached/,
    );
  });
});

test('every metric that is named is there from the start, or with its first release', async () => {
  const { field, analyzer } = await inStep('02-weight-20');
  const it = await observed(field, analyzer);
  await it.tick();
  const text = await (await fetch(`${it.telemetry.url}/metrics`)).text();
  const declared = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(declared.sort()).toEqual(
    Object.values(METRICS)
      .map((one) => one.name)
      .sort(),
  );
});

test('what the last pass found out about a release is served as perch explain prints it', async () => {
  const { field, analyzer } = await inStep('02-weight-20');
  await field.release({ web: plan('v1') });
  const { telemetry, tick } = await observed(field, analyzer);
  const page = async (id: string) => {
    const reply = await fetch(`${telemetry.url}/releases/${id}`);
    return [reply.status, await reply.json()];
  };
  expect(await page('app')).toMatchObject([404, { error: expect.stringContaining('"app"') }]);
  field.world.value = () => 69.17;
  field.now += 30;
  await tick();
  expect(await page('app')).toMatchObject([
    200,
    {
      release: 'app',
      decision: { kind: 'stays', reason: expect.stringMatching(/^success-rate 69\.17 < 99/) },
      cluster: { live: true },
      count: { threshold: 3 },
    },
  ]);
  expect(await page('web')).toMatchObject([200, { decision: { kind: 'moves', to: 'init' } }]);
  expect(await page('no')).toMatchObject([404, {}]);
});

test('a failing canary is seen: failed check points are counted by release and check', async () => {
  const { field, analyzer } = await inStep('02-weight-20');
  const { telemetry, analyzer: watched, scrape } = await observed(field, analyzer);
  const failures = failuresOf({ intervalSeconds: 10, isOnce: false });
  const series = 'perch_failed_check_points_total{release="app",check="success-rate"}';
  field.world.value = () => 69.17;
  for (const later of [10, 10, 10]) {
    field.now += later;
    const report = await runTick(watched);
    const fresh = failures.fresh(report.outcomes);
    await telemetry.hear({ kind: 'done', report, failures: fresh, seconds: 0.1 });
  }
  const counted = (await scrape()).get(series) ?? 0;
  expect(counted).toBeGreaterThan(0);
  expect((await scrape()).get('perch_failed_checks{release="app"}')).toBe(counted);
});
