import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Cluster } from '../../analyzer/cluster/cluster.ts';
import type { ObjectReading, ObjectRef } from '../../analyzer/core/cluster/reading.ts';
import { openLocal } from '../../analyzer/git/index.ts';
import { verify } from '../../analyzer/history/history.ts';
import type { Analyzer } from '../../analyzer/tick/analyzer.ts';
import { tick } from '../../analyzer/tick/tick.ts';
import { oneCluster } from '../../analyzer/tick/world.ts';
import {
  Apps,
  canary,
  Duration,
  istio,
  kubernetes,
  partitions,
  query,
  type ReleaseProps,
} from '../../lib/index.ts';
import { listAt, type Manifest, objectAt } from '../../lib/manifest/json.ts';
import { DIGEST_ANNOTATION } from '../../lib/plan/plan.ts';
import { Release } from '../../lib/release/release.ts';
import { render } from '../../lib/render/render.ts';
import { type GitField, openField } from '../analyzer/field.ts';
import { bare, git } from '../analyzer/git/fixture.ts';
import { afterFile } from '../cleanups.ts';
import { deployment, workload } from '../lib/sample.ts';

/** Real synth, real git, real ticks; the cluster is a map that shows what `live/` says, with pods that are ready. */
interface Stage {
  readonly field: GitField;
  readonly analyzer: Analyzer;
  /** Images whose pods never get ready. */
  readonly broken: Set<string>;
  /** Renders a release, merges it, and ticks until it is at rest. @returns what it said when it rested */
  run(props: Partial<ReleaseProps>): Promise<string>;
  /** Paths below live/shop. */
  live(): readonly string[];
  object(path: string): Manifest;
  /** Subjects of the commits since the last merge. */
  subjects(): readonly string[];
}

const BASE = {
  namespace: 'prod',
  service: { port: 80, targetPort: 8080 },
  traffic: istio(),
  strategy: canary({ stepWeight: 50, maxWeight: 50 }),
  analysis: {
    checks: [query({ name: 'errors', query: 'shop', max: 1 })],
    checkPeriod: Duration.seconds(30),
    threshold: 2,
  },
};

async function stage(): Promise<Stage> {
  const field = await openField((await bare()).folder);
  field.world.value = () => 0;
  const broken = new Set<string>();
  let shown = new Map<string, Shown | undefined>();
  const cluster: Cluster = {
    read: async (refs) => ({
      kind: 'known',
      value: {
        objects: refs.map((it): ObjectReading => {
          const found = shown.get(keyOf(it));
          return found === undefined ? { kind: 'absent' } : { kind: 'found', object: found.object };
        }),
        serverTime: field.now,
      },
    }),
  };
  const analyzer = { ...(await field.analyzer()), clusters: oneCluster(cluster) };
  const reader = await openLocal({ folder: field.folder });
  afterFile(() => reader.close());
  let files = new Map<string, Manifest>();
  const object = (path: string): Manifest => {
    const found = files.get(path);
    if (found === undefined) throw new Error(`no ${path} in ${[...files.keys()].join(', ')}`);
    return found;
  };
  const sync = async () => {
    const run = await reader.resolve('main');
    const [shop] = await reader.list({ run, source: run });
    const live = shop?.live === undefined ? new Map() : await reader.files(shop.live);
    const texts = await reader.texts([...live.values()]);
    files = new Map([...live.keys()].map((path, index) => [path, parse(texts[index] ?? '')]));
    const before = shown;
    shown = new Map(
      [...files.values()].map((it) => {
        const key = keyOf({ kind: it.kind, ...it.metadata });
        const known = before.get(key);
        const isSame = known?.digest === it.metadata.annotations?.[DIGEST_ANNOTATION];
        return [key, isSame ? known : applied(it, field.now, broken)] as const;
      }),
    );
  };
  return {
    field,
    analyzer,
    broken,
    live: () => [...files.keys()],
    object,
    subjects: () =>
      git(field.folder, 'log', '--format=%s', 'main')
        .split('\n')
        .reduce<{ readonly all: string[]; readonly done: boolean }>(
          ({ all, done }, it) =>
            done || it === 'by hand' ? { all, done: true } : { all: [it, ...all], done },
          { all: [], done: false },
        ).all,
    async run(props) {
      const { files: rendered } = await render(
        new Release(new Apps(), 'shop', { ...BASE, ...props }),
      );
      const texts = [...rendered].map(([path, text]) => [`dist/shop/${path}`, String(text)]);
      await field.edit(Object.fromEntries(texts), ['dist/shop']);
      for (let ticks = 0; ticks < 60; ticks++) {
        const { outcomes } = await tick(analyzer);
        await sync();
        const [outcome] = outcomes;
        if (outcome === undefined || outcome.decision.kind === 'rest')
          return outcome?.decision.reason ?? 'idle';
        field.now += 95;
      }
      throw new Error(`no rest: ${field.read('rollouts/shop/state.yaml')}`);
    },
  };
}

function keyOf({ kind, name }: Pick<ObjectRef, 'kind' | 'name'>): string {
  return `${kind}/${name}`;
}

interface Shown {
  readonly digest: string | undefined;
  readonly object: object;
}

function applied(file: Manifest, now: number, broken: ReadonlySet<string>): Shown {
  const digest = file.metadata.annotations?.[DIGEST_ANNOTATION];
  return { digest, object: withStatus(file, now, broken) };
}

/** The object with what an API server and controllers add. */
function withStatus(object: Manifest, now: number, broken: ReadonlySet<string>): object {
  const spec = objectAt(object, 'spec');
  const replicas = typeof spec.replicas === 'number' ? spec.replicas : 1;
  const image = String(listAt(spec, 'template', 'spec', 'containers')[0]?.image);
  const partition = Number(objectAt(spec, 'updateStrategy', 'rollingUpdate').partition ?? 0);
  const isBroken = broken.has(image);
  const updated = replicas - partition;
  const available = isBroken ? partition : replicas;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      generation: 1,
      managedFields: [
        {
          time: new Date(now * 1000).toISOString(),
          fieldsV1: { 'f:metadata': { 'f:annotations': { 'f:perch/digest': {} } } },
        },
      ],
    },
    status: {
      observedGeneration: 1,
      replicas: updated,
      updatedReplicas: updated,
      availableReplicas: available,
      desiredNumberScheduled: 3,
      updatedNumberScheduled: 3,
      numberAvailable: isBroken ? 0 : 3,
    },
  };
}

async function problems({ field }: Stage): Promise<readonly string[]> {
  const reader = await openLocal({ folder: field.folder });
  const run = await reader.resolve('main');
  const all = await verify(reader, { run, source: run });
  await reader.close();
  return all.flatMap((it) => it.problems);
}

/** The release `shop` with one container of an image. */
function made(kind: string, image: string, spec: object = {}): Partial<ReleaseProps> {
  const containers = [{ name: 'main', image, ports: [{ name: 'http', containerPort: 8080 }] }];
  return { workload: workload({ ...deployment({ containers }, { spec }), kind }) };
}

describe('a release with two roots', () => {
  const props = (image: string): Partial<ReleaseProps> => ({
    ...made('Deployment', image),
    roots: 'mesh-and-workload',
  });

  test('is promoted and taken back file by file, and every commit verifies', async () => {
    const it = await stage();
    await it.run(props('shop:1'));
    expect(it.live()).toEqual([
      'mesh/destinationrule-shop-canary.yaml',
      'mesh/destinationrule-shop-primary.yaml',
      'mesh/virtualservice-shop.yaml',
      'workload/deployment-shop-canary.yaml',
      'workload/deployment-shop-primary.yaml',
      'workload/service-shop-canary.yaml',
      'workload/service-shop-primary.yaml',
      'workload/service-shop.yaml',
    ]);
    await it.run(props('shop:2'));
    expect(objectAt(it.object('workload/deployment-shop-primary.yaml'), 'spec')).toMatchObject({
      template: { spec: { containers: [{ image: 'shop:2' }] } },
    });
    it.field.world.value = () => 5;
    await it.run(props('shop:3'));
    expect(it.subjects().some((one) => /weight 50 → 0|back/.test(one))).toBe(true);
    expect(objectAt(it.object('workload/deployment-shop-primary.yaml'), 'spec')).toMatchObject({
      template: { spec: { containers: [{ image: 'shop:2' }] } },
    });
    const stable = git(it.field.folder, 'rev-parse', 'main:rollouts/shop/stable');
    expect(git(it.field.folder, 'rev-parse', 'main:live/shop')).toBe(
      git(it.field.folder, 'rev-parse', `${stable}:steps/05-complete`),
    );
    expect(await problems(it)).toEqual([]);
  });
});

describe('a DaemonSet', () => {
  const props = (image: string) => made('DaemonSet', image);

  test('has a canary while it is released, and none at rest, promoted or taken back', async () => {
    const it = await stage();
    await it.run(props('shop:1'));
    expect(it.live().filter((one) => one.startsWith('daemonset'))).toEqual([
      'daemonset-shop-primary.yaml',
    ]);
    await it.run(props('shop:2'));
    expect(it.subjects()).toContain('shop: weight 0 → 50');
    expect(it.live().filter((one) => one.startsWith('daemonset'))).toEqual([
      'daemonset-shop-primary.yaml',
    ]);
    expect(it.field.read('rollouts/shop/state.yaml')).toMatch(/kind: complete/);
    // Its pods never get ready.
    it.broken.add('shop:3');
    await it.run(props('shop:3'));
    expect(it.field.read('rollouts/shop/state.yaml')).toMatch(/kind: stable\n(.|\n)*failed:\n/);
    expect(it.live().filter((one) => one.startsWith('daemonset'))).toEqual([
      'daemonset-shop-primary.yaml',
    ]);
    expect(await problems(it)).toEqual([]);
  });
});

describe('a StatefulSet', () => {
  const spec = { replicas: 4, podManagementPolicy: 'Parallel', serviceName: 'shop' };
  const props = (image: string): Partial<ReleaseProps> => ({
    ...made('StatefulSet', image, spec),
    traffic: kubernetes(),
    strategy: partitions({ percents: [25, 50] }),
  });
  const set = (it: Stage) => objectAt(it.object('statefulset-shop-primary.yaml'), 'spec');

  test('is updated from the highest ordinal down, and brought back on every one', async () => {
    const it = await stage();
    await it.run(props('shop:1'));
    await it.run(props('shop:2'));
    const log = git(it.field.folder, 'log', '-p', '--format=', 'main', '--', 'live/shop');
    const partitionsWritten = [...log.matchAll(/^\+ +partition: (\d)$/gm)].map((one) => one[1]);
    expect(partitionsWritten.reverse()).toEqual(['0', '3', '2', '0']);
    expect(set(it)).toMatchObject({ template: { spec: { containers: [{ image: 'shop:2' }] } } });
    // The first pod never gets ready.
    it.broken.add('shop:3');
    await it.run(props('shop:3'));
    expect(it.field.read('rollouts/shop/state.yaml')).toMatch(/kind: stable\n(.|\n)*failed:\n/);
    expect(set(it)).toMatchObject({
      template: { spec: { containers: [{ image: 'shop:2' }] } },
      updateStrategy: { rollingUpdate: { partition: 0 } },
    });
    expect(await problems(it)).toEqual([]);
  });
});

describe('Services that exist already', () => {
  const props = (stable: string, candidate: string): Partial<ReleaseProps> => ({
    existing: { stable, candidate },
    service: { port: 80 },
    strategy: canary({ stepWeight: 50 }),
  });
  const weights = (it: Stage) =>
    listAt(listAt(it.object('virtualservice-shop.yaml'), 'spec', 'http')[0], 'route').map((one) => [
      objectAt(one, 'destination').host,
      one.weight,
    ]);

  test('nothing but routes is written, and the candidate of one release is the stable of the next', async () => {
    const it = await stage();
    await it.run(props('shop-1', 'shop-1'));
    expect(it.live()).toEqual(['destinationrule-shop-1.yaml', 'virtualservice-shop.yaml']);
    await it.run(props('shop-1', 'shop-2'));
    expect(weights(it)).toEqual([
      ['shop-1', 0],
      ['shop-2', 100],
    ]);
    it.field.world.value = () => 5;
    await it.run(props('shop-2', 'shop-3'));
    expect(it.subjects()).toContain('shop: weight 0 → 50');
    expect(weights(it)).toEqual([
      ['shop-1', 0],
      ['shop-2', 100],
    ]);
    // A plan that takes another Service for the stable one would move all of the traffic at once.
    expect(await it.run(props('shop-1', 'shop-4'))).toContain(
      "existing.stable is shop-1, and shop-2 has the traffic since the last release: set existing.stable: 'shop-2'",
    );
    expect(weights(it)).toEqual([
      ['shop-1', 0],
      ['shop-2', 100],
    ]);
    expect(await problems(it)).toEqual([]);
  });
});
