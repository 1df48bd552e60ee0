import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Apps, Atomic, Release } from '../../../lib/index.ts';
import { isMissing } from '../servers/missing.ts';
import type { KubernetesObject } from '../stack/api.ts';
import { missingStack } from '../stack/stack.ts';
import type { AnalyzerProcess } from './analyzer.ts';
import { type Field, openField, type ReleasesFactory } from './field.ts';
import {
  type Laptop,
  openLaptop,
  type PodWatch,
  type Ran,
  type RunOptions,
  run,
  watchPods,
} from './ran.ts';
import { storyRelease } from './release.ts';
import { printStories, tell } from './table.ts';

/** Two that move as one. */
const PAIR = ['front', 'rear'] as const;
const IDS = [...PAIR, 'alone'] as const;

const tool = 'argo-cd';
const missing = await missingStack({ sync: [tool], gateway: true, prometheus: true });

describe('releases with two roots, two of them in a group', { skip: isMissing(missing) }, () => {
  let field: Field;
  let pods: PodWatch;
  let analyzer: AnalyzerProcess;
  let laptop: Laptop;

  beforeAll(async () => {
    field = await openField(
      tool,
      IDS.map((id) => ({ id })),
      { releases },
    );
    await field.stack.player.behave([{ image: 'fails', failedPercent: 60 }]);
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
    test.concurrent(name, { timeout: 240_000 }, () => tell({ story: name, tool }, run));
  const roll = (
    id: (typeof IDS)[number],
    begin: () => Promise<unknown>,
    options: Omit<RunOptions, 'perSecond'>,
  ) => run({ field, analyzer, pods }, id, begin, { ...options, perSecond: 50 });
  const pair = (front: string, rear: string, end: 'Succeeded' | 'Failed') => {
    // One merge for both, or the first would wait for the second.
    const merge = () => field.publish({ front: { tag: front }, rear: { tag: rear } });
    return Promise.all([
      roll('front', merge, { rest: '2 front-primary v2', end }),
      roll('rear', async () => undefined, { rest: '2 rear-primary v2', end }),
    ]);
  };

  story('a group: every step is one commit, and one bad member takes both back', async () => {
    const good = await pair('v2', 'v2', 'Succeeded');
    expectOneCommitEach(good, [
      [/^start |^to 01-canary-up$/, ['2 canary v2, 2 primary v1', '2 canary v2, 2 primary v1']],
      [/^weight 0 → 20$/, ['2 canary v2, 2 primary v1', '2 canary v2, 2 primary v1']],
      [/^weight 20 → 50$/, ['2 canary v2, 2 primary v1', '2 canary v2, 2 primary v1']],
      [
        /^promote: the primary gets .*v2$/,
        ['2 canary v2, 2 primary v2', '2 canary v2, 2 primary v2'],
      ],
      [/^weight 50 → 0$/, ['2 canary v2, 2 primary v2', '2 canary v2, 2 primary v2']],
      [/^promoted |^to complete$/, ['2 primary v2', '2 primary v2']],
    ]);
    expect(good.map((it) => Object.keys(it.byStatus))).toEqual([['200'], ['200']]);

    // The checks of one fail, and the other one's do not.
    const bad = await pair('v3', 'fails', 'Failed');
    expectOneCommitEach(bad, [
      [/^to 01-canary-up$/, ['2 canary v3, 2 primary v2', '2 canary fails, 2 primary v2']],
      [/^weight 0 → 20$/, ['2 canary v3, 2 primary v2', '2 canary fails, 2 primary v2']],
      [/^roll back: weight 20 → 0$/, ['2 canary v3, 2 primary v2', '2 canary fails, 2 primary v2']],
      [/^rolled back: /, ['2 primary v2', '2 primary v2']],
    ]);
    expect(Object.keys(bad[0].byStatus)).toEqual(['200']);
    const { reason } = await field.status('front');
    expect(reason).toMatch(/rear of its group rolls back: 3 failed checks of success-rate/);
    return `${bad[1].byStatus[500]} of rear’s requests failed, none of front’s`;
  });

  story('undo: a complete release goes back to the version before', async () => {
    const merge = () => field.publish({ alone: { tag: 'v2' } });
    const good = await roll('alone', merge, { rest: '2 alone-primary v2' });
    const undo = () => laptop.perch('undo', 'alone', '--message=the shop is slower');
    const rest = '2 alone-primary v1';
    const back = await roll('alone', undo, { rest, end: 'Failed' });
    expect(back.rows).toEqual([
      ['undo story:v2: back to story:v1', rest],
      ['roll back: restore the routes', rest],
      ['rolled back: the stable set is restored', rest],
    ]);
    expect([good, back].map((it) => Object.keys(it.byStatus))).toEqual([['200'], ['200']]);
    expect((await field.status('alone')).reason).toMatch(/undone: the shop is slower/);
    // Each release was applied by two.
    const path = '/apis/argoproj.io/v1alpha1/namespaces/argocd/applications';
    const { items } = await field.stack.api.get<{ items: KubernetesObject[] }>(path);
    const names = IDS.flatMap((id) => [`${id}-mesh`, `${id}-workload`]);
    expect(items.map((it) => it.metadata.name).sort()).toEqual(names.sort());
    return undefined;
  });
});

/** Both moved by the same commits, and this is what ran in them. */
function expectOneCommitEach(
  [front, rear]: readonly [Ran, Ran],
  rows: readonly (readonly [subject: RegExp, pods: readonly [string, string]])[],
): void {
  expect(rear.commits).toEqual(front.commits);
  const short = (it: Ran) =>
    it.rows.map(([, pods]) => pods.replaceAll(/\w+-(?=canary|primary)/g, ''));
  const [left, right] = [short(front), short(rear)];
  const seen = front.rows.map(([subject], index) => [subject, [left[index], right[index]]]);
  expect(seen).toEqual(rows.map(([subject, pods]) => [expect.stringMatching(subject), pods]));
}

/** The stories' releases, with their routes apart from everything else. */
const releases: ReleasesFactory = (apps, versionOf, { gateway }) => {
  const [front, rear] = IDS.map((id) => {
    const { props } = storyRelease(new Apps(), { id }, versionOf(id), gateway.parentRef);
    return new Release(apps, id, { ...props, roots: 'mesh-and-workload' });
  });
  if (front !== undefined && rear !== undefined) new Atomic(apps, 'pair', [front, rear]);
};
