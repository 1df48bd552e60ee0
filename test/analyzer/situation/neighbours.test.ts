import { describe, expect, test } from 'vitest';
import type { PlanTree } from '../../../analyzer/core/position.ts';
import type { Decision } from '../../../analyzer/core/rules/decision.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import {
  type Neighbours,
  newNeighbours,
  withNeighbours,
} from '../../../analyzer/situation/neighbours.ts';
import { tick } from '../../../analyzer/tick/tick.ts';
import { footprintOf, neighbourhood } from '../../../lib/plan/neighbours.ts';
import { COMPLETE, plan, situation, V1, V2 } from '../core/fixture.ts';
import { distFiles, type Field, openMemoryField, untilRest } from '../field.ts';

/** Merges releases with the same objects into one namespace. */
async function merge(field: Field, plans: Readonly<Record<string, PlanTree>>): Promise<void> {
  const ids = Object.keys(plans);
  const files = ids.flatMap((id) =>
    [...distFiles(id, plans[id] ?? V1)].map(([path, text]): [string, string] => [
      path,
      text
        .replaceAll(`"namespace":"${id}"`, () => '"namespace":"prod"')
        .replaceAll(`namespace: ${id}\n`, () => 'namespace: prod\n'),
    ]),
  );
  await field.edit(
    Object.fromEntries(files),
    ids.map((id) => `dist/${id}`),
  );
}

async function decisions(field: Field, run: ReturnType<typeof tick>) {
  const { outcomes } = await run;
  await field.world.sync();
  return new Map(outcomes.map((it): [string, Decision] => [it.release, it.decision]));
}

const refusedFor = (other: string) => ({
  kind: 'rest',
  reason: expect.stringMatching(
    new RegExp(
      `^refused: release ${other} writes (?:\\w+ app\\S*,? ){3}and \\d+ more as well: rename it in one`,
    ),
  ),
});

describe('two releases that would write one object', () => {
  test('the one that comes later is refused, and the one that runs goes on', async () => {
    const field = openMemoryField();
    await merge(field, { web: V1 });
    const analyzer = await field.analyzer();
    await untilRest(field, analyzer);
    await merge(field, { api: V1, web: V2 });
    const found = await decisions(field, tick(analyzer));
    expect(found.get('api')).toMatchObject(refusedFor('web'));
    expect(found.get('web')).toMatchObject({ kind: 'move', transition: 'start' });
    await untilRest(field, analyzer);
    expect(field.read('rollouts/web/state.yaml')).toContain(V2.plan.candidate);
    expect(() => field.id('main:live/api')).toThrow('there is no');
  });

  test('of two that come together one starts', async () => {
    const field = openMemoryField();
    await merge(field, { api: V1, web: V1 });
    const found = await decisions(field, tick(await field.analyzer()));
    expect(found.get('api')).toMatchObject({ kind: 'move', transition: 'start' });
    expect(found.get('web')).toMatchObject(refusedFor('api'));
  });

  test('in namespaces of their own both start', async () => {
    const field = openMemoryField();
    await field.release({ api: V1, web: V1 });
    const found = await decisions(field, tick(await field.analyzer()));
    for (const id of ['api', 'web']) expect(found.get(id)).toMatchObject({ kind: 'move' });
  });
});

/** A release that runs v1, whose v2 comes, beside another that runs this. */
async function beside(other: PlanTree, given: Situation): Promise<Situation> {
  const running = neighbourhood();
  running.add({ ...footprintOf(other.plan), release: 'web' });
  const neighbours = {
    clashes: async (...[, , it]: Parameters<Neighbours['clashes']>) => running.clashes(it),
  };
  return withNeighbours(await openMemoryField().reader(), [], given, neighbours);
}

const comes = (dist: PlanTree) => situation({ position: COMPLETE, plan: V1, stable: V1, dist });

test('what both run already holds neither up', async () => {
  expect((await beside(V1, comes(V2))).refused).toBeUndefined();
  const [reason, ...more] = (await beside(V2, comes(V2))).refused ?? [];
  expect(reason).toMatch(/^release web writes ConfigMap app-\w+ as well: rename/);
  expect(more).toEqual([]);
});

test('a selector that finds the pods of another release is refused', async () => {
  const pods = { app: 'app', role: 'worker' };
  const v3 = plan('v3', { shape: { selectors: { primary: { app: 'app' } }, podLabels: pods } });
  const other = { ...v3, plan: { ...v3.plan, files: {} } };
  const given = plan('v2', {
    shape: { selectors: { primary: { role: 'worker' } }, apexSelector: { role: 'worker' } },
  });
  const { refused } = await beside(other, comes(given));
  expect(refused).toEqual([
    'it would select the pods of release web, and send them its requests (role=worker): ' +
      'let each workload select by a label that only its own pods have',
  ]);
});

test('a route of the author’s own that another release writes is refused', async () => {
  const edge = {
    role: 'routing',
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    namespace: V2.plan.namespace,
    name: 'edge',
    asked: true,
  } as const;
  const withEdge = (it: PlanTree, files: PlanTree['plan']['files']) => ({
    ...it,
    plan: { ...it.plan, files: { ...files, 'httproute-edge.yaml': edge } },
  });
  const other = withEdge(plan('v3', { shape: { selectors: {} } }), {});
  expect((await beside(other, comes(withEdge(V2, V2.plan.files)))).refused).toEqual([
    expect.stringMatching(/^release web writes HTTPRoute edge as well: rename it in one of them/),
  ]);
});

test('each plan is read once, whoever asks and however often', async () => {
  const field = openMemoryField();
  await field.release({ api: V1, web: V1, app: V1 });
  const analyzer = await field.analyzer();
  await untilRest(field, analyzer);
  await field.release({ api: V2, web: V2 });
  let texts = 0;
  const reader = await field.reader();
  const counting = {
    ...reader,
    texts: (oids: readonly string[]) => {
      texts += oids.length;
      return reader.texts(oids);
    },
  };
  const tip = field.id('main');
  const all = await reader.list({ run: tip, source: tip });
  const neighbours = newNeighbours();
  const ask = (id: string) =>
    neighbours.clashes(counting, all, { ...footprintOf(V2.plan), release: id });
  await Promise.all([ask('api'), ask('web'), ask('api')]);
  expect(texts).toBe(3);
  await ask('web');
  expect(texts).toBe(3);
});
