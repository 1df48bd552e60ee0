import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { tick } from '../analyzer/tick/tick.ts';
import { type Rendered, render, verbatim } from '../lib/index.ts';
import { policyWith } from '../lib/plan/policy.ts';
import { type Field, openMemoryField, untilRest, untilStep } from './analyzer/field.ts';
import { temporaryFolder } from './cleanups.ts';
import { deployment, type SampleObject, sample, workload } from './lib/sample.ts';

/** A rollout of Secrets alone, through the real analyzer, over Git and a cluster in memory. */

const EXTERNAL = 'external-secrets.io/ExternalSecret';

function sealed(name: string, value: string, annotations: object = {}): SampleObject {
  return {
    apiVersion: 'bitnami.com/v1alpha1',
    kind: 'SealedSecret',
    metadata: { name, annotations },
    spec: { encryptedData: { password: value }, template: { metadata: { name } } },
  };
}

function external(value: string): SampleObject {
  return {
    apiVersion: 'external-secrets.io/v1',
    kind: 'ExternalSecret',
    metadata: { name: 'db' },
    spec: { target: { name: 'db-login' }, data: [{ secretKey: 'a', remoteRef: { key: value } }] },
  };
}

/** A release whose image never changes, with each kind of Secret in this version. */
async function version(value: string): Promise<Rendered> {
  const path = join(temporaryFolder(), 'keys.yaml');
  const sops = { password: `ENC[${value}]` };
  const metadata = { name: 'keys', namespace: 'prod' };
  writeFileSync(
    path,
    JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: sops }),
  );
  const names = ['strict', 'wide', 'db-login', 'keys'];
  const envFrom = names.map((name) => ({ secretRef: { name } }));
  return render(
    sample({
      workload: workload(
        deployment({ containers: [{ name: 'main', image: 'shop:1', envFrom }] }),
        sealed('strict', value),
        sealed('wide', value, { 'sealedsecrets.bitnami.com/namespace-wide': 'true' }),
        external(value),
      ),
      service: { port: 80, targetPort: 8080 },
      verbatim: [verbatim(path)],
      allowKinds: [EXTERNAL],
    }),
  );
}

/** Merges a plan; the cluster in memory reads JSON. */
async function merge(field: Field, { files }: Rendered): Promise<void> {
  const texts = [...files].map(([path, content]): [string, string] => {
    const text = Buffer.from(content).toString();
    return [`dist/shop/${path}`, path.includes('/') ? JSON.stringify(parse(text)) : text];
  });
  await field.edit(Object.fromEntries(texts), ['dist/shop']);
}

function fileOf({ plan }: Rendered, kind: string, stem: string): string {
  const found = Object.entries(plan.files).find(
    ([, it]) => it.kind === kind && it.name.startsWith(stem),
  );
  if (found === undefined) throw new Error(`no ${kind} ${stem}`);
  return found[0];
}

async function running() {
  const [one, two] = [await version('one'), await version('two')];
  const field = openMemoryField();
  const analyzer = { ...(await field.analyzer()), admission: { policy: policyWith([EXTERNAL]) } };
  await merge(field, one);
  await untilRest(field, analyzer);
  await merge(field, two);
  return { field, analyzer, one, two };
}

const FIXED = ['sealedsecret-strict.yaml', 'secret-keys.yaml'];

function named(it: Rendered): readonly string[] {
  return [fileOf(it, 'SealedSecret', 'wide-'), fileOf(it, 'ExternalSecret', 'db-')];
}

function holds(field: Field, file: string): boolean {
  try {
    field.read(`live/shop/${file}`);
    return true;
  } catch {
    return false;
  }
}

/** Which version each Secret of one name is of. */
function fixedIn(field: Field): readonly string[] {
  return FIXED.map((it) => /\b(one|two)\b/.exec(field.read(`live/shop/${it}`))?.[1] ?? 'none');
}

describe('Secrets alone change', () => {
  test('the canary gets its own where the name can tell them apart, and the old ones go at completion', async () => {
    const { field, analyzer, one, two } = await running();
    await untilStep(field, analyzer, 'shop', '01-canary-up');
    expect([...named(one), ...named(two)].filter((it) => !holds(field, it))).toEqual([]);
    expect(fixedIn(field)).toEqual(['two', 'two']);
    await untilRest(field, analyzer);
    expect(named(one).filter((it) => holds(field, it))).toEqual([]);
    expect(named(two).filter((it) => !holds(field, it))).toEqual([]);
    expect(field.read('rollouts/shop/state.yaml')).toContain('complete');
  });

  test.each(['02-weight-25', '04-promote'])(
    'after a rollback from %s the old bytes are there, the candidate’s own are gone, and the primary kept what it reads',
    async (step) => {
      const { field, analyzer, one, two } = await running();
      await untilStep(field, analyzer, 'shop', step);
      const before = field.id('main:rollouts/shop/stable/steps/06-complete');
      field.world.value = (query) => (query.includes('shop-canary') ? 1 : 99.9);
      for (let ticks = 0; ticks < 40 && field.id('main:live/shop') !== before; ticks++) {
        expect(named(one).filter((it) => !holds(field, it))).toEqual([]);
        await tick(analyzer);
        await field.world.sync();
        field.now += 70;
      }
      expect(field.id('main:live/shop')).toBe(before);
      expect(field.subjects().at(-1)).toMatch(/rolled back/);
      expect(fixedIn(field)).toEqual(['one', 'one']);
      expect(named(two).filter((it) => holds(field, it))).toEqual([]);
      expect(named(one).filter((it) => !holds(field, it))).toEqual([]);
    },
  );
});
