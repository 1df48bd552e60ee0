import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addClusterFlags,
  type ClusterFlags,
  clustersOf,
} from '../../../analyzer/commands/clusters.ts';
import type { ObjectRef } from '../../../analyzer/core/cluster/reading.ts';
import { type EmbeddedApiServer, startApiServer } from '../../embedded/api-server.ts';
import { scratch } from '../git/fixture.ts';

const SERVICE: ObjectRef = { apiVersion: 'v1', kind: 'Service', namespace: 'test', name: 'shop' };

let servers: Readonly<Record<'eu' | 'us', EmbeddedApiServer>>;
let kubeconfig: string;

beforeAll(async () => {
  const clock = () => Date.now() / 1000;
  servers = { eu: await startApiServer({ clock }), us: await startApiServer({ clock }) };
  kubeconfig = join(await scratch(), 'kubeconfig');
  await writeFile(kubeconfig, JSON.stringify(await merged()));
});

afterAll(async () => {
  for (const it of Object.values(servers)) await it.stop();
});

/** One kubeconfig with a context for each server; its current one is eu. */
async function merged(): Promise<object> {
  type Named = { readonly name: string };
  const read = async (name: 'eu' | 'us') => {
    const text = await readFile(servers[name].kubeconfigPath, 'utf8');
    const { clusters, users } = JSON.parse(text) as {
      readonly clusters: readonly Named[];
      readonly users: readonly Named[];
    };
    return {
      clusters: clusters.map((it) => ({ ...it, name })),
      users: users.map((it) => ({ ...it, name })),
      contexts: [{ name, context: { cluster: name, user: name } }],
    };
  };
  const [eu, us] = [await read('eu'), await read('us')];
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [...eu.clusters, ...us.clusters],
    users: [...eu.users, ...us.users],
    contexts: [...eu.contexts, ...us.contexts],
    'current-context': 'eu',
  };
}

function parse(...args: readonly string[]): ClusterFlags {
  const command = addClusterFlags(new Command('analyze'))
    .exitOverride()
    .configureOutput({
      writeErr: () => undefined,
    });
  return command.parse(['--kubeconfig', kubeconfig, ...args], { from: 'user' }).opts();
}

/** Names of the servers that the n-th cluster reads from. */
async function asked(flags: ClusterFlags, index: number): Promise<readonly string[]> {
  const before = new Map(Object.entries(servers).map(([name, it]) => [name, it.requests.length]));
  const answer = await clustersOf(flags)[index]?.cluster.read([SERVICE]);
  expect(answer).toMatchObject({ kind: 'known', value: { objects: [{ kind: 'absent' }] } });
  return Object.entries(servers)
    .filter(([name, it]) => it.requests.length > (before.get(name) ?? 0))
    .map(([name]) => name);
}

describe('the clusters', () => {
  test('are the one of the current context, which needs no name', async () => {
    expect(clustersOf(parse())).toMatchObject([{ name: undefined, holds: 'all' }]);
    expect(await asked(parse(), 0)).toEqual(['eu']);
  });

  test('are those of the contexts that are named', async () => {
    const flags = parse('--context', 'us,eu');
    expect(clustersOf(flags)).toMatchObject([
      { name: 'us', holds: 'all' },
      { name: 'eu', holds: 'all' },
    ]);
    expect([await asked(flags, 0), await asked(flags, 1)]).toEqual([['us'], ['eu']]);
  });

  test('hold routes apart where told so', async () => {
    const flags = parse('--context', 'us', '--routes-context', 'eu');
    expect(clustersOf(flags)).toMatchObject([
      { name: 'us', holds: 'workloads' },
      { name: 'eu', holds: 'routes' },
    ]);
    expect(await asked(flags, 1)).toEqual(['eu']);
  });

  test('have sync objects of their own, or one place for all of them', () => {
    const own = clustersOf(parse('--context', 'us,eu', '--sync', 'flux:flux-system/{release}'));
    expect(own.map((it) => it.sync?.cluster === it.cluster)).toEqual([true, true]);
    const line = ['--sync', 'argo-cd:argocd/{context}-{release}', '--sync-context', 'eu'];
    const hub = clustersOf(parse('--context', 'us,eu', ...line));
    expect(hub.map((it) => it.sync?.context)).toEqual(['us', 'eu']);
    expect(hub[0]?.sync?.cluster).toBe(hub[1]?.sync?.cluster);
  });

  test.each([
    [['--context', 'a,,b'], /each once/],
    [['--context', 'a,a'], /each once/],
    [['--sync', 'flux-system/{release}'], /expected flux:<namespace>\/<name>/],
  ])('%j is wrong usage', (args, expected) => {
    expect(() => parse(...args)).toThrow(expected);
  });
});
