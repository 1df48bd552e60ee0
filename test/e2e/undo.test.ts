import { beforeAll, expect, test } from 'vitest';
import { positionText } from '../../analyzer/core/position.ts';
import { openRepository } from '../../analyzer/git/index.ts';
import { verify, walk } from '../../analyzer/history/history.ts';
import { intervene, type Verb, type Wishes } from '../../analyzer/intervene.ts';
import { newReadMemory } from '../../analyzer/situation/situation.ts';
import { atRest, type TickReport, tick } from '../../analyzer/tick/tick.ts';
import { afterFile } from '../cleanups.ts';
import { GIT_ENVIRONMENT } from '../demo/author.ts';
import { behaviour } from '../demo/behaviour.ts';
import { podinfoFiles, RELEASE } from '../demo/podinfo.ts';
import { startWorld, type World } from '../demo/world.ts';

/**
 * podinfo 3.1.0, then 3.1.1, promoted in a hurry by a person, then undone, with every server of the demo; then
 * nothing more happens by itself.
 */

const ID = RELEASE.id;
const OLD = '3.1.0';
const TICK_SECONDS = 15;

let world: World;
let last: TickReport;
/** Trees of live/ when 3.1.0 was complete, and after the undo. */
let before: string | undefined;
let after: string | undefined;

beforeAll(async () => {
  world = await startWorld({
    release: RELEASE,
    behaviour: behaviour({ failing: undefined }),
    factor: 1_000_000,
    signal: new AbortController().signal,
    onReady: () => undefined,
  });
  afterFile(() => world.stop());
  await release(OLD);
  last = await untilRest();
  before = await liveTree();
  await release('3.1.1');
  await tick(world.analyzer);
  await person('promote', { full: true });
  last = await untilRest();
  await person('undo');
  last = await untilRest();
  after = await liveTree();
}, 60_000);

async function release(version: string): Promise<void> {
  const { files } = await podinfoFiles(version);
  const at = world.clock.now();
  await world.author.push({ subject: version, at, replaces: ['dist', 'apps'], files });
}

/** As from a laptop: with a clone of its own, and the right to push. */
async function person(verb: Verb, wishes: Wishes = {}): Promise<void> {
  const branch = { remote: world.git.url, branch: 'main' };
  const identity = { name: 'Robin', email: 'robin@example.com' };
  const environment = GIT_ENVIRONMENT;
  const repository = await openRepository({ run: branch, source: branch, identity, environment });
  const request = { by: 'Robin <robin@example.com>', reason: 'users complain' };
  await intervene(repository, { id: ID, verb, request, wishes }, world.clock.now);
  await repository.close();
}

async function untilRest(): Promise<TickReport> {
  for (let ticks = 0; ticks < 400; ticks++) {
    const nextTick = world.clock.now() + TICK_SECONDS;
    while (world.clock.now() < nextTick) await world.beat();
    const report = await tick(world.analyzer);
    const tip = await world.reader.resolve('main');
    if (atRest(report) && world.gitops.lastApplied() === tip) return report;
    last = report;
  }
  throw new Error(`no rest: ${last.outcomes.map((it) => it.decision.reason).join('; ')}`);
}

async function liveTree(): Promise<string | undefined> {
  const run = await world.reader.resolve('main');
  if (run === undefined) return undefined;
  return (await world.reader.treesAt(run, ID)).live;
}

test('the cluster goes back part by part, each waited for, to the bytes of before', async () => {
  const run = (await world.reader.resolve('main')) ?? '';
  const { visits } = await walk(world.reader, run, ID, newReadMemory());
  const positions = visits.flatMap(({ situation: { state } }) =>
    state.kind === 'known' ? [`${state.value.kind}: ${positionText(state.value.position)}`] : [],
  );
  const step = positions.at(-3)?.match(/back from (\S+): primary/)?.[1];
  expect(positions.slice(-3)).toEqual([
    `undo: back from ${step}: primary`,
    `back: back from ${step}: routes`,
    'back: stable',
  ]);
  expect(after).toBe(before);
  expect(after).toBeDefined();
});

test('the primary runs the old version', () => {
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'test' };
  const primary = world.api.get({ ...ref, name: 'podinfo-primary' });
  expect(JSON.stringify(primary)).toMatch(new RegExp(`"image":"[^"]+:${OLD}"`));
});

test('a rollout that a person promoted waits for no check, and takes every step', async () => {
  const run = (await world.reader.resolve('main')) ?? '';
  const { visits } = await walk(world.reader, run, ID, newReadMemory());
  const states = visits.flatMap(({ situation: { state } }) =>
    state.kind === 'known' ? [state.value] : [],
  );
  const fast = states.filter((it) => it.fast !== undefined && it.kind === 'next');
  expect(fast.length).toBeGreaterThan(4);
  expect(fast.every((it) => it.reason.startsWith('live and ready; promoted by Robin'))).toBe(true);
});

test('the candidate that was left counts as failed: nothing starts while dist/ still has it', () => {
  expect(last.outcomes).toMatchObject([
    {
      decision: {
        kind: 'rest',
        reason: expect.stringMatching(/failed in .*: undone: users complain/),
      },
      status: { phase: 'Failed', weight: 0 },
    },
  ]);
});

test('and all of it verifies, with the source', async () => {
  const run = await world.reader.resolve('main');
  expect(await verify(world.reader, { run, source: run })).toMatchObject([
    { release: ID, complete: true, source: 'found', problems: [] },
  ]);
});
