import { describe, expect, test } from 'vitest';
import { explanationOf } from '../../../analyzer/core/explanation.ts';
import { newMemory } from '../../../analyzer/tick/analyzer.ts';
import { lookAt } from '../../../analyzer/tick/look.ts';
import { tick } from '../../../analyzer/tick/tick.ts';
import { oneCluster } from '../../../analyzer/tick/world.ts';
import { hook, plan } from '../core/fixture.ts';
import { type Field, inStep, openMemoryField, untilRest, untilStep } from '../field.ts';

/** What somebody finds who can only read. */
async function look(field: Field, id = 'app') {
  const repository = await field.reader();
  const run = field.id('main');
  const snapshot = { run, source: run };
  const all = await repository.list(snapshot);
  const trees = all.find((it) => it.id === id);
  if (trees === undefined) throw new Error(`there is no ${id}`);
  const { cluster, metrics } = field.world;
  const clusters = oneCluster(cluster);
  const asked = { repository, clusters, metrics, clock: () => field.now, memory: newMemory() };
  return lookAt(asked, { snapshot, all }, trees);
}

describe('a look at one release', () => {
  test('finds what a pass finds, object by object, and writes nothing', async () => {
    const { field } = await inStep('02-weight-20');
    const before = field.id('main');
    field.world.value = () => 69.17;
    field.now += 30;
    const found = explanationOf(await look(field));
    expect(found.decision).toMatchObject({
      kind: 'stays',
      reason: expect.stringMatching(/^success-rate 69\.17 < 99 \(failed check \d of 3\)$/),
    });
    expect(found.cluster).toMatchObject({ live: true });
    const names = found.cluster?.objects.map((it) => `${it.kind} ${it.name}`);
    expect(names).toEqual(expect.arrayContaining(['Deployment app-canary', 'VirtualService app']));
    expect(found.cluster?.objects.flatMap((it) => it.wrong)).toEqual([]);
    field.now += 500;
    expect(explanationOf(await look(field)).decision).toMatchObject({ kind: 'rolls back' });
    expect(field.id('main')).toBe(before);
  });

  test('says of each object what is wrong with it', async () => {
    const { field, analyzer } = await inStep('02-weight-20');
    // The next step is committed, and not applied.
    field.now += 500;
    await tick(analyzer);
    const found = explanationOf(await look(field));
    expect(found).toMatchObject({ stepName: '03-weight-50', decision: { kind: 'stays' } });
    const wrong = found.cluster?.objects.filter((it) => it.wrong.length > 0);
    expect(wrong?.map((it) => `${it.kind} ${it.name}`)).toEqual(['VirtualService app']);
  });

  test('at rest says so, and of a first release that it begins', async () => {
    const field = openMemoryField();
    await field.release({ app: plan('v1') });
    expect(explanationOf(await look(field))).toMatchObject({
      decision: { kind: 'moves', to: 'init' },
      cluster: null,
    });
    await untilRest(field, await field.analyzer());
    expect(explanationOf(await look(field)).decision).toMatchObject({ kind: 'rests' });
  });

  test('calls no hook', async () => {
    const field = openMemoryField();
    const hooks = [hook('stop', 'rollback')];
    const steps = { '02-weight-20': { hooks: ['stop'] } };
    const analyzer = await field.analyzer();
    await field.release({ app: plan('v1') });
    await untilRest(field, analyzer);
    await field.release({ app: plan('v2', { more: { hooks }, steps }) });
    await untilStep(field, analyzer, 'app', '02-weight-20');
    field.now += 500;
    expect(explanationOf(await look(field))).toMatchObject({
      decision: { kind: 'stays', reason: 'inconclusive: hook stop: hooks are not called here' },
      hooks: [{ name: 'stop', said: 'hooks are not called here' }],
    });
  });
});
