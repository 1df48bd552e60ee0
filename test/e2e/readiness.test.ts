import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { kubernetes } from '../../analyzer/cluster/kubernetes.ts';
import type { ClusterView } from '../../analyzer/core/cluster/reading.ts';
import { type PlanTree, type Position, positionText } from '../../analyzer/core/position.ts';
import type { Rollout } from '../../analyzer/core/situation.ts';
import type { Observer } from '../../analyzer/tick/clusters.ts';
import { observe } from '../../analyzer/tick/observe.ts';
import { oneCluster } from '../../analyzer/tick/world.ts';
import { nginx } from '../../apps/nginx.ts';
import { podinfo } from '../../apps/podinfo.ts';
import { type Release, Testing, type WorkloadFactory } from '../../lib/index.ts';
import { at } from '../../lib/plan/pointer.ts';
import { type Applier, applier, MANAGER } from './applier.ts';
import { type Plans, plans, rolloutAt, situationOf, variant, withDeploymentSpec } from './plans.ts';
import { type Kubelet, playKubelet } from './pods.ts';
import {
  istioCrdsPath,
  type Kubernetes,
  missingKubernetes,
  startKubernetes,
} from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';

const missing = missingKubernetes(['istio-crds.yaml', 'kube-controller-manager']);
describe('readiness and liveness of real objects', { skip: isMissing(missing) }, () => {
  let server: Kubernetes;

  beforeAll(async () => {
    server = await startKubernetes({ crds: [istioCrdsPath()], controllerManager: true });
  });
  afterAll(() => server?.stop());

  const podinfoIn = (namespace: string, image: string) =>
    variant(podinfo(Testing.apps(), { image }), { namespace });

  // Each has a namespace of its own; what they wait for takes its time.
  describe.concurrent('side by side', () => {
    test('a canary is ready when Deployment, ReplicaSet, HPA and pods are through', async () => {
      const stage = await open(server, 'canary', (it) => podinfoIn('canary', it));
      await stage.go({ kind: 'complete' }, 'old');
      await stage.go({ kind: 'step', step: '01-canary-up' }, 'next');

      // Controllers do their part; no pod is ready.
      await stage.until('canary', /^0 of 2 replicas available$/);
      expect(stage.reasons('canary')).toContain('1 replicas wanted, its HPA will want 2');
      const started = await stage.deployment('podinfo-canary');
      expect(started).toMatchObject({
        status: { observedGeneration: at(started, '/metadata/generation'), updatedReplicas: 2 },
      });
      expect(at(started, '/status/availableReplicas')).toBeUndefined();

      // One of the two is ready, and available after minReadySeconds.
      await stage.kubelet.beat(1);
      await stage.until('canary', /^1 of 2 replicas available$/);
      const half = await stage.deployment('podinfo-canary');
      expect(half).toMatchObject({ status: { updatedReplicas: 2, availableReplicas: 1 } });
      await stage.untilReady('canary');
      const full = await stage.deployment('podinfo-canary');
      expect(full).toMatchObject({ status: { updatedReplicas: 2, availableReplicas: 2 } });
    });

    test('a promoted primary is not ready before its old pods are gone', async () => {
      const stage = await open(server, 'primary', (it) => podinfoIn('primary', it));
      await stage.go({ kind: 'init' }, 'old');
      await stage.until('primary', /^0 of 2 replicas available$/);
      await stage.untilReady('primary');
      const before = await stage.deployment('podinfo-primary');
      await stage.go({ kind: 'step', step: '07-promote' }, 'next');
      // Of the new template; the old pods were available all the time.
      await stage.until('primary', /not observed yet|^[01] of 2 replicas updated$/);
      await stage.untilReady('primary');
      const after = await stage.deployment('podinfo-primary');
      expect(after).toMatchObject({ status: { replicas: 2, updatedReplicas: 2 } });
      const generation = (it: unknown) => Number(at(it, '/status/observedGeneration'));
      expect(generation(after)).toBeGreaterThan(generation(before));
      expect(stage.reasons('primary')).toContain('1 of 2 replicas updated');
    });

    test('what does not progress has passed its deadline, until it does', async () => {
      const app = (image: string) => {
        const release = nginx(Testing.apps(), { image });
        const workload = withDeploymentSpec(release, { progressDeadlineSeconds: 8 });
        return variant(release, { namespace: 'stuck', workload });
      };
      const stage = await open(server, 'stuck', app);
      await stage.go({ kind: 'init' }, 'next');
      expect((await stage.look()).ready.primary).toMatchObject({ deadlinePassed: false });
      const late = {
        kind: 'notReady',
        reason: '0 of 2 replicas available',
        deadlinePassed: true,
        available: 0,
      };
      await vi.waitFor(async () => expect((await stage.look()).ready.primary).toEqual(late), SOON);
      expect(JSON.stringify(await stage.deployment('nginx-primary'))).toContain(
        'ProgressDeadlineExceeded',
      );
      await stage.untilReady('primary');
    });

    test('live since is the time of the apply, whatever controllers and pods do', async () => {
      const stage = await open(server, 'since', (it) => podinfoIn('since', it));
      await stage.go({ kind: 'complete' }, 'old');
      const earlier = Date.now() / 1000;
      await stage.go({ kind: 'step', step: '01-canary-up' }, 'next');
      const { live } = await stage.look();
      expect(live).toEqual({ kind: 'live', sinceSeconds: await stage.appliedAt() });
      if (live.kind !== 'live') return;
      expect(Math.abs(live.sinceSeconds - earlier)).toBeLessThan(5);
      // The HPA writes replicas, the controllers the status.
      await stage.untilReady('canary');
      expect((await stage.look()).live).toEqual(live);
      // The same bytes again.
      await stage.applyAgain();
      expect((await stage.look()).live).toEqual(live);
      expect(await stage.appliedAt()).toBe(live.sinceSeconds);
    });

    test('a weight edited by hand is seen, and correcting it moves the time', async () => {
      const stage = await open(server, 'edited', (it) => podinfoIn('edited', it));
      await stage.go({ kind: 'complete' }, 'old');
      await stage.go({ kind: 'step', step: '03-weight-20' }, 'next');
      const before = (await stage.look()).live;
      expect(before).toMatchObject({ kind: 'live' });
      const patch = [{ op: 'replace', path: '/spec/http/0/route/1/weight', value: 90 }];
      const edit = ['virtualservice', 'podinfo', '--type=json', `--patch=${JSON.stringify(patch)}`];
      await server.kubectl(['patch', ...edit, '--namespace=edited']);
      expect((await stage.look()).live).toEqual({
        kind: 'waiting',
        reason: expect.stringContaining('VirtualService edited/podinfo differs at /spec/http'),
      });
      await sleep(1100);
      await stage.applyAgain();
      const { live } = await stage.look();
      if (live.kind !== 'live' || before.kind !== 'live') throw new Error('it should be live');
      expect(live.sinceSeconds).toBeGreaterThan(before.sinceSeconds);
      expect(live.sinceSeconds).toBe(await stage.appliedAt());
    });

    test('a position is not live before its sync, nor before what it removes is gone', async () => {
      const app = (image: string) => {
        const release = podinfoIn('synced', image);
        return image === 'app:1' ? variant(release, { workload: withoutHpa(release) }) : release;
      };
      const stage = await open(server, 'synced', app);
      await stage.go({ kind: 'complete' }, 'old');
      await stage.go({ kind: 'step', step: '07-promote' }, 'next');
      const left = '07-promote';
      const position = { kind: 'back', step: left, part: 'primary', shown: left } as const;
      const back = stage.stand(position, 'next');
      expect((await stage.look(back)).live).toMatchObject({
        kind: 'waiting',
        reason: expect.stringContaining('Deployment synced/podinfo-primary is not synced yet'),
      });
      await stage.applyWithoutPrune(back);
      expect((await stage.look(back)).live).toEqual({
        kind: 'waiting',
        reason: 'HorizontalPodAutoscaler synced/podinfo-primary is still there',
      });
      await stage.go(back.state.position, 'next');
      expect((await stage.look(back)).live).toMatchObject({ kind: 'live' });
    });
  });
});

/** The HPA's controller takes 15 seconds for its first look. */
const SOON = { timeout: 60_000, interval: 200 };

type Version = 'old' | 'next';
type Track = 'primary' | 'canary';

/** One release in one namespace, and what the analyzer sees of it. */
interface Stage {
  readonly kubelet: Kubelet;
  /** The rollout that a commit to this position would make. */
  stand(position: Position, version: Version): Rollout;
  /** Commits and syncs a position. */
  go(position: Position, version: Version): Promise<void>;
  /** What a GitOps tool does at its next interval. */
  applyAgain(): Promise<void>;
  applyWithoutPrune(rollout: Rollout): Promise<void>;
  /** What the analyzer sees of a rollout. @default - the last that was applied */
  look(rollout?: Rollout): Promise<ClusterView>;
  /** Looks until a track is not ready for this reason. */
  until(track: Track, reason: RegExp): Promise<void>;
  /** Makes pods ready, until a track is. */
  untilReady(track: Track): Promise<void>;
  /** Every reason that was seen for a track. */
  reasons(track: Track): readonly string[];
  deployment(name: string): Promise<unknown>;
  /** The time of the applier's entry in the managedFields of the VirtualService. */
  appliedAt(): Promise<number>;
}

async function open(
  server: Kubernetes,
  namespace: string,
  app: (image: string) => Release,
): Promise<Stage> {
  const { kubectl, kubeconfigPath } = server;
  await kubectl(['create', 'namespace', namespace]);
  const all = plans();
  const trees: Readonly<Record<Version, PlanTree>> = {
    old: await all.add(app('app:1')),
    next: await all.add(app('app:2')),
  };
  const sync = applier(server);
  const view = viewer(all, kubeconfigPath);
  const seen: Record<Track, string[]> = { primary: [], canary: [] };
  const kubelet = playKubelet(kubectl, namespace);
  let current: Rollout | undefined;

  const stand = (position: Position, version: Version) => {
    const stable = version === 'old' ? undefined : trees.old;
    // The commit is older than all that is applied, and than the time that a rollback waits for its sync.
    const at = Date.now() / 1000 - 120;
    return rolloutAt({ position, plan: trees[version], stable, before: current?.files, at });
  };
  const look = async (rollout = current) => {
    if (rollout === undefined) throw new Error('nothing was applied yet');
    const found = await view(rollout);
    for (const track of ['primary', 'canary'] as const) {
      const ready = found.ready[track];
      if (ready?.kind === 'notReady') seen[track].push(ready.reason);
    }
    return found;
  };
  const json = async (...args: readonly string[]) =>
    JSON.parse(
      await kubectl(['get', ...args, `--namespace=${namespace}`, '--output=json']),
    ) as unknown;

  return {
    kubelet,
    stand,
    look,
    async go(position, version) {
      const rollout = stand(position, version);
      await sync.apply(all.texts(rollout.files));
      current = rollout;
    },
    applyAgain: () => reapply(sync, all, current),
    async applyWithoutPrune(rollout) {
      await applier(server).apply(all.texts(rollout.files));
    },
    async until(track, reason) {
      const wanted = { kind: 'notReady', reason: expect.stringMatching(reason) };
      await vi.waitFor(async () => expect((await look()).ready[track]).toMatchObject(wanted), SOON);
    },
    async untilReady(track) {
      await vi.waitFor(async () => {
        await kubelet.beat();
        expect((await look()).ready[track]).toEqual({ kind: 'ready' });
      }, SOON);
    },
    reasons: (track) => seen[track],
    deployment: (name) => json('deployment', name),
    async appliedAt() {
      const object = await json('virtualservice', 'podinfo', '--show-managed-fields');
      const entries = at(object, '/metadata/managedFields');
      const own = (Array.isArray(entries) ? entries : []).filter(
        (it) => at(it, '/manager') === MANAGER && at(it, '/operation') === 'Apply',
      );
      expect(own).toHaveLength(1);
      return Date.parse(String(at(own[0], '/time'))) / 1000;
    },
  };
}

async function reapply(sync: Applier, all: Plans, rollout: Rollout | undefined): Promise<void> {
  if (rollout === undefined) throw new Error('nothing was applied yet');
  // Entries are dated to the second.
  await sleep(1100);
  expect(await sync.apply(all.texts(rollout.files))).toEqual([]);
}

/** What the analyzer itself reads, with its real adapter; no metric has anything to say. */
function viewer(all: Plans, kubeconfig: string): (rollout: Rollout) => Promise<ClusterView> {
  const clock = () => Date.now() / 1000;
  const observer: Observer = {
    reader: {
      texts: async (oids) => oids.map(all.text),
      treesAt: async (_, id) => ({ id }),
    },
    world: {
      clusters: oneCluster(kubernetes({ kubeconfig })),
      metrics: new Map(),
      clock,
    },
    seen: { targets: new Map() },
  };
  return async (rollout) => {
    const { cluster } = await observe(observer, situationOf(rollout), clock());
    if (cluster !== undefined) return cluster;
    throw new Error(`nothing is asked at ${positionText(rollout.state.position)}`);
  };
}

/** The workload of podinfo before it had an HPA. */
function withoutHpa({ props }: Release): WorkloadFactory {
  return (scope) => {
    props.workload?.(scope);
    expect(scope.node.tryRemoveChild('autoscaler')).toBe(true);
  };
}
