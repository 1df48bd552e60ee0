import { createHmac } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HookServer, startHookServer } from '../../embedded/hook-server.ts';
import { isMissing } from '../servers/missing.ts';
import { printLogsOnFailure } from '../stack/failures.ts';
import { total } from '../stack/player/player.ts';
import { missingStack, type Stack } from '../stack/stack.ts';
import { POD_ANNOTATION } from '../stack/stages.ts';
import { until } from '../stack/until.ts';
import { type AnalyzerProcess, heard } from './analyzer.ts';
import { type Field, openField } from './field.ts';
import { during } from './kinds.ts';
import { type Laptop, openLaptop, type PodWatch, run, watchPods } from './ran.ts';
import { printStories, tell } from './table.ts';
import { watchRelease } from './watch.ts';
import { BAD_JOB, HOOK_KEY, shops, WAYS, type Way, ways } from './ways.ts';

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
    await writeFile(join(keys, HOOK_KEY), 'opens every gate\n', { mode: 0o600 });
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
  const roll = (
    id: Way,
    ...args: Parameters<typeof run> extends [unknown, unknown, ...infer R] ? R : never
  ) => run({ field, analyzer, pods }, id, ...args);

  story('a list: beside a baseline, and a person opens the gate from a laptop', async () => {
    const open = async () => {
      await heard(analyzer, { release: 'listed', reason: /person/ }, 120);
      await laptop.perch('promote', 'listed', '--message=looks good');
    };
    const options = { rest: '2 listed-primary v2', perSecond: 50, story: open };
    const { rows, byStatus } = await roll('listed', { tag: 'v2' }, options);
    console.log(JSON.stringify({ rows, byStatus }, null, 1));
    return undefined;
  });

  story('recreate: no two versions at a time, and nobody between', async () => {
    const { rows, running } = await roll(
      'recreated',
      { tag: 'v2' },
      { rest: '2 recreated-primary v2' },
    );
    console.log(JSON.stringify({ rows, running }, null, 1));
    return undefined;
  });

  story('ramped: pod by pod', async () => {
    const { rows, running } = await roll('ramped', { tag: 'v2' }, { rest: '3 ramped-primary v2' });
    console.log(JSON.stringify({ rows, running }, null, 1));
    return undefined;
  });

  story('a canary without a router', async () => {
    const { rows } = await roll('by-pods', { tag: 'v2' }, { rest: '4 by-pods-primary v2' });
    console.log(JSON.stringify({ rows }, null, 1));
    return undefined;
  });

  story('a StatefulSet part by part, and back from a version that never gets ready', async () => {
    const good = await roll('store', { tag: 'v2' }, { rest: '4 store-primary v2' });
    console.log(JSON.stringify(good.rows, null, 1));
    const stuck = { tag: 'stuck', podAnnotations: { [POD_ANNOTATION]: 'never-ready' } };
    const bad = await roll('store', stuck, { rest: '4 store-primary v2', end: 'Failed' });
    console.log(JSON.stringify(bad, null, 1));
    return undefined;
  });

  story('a DaemonSet on two nodes', async () => {
    const options = { rest: '2 on-nodes-primary v2', perSecond: 50 };
    const { rows, byStatus } = await roll('on-nodes', { tag: 'v2' }, options);
    console.log(JSON.stringify({ rows, byStatus }, null, 1));
    return undefined;
  });

  story('a Job that passes, one that fails, and another try', async () => {
    const good = await roll('tested', { tag: 'v2' }, { rest: '1 tested-primary v2' });
    console.log(JSON.stringify(good.rows, null, 1));
    const bad = await roll(
      'tested',
      { tag: BAD_JOB },
      { rest: '1 tested-primary v2', end: 'Failed' },
    );
    console.log(JSON.stringify(bad.rows, null, 1));
    return undefined;
  });

  story('hooks are asked and told', async () => {
    return undefined;
  });

  story('two Services that exist already', async () => {
    const watch = watchRelease(field.stack, 'existing');
    const { rows, byStatus, commits } = await roll(
      'existing',
      { tag: 'v2' },
      { rest: '2 shop-blue v1, 2 shop-green v2', perSecond: 50 },
    );
    await watch.stop();
    console.log(JSON.stringify({ rows, byStatus }, null, 1));
    const counts = during(
      { id: 'existing', commits, glimpses: watch.glimpses, answers: {} },
      'weight-20',
    );
    console.log(JSON.stringify(counts));
    return undefined;
  });
});

async function keepShops({ kubernetes }: Stack): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: shops() };
  await kubernetes.kubectl(['apply', '--server-side', '--filename=-'], JSON.stringify(list));
}
