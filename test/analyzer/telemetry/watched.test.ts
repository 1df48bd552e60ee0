import { expect, test } from 'vitest';
import type { ObjectRef } from '../../../analyzer/core/cluster/reading.ts';
import { watched } from '../../../analyzer/telemetry/watched.ts';
import { oneStore } from '../../one-store.ts';
import { plan } from '../core/fixture.ts';
import { openMemoryField } from '../field.ts';
import { noCounters } from '../no-counters.ts';

test('each question is timed, also one that fails, and the list of releases is noted', async () => {
  const field = openMemoryField();
  await field.release({ app: plan('v1') });
  const analyzer = await field.analyzer();
  const asked: string[] = [];
  let releases: readonly string[] = [];
  const it = watched(
    {
      ...analyzer,
      metrics: oneStore({
        kind: 'prometheus',
        ...noCounters,
        values: async () => {
          throw new Error('down');
        },
      }),
    },
    {
      asked: (provider, seconds) => {
        asked.push(provider);
        expect(seconds).toBeGreaterThanOrEqual(0);
      },
      listed: (all) => {
        releases = all.map((one) => one.id);
      },
    },
  );
  const snapshot = await it.repository.fetch();
  await it.repository.list(snapshot);
  expect([asked, releases]).toEqual([['git'], ['app']]);
  const ref: ObjectRef = { apiVersion: 'v1', kind: 'Service', namespace: 'a', name: 'b' };
  for (const { cluster } of it.clusters) await cluster.read([ref]);
  const store = it.metrics.get('default');
  const points = { start: 0, end: 1, stepSeconds: 1 };
  await expect(store?.values({ query: 'q', windowSeconds: 1 }, points)).rejects.toThrow('down');
  expect(asked).toEqual(['git', 'kubernetes', 'prometheus']);
});

test('a sync object is asked through the clock as well', async () => {
  const field = openMemoryField();
  const analyzer = await field.analyzer();
  const asked: string[] = [];
  const [first] = analyzer.clusters;
  if (first === undefined) throw new Error('a field has a cluster');
  const sync = {
    target: { tool: 'flux', namespace: 'a', name: '{release}' },
    cluster: first.cluster,
  } as const;
  const it = watched(
    { ...analyzer, clusters: [{ ...first, sync: { context: '', ...sync } }] },
    { asked: (provider) => void asked.push(provider), listed: () => undefined },
  );
  await it.clusters[0]?.sync?.cluster.read([]);
  expect(asked).toEqual(['kubernetes']);
});
