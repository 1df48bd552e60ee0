import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readiness } from '../../analyzer/core/cluster/readiness.ts';
import type { Readiness } from '../../analyzer/core/cluster/reading.ts';
import { files, type PlanTree, type Position } from '../../analyzer/core/position.ts';
import { daemonApp } from '../../apps/daemon.ts';
import { statefulApp } from '../../apps/stateful.ts';
import { type Release, Testing } from '../../lib/index.ts';
import { at } from '../../lib/plan/pointer.ts';
import { applier } from './applier.ts';
import { plans, variant } from './plans.ts';
import { playKubelet } from './pods.ts';
import {
  istioCrdsPath,
  type Kubernetes,
  missingKubernetes,
  startKubernetes,
} from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';

const missing = missingKubernetes(['istio-crds.yaml', 'kube-controller-manager']);
const SOON = { timeout: 60_000, interval: 200 };
const RULE = { readyPercent: 100, minReplicas: 1, deadlineSeconds: 600, writtenByStep: true };

describe('DaemonSets and StatefulSets under Kubernetes’ own controllers', {
  skip: isMissing(missing),
}, () => {
  let server: Kubernetes;

  beforeAll(async () => {
    server = await startKubernetes({ crds: [istioCrdsPath()], controllerManager: true });
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'one' } };
    await server.kubectl(['create', '--filename=-'], JSON.stringify(node));
    // Nobody says that the node is ready; new nodes are kept free until then.
    const untaint = JSON.stringify({ spec: { taints: null } });
    await server.kubectl(['patch', 'node', 'one', '--type=merge', `--patch=${untaint}`]);
  });
  afterAll(() => server?.stop());

  test('a StatefulSet is updated from the highest ordinal, and comes back by itself when that pod never gets ready', async () => {
    const it = await open(server, 'stateful', (image) => statefulApp(Testing.apps(), { image }));
    const set = 'statefulset/store-primary';
    await it.go({ kind: 'init' }, 'old');
    await it.untilReady(set);
    expect(await it.images()).toEqual(['app:1', 'app:1', 'app:1', 'app:1']);

    await it.go({ kind: 'step', step: '01-update-25' }, 'next');
    await it.until(set, /^3 of 4 replicas available$/);
    expect(await it.images()).toEqual(['app:1', 'app:1', 'app:1', 'app:2']);
    await it.untilReady(set);
    expect(await it.images()).toEqual(['app:1', 'app:1', 'app:1', 'app:2']);

    await it.go({ kind: 'step', step: '02-update-50' }, 'next');
    await it.until(set, /^3 of 4 replicas available$/);
    expect(await it.images()).toEqual(['app:1', 'app:1', 'app:2', 'app:2']);

    // Pod 2 never gets ready, and nobody deletes it.
    await it.go({ kind: 'back', step: '02-update-50', part: 'primary' }, 'next');
    await it.untilReady(set);
    expect(await it.images()).toEqual(['app:1', 'app:1', 'app:1', 'app:1']);
  });

  test('in order, which synth refuses, it does not come back before somebody deletes the pod', async () => {
    const app = (image: string) =>
      variant(statefulApp(Testing.apps(), { image }), { namespace: 'ordered' });
    const inOrder = (text: string) =>
      text.replace('podManagementPolicy: Parallel', 'podManagementPolicy: OrderedReady');
    const it = await open(server, 'ordered', app, inOrder);
    const set = 'statefulset/store-primary';
    await it.go({ kind: 'init' }, 'old');
    await it.untilReady(set);
    await it.go({ kind: 'step', step: '01-update-25' }, 'next');
    await it.until(set, /^3 of 4 replicas available$/);
    await it.go({ kind: 'back', step: '01-update-25', part: 'primary' }, 'next');
    // Long after Kubernetes has brought the other one back, above.
    await sleep(5000);
    expect(await it.images()).toEqual(['app:1', 'app:1', 'app:1', 'app:2']);
    await server.kubectl(['delete', 'pod', 'store-primary-3', '--namespace=ordered']);
    await it.untilReady(set);
    expect(await it.images()).toEqual(['app:1', 'app:1', 'app:1', 'app:1']);
  });

  test('both DaemonSets run on one node, and the canary goes with the last commit', async () => {
    const it = await open(server, 'daemon', (image) => daemonApp(Testing.apps(), { image }));
    await it.go({ kind: 'init' }, 'old');
    await it.until('daemonset/cache-primary', /^its pods are available on 0 of 1 nodes$/);
    await it.untilReady('daemonset/cache-primary');
    await it.go({ kind: 'step', step: '01-canary-up' }, 'next');
    await it.untilReady('daemonset/cache-canary');
    // By the names of their pods: the canary's comes first.
    expect(await it.images()).toEqual(['app:2', 'app:1']);
    await it.go({ kind: 'step', step: '04-promote' }, 'next');
    await it.until('daemonset/cache-primary', /^0 of 1 nodes|on 0 of 1 nodes$|not observed/);
    await it.untilReady('daemonset/cache-primary');
    await it.go({ kind: 'complete' }, 'next');
    await vi.waitFor(async () => expect(await it.images()).toEqual(['app:2']), SOON);
  });

  test('a status that nobody has written for the deadline says how long pods have been missing', async () => {
    const app = (image: string) =>
      variant(daemonApp(Testing.apps(), { image }), { namespace: 'late' });
    const it = await open(server, 'late', app);
    await it.go({ kind: 'init' }, 'old');
    await it.until('daemonset/cache-primary', /^its pods are available on 0 of 1 nodes$/);
    const object = await it.object('daemonset/cache-primary');
    const rule = { ...RULE, writtenByStep: false };
    const late = (seconds: number) =>
      readiness({ kind: 'found', object }, rule, Date.now() / 1000 + seconds);
    expect(late(0)).toMatchObject({ deadlinePassed: false });
    expect(late(660)).toMatchObject({ deadlinePassed: true });
  });
});

/** One release in its namespace. */
interface Stage {
  go(position: Position, version: 'old' | 'next'): Promise<void>;
  object(ref: string): Promise<unknown>;
  until(ref: string, reason: RegExp): Promise<void>;
  /** Makes pods ready until the workload is. */
  untilReady(ref: string): Promise<void>;
  /** Of all pods, by the pods' names. */
  images(): Promise<readonly unknown[]>;
}

async function open(
  server: Kubernetes,
  namespace: string,
  app: (image: string) => Release,
  edit: (text: string) => string = (text) => text,
): Promise<Stage> {
  const { kubectl } = server;
  await kubectl(['create', 'namespace', namespace]);
  const all = plans();
  const trees: Readonly<Record<'old' | 'next', PlanTree>> = {
    old: await all.add(app('app:1')),
    next: await all.add(app('app:2')),
  };
  const within = `--namespace=${namespace}`;
  const flags = [within, '--output=json', '--show-managed-fields'];
  const sync = applier(server);
  const kubelet = playKubelet(kubectl, namespace);
  const object = async (ref: string): Promise<unknown> =>
    JSON.parse(await kubectl(['get', ref, ...flags]));
  const look = async (ref: string): Promise<Readiness> =>
    readiness({ kind: 'found', object: await object(ref) }, RULE, Date.now() / 1000);
  return {
    object,
    async go(position, version) {
      const set = files(position, trees[version], version === 'old' ? undefined : trees.old);
      await sync.apply(all.texts(set).map(edit));
    },
    async until(ref, reason) {
      const wanted = { kind: 'notReady', reason: expect.stringMatching(reason) };
      await vi.waitFor(async () => expect(await look(ref)).toMatchObject(wanted), SOON);
    },
    async untilReady(ref) {
      await vi.waitFor(async () => {
        await kubelet.beat();
        expect(await look(ref)).toEqual({ kind: 'ready' });
      }, SOON);
    },
    async images() {
      const pods = at(JSON.parse(await kubectl(['get', 'pods', ...flags])), '/items');
      const items: readonly unknown[] = Array.isArray(pods) ? pods : [];
      return items
        .map((it) => [String(at(it, '/metadata/name')), at(it, '/spec/containers/0/image')])
        .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
        .map(([, image]) => image);
    },
  };
}
