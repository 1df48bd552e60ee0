import { createHmac } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HookCall, type HookServer, startHookServer } from '../../embedded/hook-server.ts';
import { isMissing } from '../servers/missing.ts';
import type { KubernetesObject } from '../stack/api.ts';
import { clopperPearson } from '../stack/binomial.ts';
import { total } from '../stack/player/player.ts';
import { missingStack, type Stack } from '../stack/stack.ts';
import { POD_ANNOTATION } from '../stack/stages.ts';
import { until } from '../stack/until.ts';
import { type AnalyzerProcess, heard } from './analyzer.ts';
import { type Field, openField } from './field.ts';
import { during } from './kinds.ts';
import { type Laptop, openLaptop, type PodWatch, type RunOptions, run, watchPods } from './ran.ts';
import type { Version } from './release.ts';
import { printStories, tell } from './table.ts';
import { watchRelease } from './watch.ts';
import { BAD_JOB, HOOK_KEY, shops, WAYS, type Way, ways } from './ways.ts';

/** By which the hooks know the analyzer. */
const KEY = 'opens every gate';

const missing = await missingStack({ sync: ['flux'], gateway: true, prometheus: true });

describe('every other way of releasing', { skip: isMissing(missing) }, () => {
  let hooks: HookServer;
  let field: Field;
  let pods: PodWatch;
  let analyzer: AnalyzerProcess;
  let laptop: Laptop;

  beforeAll(async () => {
    hooks = await startHookServer();
    field = await openField(
      'flux',
      WAYS.map((id) => ({ id })),
      {
        nodes: 2,
        releases: (apps, versionOf, stack) => ways(apps, versionOf, stack, hooks.url),
        onStack: keepShops,
      },
    );
    laptop = await openLaptop(field);
    pods = watchPods(field.stack);
    const keys = join(field.stack.folder, 'hook-keys');
    await mkdir(keys);
    await writeFile(join(keys, HOOK_KEY), `${KEY}\n`, { mode: 0o600 });
    analyzer = field.analyzer([`--hook-keys=${keys}`]);
  }, 240_000);
  afterAll(async () => {
    await pods?.stop();
    await field?.stop();
    await hooks?.stop();
    printStories();
  }, 60_000);

  const story = (name: string, run: () => Promise<string | undefined>) =>
    test.concurrent(name, { timeout: 240_000 }, async () => {
      await tell({ story: name, tool: 'flux' }, run);
    });
  const roll = (id: Way, version: Version, options: RunOptions) =>
    run({ field, analyzer, pods }, id, () => field.publish({ [id]: version }), options);

  story('a list: beside a baseline, and a person opens the gate from a laptop', async () => {
    const open = async () => {
      await heard(analyzer, { release: 'listed', reason: /person/ }, 150);
      await laptop.perch('promote', 'listed', '--message=looks good');
    };
    const options = { rest: '2 listed-primary v2', perSecond: 50, story: open };
    const { rows, byStatus } = await roll('listed', { tag: 'v2' }, options);
    const small = '1 listed-canary v2, 2 listed-primary v1';
    const beside = `1 listed-baseline v1, ${small}`;
    expect(rows).toEqual([
      ['start story:v2', small],
      ['weight 0 → 20', small],
      ['step 03-baseline-up', beside],
      ['step 04-baseline', beside],
      ['step 05-analysis', beside],
      ['step 06-approve', beside],
      ['gate of 06-approve opened', beside],
      ['step 07-baseline-weight-0', beside],
      ['step 08-baseline-down', small],
      ['promote: the primary gets story:v2', '1 listed-canary v2, 2 listed-primary v2'],
      ['weight 20 → 0', '1 listed-canary v2, 2 listed-primary v2'],
      ['promoted story:v2', '2 listed-primary v2'],
    ]);
    expect(Object.keys(byStatus)).toEqual(['200']);
    const left = await namesOf(field, '/apis/apps/v1/namespaces/listed/deployments');
    expect(left).toEqual(['listed-canary', 'listed-primary']);
    return `${byStatus[200]} requests, all answered`;
  });

  story('recreate: no two versions at a time, and nobody between', async () => {
    const rest = '2 recreated-primary v2';
    const { rows, running } = await roll('recreated', { tag: 'v2' }, { rest });
    expect(rows).toEqual([
      ['start story:v2', rest],
      ['promoted story:v2', rest],
    ]);
    expect(running.map((it) => it.tags)).not.toContainEqual(['v1', 'v2']);
    expect(running.map((it) => it.count)).toContain(0);
    return undefined;
  });

  story('ramped: pod by pod', async () => {
    const rest = '3 ramped-primary v2';
    const { rows, running } = await roll('ramped', { tag: 'v2' }, { rest });
    expect(rows).toEqual([
      ['start story:v2', rest],
      ['promoted story:v2', rest],
    ]);
    expect(running.map((it) => it.pods)).toContain('2 ramped-primary v1, 1 ramped-primary v2');
    // One more than three at a time, and one less only while its successor is being made.
    expect(Math.max(...running.map((it) => it.kept))).toBeLessThanOrEqual(4);
    return undefined;
  });

  story('a canary without a router: the Service selects both', async () => {
    const rest = '4 by-pods-primary v2';
    const small = '1 by-pods-canary v2, 4 by-pods-primary v1';
    const shared = async () => {
      await until(async () => (await endpointsOf(field, 'by-pods')) === '1 canary, 4 primary', 120);
      expect(pods.of('by-pods').at(-1)?.pods).toBe(small);
    };
    const { rows, running } = await roll('by-pods', { tag: 'v2' }, { rest, story: shared });
    expect(rows).toEqual([
      ['start story:v2', '4 by-pods-primary v1'],
      ['weight 0 → 20', small],
      ['weight 20 → 25', '1 by-pods-canary v2, 3 by-pods-primary v1'],
      ['weight 25 → 40', '2 by-pods-canary v2, 3 by-pods-primary v1'],
      ['weight 40 → 50', '2 by-pods-canary v2, 2 by-pods-primary v1'],
      ['promote: the primary gets story:v2', '2 by-pods-canary v2, 2 by-pods-primary v2'],
      ['weight 50 → 40', '2 by-pods-canary v2, 3 by-pods-primary v2'],
      ['weight 40 → 25', '1 by-pods-canary v2, 3 by-pods-primary v2'],
      ['weight 25 → 20', '1 by-pods-canary v2, 4 by-pods-primary v2'],
      ['weight 20 → 0', rest],
      ['promoted story:v2', rest],
    ]);
    // Four are wanted, and a maxSurge of 25 % lets one more run; the promotion replaces two pods, one of them at a time.
    const totals = running.map((it) => it.kept);
    expect([Math.min(...totals) >= 4, Math.max(...totals) <= 5]).toEqual([true, true]);
    expect(await endpointsOf(field, 'by-pods')).toBe('4 primary');
    return undefined;
  });

  story('a worker without a Service: pods alone, forward and back', async () => {
    const rest = '2 worker-primary v2';
    const good = await roll('worker', { tag: 'v2' }, { rest });
    expect(good.rows).toEqual([
      ['start story:v2', '2 worker-primary v1'],
      ['weight 0 → 33.33', '1 worker-canary v2, 2 worker-primary v1'],
      ['weight 33.33 → 50', '1 worker-canary v2, 1 worker-primary v1'],
      ['promote: the primary gets story:v2', '1 worker-canary v2, 1 worker-primary v2'],
      ['weight 50 → 33.33', '1 worker-canary v2, 2 worker-primary v2'],
      ['weight 33.33 → 0', rest],
      ['promoted story:v2', rest],
    ]);
    expect(await namesOf(field, '/api/v1/namespaces/worker/services')).toEqual([]);
    const stuck = { tag: 'stuck', podAnnotations: { [POD_ANNOTATION]: 'never-ready' } };
    const bad = await roll('worker', stuck, { rest, end: 'Failed' });
    expect(bad.rows.map(([it]) => it)).toEqual([
      'start story:stuck',
      'weight 0 → 33.33',
      'rolled back: the stable set is restored',
    ]);
    return undefined;
  });

  story('a StatefulSet part by part, and back from a version that never gets ready', async () => {
    const rest = '4 store-primary v2';
    const good = await roll('store', { tag: 'v2' }, { rest });
    expect(good.rows).toEqual([
      ['start story:v2', '3 store-primary v1, 1 store-primary v2'],
      ['step 02-update-50', '2 store-primary v1, 2 store-primary v2'],
      ['step 03-update-100', rest],
      ['promoted story:v2', rest],
    ]);
    const stuck = { tag: 'stuck', podAnnotations: { [POD_ANNOTATION]: 'never-ready' } };
    const bad = await roll('store', stuck, { rest, end: 'Failed' });
    expect(bad.rows).toEqual([
      ['start story:stuck', '1 store-primary stuck, 3 store-primary v2'],
      ['roll back: restore the primary', rest],
      ['roll back: restore the routes', rest],
      ['rolled back: the stable set is restored', rest],
    ]);
    return undefined;
  });

  story('a DaemonSet on two nodes, its route applied by a sync object of its own', async () => {
    const rest = '2 on-nodes-primary v2';
    const options = { rest, perSecond: 50 };
    const { rows, byStatus } = await roll('on-nodes', { tag: 'v2' }, options);
    expect(rows).toEqual([
      ['start story:v2', '2 on-nodes-canary v2, 2 on-nodes-primary v1'],
      ['weight 0 → 50', '2 on-nodes-canary v2, 2 on-nodes-primary v1'],
      ['promote: the primary gets story:v2', '2 on-nodes-canary v2, 2 on-nodes-primary v2'],
      ['weight 50 → 0', '2 on-nodes-canary v2, 2 on-nodes-primary v2'],
      ['promoted story:v2', rest],
    ]);
    expect(Object.keys(byStatus)).toEqual(['200']);
    const left = await namesOf(field, '/apis/apps/v1/namespaces/on-nodes/daemonsets');
    expect(left).toEqual(['on-nodes-primary']);
    const syncs = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations';
    const own = (await namesOf(field, syncs)).filter((it) => it.startsWith('on-nodes'));
    expect(own).toEqual(['on-nodes-mesh', 'on-nodes-workload']);
    return `${byStatus[200]} requests, all answered`;
  });

  story('a Job that passes, one that fails, and a retry that waits until it is gone', async () => {
    const rest = '1 tested-primary v2';
    const good = await roll('tested', { tag: 'v2' }, { rest });
    expect(good.rows).toEqual([
      ['start story:v2', '1 tested-primary v1'],
      ['step 02-job-acceptance', '1 tested-primary v1'],
      ['weight 0 → 50', '1 tested-canary v2, 1 tested-primary v1'],
      ['promote: the primary gets story:v2', '1 tested-canary v2, 1 tested-primary v2'],
      ['weight 50 → 0', rest],
      ['promoted story:v2', rest],
    ]);
    await heard(analyzer, { release: 'tested', reason: /^Job acceptance-\S+ is not complete/ }, 1);
    await until(async () => (await jobs(field)).length === 0);

    // Somebody else's finalizer keeps the failed Job for a while.
    let first = '';
    const keep = async () => {
      await until(async () => (await jobs(field)).length === 1, 90);
      first = (await jobs(field))[0]?.metadata.uid ?? '';
      await holdJob(field, ['perch-stack/kept']);
    };
    const failed = [
      ['start story:bad-job', rest],
      ['step 02-job-acceptance', rest],
      ['rolled back: the stable set is restored', rest],
    ];
    const bad = await roll('tested', { tag: BAD_JOB }, { rest, end: 'Failed', story: keep });
    expect(bad.rows).toEqual(failed);
    expect((await field.status('tested')).reason).toMatch(
      /Job acceptance-\w+ failed: BackoffLimit/,
    );
    await until(async () => (await jobs(field))[0]?.metadata.deletionTimestamp !== undefined);

    const before = (await field.commits('tested')).length;
    const own = async () => (await field.commits('tested')).slice(before).map((it) => it.subject);
    await laptop.perch('retry', 'tested', '--message=the test was at fault');
    // The end of the rollback is waited for in the same words, so the start comes first.
    await until(async () => (await own()).length === 2, 90);
    expect(await own()).toEqual([expect.stringMatching(/retry/), 'tested: start story:bad-job']);
    const waits = { release: 'tested', reason: /^01.*Job tested\/acceptance-\S+ is still there/ };
    await heard(analyzer, waits, 90);
    expect((await own()).length).toBe(2);
    await holdJob(field, []);
    await until(async () => (await jobs(field)).some((it) => it.metadata.uid !== first), 90);
    // It fails again, as a Job of its own.
    await field.until('tested', (it) => it.phase === 'Failed' && it.step === undefined, 120);
    expect((await own()).slice(1)).toEqual(failed.map(([it]) => `tested: ${it}`));
    return undefined;
  });

  story(
    'hooks: gates closed then opened, a test awaited, a load each period, a rollback',
    async () => {
      const person = async (path: string) => {
        const body = JSON.stringify({ name: 'asked', namespace: 'asked' });
        await fetch(`${hooks.url}${path}`, { method: 'POST', body });
      };
      const rest = '1 asked-primary v2';
      const promoted = await roll(
        'asked',
        { tag: 'v2' },
        {
          rest,
          perSecond: 50,
          story: async () => {
            const closed = { release: 'asked', reason: /^before step 01: .*start-gate/ };
            await heard(analyzer, closed, 90);
            expect(await field.status('asked')).toMatchObject({ phase: 'Waiting' });
            await person('/gate/open');
            await field.until('asked', (it) => it.phase === 'Progressing');
            await person('/gate/close');
            await heard(analyzer, { release: 'asked', reason: /end-gate/ }, 120);
            expect(await field.status('asked')).toMatchObject({ weight: 50 });
            await person('/gate/open');
          },
        },
      );
      const tried = '1 asked-canary v2, 1 asked-primary v1';
      expect(promoted.rows).toEqual([
        ['start story:v2', tried],
        ['hook acceptance is called', tried],
        ['hook acceptance passed', tried],
        ['weight 0 → 50', tried],
        ['promote: the primary gets story:v2', '1 asked-canary v2, 1 asked-primary v2'],
        ['weight 50 → 0', '1 asked-canary v2, 1 asked-primary v2'],
        ['promoted story:v2', rest],
      ]);
      expect(Object.keys(promoted.byStatus)).toEqual(['200']);

      const { candidate: good } = await field.status('asked');
      const back = await roll(
        'asked',
        { tag: 'v3' },
        {
          rest,
          end: 'Failed',
          perSecond: 50,
          story: async () => {
            await field.until('asked', (it) => it.candidate !== good);
            await person('/gate/close');
            await field.until('asked', (it) => it.weight === 50, 120);
            await person('/rollback/open');
          },
        },
      );
      expect(back.rows.map(([it]) => it)).toEqual([
        'start story:v3',
        'hook acceptance is called',
        'hook acceptance passed',
        'weight 0 → 50',
        'roll back: weight 50 → 0',
        'rolled back: the stable set is restored',
      ]);
      expect(await field.status('asked')).toMatchObject({
        phase: 'Failed',
        reason: expect.stringMatching(/hook stop asks for a rollback/),
      });

      const { candidate: bad } = await field.status('asked');
      const news = [...promoted.commits, ...back.commits].map((it) => it.subject);
      await until(async () => toldBy(hooks).length >= news.length);
      expect(toldBy(hooks).map((it) => it.replace(/ \(.*/, ''))).toEqual(news);
      expectSigned(hooks);
      const payloads = hooks.calls.filter(isHook).map(payloadOf);
      for (const it of payloads) {
        expect(it).toMatchObject({ name: 'asked', namespace: 'asked' });
        expect([good, bad]).toContain(it.checksum);
      }
      const commands = (checksum: string | undefined, cmd: string) =>
        payloads.filter((it) => it.checksum === checksum && it.metadata?.cmd === cmd).length;
      expect([commands(good, 'accept'), commands(bad, 'accept')]).toEqual([1, 1]);
      expect([commands(good, 'over'), commands(bad, 'over')]).toEqual([1, 1]);
      // Once each period of a second, in the step with traffic.
      const [from, to] = [3, 4].map((index) => promoted.commits[index]?.at ?? 0);
      expect(commands(good, 'load')).toBeGreaterThanOrEqual(3);
      expect(commands(good, 'load')).toBeLessThanOrEqual((to ?? 0) - (from ?? 0) + 2);
      return `${payloads.length} signed calls`;
    },
  );

  story('two Services that exist already', async () => {
    const watch = watchRelease(field.stack, 'existing');
    const both = '2 shop-blue v1, 2 shop-green v2';
    const options = { rest: both, perSecond: 50 };
    const { rows, byStatus, commits } = await roll('existing', { tag: 'v2' }, options);
    expect(rows).toEqual([
      ['start shop-green', both],
      ['weight 0 → 20', both],
      ['weight 20 → 50', both],
      ['weight 50 → 100', both],
      ['promoted shop-green', both],
    ]);
    expect(Object.keys(byStatus)).toEqual(['200']);
    const told = { id: 'existing', commits, glimpses: await watch.stop(), answers: {} };
    const shares = [20, 50].map((weight) => {
      const counts = during(told, `weight-${weight}`);
      const green = total(counts, (it) => it.workload === 'shop-green');
      const [low, high] = clopperPearson(green, total(counts));
      expect(low).toBeLessThanOrEqual(weight / 100);
      expect(high).toBeGreaterThanOrEqual(weight / 100);
      return `${green} of ${total(counts)} at ${weight} %`;
    });
    return shares.join(', ');
  });
});

async function keepShops({ kubernetes }: Stack): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: shops() };
  await kubernetes.kubectl(['apply', '--server-side', '--filename=-'], JSON.stringify(list));
}

interface ListOf<T> {
  readonly items: readonly T[];
}

async function namesOf({ stack }: Field, path: string): Promise<readonly string[]> {
  const { items } = await stack.api.get<ListOf<KubernetesObject>>(path);
  return items.map((it) => it.metadata.name).sort();
}

const JOBS = '/apis/batch/v1/namespaces/tested/jobs';

async function jobs({ stack }: Field): Promise<readonly KubernetesObject[]> {
  return (await stack.api.get<ListOf<KubernetesObject>>(JOBS)).items;
}

async function holdJob(field: Field, finalizers: readonly string[]): Promise<void> {
  const [name] = await namesOf(field, JOBS);
  await field.stack.api.patch(`${JOBS}/${name}`, { metadata: { finalizers } });
}

interface EndpointSlice extends KubernetesObject {
  readonly endpoints: readonly {
    readonly conditions: { readonly ready?: boolean };
    readonly targetRef: { readonly name: string };
  }[];
}

/** How many ready pods of each track a Service leads to: `1 canary, 4 primary`. */
async function endpointsOf({ stack }: Field, service: string): Promise<string> {
  const path = `/apis/discovery.k8s.io/v1/namespaces/${service}/endpointslices`;
  const label = encodeURIComponent(`kubernetes.io/service-name=${service}`);
  const { items } = await stack.api.get<ListOf<EndpointSlice>>(`${path}?labelSelector=${label}`);
  const ready = items.flatMap((it) => it.endpoints ?? []).filter((it) => it.conditions.ready);
  const count = (track: string) =>
    ready.filter((it) => it.targetRef.name.startsWith(`${service}-${track}-`)).length;
  return ['canary', 'primary']
    .filter((it) => count(it) > 0)
    .map((it) => `${count(it)} ${it}`)
    .join(', ');
}

interface Payload {
  readonly checksum?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Whether it came from the analyzer, and not from a person. */
function isHook({ path }: HookCall): boolean {
  return !/(open|close)$/.test(path);
}

function payloadOf({ body }: HookCall): Payload {
  return JSON.parse(body.toString()) as Payload;
}

/** What the event hook was told of the rollouts, in its order. */
function toldBy({ calls }: HookServer): readonly string[] {
  return calls
    .map((it) => payloadOf(it).metadata ?? {})
    .filter((it) => it.eventMessage !== undefined)
    .sort((a, b) => Number(a.timestamp) - Number(b.timestamp))
    .map((it) => it.eventMessage ?? '');
}

/** Every call carries the HMAC of its bytes. */
function expectSigned({ calls }: HookServer): void {
  for (const { headers, body } of calls.filter(isHook)) {
    const digest = createHmac('sha256', KEY).update(body).digest('hex');
    expect(headers['x-signature']).toBe(`sha256=${digest}`);
  }
}
