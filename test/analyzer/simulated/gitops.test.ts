import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { appliedAt } from '../../../analyzer/core/cluster/liveness.ts';
import { readiness } from '../../../analyzer/core/cluster/readiness.ts';
import { openLocal, type Reader } from '../../../analyzer/git/index.ts';
import { type Gitops, playGitops, type Sync } from '../../../analyzer/simulated/gitops.ts';
import { type ObjectStore, objectStore } from '../../../analyzer/simulated/object-store.ts';
import { SERVED_KINDS } from '../../../analyzer/simulated/served-kinds.ts';
import type { Manifest } from '../../../analyzer/simulated/server-side-apply.ts';
import { playWorkloads, type Workloads } from '../../../analyzer/simulated/workloads.ts';
import { at } from '../../../lib/plan/pointer.ts';

const INTERVAL = 30;

let folder: string;
let reader: Reader;
let store: ObjectStore;
let gitops: Gitops;
let workloads: Workloads;
let now = 1000;

beforeEach(async () => {
  now = 1000;
  folder = await mkdtemp(join(tmpdir(), 'perch-gitops-'));
  git('init', '--quiet', '--initial-branch=main', '.');
  reader = await openLocal({ folder });
  const kinds = new Set(SERVED_KINDS.map((it) => it.kind));
  const clock = () => now;
  store = objectStore((ref) => kinds.has(ref.kind), clock);
  gitops = playGitops({ reader, store, clock, intervalSeconds: INTERVAL });
  workloads = playWorkloads({ store, clock });
});

afterEach(async () => {
  await reader.close();
  await rm(folder, { recursive: true, force: true });
});

test('nothing happens before there is a branch, and between two looks', async () => {
  expect(await sync()).toEqual({ kind: 'idle' });
  await commit({ 'configmap-a.yaml': configMap('a') });
  expect(await gitops.beat()).toEqual({ kind: 'idle' });
  expect(await sync()).toMatchObject({ kind: 'applied', isNew: true });
});

test('objects are created in the order of their kinds, and stamped with the time of the sync', async () => {
  await commit({
    'a-route.yaml': object('networking.istio.io/v1', 'VirtualService', 'a', { http: [] }),
    'b-hpa.yaml': hpa(2, 4),
    'c-deployment.yaml': deployment('app:1'),
    'd-service.yaml': object('v1', 'Service', 'a', {}),
    'e-configmap.yaml': configMap('a'),
  });
  const revision = git('rev-parse', 'HEAD');
  expect(await sync()).toEqual({ kind: 'applied', revision, isNew: true, pruned: [] });
  expect(gitops.lastApplied()).toBe(revision);
  const kinds = ['ConfigMap', 'Service', 'Deployment', 'HorizontalPodAutoscaler', 'VirtualService'];
  expect(store.list().map((it) => it.kind)).toEqual(kinds);
  expect(store.list().map(appliedAt)).toEqual(kinds.map(() => now));
});

test('what is gone from Git is pruned, and what others made is left alone', async () => {
  store.apply(configMap('theirs'), 'somebody', now);
  await commit({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
  await sync();
  await commit({ 'a.yaml': configMap('a') });
  expect(await sync()).toMatchObject({ kind: 'applied', pruned: [{ name: 'b' }] });
  expect(store.list().map((it) => at(it, '/metadata/name'))).toEqual(['theirs', 'a']);
});

test('drift is corrected at the next interval, and the time moves', async () => {
  await commit({ 'a.yaml': configMap('a') });
  await sync();
  const first = now;
  await sync();
  expect(appliedAt(store.list()[0])).toBe(first);
  store.edit(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'test', name: 'a' },
    edited,
    'kubectl',
  );
  expect(await sync()).toMatchObject({ kind: 'applied', isNew: false });
  expect(store.list()[0]?.data).toEqual({ key: 'a' });
  expect(appliedAt(store.list()[0])).toBe(now);
});

test.each([
  ['a kind that is not served', object('example.com/v1', 'Thing', 'a', {}), /no kind Thing/],
  ['no name', { apiVersion: 'v1', kind: 'ConfigMap' }, /metadata.name is missing/],
  ['no namespace', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }, /needs a/],
  ['an HPA with min over max', hpa(9, 4), /maxReplicas/],
  ['another selector', deployment('app:1', 'other'), /selector: field is immutable/],
  ['a changed immutable ConfigMap', { ...configMap('i'), data: { key: 'new' } }, /immutable/],
])('a commit with %s is refused, and says why', async (_, broken, reason) => {
  await commit({ 'i.yaml': configMap('i'), 'd.yaml': deployment('app:1') });
  await sync();
  const before = gitops.lastApplied();
  await commit({ 'a.yaml': configMap('a'), 'z.yaml': broken });
  const result = await sync();
  expect(result).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) });
  expect(gitops.lastApplied()).toBe(before);
  expect(store.list()).toHaveLength(2);
});

test('a Deployment becomes ready over some seconds, and its HPA keeps the minimum', async () => {
  await commit({ 'd.yaml': deployment('app:1'), 'h.yaml': hpa(2, 4) });
  await sync();
  expect(ready()).toMatch(/not observed/);
  pass(5);
  expect(ready()).toMatch(/0 of 2 replicas available/);
  pass(20);
  expect(ready()).toBe('ready');
  expect(workloads.running('test', 'app')).toEqual(['app:1', 'app:1']);
});

test('a rolling update never serves with less, and leaves no old pod', async () => {
  await commit({ 'd.yaml': deployment('app:1'), 'h.yaml': hpa(2, 4) });
  await sync();
  pass(30);
  await commit({ 'd.yaml': deployment('app:2'), 'h.yaml': hpa(2, 4) });
  await sync();
  const seen: number[] = [];
  for (let second = 0; second < 40; second++) {
    pass(1);
    seen.push(workloads.running('test', 'app').length);
  }
  expect(Math.min(...seen)).toBe(2);
  expect(workloads.running('test', 'app')).toEqual(['app:2', 'app:2']);
  expect(ready()).toBe('ready');
});

test('replicas: 0 beats what the HPA set, and without the key the HPA rules again', async () => {
  await commit({ 'd.yaml': deployment('app:1'), 'h.yaml': hpa(2, 4) });
  await sync();
  pass(30);
  await commit({ 'd.yaml': { ...deployment('app:1'), spec: { ...SPEC('app:1'), replicas: 0 } } });
  await sync();
  pass(30);
  expect(workloads.running('test', 'app')).toEqual([]);
  await commit({ 'd.yaml': deployment('app:1'), 'h.yaml': hpa(2, 4) });
  await sync();
  pass(30);
  expect(workloads.running('test', 'app')).toHaveLength(2);
});

function pass(seconds: number): void {
  for (let second = 0; second < seconds; second++) {
    now += 1;
    workloads.beat();
  }
}

async function sync(): Promise<Sync> {
  now += INTERVAL;
  return gitops.beat();
}

function ready(): string {
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'test', name: 'app' };
  const found = store.get(ref);
  const rule = { readyPercent: 100, minReplicas: 2, deadlineSeconds: 600, writtenByStep: true };
  const it = readiness(
    found === undefined ? undefined : { kind: 'found', object: found },
    rule,
    now,
  );
  return it.kind === 'ready' ? 'ready' : it.reason;
}

/** Commits exactly these files as live/app. */
async function commit(files: Readonly<Record<string, Manifest>>): Promise<void> {
  await rm(join(folder, 'live'), { recursive: true, force: true });
  await mkdir(join(folder, 'live/app'), { recursive: true });
  for (const [name, it] of Object.entries(files))
    await writeFile(join(folder, 'live/app', name), stringify(it));
  git('add', '--all');
  git('-c', 'user.name=T', '-c', 'user.email=t@example.com', 'commit', '--quiet', '-m', 'live');
}

function git(...args: string[]): string {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' };
  return execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', env }).trim();
}

function object(apiVersion: string, kind: string, name: string, spec: unknown): Manifest {
  const annotations = { 'perch/digest': '0' };
  return { apiVersion, kind, metadata: { name, namespace: 'test', annotations }, spec };
}

function configMap(name: string): Manifest {
  const { spec: _, ...rest } = object('v1', 'ConfigMap', name, {});
  return { ...rest, immutable: name === 'i', data: { key: name } };
}

function edited(it: Record<string, unknown>): void {
  it.data = { key: 'edited' };
}

function hpa(minReplicas: number, maxReplicas: number): Manifest {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'app' };
  const spec = { scaleTargetRef, minReplicas, maxReplicas };
  return object('autoscaling/v2', 'HorizontalPodAutoscaler', 'app', spec);
}

function deployment(image: string, app = 'app'): Manifest {
  return object('apps/v1', 'Deployment', 'app', SPEC(image, app));
}

function SPEC(image: string, app = 'app'): Manifest {
  const labels = { app };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image }] } };
  return { selector: { matchLabels: labels }, template };
}
