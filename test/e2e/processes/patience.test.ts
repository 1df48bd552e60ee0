import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Cluster } from '../../../analyzer/cluster/cluster.ts';
import type { PlanTree } from '../../../analyzer/core/position.ts';
import { openLocal } from '../../../analyzer/git/index.ts';
import { verify } from '../../../analyzer/history/history.ts';
import { hookCalls } from '../../../analyzer/hooks/calls.ts';
import type { MetricStore } from '../../../analyzer/metrics/store.ts';
import type { Analyzer } from '../../../analyzer/tick/analyzer.ts';
import { type Patience, startTurn, type Turn } from '../../../analyzer/tick/patience.ts';
import { tick } from '../../../analyzer/tick/tick.ts';
import type { World } from '../../../analyzer/tick/world.ts';
import { oneCluster } from '../../../analyzer/tick/world.ts';
import { hook, plan } from '../../analyzer/core/fixture.ts';
import {
  type GitField,
  inStepOfGit,
  openField,
  untilRest,
  untilStep,
} from '../../analyzer/field.ts';
import { bare, git, scratch } from '../../analyzer/git/fixture.ts';
import { noCounters } from '../../analyzer/no-counters.ts';
import { oneStore } from '../../one-store.ts';

/** Whoever is slow delays nobody else. */

const RANGE = { start: 0, end: 60, stepSeconds: 60 };
const NOTHING = { kind: 'known', value: { samples: [] } } as const;
const SILENT: Cluster = { read: async () => ({ kind: 'known', value: { objects: [] } }) };

let turn: Turn | undefined;
afterEach(() => turn?.end());

function asking(metrics: MetricStore, patience: Patience = {}) {
  turn = startTurn(patience);
  const all: World = { clusters: oneCluster(SILENT), metrics: oneStore(metrics), clock: () => 0 };
  const { clusters, metrics: stores } = turn.impatient(all);
  const range = (query: string, points: typeof RANGE) =>
    stores.get('default')?.values({ query, windowSeconds: 1 }, points);
  return { clusters, metrics: { range } };
}

/** Queries that begin with `slow` are answered by nobody, until their time limit is over. */
function store(limitMs: number): MetricStore & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    kind: 'prometheus',
    ...noCounters,
    asked,
    values: async ({ query }, _, until) => {
      asked.push(query);
      if (!query.startsWith('slow')) return NOTHING;
      await sleep(limitMs, undefined, { signal: until }).catch(() => undefined);
      return { kind: 'unknown', reason: `store took over ${limitMs} ms`, late: 'store' };
    },
  };
}

describe('a source that does not answer', () => {
  test('is waited for once in a pass: whoever else asks it, or has asked, is told at once', async () => {
    const metrics = store(600);
    const pass = asking(metrics).metrics;
    const first = pass.range('slow 1', RANGE);
    await sleep(300);
    const second = pass.range('slow 2', RANGE);
    expect(await first).toMatchObject({ reason: 'store took over 600 ms' });
    const reason = 'store gave no answer earlier in this pass';
    const began = performance.now();
    expect(await second).toEqual({ kind: 'unknown', reason });
    expect(await pass.range('quick', RANGE)).toEqual({ kind: 'unknown', reason });
    expect(performance.now() - began).toBeLessThan(250);
    expect(metrics.asked).toEqual(['slow 1', 'slow 2']);
    expect(await asking(metrics).metrics.range('quick', RANGE)).toEqual(NOTHING);
  });

  test('but answers others meanwhile is still asked: one heavy query blinds no other release', async () => {
    const pass = asking(store(50)).metrics;
    const heavy = pass.range('slow', RANGE);
    expect(await pass.range('quick', RANGE)).toEqual(NOTHING);
    expect(await heavy).toMatchObject({ kind: 'unknown' });
    expect(await pass.range('quick', RANGE)).toEqual(NOTHING);
  });

  test('does not keep a pass longer than its time', async () => {
    const pass = asking(store(10_000), { passSeconds: 0.05 });
    const reason = 'this pass took over 0.05 s, so the next one asks';
    expect(await pass.metrics.range('slow', RANGE)).toEqual({ kind: 'unknown', reason });
    expect(await pass.clusters[0]?.cluster.read([])).toEqual({ kind: 'unknown', reason });
    expect(turn?.isOver()).toBe(true);
  });

  test('does not keep a process that is told to end', async () => {
    const end = new AbortController();
    const pass = asking(store(10_000), { leaving: end.signal });
    const answer = pass.metrics.range('slow', RANGE);
    end.abort();
    expect(await answer).toEqual({ kind: 'unknown', reason: 'the analyzer is ending' });
  });

  test('among hooks costs its own host one wait, and other hosts nothing', async () => {
    const called: string[] = [];
    const client = {
      call: async ({ name }: { readonly name: string }) => {
        called.push(name);
        return sleep(name === 'quick' ? 0 : 5000, undefined, { ref: false }).then(() => ({
          kind: 'answered' as const,
          passed: true,
          status: 200,
          text: name,
        }));
      },
    };
    turn = startTurn({});
    const hooks = hookCalls(client, () => 0, 1.1);
    const { hooks: patient } = turn.impatient({
      clusters: [],
      metrics: oneStore(store(0)),
      clock: () => 0,
      hooks,
    });
    const { plan: app } = plan('v1');
    const read = (name: string, host: string) => {
      const url = `http://${host}/x`;
      const asked = { release: name, plan: app, state: undefined, phase: 'Waiting' };
      return patient?.read(asked, { ...hook(name, 'confirm-rollout'), url });
    };
    const first = read('one', 'slow.test');
    expect(await read('quick', 'quick.test')).toMatchObject({ kind: 'answered' });
    expect(await first).toEqual({ kind: 'running' });
    const began = performance.now();
    expect(await read('two', 'slow.test')).toEqual({ kind: 'running' });
    expect(performance.now() - began).toBeLessThan(500);
    // It is called all the same: its answer is there for the next pass.
    expect(called).toEqual(['one', 'quick', 'two']);
  });
});

const POLL = { timeout: 25_000 };

/** Two releases at 20 % of v2; walked there once. */
async function walk(first: PlanTree, next: PlanTree): Promise<GitField> {
  const field = await openField((await bare()).folder);
  const analyzer = await field.analyzer();
  await field.release({ bad: first, slow: first });
  await untilRest(field, analyzer);
  await field.release({ bad: next, slow: next });
  await untilStep(field, analyzer, 'bad', '02-weight-20');
  await untilStep(field, analyzer, 'slow', '02-weight-20');
  return field;
}

let template: Promise<GitField> | undefined;

async function copied(): Promise<GitField> {
  template ??= walk(plan('v1'), plan('v2'));
  const known = await template;
  const folder = join(await scratch(), 'repository.git');
  await cp(known.folder, folder, { recursive: true });
  const field = await openField(folder);
  field.now = known.now;
  await field.world.sync();
  return field;
}

/** An analyzer for which the answers about one of the two do not come; the other must roll back. */
async function pair(walked = copied()) {
  const field = await walked;
  const analyzer = await field.analyzer();
  field.now += 70;
  field.world.value = (release) => (release === 'bad' ? 80 : 99.9);
  return { field, ...hanging(field, analyzer) };
}

function hanging(field: GitField, analyzer: Analyzer) {
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((done) => {
    answer = done;
  });
  const own = field.world.metrics.get('default');
  if (own === undefined) throw new Error('there is one');
  const metrics = oneStore({
    ...own,
    values: async (question, points) => {
      if (question.query === 'slow') await answered;
      return own.values(question, points);
    },
  });
  const told: string[] = [];
  const patience = { earlySeconds: 0.05 };
  const pushed = (all: readonly { readonly release: string }[]) =>
    void told.push(all.map((it) => it.release).join(' '));
  return { answer: () => answer(), told, analyzer: { ...analyzer, metrics, patience, pushed } };
}

const subject = (field: GitField) => git(field.folder, 'log', '-1', '--format=%s', 'main');

describe.concurrent('what is decided', () => {
  test('is pushed while the answers about another release do not come', async ({ expect }) => {
    const { field, analyzer, answer, told } = await pair();
    const pass = tick(analyzer);
    await expect.poll(() => subject(field), POLL).toBe('bad: roll back: weight 20 → 0');
    const back = git(field.folder, 'rev-parse', 'main');
    await expect.poll(() => told).toEqual(['bad']);
    answer();
    const report = await pass;
    expect(report.outcomes).toMatchObject([
      { release: 'bad', commit: back, decision: { transition: 'back' } },
      { release: 'slow', commit: git(field.folder, 'rev-parse', 'main') },
    ]);
    expect(report.outcomes).toHaveLength(2);
    expect(told).toEqual(['bad', 'slow']);
    expect(subject(field)).toBe('slow: weight 20 → 50');
    expect(git(field.folder, 'rev-parse', 'main^')).toBe(back);
    expect(await problems(field)).toEqual([]);
  });

  test('pushed early while somebody else pushes: it is made again on top, and the pass goes on', async ({
    expect,
  }) => {
    const { field, analyzer, answer } = await pair();
    let raced = false;
    const { repository } = analyzer;
    const push: typeof repository.push = async (commit) => {
      if (!raced) await field.edit({ 'README.md': 'hello\n' });
      raced = true;
      return repository.push(commit);
    };
    const pass = tick({ ...analyzer, repository: { ...repository, push } });
    await expect.poll(() => subject(field), POLL).toBe('bad: roll back: weight 20 → 0');
    answer();
    const report = await pass;
    expect(report.conflicts).toBe(1);
    expect(report.outcomes.map((it) => [it.release, it.commit !== undefined])).toEqual([
      ['bad', true],
      ['slow', true],
    ]);
    expect(await problems(field)).toEqual([]);
  });

  test('is pushed early whatever it is, but where only so many rollouts may be under way', async ({
    expect,
  }) => {
    for (const mostRollouts of [undefined, 9]) {
      const { field, analyzer, answer, told } = await pair();
      await field.release({ other: plan('v1') });
      const pass = tick({ ...analyzer, mostRollouts });
      await expect.poll(() => told.join(' '), POLL).toContain('bad');
      if (mostRollouts === undefined)
        await expect.poll(() => told.join(' '), POLL).toContain('other');
      else await sleep(300);
      expect(told.join(' ').includes('other')).toBe(mostRollouts === undefined);
      answer();
      await pass;
      expect(told.join(' ').split(' ').sort()).toEqual(['bad', 'other', 'slow']);
      expect(await problems(field)).toEqual([]);
    }
  });

  test('of a group waits until all of the group is decided, and is one commit', async () => {
    const group = { name: 'duo', members: ['bad', 'slow'], candidate: '0000000000' };
    const of = (version: string, candidate: string) =>
      plan(version, { more: { group: { ...group, candidate } } });
    const [one, two] = [of('v1', '0000000000'), of('v2', '1111111111')];
    const { field, analyzer, answer } = await pair(walk(one, two));
    const before = subject(field);
    const pass = tick(analyzer);
    await sleep(300);
    expect(subject(field)).toBe(before);
    answer();
    await pass;
    expect(subject(field)).toBe('duo (bad, slow): roll back: weight 20 → 0');
    expect(await problems(field)).toEqual([]);
  });
});

test.concurrent('a process that is told to end pushes the rollback that is decided, and begins nothing', async ({
  expect,
}) => {
  const { field, analyzer } = await pair();
  const end = new AbortController();
  await field.release({ other: plan('v1') });
  // What every move looks at last.
  const looked = new Set<string>();
  const { repository } = analyzer;
  const lastChange: typeof repository.lastChange = async (commit, id) => {
    const found = await repository.lastChange(commit, id);
    looked.add(id);
    return found;
  };
  const patience = { earlySeconds: 60, leaving: end.signal };
  const pass = tick({ ...analyzer, patience, repository: { ...repository, lastChange } });
  await expect.poll(() => looked.has('bad') && looked.has('other'), POLL).toBe(true);
  await sleep(200);
  end.abort();
  const { outcomes } = await pass;
  expect(outcomes.map((it) => [it.release, it.commit !== undefined])).toEqual([
    ['bad', true],
    ['other', false],
    ['slow', false],
  ]);
  expect(subject(field)).toBe('bad: roll back: weight 20 → 0');
});

test.concurrent('a process that is told to end waits for no fetch', async () => {
  const field = await openField((await bare()).folder);
  const end = new AbortController();
  const analyzer = await field.analyzer((it) => ({
    ...it,
    fetch: () => new Promise(() => undefined),
  }));
  const pass = tick({ ...analyzer, patience: { leaving: end.signal } });
  end.abort();
  expect(await pass).toMatchObject({ outcomes: [], left: true });
});

async function problems(field: GitField): Promise<readonly string[]> {
  const reader = await openLocal({ folder: field.folder });
  const run = await reader.resolve('main');
  const all = await verify(reader, { run, source: run });
  await reader.close();
  return all.flatMap((it) => it.problems);
}

test.concurrent('a cluster that hangs costs one time limit in a pass, however many releases ask it', async () => {
  const field = await openField((await bare()).folder);
  const ids = Array.from({ length: 40 }, (_, index) => `app-${index}`);
  await field.release(Object.fromEntries(ids.map((id) => [id, plan('v1')])));
  const analyzer = await field.analyzer();
  await tick(analyzer);
  field.now += 10;
  let waited = 0;
  const read: Cluster['read'] = async (_, until) => {
    await sleep(800, undefined, { signal: until }).then(
      () => (waited += 1),
      () => undefined,
    );
    return { kind: 'unknown', reason: 'api took over 0.8 s', late: 'api' };
  };
  const { outcomes } = await tick({ ...analyzer, clusters: oneCluster({ read }) });
  // Those that were asked in the same moment as the first one.
  expect(waited).toBeLessThanOrEqual(8);
  expect(outcomes).toHaveLength(40);
  for (const it of outcomes) expect(it.decision.reason).toMatch(/api (took over|gave no answer)/);
});

test.concurrent('slow answers about some releases make room for the others', async ({ expect }) => {
  const field = await openField((await bare()).folder);
  const ids = Array.from({ length: 20 }, (_, index) => `app-${String(index).padStart(2, '0')}`);
  await field.release(Object.fromEntries(ids.map((id) => [id, plan('v1')])));
  const analyzer = await field.analyzer();
  await tick(analyzer);
  await field.world.sync();
  field.now += 10;
  const { cluster } = field.world;
  const slow = new Set(ids.slice(0, 8));
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((done) => {
    answer = done;
  });
  const quick = new Set<string>();
  const read: Cluster['read'] = async (refs) => {
    const [release = ''] = refs.flatMap((it) => it.namespace ?? []);
    if (slow.has(release)) await answered;
    else quick.add(release);
    return cluster.read(refs);
  };
  const pass = tick({ ...analyzer, clusters: oneCluster({ read }) });
  // Eight may be decided about at once, and the first eight do not end.
  await expect.poll(() => [...quick].sort(), POLL).toEqual(ids.slice(8));
  answer();
  expect((await pass).outcomes.every((it) => it.commit !== undefined)).toBe(true);
});

test.concurrent('releases that a pass had no time for come first in the next one', async () => {
  const { field, analyzer } = await inStepOfGit('02-weight-20');
  const silent = oneCluster({ read: () => new Promise(() => undefined) });
  await tick({ ...analyzer, clusters: silent, patience: { passSeconds: 0.05 } });
  expect([...analyzer.memory.postponed]).toEqual(['app']);
  await field.release({ zoo: plan('v1') });
  analyzer.memory.postponed.clear();
  analyzer.memory.postponed.add('zoo');
  const order: string[] = [];
  const { repository } = analyzer;
  await tick({
    ...analyzer,
    repository: {
      ...repository,
      files: (tree) => {
        order.push(tree);
        return repository.files(tree);
      },
    },
  });
  expect(order.indexOf(git(field.folder, 'rev-parse', 'main:dist/zoo'))).toBe(0);
  expect(analyzer.memory.postponed.size).toBe(0);
});
