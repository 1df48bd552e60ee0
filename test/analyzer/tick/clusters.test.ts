import { describe, expect, test } from 'vitest';
import type { Cluster } from '../../../analyzer/cluster/cluster.ts';
import type { ObjectReading } from '../../../analyzer/core/cluster/reading.ts';
import { parseSyncTarget } from '../../../analyzer/core/cluster/sync.ts';
import type { Analyzer } from '../../../analyzer/tick/analyzer.ts';
import { newMemory } from '../../../analyzer/tick/analyzer.ts';
import { tick } from '../../../analyzer/tick/tick.ts';
import { type Field, inStep } from '../field.ts';

const TARGET = parseSyncTarget('flux:flux-system/{release}-{context}');
// Longer than a sync may take without a sync object, and shorter than a rollback waits for it.
const FAR = 30;

/** A cluster with one sync object in it; answers for others too, and notes what was asked. */
function syncObjects(answer: () => ObjectReading): Cluster & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    read: async (refs) => {
      asked.push(...refs.map((it) => `${it.kind} ${it.namespace}/${it.name}`));
      return { kind: 'known', value: { objects: refs.map(answer) } };
    },
  };
}

function applied(revision: string): ObjectReading {
  return {
    kind: 'found',
    object: { status: { lastAppliedRevision: `main@sha1:${revision}` } },
  };
}

/** A Kustomization whose newest try failed. */
function refused(revision: string, tried: string): ObjectReading {
  const ready = {
    type: 'Ready',
    status: 'False',
    reason: 'ReconciliationFailed',
    message: 'denied',
  };
  const status = {
    lastAppliedRevision: `main@sha1:${revision}`,
    lastAttemptedRevision: `main@sha1:${tried}`,
    conditions: [ready],
  };
  return { kind: 'found', object: { status } };
}

/** A release on its rollback: the commit stands, and the cluster shows its objects. */
async function goingBack(answer: (field: Field) => ObjectReading) {
  const { field, analyzer } = await inStep('02-weight-20');
  const sync = syncObjects(() => answer(field));
  const { cluster } = field.world;
  const told: Analyzer = {
    ...analyzer,
    clusters: [{ holds: 'all', cluster, sync: { target: TARGET, cluster: sync, context: 'eu' } }],
  };
  field.world.value = () => 80;
  field.now += 70;
  await tick(told);
  field.now += 70;
  const back = await tick(told);
  const moves = back.outcomes.flatMap((it) => it.commit ?? []);
  await field.world.sync();
  return { field, told, sync, moves };
}

describe('a rollback with a sync object', () => {
  test('is live the moment that its commit is applied', async () => {
    const { field, told, sync } = await goingBack((it) => applied(it.id('main')));
    field.now += 1;
    const report = await tick(told);
    expect(report.outcomes).toMatchObject([
      { decision: { kind: 'move', transition: 'back', to: { kind: 'stable' } } },
    ]);
    expect(sync.asked).toContain('Kustomization flux-system/app-eu');
  });

  test('is live as well when a later commit is applied', async () => {
    const { field, told } = await goingBack((it) => applied(it.id('main')));
    await field.edit({ 'README.md': 'later' });
    field.now += 1;
    expect((await tick(told)).outcomes).toMatchObject([{ decision: { kind: 'move' } }]);
  });

  test('waits while an earlier commit is applied', async () => {
    const { field, told } = await goingBack((it) => applied(it.id('main~1')));
    field.now += FAR;
    expect((await tick(told)).outcomes).toMatchObject([
      {
        decision: {
          kind: 'hold',
          reason: expect.stringMatching(/Kustomization flux-system\/app-eu has applied commit/),
        },
      },
    ]);
  });

  test('goes on where the sync tool refuses its commit, and not where it tells of the one before', async () => {
    let tried = '';
    const { field, told } = await goingBack((it) => {
      const before = it.id('main~1');
      return tried === '' ? applied(before) : refused(before, it.id(tried));
    });
    field.now += FAR;
    const decide = async (commit: string) => {
      tried = commit;
      return (await tick(told)).outcomes;
    };
    expect(await decide('main~1')).toMatchObject([
      { decision: { kind: 'hold', reason: expect.stringMatching(/denied/) } },
    ]);
    expect(await decide('main')).toMatchObject([
      { decision: { kind: 'move', to: { kind: 'stable' } } },
    ]);
  });

  test('takes a commit that nobody knows for no proof', async () => {
    const { field, told } = await goingBack(() => applied('f'.repeat(40)));
    field.now += FAR;
    expect((await tick(told)).outcomes).toMatchObject([{ decision: { kind: 'hold' } }]);
  });

  test.each<[string, ObjectReading, RegExp]>([
    ['is not there', { kind: 'absent' }, /app-eu does not exist; --sync names it/],
    ['cannot be read', { kind: 'unknown', reason: 'HTTP 403' }, /app-eu: HTTP 403/],
  ])('holds when the sync object %s', async (_, reading, reason) => {
    const { field, told } = await goingBack(() => reading);
    field.now += 1;
    expect((await tick(told)).outcomes).toMatchObject([
      { decision: { kind: 'hold', reason: expect.stringMatching(reason) } },
    ]);
  });
});

test('a step that its objects show asks for no sync object', async () => {
  const { field, analyzer } = await inStep('02-weight-20');
  const sync = syncObjects(() => ({ kind: 'absent' }));
  const { cluster } = field.world;
  const clusters = [
    { holds: 'all', cluster, sync: { target: TARGET, cluster: sync, context: 'eu' } },
  ] as const;
  field.now += 5;
  await tick({ ...analyzer, clusters });
  expect(sync.asked).toEqual([]);
});

test('what a step neither changed nor turns on is asked for once in a while', async () => {
  const { field, analyzer } = await inStep('02-weight-20');
  const { cluster } = field.world;
  let asked: string[] = [];
  const spy: Cluster = {
    read: (refs) => {
      asked.push(...refs.map((it) => it.kind));
      return cluster.read(refs);
    },
  };
  const spied = { ...analyzer, clusters: [{ holds: 'all', cluster: spy }] } as const;
  const look = async (seconds: number) => {
    asked = [];
    field.now += seconds;
    await tick(spied);
    return [...asked].sort();
  };
  const all = await look(1);
  expect(all).toContain('Service');
  expect(await look(1)).toEqual(['Deployment', 'Deployment', 'VirtualService']);
  // Another process knows nothing of it.
  const other = { ...spied, memory: newMemory() };
  asked = [];
  await tick(other);
  expect([...asked].sort()).toEqual(all);
  field.world.value = () => undefined;
  expect(await look(301)).toEqual(all);
});

describe('routing objects in a cluster of their own', () => {
  test('are asked for there, and the others where the workloads are', async () => {
    const { field, analyzer } = await inStep('02-weight-20');
    const asked: Record<string, string[]> = { workloads: [], routes: [] };
    const spied = (holds: 'workloads' | 'routes') => ({
      name: holds,
      holds,
      cluster: {
        read: (refs: Parameters<Cluster['read']>[0]) => {
          asked[holds]?.push(...refs.map((it) => it.kind));
          return field.world.cluster.read(refs);
        },
      },
    });
    field.now += 70;
    const report = await tick({ ...analyzer, clusters: [spied('workloads'), spied('routes')] });
    expect(report.outcomes).toMatchObject([{ decision: { kind: 'move', transition: 'next' } }]);
    expect(new Set(asked.routes)).toEqual(new Set(['VirtualService']));
    expect(asked.workloads).not.toContain('VirtualService');
    expect(asked.workloads).toContain('Deployment');
  });

  test('hold the step while one of the clusters cannot be reached', async () => {
    const { field, analyzer } = await inStep('02-weight-20');
    const { cluster } = field.world;
    const dead: Cluster = { read: async () => ({ kind: 'unknown', reason: 'refused' }) };
    field.now += 70;
    const report = await tick({
      ...analyzer,
      clusters: [
        { name: 'eu', holds: 'all', cluster },
        { name: 'us', holds: 'all', cluster: dead },
      ],
    });
    expect(report.outcomes).toMatchObject([
      { decision: { kind: 'hold', reason: expect.stringMatching(/us: refused/) } },
    ]);
  });
});
