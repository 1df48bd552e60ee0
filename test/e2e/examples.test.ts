import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Cluster } from '../../analyzer/cluster/cluster.ts';
import { openLocal, type Reader } from '../../analyzer/git/index.ts';
import { verify } from '../../analyzer/history/history.ts';
import { intervene } from '../../analyzer/intervene.ts';
import type { Analyzer } from '../../analyzer/tick/analyzer.ts';
import { tick } from '../../analyzer/tick/tick.ts';
import { oneCluster } from '../../analyzer/tick/world.ts';
import { abTestApp } from '../../apps/ab-test.ts';
import { blueGreenApp } from '../../apps/blue-green.ts';
import { fractionsApp } from '../../apps/fractions.ts';
import { rampedApp } from '../../apps/ramped.ts';
import { recreateApp } from '../../apps/recreate.ts';
import { replicasApp } from '../../apps/replicas.ts';
import { shadowApp } from '../../apps/shadow.ts';
import { stepsApp } from '../../apps/steps.ts';
import { Testing } from '../../lib/index.ts';
import { type Manifest, objectAt } from '../../lib/manifest/json.ts';
import { isManifest } from '../../lib/manifest/manifest.ts';
import { parsePlan } from '../../lib/plan/parse.ts';
import { DIGEST_ANNOTATION } from '../../lib/plan/plan.ts';
import { type GitField, openField } from '../analyzer/field.ts';
import { bare, git } from '../analyzer/git/fixture.ts';
import { afterFile } from '../cleanups.ts';

const EXAMPLES = [
  abTestApp,
  blueGreenApp,
  fractionsApp,
  rampedApp,
  recreateApp,
  replicasApp,
  shadowApp,
  stepsApp,
];
const IDS = EXAMPLES.map((it) => it(Testing.apps()).id).sort();

/** Where an example waits for a person. */
const APPROVED = new Map([
  ['blue-green', '01-canary-up'],
  ['steps', '03-approve'],
]);

/** All examples in one repository: real synth, real git, real ticks, and a cluster that shows what `live/` says. */
interface Stage {
  readonly field: GitField;
  readonly analyzer: Analyzer;
  readonly reader: Reader;
  readonly sync: () => Promise<void>;
}

async function stage(): Promise<Stage> {
  const field = await openField((await bare()).folder);
  const reader = await openLocal({ folder: field.folder });
  afterFile(() => reader.close());
  let shown = new Map<string, { readonly at: number; readonly object: Manifest }>();
  const keyOf = (kind: string, namespace: string | undefined, name: string) =>
    `${kind}/${namespace}/${name}`;
  const cluster: Cluster = {
    read: async (refs) => ({
      kind: 'known',
      value: {
        objects: refs.map((it) => {
          const found = shown.get(keyOf(it.kind, it.namespace, it.name));
          return found === undefined ? { kind: 'absent' } : { kind: 'found', object: found.object };
        }),
        serverTime: field.now,
      },
    }),
  };
  return {
    field,
    reader,
    analyzer: { ...(await field.analyzer()), clusters: oneCluster(cluster) },
    async sync() {
      const objects = await liveObjects(reader);
      shown = new Map(
        objects.map((it) => {
          const key = keyOf(it.kind, it.metadata.namespace, it.metadata.name);
          const before = shown.get(key);
          const digestOf = (one: Manifest | undefined) =>
            one?.metadata.annotations?.[DIGEST_ANNOTATION];
          const isSame = before !== undefined && digestOf(before.object) === digestOf(it);
          const at = isSame ? before.at : field.now;
          return [key, { at, object: applied(it, objects, at) }] as const;
        }),
      );
    },
  };
}

async function liveObjects(reader: Reader): Promise<readonly Manifest[]> {
  const run = await reader.resolve('main');
  const all = await reader.list({ run, source: run });
  const trees = await Promise.all(all.flatMap((it) => (it.live ? [reader.files(it.live)] : [])));
  const texts = await reader.texts(trees.flatMap((it) => [...it.values()]));
  return texts.map(parsed).filter(isManifest);
}

const known = new Map<string, unknown>();

/** Most files are those of the tick before. */
function parsed(text: string): unknown {
  const object: unknown = known.get(text) ?? parse(text);
  known.set(text, object);
  return object;
}

/** The object with what an API server, an autoscaler and ready pods add. */
function applied(object: Manifest, all: readonly Manifest[], now: number): Manifest {
  const { metadata } = object;
  const scaler = all.find(
    (it) =>
      it.kind === 'HorizontalPodAutoscaler' &&
      it.metadata.name === metadata.name &&
      it.metadata.namespace === metadata.namespace,
  );
  const spec = objectAt(object, 'spec');
  const replicas = spec.replicas ?? objectAt(scaler ?? {}, 'spec').minReplicas ?? 1;
  const fieldsV1 = { 'f:metadata': { 'f:annotations': { 'f:perch/digest': {} } } };
  const managedFields = [{ time: new Date(now * 1000).toISOString(), fieldsV1 }];
  return {
    ...object,
    metadata: Object.assign({ ...metadata }, { generation: 1, managedFields }),
    spec: object.kind === 'Deployment' ? { ...spec, replicas } : spec,
    status: {
      observedGeneration: 1,
      replicas,
      updatedReplicas: replicas,
      availableReplicas: replicas,
    },
  };
}

/** Merges a version of all examples, and ticks until they are at rest. */
async function release({ field, analyzer, sync }: Stage, version: string): Promise<void> {
  const image = `stefanprodan/podinfo:${version}`;
  const files: Record<string, string> = {};
  for (const example of EXAMPLES) {
    const { id, files: all } = await Testing.render(example(Testing.apps(), { image }));
    for (const [path, text] of all) files[`dist/${id}/${path}`] = String(text);
  }
  await field.edit(
    files,
    IDS.map((it) => `dist/${it}`),
  );
  const approved = new Set<string>();
  let waiting = '';
  for (let ticks = 0; ticks < 60; ticks++) {
    const { outcomes } = await tick(analyzer);
    waiting = outcomes.map((it) => `${it.release}: ${it.decision.reason}`).join('; ');
    await sync();
    if (outcomes.every((it) => it.decision.kind === 'rest')) return;
    // Longer than any bake time: each step is left by the next tick.
    field.now += 800;
    for (const [id, step] of APPROVED) {
      if (approved.has(id) || !stateOf(field, id).includes(`step: ${step}`)) continue;
      approved.add(id);
      const request = { by: 'Robin <robin@example.com>', reason: 'I looked at it' };
      await intervene(analyzer.repository, { id, verb: 'promote', request }, () => field.now);
    }
  }
  throw new Error(`no rest: ${waiting}`);
}

function stateOf(field: GitField, id: string): string {
  const known = git(field.folder, 'ls-tree', 'main', `rollouts/${id}/state.yaml`) !== '';
  return known ? field.read(`rollouts/${id}/state.yaml`) : '';
}

/** Tree of what a release runs, and of the last step of its stable plan. */
function trees({ folder }: GitField, id: string): readonly [live: string, stable: string] {
  const steps = git(folder, 'ls-tree', '--name-only', `main:rollouts/${id}/stable/steps`);
  const last = steps.trim().split('\n').at(-1);
  return [
    git(folder, 'rev-parse', `main:live/${id}`),
    git(folder, 'rev-parse', `main:rollouts/${id}/stable/steps/${last}`),
  ];
}

// Twenty-four rollouts in one repository: git takes its time on a busy machine.
const TIMEOUT = 120_000;

test('every example is released, promoted through its own steps, and taken back when it is bad', {
  timeout: TIMEOUT,
}, async () => {
  const it = await stage();
  const { field } = it;
  // What is compared with the baseline is a ratio; all else is a percent, or milliseconds.
  const good = (asked: string) => (asked.includes('baseline') ? 1 : 99.9);
  field.world.value = good;
  await release(it, '3.1.0');
  await release(it, '3.1.1');
  for (const id of IDS) {
    expect([id, stateOf(field, id)]).toEqual([id, expect.stringContaining('kind: complete')]);
    const [live, stable] = trees(field, id);
    expect([id, live]).toEqual([id, stable]);
    expect(field.read(`live/${id}/deployment-podinfo-primary.yaml`)).toContain('podinfo:3.1.1');
  }
  // The candidate is bad, and the stable version, which runs beside it, is not.
  const primary = new Set(IDS.flatMap((id) => primaryQueries(field, id)));
  field.world.value = (asked) => (primary.has(asked) ? good(asked) : 50);
  await release(it, '3.1.2');
  for (const id of IDS) {
    expect([id, stateOf(field, id)]).toEqual([id, expect.stringContaining('failed:')]);
    const [live, stable] = trees(field, id);
    expect([id, live]).toEqual([id, stable]);
    expect(field.read(`live/${id}/deployment-podinfo-primary.yaml`)).toContain('podinfo:3.1.1');
  }
  const run = await it.reader.resolve('main');
  const checked = await verify(it.reader, { run, source: run });
  expect(checked.flatMap((one) => one.problems)).toEqual([]);
});

function primaryQueries(field: GitField, id: string): readonly string[] {
  const place = `dist/${id}/plan.yaml`;
  return parsePlan(field.read(place), place).checks.flatMap((it) => it.ask.primary ?? []);
}
