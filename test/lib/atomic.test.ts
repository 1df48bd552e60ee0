import { describe, expect, test } from 'vitest';
import {
  Apps,
  Atomic,
  canary,
  type Plan,
  Release,
  type ReleaseProps,
  type Rendered,
} from '../../lib/index.ts';
import { parsePlan } from '../../lib/plan/parse.ts';
import { deploymentOf, sample, workload } from './sample.ts';

/** Releases of one App, and groups over them. */
function apps(releases: Readonly<Record<string, Partial<ReleaseProps>>>) {
  const root = new Apps();
  const made = Object.fromEntries(
    Object.entries(releases).map(([id, props]): [string, Release] => {
      return [
        id,
        new Release(
          root,
          id,
          sample({ name: id, workload: workload(deploymentOf(id)), ...props }, id).props,
        ),
      ];
    }),
  );
  const group = (name: string, ...ids: readonly string[]) =>
    new Atomic(
      root,
      name,
      ids.map((id) => made[id] ?? missing(id)),
    );
  return { root, group };
}

function missing(id: string): never {
  throw new Error(`no release ${id}`);
}

const image = (tag: string): Partial<ReleaseProps> => ({
  workload: workload(
    deploymentOf('api', {
      containers: [
        { name: 'main', image: `shop:${tag}`, ports: [{ name: 'http', containerPort: 8080 }] },
      ],
    }),
  ),
});

async function groupsIn(root: Apps): Promise<Readonly<Record<string, Plan['group']>>> {
  const { releases } = await root.render();
  return Object.fromEntries(releases.map((it: Rendered) => [it.id, it.plan.group]));
}

describe('a group', () => {
  test('is in the plan of each member, as the analyzer reads it, and in no other', async () => {
    const { root, group } = apps({ web: {}, api: {}, db: {} });
    group('shop', 'web', 'api');
    const found = await groupsIn(root);
    expect(found.api).toEqual({
      name: 'shop',
      members: ['api', 'web'],
      candidate: expect.stringMatching(/^[0-9a-f]{10}$/),
    });
    expect(found.web).toEqual(found.api);
    expect(found.db).toBeUndefined();
    const { releases } = await root.render();
    for (const { files, plan } of releases) {
      expect(parsePlan(String(files.get('plan.yaml')), 'plan.yaml')).toEqual(plan);
      // What is written beside the plan is what was there without a group.
      expect([...files.keys()].filter((it) => !it.includes('/'))).toEqual(['PLAN.md', 'plan.yaml']);
    }
  });

  test('has another candidate with a new version of any member, not with new configuration', async () => {
    const candidate = async (api: Partial<ReleaseProps>) => {
      const { root, group } = apps({ web: {}, api });
      group('shop', 'web', 'api');
      return (await groupsIn(root)).web?.candidate;
    };
    const first = await candidate(image('1'));
    expect(await candidate(image('2'))).not.toBe(first);
    expect(await candidate({ ...image('1'), analysis: {} })).toBe(first);
  });

  test('is in the highest attempt of its members: a failure belongs to all of them', async () => {
    const { root, group } = apps({ web: {}, api: { attempt: 2 }, db: {} });
    group('shop', 'web', 'api');
    const { releases } = await root.render();
    const attempts = releases.map(({ id, plan }) => [id, plan.attempt]);
    expect(Object.fromEntries(attempts)).toEqual({ web: 2, api: 2, db: undefined });
  });

  test('has the same candidate in whatever order its members are named', async () => {
    const candidate = async (...ids: readonly string[]) => {
      const { root, group } = apps({ web: {}, api: {} });
      group('shop', ...ids);
      return (await groupsIn(root)).web?.candidate;
    };
    expect(await candidate('web', 'api')).toBe(await candidate('api', 'web'));
  });
});

describe('what is wrong is told with the remedy', () => {
  test.each<[string, (it: ReturnType<typeof apps>) => unknown, RegExp]>([
    [
      'other steps',
      (it) => it.group('shop', 'web', 'slow'),
      /slow has other steps than web.*use the same strategy/s,
    ],
    [
      'one member',
      (it) => it.group('shop', 'web'),
      /a group needs two releases or more, each once/,
    ],
    [
      'a member twice',
      (it) => it.group('shop', 'web', 'web', 'api'),
      /two releases or more, each once/,
    ],
    ['no name', (it) => it.group('No Name', 'web', 'api'), /name of the group/],
    [
      'two groups for one release',
      (it) => [it.group('shop', 'web', 'api'), it.group('other', 'web', 'db')],
      /release web is in group shop already/,
    ],
    [
      'two groups with one name',
      (it) => [it.group('shop', 'web', 'api'), it.group('shop', 'db', 'cache')],
      /two groups have one name/,
    ],
  ])('%s', async (_, make, expected) => {
    const slow = { strategy: canary({ stepWeights: [1, 2, 3] }) };
    const it = apps({ web: {}, api: {}, db: {}, cache: {}, slow });
    make(it);
    await expect(it.root.render()).rejects.toThrow(expected);
  });

  test('a member that is wrong itself is told alone', async () => {
    const { root, group } = apps({ web: {}, api: { namespace: 'Not A Label' } });
    group('shop', 'web', 'api');
    await expect(root.render()).rejects.toThrow(/namespace/);
  });
});
