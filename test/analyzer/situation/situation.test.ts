import { describe, expect, test } from 'vitest';
import { openLocal, type Reader } from '../../../analyzer/git/index.ts';
import { type AdmissionMemory, withRefusals } from '../../../analyzer/situation/admission.ts';
import { loadPlan, loadSituation, newReadMemory } from '../../../analyzer/situation/situation.ts';
import { toYaml } from '../../../lib/manifest/yaml.ts';
import type { FileInfo, Plan } from '../../../lib/plan/plan.ts';
import { policyWith } from '../../../lib/plan/policy.ts';
import { plan } from '../core/fixture.ts';
import { bare, git, gitWith, merge } from '../git/fixture.ts';

/** A reader that counts the texts it is asked for. */
function counting(reader: Reader): { readonly reader: Reader; readonly texts: () => number } {
  let texts = 0;
  return {
    texts: () => texts,
    reader: {
      ...reader,
      texts: (oids) => {
        texts += oids.length;
        return reader.texts(oids);
      },
    },
  };
}

function mktree(folder: string, ...lines: readonly string[]): string {
  return gitWith({ folder, input: lines.map((it) => `${it}\n`).join('') }, 'mktree');
}

function blob(folder: string, input: string): string {
  return gitWith({ folder, input }, 'hash-object', '-w', '--stdin');
}

describe('a plan that cannot be read', () => {
  test('is read once, not in every pass, and named by the place where it lies', async () => {
    const { folder } = await bare();
    merge(folder, { 'dist/app/plan.yaml': 'a: 1\n'.repeat(2) });
    const tree = git(folder, 'rev-parse', 'main:dist/app');
    const { reader, texts } = counting(await openLocal({ folder }));
    const memory = newReadMemory();
    for (const place of ['dist/app', 'rollouts/app/plan', 'dist/app'])
      expect(await loadPlan(reader, tree, place, memory)).toEqual({
        kind: 'broken',
        reason: expect.stringMatching(new RegExp(`^${place}/plan\\.yaml is not YAML whose keys`)),
      });
    expect(texts()).toBe(1);
    await reader.close();
  });

  test('no more is a state that cannot be read', async () => {
    const { folder } = await bare();
    const state = blob(folder, 'a: [\n');
    const { reader, texts } = counting(await openLocal({ folder }));
    const memory = newReadMemory();
    for (let pass = 0; pass < 3; pass++)
      expect((await loadSituation(reader, { id: 'app', state }, memory)).state).toEqual({
        kind: 'broken',
        reason: expect.stringMatching(/^rollouts\/app\/state\.yaml is not YAML: .*perch resume/),
      });
    expect(texts()).toBe(1);
    await reader.close();
  });

  test('is asked for again where git itself failed', async () => {
    const { folder } = await bare();
    const missing = 'f'.repeat(40);
    const tree = mktree(folder, `100644 blob ${blob(folder, 'a: 1\n')}\tplan.yaml`);
    const reader = await openLocal({ folder });
    const memory = newReadMemory();
    const broken = { ...reader, files: async () => new Map([['plan.yaml', missing]]) };
    expect(await loadPlan(broken, tree, 'dist/app', memory)).toMatchObject({ kind: 'broken' });
    expect(memory.plans.size).toBe(0);
    await reader.close();
  });

  test('a tree that repeats itself is not walked to its end', async () => {
    const { folder } = await bare();
    const file = blob(folder, 'x\n');
    let tree = mktree(folder, `100644 blob ${file}\ta`);
    for (let level = 0; level < 8; level++)
      tree = mktree(
        folder,
        ...Array.from({ length: 20 }, (_, it) => `040000 tree ${tree}\td${it}`),
      );
    const reader = await openLocal({ folder });
    const found = await loadPlan(reader, tree, 'dist/app', newReadMemory());
    expect(found).toMatchObject({ reason: expect.stringMatching(/plan\.yaml is missing/) });
    expect((await reader.files(tree)).size).toBeLessThan(20_002);
    await reader.close();
  });

  test('a blob that is too large is never asked of git, which would hold it whole', async () => {
    const { folder } = await bare();
    const large = blob(folder, 'x'.repeat(5 * 1024 ** 2));
    const reader = await openLocal({ folder });
    await expect(reader.texts([large])).rejects.toThrow(
      `blob ${large} is a blob of ${5 * 1024 ** 2} bytes; at most ${4 * 1024 ** 2} are read`,
    );
    await reader.close();
  });
});

describe('one release that is too large does not stop the others', () => {
  test('where its folder in dist/ has 100,000 long names', async () => {
    const { folder } = await bare();
    const file = blob(folder, 'x\n');
    const lines = Array.from(
      { length: 100_000 },
      (_, it) => `100644 blob ${file}\t${it}-${'name'.repeat(80)}`,
    );
    const huge = mktree(folder, lines.join('\n'));
    const small = mktree(folder, `100644 blob ${file}\tplan.yaml`);
    const dist = mktree(folder, `040000 tree ${small}\tapp`, `040000 tree ${huge}\thuge`);
    const root = mktree(folder, `040000 tree ${dist}\tdist`);
    const tip = git(folder, 'commit-tree', root, '-m', 'huge');
    const reader = await openLocal({ folder });
    const all = await reader.list({ run: undefined, source: tip });
    expect(all.map((it) => it.id)).toEqual(['app', 'huge']);
    const [, trees = { id: 'huge' }] = all;
    const { dist: found } = await loadSituation(reader, trees, newReadMemory());
    expect(found).toEqual({
      kind: 'broken',
      reason: expect.stringMatching(/^dist\/huge/),
    });
    await reader.close();
  });
});

/** The plan of a release with many ConfigMaps more, and the texts of its files. */
function largePlan(files: number): {
  readonly plan: Plan;
  readonly texts: ReadonlyMap<string, string>;
} {
  const { plan: base } = plan('v1');
  const names = Array.from({ length: files }, (_, it) => `configmap-settings-${it}.yaml`);
  const info = (name: string): FileInfo => ({
    role: 'configuration',
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: base.namespace,
    name: name.slice('configmap-'.length, -'.yaml'.length),
    asked: true,
    pointers: ['/data'],
  });
  const added = Object.fromEntries(names.map((it) => [it, info(it)]));
  const whole = new Set([base.steps[0]?.name, base.steps.at(-1)?.name]);
  const large: Plan = {
    ...base,
    files: added,
    workloads: {},
    baseline: undefined,
    steps: base.steps.map((it) => ({ ...it, files: whole.has(it.name) ? names : [] })),
  };
  const text = (name: string) =>
    toYaml({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: info(name).name, namespace: base.namespace },
      data: { a: '1' },
    });
  return { plan: large, texts: new Map(names.map((it) => [it, text(it)])) };
}

test('a plan of 1,000 files is read and looked at', async () => {
  const { folder } = await bare();
  const { plan: large, texts } = largePlan(1000);
  merge(folder, {
    'dist/app/plan.yaml': toYaml(JSON.parse(JSON.stringify(large))),
    ...Object.fromEntries(
      large.steps.flatMap((step) =>
        step.files.map((name) => [`dist/app/steps/${step.name}/${name}`, texts.get(name) ?? '']),
      ),
    ),
  });
  const reader = await openLocal({ folder });
  const tip = git(folder, 'rev-parse', 'main');
  const [trees] = await reader.list({ run: undefined, source: tip });
  const situation = await loadSituation(reader, trees ?? { id: 'app' }, newReadMemory());
  const gate = { policy: policyWith() };
  const memory: AdmissionMemory = new Map();
  const judged = await withRefusals(reader, tip, situation, gate, memory);
  expect([...memory.values()], 'it was looked at, and nothing found').toEqual([[]]);
  expect(judged.dist).toMatchObject({ kind: 'known' });
  expect(judged.refused).toBeUndefined();
  await reader.close();
});
