import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cloneAsAuthor } from '../../demo/author.ts';
import { isMissing } from '../servers/missing.ts';
import type { Api, KubernetesObject } from '../stack/api.ts';
import { startLoad } from '../stack/load.ts';
import { total } from '../stack/player/player.ts';
import { KIND_HEADER } from '../stack/player/protocol.ts';
import { missingStack, type Stack } from '../stack/stack.ts';
import { until } from '../stack/until.ts';
import { type AnalyzerProcess, heard } from './analyzer.ts';
import {
  ADOPTED,
  autoscaler,
  BY_PODS,
  bridge,
  brought,
  deployment,
  entrance,
  PLAIN,
  PODINFO,
  PODINFO_PORTS,
  plainFiles,
  podsOf,
} from './brought.ts';
import { FIRST, type Field, openField } from './field.ts';
import { type Laptop, openLaptop, type PodWatch, run, watchPods } from './ran.ts';
import { hostOf } from './release.ts';
import { expectUndisturbed, rollOut, untilBaking } from './rolling.ts';
import { printStories, tell } from './table.ts';

const missing = await missingStack({ sync: ['flux'], gateway: true, prometheus: true });

describe('what people bring', { skip: isMissing(missing) }, () => {
  let field: Field;
  let pods: PodWatch;
  let analyzer: AnalyzerProcess;
  let laptop: Laptop;

  beforeAll(async () => {
    const ids = [PODINFO, BY_PODS];
    const stories = ids.map((id) => ({ id }));
    const podPorts = PODINFO_PORTS;
    field = await openField('flux', stories, { releases: brought, onStack: runAlready, podPorts });
    await field.stack.player.behave([{ image: 'fails', failedPercent: 20 }]);
    laptop = await openLaptop(field);
    pods = watchPods(field.stack);
    analyzer = field.analyzer();
  }, 240_000);
  afterAll(async () => {
    await pods?.stop();
    await field?.stop();
    printStories();
  }, 60_000);

  const story = (name: string, run: () => Promise<string | undefined>) =>
    test.concurrent(name, { timeout: 240_000 }, async () => {
      await tell({ story: name, tool: 'flux' }, run);
    });

  story(
    'the list of Flagger’s tutorials: a query by app finds the pods of both tracks',
    async () => {
      const { stack } = field;
      const both = async () => {
        const found = {
          primary: await named(stack, podsOf(`${PODINFO}-primary`)),
          canary: await named(stack, podsOf(`${PODINFO}-canary`)),
          app: await named(stack, `app="${PODINFO}"`),
        };
        const there = (track: string) => podsIn(stack.api, PODINFO, `app=${PODINFO},${track}`);
        const running = {
          primary: await there('perch/track=primary'),
          canary: await there('perch/track=canary'),
          app: await there('perch/track'),
        };
        return { found, running };
      };
      const alike = (canary: number) =>
        until(async () => {
          const { found, running } = await both();
          expect(found).toEqual(running);
          return running.primary.length === 2 && running.canary.length === canary;
        }, 30);
      await alike(0);
      const good = await rollOut(field, PODINFO, { tag: 'v2', analyzer }, async (it) => {
        await untilBaking(it);
        await alike(2);
      });
      expectUndisturbed(good);
      await alike(0);
      const bad = await rollOut(field, PODINFO, { tag: 'fails', analyzer, end: 'Failed' });
      expectUndisturbed(bad);
      expect((await field.status(PODINFO)).reason).toMatch(/success-rate/);
      await alike(0);
      return 'promoted and rolled back by it';
    },
  );

  story('a canary by pods is rolled back: the primary grows before the canary goes', async () => {
    const rest = '4 by-pods-primary v1';
    const half = '2 by-pods-canary v2, 2 by-pods-primary v1';
    const abort = async () => {
      await heard(analyzer, { release: BY_PODS, reason: /person/ }, 150);
      expect(pods.of(BY_PODS).at(-1)?.pods).toBe(half);
      await laptop.perch('abort', BY_PODS, '--message=not this one');
    };
    const begin = () => field.publish({ [BY_PODS]: { tag: 'v2' } });
    const options = { rest, end: 'Failed', perSecond: 50, story: abort } as const;
    const { rows, running, byStatus } = await run(
      { field, analyzer, pods },
      BY_PODS,
      begin,
      options,
    );
    expect(rows.slice(-3)).toEqual([
      ['step 06-approve', half],
      ['roll back: restore the primary', '2 by-pods-canary v2, 4 by-pods-primary v1'],
      ['rolled back: the stable set is restored', rest],
    ]);
    expect(Object.keys(byStatus)).toEqual(['200']);
    // On the way forward a maxSurge of 25 % lets one more run; on the way back the primary is whole first.
    const turn = running.findLastIndex((it) => it.pods === half);
    const most = (some: typeof running) => Math.max(...some.map((it) => it.kept));
    expect([most(running.slice(0, turn)), most(running.slice(turn))]).toEqual([5, 6]);
    expect(Math.min(...running.map((it) => it.ready))).toBe(4);
    const shrinks = running.findIndex(
      (it, at) => at > turn && !it.pods.includes('2 by-pods-canary'),
    );
    expect(running[shrinks - 1]).toMatchObject({ kept: 6, ready: 6 });
    return `${byStatus[200]} requests, all answered`;
  });

  story('a Deployment, Service, route and HPA that serve: adopted, and left again', async () => {
    const { stack } = field;
    const { api, kubernetes, player } = stack;
    const headers = { [KIND_HEADER]: ADOPTED };
    const load = startLoad({
      url: stack.gateway.url,
      host: hostOf(ADOPTED),
      perSecond: 50,
      headers,
    });
    const scalers = watchAutoscalers(api);
    const expectAnswered = (when: string) => {
      const { byStatus } = load.counts();
      expect({ when, byStatus }).toEqual({ when, byStatus: { 200: expect.any(Number) } });
    };
    try {
      await until(async () => scalers.activity(ADOPTED) === 'ValidMetricFound');
      // The tool lets go of what is taken over, and a number takes the HPA's place.
      const keep = { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' };
      const kept = entrance(ADOPTED, stack, keep);
      const old = [deployment(ADOPTED, FIRST, 3), bridge(ADOPTED, stack)];
      await replacePlain(field, [kept.service, kept.route, ...old]);
      await until(async () => scalers.activity(ADOPTED) === undefined);
      await replacePlain(field, old);
      await until(async () => (await inventory(api)).length === old.length + 1);
      expectAnswered('without its HPA');
      await field.publish({ [ADOPTED]: FIRST });
      await field.until(ADOPTED, (it) => it.phase === 'Initialized');
      const primary = `${ADOPTED}-primary`;
      // The last commit has to be applied, too.
      await until(async () => (await endpointsOf(api)).every((it) => it.startsWith(primary)));
      await until(async () => scalers.activity(primary) === 'ValidMetricFound');
      expect(scalers.reasons()).not.toContain('AmbiguousSelector');
      expectAnswered('adopted');

      // Where the old HPA is forgotten, its selector means the new pods as well, and Kubernetes lets neither scale.
      await kubernetes.kubectl(['apply', '--filename=-'], JSON.stringify(autoscaler(ADOPTED)));
      await until(async () =>
        [ADOPTED, primary].every((it) => scalers.activity(it) === 'AmbiguousSelector'),
      );
      await api.delete(`${AUTOSCALERS}/${ADOPTED}`);
      await until(async () => scalers.activity(primary) === 'ValidMetricFound');

      await replacePlain(field, []);
      await until(async () => pods.of(ADOPTED).at(-1)?.pods === `2 ${primary} v1`);
      const before = await podsIn(api, ADOPTED, `app=${ADOPTED}`);
      expectAnswered('without the old Deployment');

      const folder = join(stack.folder, 'exported');
      await laptop.perch('export', ADOPTED, folder);
      await api.patch(`${SYNCS}/${ADOPTED}`, { spec: { prune: false } });
      await until(async () => isSettled(await api.get(`${SYNCS}/${ADOPTED}`)));
      await api.delete(`${SYNCS}/${ADOPTED}`);
      await until(async () => !(await exists(api, `${SYNCS}/${ADOPTED}`)));
      const texts = await Promise.all(
        (await readdir(folder)).map(
          async (name) => [`${PLAIN}/${name}`, await readFile(join(folder, name), 'utf8')] as const,
        ),
      );
      await field.edit(new Map([...plainFiles([]), ...texts]), 'plain from now on', [
        PLAIN,
        `dist/${ADOPTED}`,
      ]);
      await until(async () => (await inventory(api)).length === texts.length + 1);
      expectAnswered('plain again');
      await laptop.perch('remove', ADOPTED, '--message=plain manifests from now on');
      const left = await canaries(api);
      expect(left).toEqual([
        `/apis/apps/v1/namespaces/${ADOPTED}/deployments/${ADOPTED}-canary`,
        `/api/v1/namespaces/${ADOPTED}/services/${ADOPTED}-canary`,
      ]);
      for (const it of left) await api.delete(it);
      // The gateway hears of it a little later.
      const soFar = load.counts().sent;
      await until(async () => load.counts().sent > soFar + 100);
      expect(await marked(api)).toEqual([]);

      expect(await podsIn(api, ADOPTED, `app=${ADOPTED}`)).toEqual(before);
      expect(await endpointsOf(api)).toEqual(before);
      const { sent, byStatus } = await load.stop();
      expect(byStatus).toEqual({ 200: sent });
      const counted = (await player.counts()).filter((it) => it.kind === ADOPTED);
      expect(total(counted)).toBe(sent);
      expect(scalers.doubled()).toEqual([]);
      return `${sent} requests, all answered`;
    } finally {
      await load.stop();
      await scalers.stop();
    }
  });
});

const AUTOSCALERS = `/apis/autoscaling/v2/namespaces/${ADOPTED}/horizontalpodautoscalers`;
const SYNCS = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations';

/** What somebody runs and syncs before there is a release: all of `ADOPTED`, and the route to `BY_PODS`. */
async function runAlready(stack: Stack): Promise<void> {
  const { git, flux, kubernetes } = stack;
  const namespaces = [ADOPTED, BY_PODS].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }));
  const items = [...namespaces, entrance(BY_PODS, stack).route];
  const list = { apiVersion: 'v1', kind: 'List', items };
  await kubernetes.kubectl(['apply', '--filename=-'], JSON.stringify(list));
  const { service, route } = entrance(ADOPTED, stack);
  const all = [service, route, deployment(ADOPTED, FIRST), autoscaler(ADOPTED)];
  const somebody = await cloneAsAuthor(git.urlFor('author'), join(stack.folder, 'somebody'));
  const at = Math.floor(Date.now() / 1000);
  await somebody.push({ subject: 'by hand', at, replaces: [], files: plainFiles(all) });
  const repository = { url: git.url, branch: git.branch, user: git.users.sync };
  await flux.follow({ name: 'plain', path: PLAIN, repository, interval: '2s' });
}

async function replacePlain(field: Field, objects: Parameters<typeof plainFiles>[0]) {
  await field.edit(plainFiles(objects), 'by hand', [PLAIN]);
}

interface Kustomization extends KubernetesObject {
  readonly status: {
    readonly observedGeneration: number;
    readonly inventory: { readonly entries: readonly object[] };
  };
}

/** What Flux has applied of the plain manifests. */
async function inventory(api: Api): Promise<readonly object[]> {
  return (await api.get<Kustomization>(`${SYNCS}/plain`)).status.inventory.entries;
}

function isSettled({ metadata, status }: Kustomization): boolean {
  return status.observedGeneration === metadata.generation;
}

function exists(api: Api, path: string): Promise<boolean> {
  return api.get(path).then(
    () => true,
    () => false,
  );
}

interface ListOf<T> {
  readonly items: readonly T[];
}

/** Names of the pods that a selector finds and nobody has deleted. */
async function podsIn(api: Api, namespace: string, selector: string): Promise<readonly string[]> {
  const query = `labelSelector=${encodeURIComponent(selector)}`;
  const path = `/api/v1/namespaces/${namespace}/pods?${query}`;
  const { items } = await api.get<ListOf<KubernetesObject>>(path);
  return items
    .filter((it) => it.metadata.deletionTimestamp === undefined)
    .map((it) => it.metadata.name)
    .sort();
}

interface EndpointSlice extends KubernetesObject {
  readonly endpoints: readonly { readonly targetRef: { readonly name: string } }[];
}

/** Names of the pods that Service `ADOPTED` leads to. */
async function endpointsOf(api: Api): Promise<readonly string[]> {
  const query = `labelSelector=${encodeURIComponent(`kubernetes.io/service-name=${ADOPTED}`)}`;
  const path = `/apis/discovery.k8s.io/v1/namespaces/${ADOPTED}/endpointslices?${query}`;
  const { items } = await api.get<ListOf<EndpointSlice>>(path);
  return items.flatMap((it) => it.endpoints.map((one) => one.targetRef.name)).sort();
}

/** Paths of what a rollout alone needs. */
async function canaries(api: Api): Promise<readonly string[]> {
  const collections = [
    `/apis/apps/v1/namespaces/${ADOPTED}/deployments`,
    AUTOSCALERS,
    `/api/v1/namespaces/${ADOPTED}/services`,
  ];
  const all = collections.map(async (path) => {
    const { items } = await api.get<ListOf<KubernetesObject>>(path);
    return items.map((it) => `${path}/${it.metadata.name}`);
  });
  return (await Promise.all(all)).flat().filter((it) => it.endsWith(`${ADOPTED}-canary`));
}

/** Paths of what has an annotation of Perch. */
async function marked(api: Api): Promise<readonly string[]> {
  const paths = [
    `/apis/apps/v1/namespaces/${ADOPTED}/deployments/${ADOPTED}-primary`,
    `${AUTOSCALERS}/${ADOPTED}-primary`,
    `/api/v1/namespaces/${ADOPTED}/services/${ADOPTED}`,
    `/apis/gateway.networking.k8s.io/v1/namespaces/${ADOPTED}/httproutes/${ADOPTED}`,
  ];
  const all = await Promise.all(paths.map((it) => api.get<KubernetesObject>(it)));
  const names = all.map((it) => Object.keys(it.metadata.annotations ?? {}));
  return paths.filter((_, at) => names[at]?.some((it) => it.startsWith('perch/')));
}

/** Names of the pods whose series Prometheus has now. */
async function named({ prometheus }: Stack, labels: string): Promise<readonly string[]> {
  const query = `count by (pod) (http_requests_total{namespace="${PODINFO}",${labels}})`;
  const all = await prometheus.query(query);
  return all.map((it) => it.metric.pod ?? '').sort();
}

interface Autoscaler extends KubernetesObject {
  readonly spec: { readonly scaleTargetRef: { readonly name: string } };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly reason: string }[];
  };
}

/** Follows the HPAs of `ADOPTED`. */
function watchAutoscalers(api: Api) {
  let now: readonly Autoscaler[] = [];
  const reasons = new Set<string>();
  const doubled = new Set<string>();
  const end = new AbortController();
  const reasonOf = (it: Autoscaler | undefined) =>
    it?.status?.conditions?.find((one) => one.type === 'ScalingActive')?.reason;
  const see = (all: ReadonlyMap<string, Autoscaler>) => {
    now = [...all.values()];
    for (const it of now) reasons.add(reasonOf(it) ?? '');
    const targets = now.map((it) => it.spec.scaleTargetRef.name);
    for (const it of targets) if (targets.filter((one) => one === it).length > 1) doubled.add(it);
  };
  const following = api.follow<Autoscaler>(AUTOSCALERS, see, end.signal);
  return {
    /** Why one scales or does not; nothing where there is none. */
    activity: (name: string) => reasonOf(now.find((it) => it.metadata.name === name)),
    /** Of all of them so far. */
    reasons: () => [...reasons],
    /** Workloads that more than one had as a target at a time. */
    doubled: () => [...doubled],
    async stop() {
      end.abort();
      await following;
    },
  };
}
