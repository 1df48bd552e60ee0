import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { violations } from '../../../analyzer/core/legal.ts';
import { canaryWeight, positionText } from '../../../analyzer/core/position.ts';
import { parseState, type State, stateText } from '../../../analyzer/core/state.ts';
import { openLocal, type Reader } from '../../../analyzer/git/index.ts';
import { type Visit, verify, walk } from '../../../analyzer/history/history.ts';
import { loadSituation, newReadMemory } from '../../../analyzer/situation/situation.ts';
import { at } from '../../../lib/plan/pointer.ts';
import { type DemoResult, runDemo, VERSIONS } from '../../demo/demo.ts';
import type { DemoEvent } from '../../demo/event.ts';
import { commitTree, contents, type Forgery, flipped, forge, gitWith } from '../../demo/forgery.ts';

const STORIES = ['good', 'bad'] as const;
type StoryName = (typeof STORIES)[number];

interface Told {
  readonly folder: string;
  readonly reader: Reader;
  readonly result: DemoResult;
  readonly events: readonly DemoEvent[];
  readonly tip: string;
  readonly visits: readonly Visit[];
}

const told = new Map<StoryName, Told>();
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'perch-demo-test-'));
  await Promise.all(STORIES.map(async (name) => told.set(name, await tell(name))));
}, 60_000);

afterAll(async () => {
  for (const { reader } of told.values()) await reader.close();
  await rm(root, { recursive: true, force: true });
});

/** As fast as the machine goes: the clock waits for nobody. */
const FACTOR = 1_000_000;

async function tell(name: StoryName): Promise<Told> {
  const folder = join(root, name);
  const events: DemoEvent[] = [];
  const onEvent = (event: DemoEvent) => void events.push(event);
  const result = await runDemo({ bad: name === 'bad', keep: folder, factor: FACTOR, onEvent });
  const reader = await openLocal({ folder });
  const tip = (await reader.resolve('main')) ?? '';
  const { visits } = await walk(reader, tip, 'podinfo', newReadMemory());
  return { folder, reader, result, events, tip, visits };
}

function story(name: StoryName): Told {
  const found = told.get(name);
  if (found === undefined) throw new Error(`the ${name} story was not told`);
  return found;
}

describe.each(STORIES)('the %s story', (name) => {
  test('ends as it should', () => {
    const { result, events, visits } = story(name);
    expect(result.problems).toEqual([]);
    expect(result.end.phase).toBe(name === 'good' ? 'Succeeded' : 'Failed');
    expect(result.end.commits).toEqual(visits.map((it) => it.commit.oid));
    expect(events.at(-1)).toEqual(result.end);
    expect(Object.keys(result.end)).toEqual(['event', 'release', 'phase', 'commits', 'seconds']);
    expect(events.every((it) => it.event !== 'refused')).toBe(true);
  });

  test('every commit is legal, and its live/ is files(position)', async () => {
    const { reader, tip, visits } = story(name);
    expect(visits.flatMap((it) => it.problems)).toEqual([]);
    expect(await verify(reader, { run: tip, source: tip })).toMatchObject([
      {
        release: 'podinfo',
        transitions: visits.length,
        complete: true,
        source: 'found',
        problems: [],
      },
    ]);
  });

  test('the routes in every commit are those of its position, and sum to 100', () => {
    const { folder, visits } = story(name);
    // The first one initializes: nothing is routed yet.
    expect(weightsIn(folder, visits[0])).toBeUndefined();
    for (const visit of visits.slice(1)) {
      const weight = weightOf(visit);
      expect(weightsIn(folder, visit)).toEqual([100 - weight, weight]);
    }
  });

  test('every commit is told, in order, with the simulated time that it has', () => {
    const { events, visits } = story(name);
    const moves = events.flatMap((it) => (it.event === 'decision' && it.commit ? [it] : []));
    expect(moves.map((it) => [it.commit, it.subject, Date.parse(it.at) / 1000])).toEqual(
      visits.map(({ commit }) => [commit.oid, commit.message.split('\n')[0], commit.at]),
    );
  });

  test('the analyzer sends nothing but GET to the API server', () => {
    const { apiRequests } = story(name).result;
    expect(apiRequests.length).toBeGreaterThan(100);
    expect(new Set(apiRequests.map((it) => it.method))).toEqual(new Set(['GET']));
  });

  test('one byte that differs in any file of any commit is found', async () => {
    const { folder, reader, visits } = story(name);
    const forgeries = visits.flatMap(({ commit }) => flips(folder, commit.oid));
    const commits = forge(folder, forgeries);
    expect(commits).toHaveLength(forgeries.length);
    const unseen: string[] = [];
    for (const [index, run] of commits.entries()) {
      const { path = '' } = forgeries[index] ?? {};
      const wrong = await violationsAt(reader, run);
      // What is wrong is said: the file itself, or the pinned folder that holds it.
      const isNamed = wrong.some((it) => it.includes(path.split('/').slice(0, 3).join('/')));
      if (!isNamed) unseen.push(`${run} ${path}`);
    }
    expect(unseen).toEqual([]);
    expect(forgeries.length).toBeGreaterThan(visits.length * 20);
  });

  test('verify itself finds one such byte for each commit', async () => {
    const { folder, reader, visits } = story(name);
    const some = visits.flatMap(({ commit }, index) => {
      const all = flips(folder, commit.oid);
      return all.slice(index % all.length, (index % all.length) + 1);
    });
    for (const run of forge(folder, some)) {
      const all = await verify(reader, { run, source: undefined });
      expect(all.flatMap((it) => it.problems)).not.toEqual([]);
    }
  });
});

/** One forgery for each file that the analyzer wrote, but state.yaml. */
function flips(folder: string, parent: string): readonly Forgery[] {
  const below = ['live/podinfo', 'rollouts/podinfo/plan', 'rollouts/podinfo/stable'];
  const files = contents(folder, parent, below);
  return [...files].map(([path, content]) => ({ parent, path, content: flipped(content) }));
}

/** By tree id, so that only a plan that was forged is read again. */
const plans = newReadMemory();

async function violationsAt(reader: Reader, run: string): Promise<readonly string[]> {
  const releases = await reader.list({ run, source: undefined });
  const found = await Promise.all(releases.map((it) => loadSituation(reader, it, plans)));
  return found.flatMap(violations);
}

test('the good story goes from 0 to promoted without skipping a step', () => {
  const { visits } = story('good');
  expect(visits.map(subjectOf)).toEqual([
    expect.stringMatching(/^podinfo: initialize podinfo:3\.1\.0 /),
    'podinfo: initialized podinfo:3.1.0',
    expect.stringMatching(/^podinfo: start podinfo:3\.1\.1 /),
    'podinfo: weight 0 → 10',
    'podinfo: weight 10 → 20',
    'podinfo: weight 20 → 30',
    'podinfo: weight 30 → 40',
    'podinfo: weight 40 → 50',
    'podinfo: promote: the primary gets podinfo:3.1.1',
    'podinfo: weight 50 → 0',
    expect.stringMatching(/^podinfo: promoted podinfo:3\.1\.1 /),
  ]);
  expect(visits.map(weightOf)).toEqual([0, 0, 0, 10, 20, 30, 40, 50, 50, 0, 0]);
  const steps = visits.at(-1)?.situation.plan;
  if (steps?.kind !== 'known') throw new Error('the plan is missing');
  const names = steps.value.plan.steps.map((it) => it.name);
  expect(visits.slice(2, -1).map(placeOf)).toEqual(names.slice(1, -1));
});

test('the bad story rolls back as soon as its checks fail, first the routes', () => {
  const { visits } = story('bad');
  expect(visits.slice(3).map(subjectOf)).toEqual([
    'podinfo: weight 0 → 10',
    'podinfo: weight 10 → 20',
    'podinfo: roll back: weight 20 → 0',
    'podinfo: rolled back: the stable set is restored',
  ]);
  expect(visits.slice(5).map(placeOf)).toEqual(['back from 03-weight-20: routes', 'stable']);
  const [initialized, last] = [visits[1], visits.at(-1)];
  expect(last?.commit.trees.live).toBe(initialized?.commit.trees.live);
  expect(stateOf(last).failed).toMatchObject({ step: '03-weight-20' });
});

test('both stories are the same up to where the new version fails', () => {
  const [good, bad] = [story('good'), story('bad')];
  const ids = (it: Told) => it.visits.slice(0, 5).map(({ commit }) => commit.oid);
  expect(ids(good)).toEqual(ids(bad));
});

test('a consistent forgery passes alone, and fails once the source ref is there', async () => {
  const { folder, reader, tip } = story('good');
  const forged = forgeConsistently(folder, tip);
  const alone = await verify(reader, { run: forged, source: undefined });
  expect(alone).toMatchObject([{ release: 'podinfo', source: 'unknown', problems: [] }]);
  const [it] = await verify(reader, { run: forged, source: tip });
  expect(it?.problems).toEqual([expect.stringMatching(/never was dist\/podinfo in the source/)]);
});

/** Another image everywhere, in trees that fit together, by a transition that is legal. */
function forgeConsistently(folder: string, tip: string): string {
  const evil = (content: Buffer) =>
    Buffer.from(content.toString().replaceAll(`podinfo:${VERSIONS.to}`, 'podinfo:6.6.6'));
  const files = new Map<string, Buffer | undefined>();
  const statePath = 'rollouts/podinfo/state.yaml';
  const below = ['live/podinfo', 'rollouts/podinfo'];
  for (const [path, content] of contents(folder, tip, below))
    if (path !== statePath) files.set(path, evil(content));
  const trees = commitTree(folder, tip, files);
  const oid = (path: string) => gitWith(folder, {}, '', ['rev-parse', `${trees}:${path}`]);
  const text = contents(folder, tip, [statePath]).get(statePath)?.toString() ?? '';
  const old = parseState(text, statePath);
  const state: State = {
    ...old,
    transition: old.transition + 1,
    kind: 'configure',
    position: { kind: 'complete' },
    plan: oid('rollouts/podinfo/plan'),
    stable: oid('rollouts/podinfo/stable'),
  };
  files.set(statePath, Buffer.from(stateText(state)));
  return commitTree(folder, tip, files);
}

function subjectOf({ commit }: Visit): string {
  return commit.message.split('\n')[0] ?? '';
}

function weightOf({ situation: { plan, state } }: Visit): number {
  if (plan.kind !== 'known' || state.kind !== 'known') throw new Error('nothing is known');
  return canaryWeight(plan.value.plan, state.value.position);
}

/** Percent for each destination of the VirtualService in live/. */
function weightsIn(folder: string, visit: Visit | undefined): readonly unknown[] | undefined {
  const live = contents(folder, visit?.commit.oid ?? '', ['live/podinfo']);
  const routes = live.get('live/podinfo/virtualservice-podinfo.yaml');
  if (routes === undefined) return undefined;
  const [first, second] = [0, 1].map((it) => `/spec/http/0/route/${it}/weight`);
  const object: unknown = parse(routes.toString());
  return [first, second].map((pointer) => at(object, pointer ?? ''));
}

function placeOf(visit: Visit): string {
  return positionText(stateOf(visit).position);
}

function stateOf(visit: Visit | undefined): State {
  if (visit?.situation.state.kind !== 'known') throw new Error('the state is missing');
  return visit.situation.state.value;
}
