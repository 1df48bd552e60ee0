import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLocal } from '../../../analyzer/git/index.ts';
import { verify } from '../../../analyzer/history/history.ts';
import type { Analyzer } from '../../../analyzer/tick/analyzer.ts';
import { atRest, tick } from '../../../analyzer/tick/tick.ts';
import { type PlanChanges, plan } from '../../analyzer/core/fixture.ts';
import { type GitField, openField, untilRest, untilStep } from '../../analyzer/field.ts';
import { bare, git, scratch } from '../../analyzer/git/fixture.ts';

/** Releases that depend on each other, with the real git: groups, the queue, and who comes first. */

const [OLD, NEW, FIX] = ['0000000000', '1111111111', '2222222222'] as const;

function duo(version: string, candidate: string, changes: PlanChanges = {}) {
  const group = { name: 'duo', members: ['a', 'b'], candidate };
  return plan(version, { ...changes, more: { group } });
}

const both = (version: string, candidate: string) => ({
  a: duo(version, candidate),
  b: duo(version, candidate),
});

let template: Promise<GitField> | undefined;

/** A group whose releases run v1 and stand at 20 % of v2; walked there once. */
async function at20(): Promise<{ readonly field: GitField; readonly analyzer: Analyzer }> {
  template ??= walk();
  const known = await template;
  const folder = join(await scratch(), 'repository.git');
  await cp(known.folder, folder, { recursive: true });
  const field = await openField(folder);
  field.now = known.now;
  await field.world.sync();
  return { field, analyzer: await field.analyzer() };
}

async function walk(): Promise<GitField> {
  const field = await openField((await bare()).folder);
  const analyzer = await field.analyzer();
  await field.release(both('v1', OLD));
  await untilRest(field, analyzer);
  await field.release(both('v2', NEW));
  await untilStep(field, analyzer, 'a', '02-weight-20');
  return field;
}

function subjects(field: GitField, since = ''): readonly string[] {
  const range = since === '' ? 'main' : `${since}..main`;
  const all = git(field.folder, 'log', '--reverse', '--format=%s', range);
  return all === '' ? [] : all.split('\n');
}

async function problems(field: GitField): Promise<readonly string[]> {
  const reader = await openLocal({ folder: field.folder });
  const run = await reader.resolve('main');
  const all = await verify(reader, { run, source: run });
  await reader.close();
  return all.flatMap((it) => it.problems);
}

const state = (field: GitField, id: string) => field.read(`rollouts/${id}/state.yaml`);
const tip = (field: GitField) => git(field.folder, 'rev-parse', 'main');

describe.concurrent('a group', () => {
  test('is initialized, steps and completes in single commits, and every one verifies', async () => {
    const { field, analyzer } = await at20();
    field.now += 70;
    await untilRest(field, analyzer);
    expect(subjects(field)).toEqual([
      'release a, b',
      'duo (a, b): initialize app:v1 (3bfc269594)',
      'duo (a, b): initialized app:v1',
      'release a, b',
      'duo (a, b): start app:v2 (fb04dcb697)',
      'duo (a, b): weight 0 → 20',
      'duo (a, b): weight 20 → 50',
      'duo (a, b): promote: the primary gets app:v2',
      'duo (a, b): weight 50 → 0',
      'duo (a, b): promoted app:v2 (fb04dcb697)',
    ]);
    const trailers = git(
      field.folder,
      'log',
      '-1',
      '--format=%(trailers:key=Perch-Release)',
      'main',
    );
    expect(trailers.trim().split('\n')).toEqual(['Perch-Release: a', 'Perch-Release: b']);
    expect(await problems(field)).toEqual([]);
  });

  test('rolls back in one commit when one is bad, the candidate of the group failed, and a fix starts all', async () => {
    const { field, analyzer } = await at20();
    field.world.value = (release) => (release === 'b' ? 80 : 99.9);
    const before = tip(field);
    await untilRest(field, analyzer);
    expect(subjects(field, before)).toEqual([
      'duo (a, b): roll back: weight 20 → 0',
      'duo (a, b): rolled back: the stable set is restored',
    ]);
    for (const id of ['a', 'b'])
      expect(state(field, id)).toContain(`failed:\n  candidate: "${NEW}"`);
    field.world.value = () => 99.9;
    // Only b is mended; a comes with the same version.
    await field.release({ a: duo('v2', FIX), b: duo('v3', FIX) });
    await tick(analyzer);
    expect(subjects(field).at(-1)).toBe('duo (a, b): to 01-canary-up');
    expect(await problems(field)).toEqual([]);
  });

  test('of which one is edited by hand waits for it, and rolls back over the edit when it must', async () => {
    const { field, analyzer } = await at20();
    await field.edit({ 'live/b/service-app.yaml': '{}\n' });
    field.now += 70;
    const held = await tick(analyzer);
    expect(held.outcomes.map((it) => it.decision.kind)).toEqual(['hold', 'hold']);
    expect(held.outcomes[0]?.decision.reason).toMatch(
      /waits for its group: b: paused, Git was edited/,
    );
    field.world.value = (release) => (release === 'a' ? 80 : 99.9);
    await tick(analyzer);
    expect(subjects(field).at(-1)).toBe('duo (a, b): roll back: weight 20 → 0');
    await field.world.sync();
    field.now += 70;
    await untilRest(field, analyzer);
    expect(await problems(field)).toEqual([]);
  });

  test('of whose candidate only half is merged takes the old one back, and starts when all of it is', async () => {
    const { field, analyzer } = await at20();
    await field.release({ a: duo('v3', FIX) });
    await untilSubject(field, analyzer, 'duo (a, b): rolled back: the stable set is restored');
    const { outcomes } = await tick(analyzer);
    expect(outcomes.map((it) => it.decision.kind)).not.toContain('move');
    expect(outcomes.find((it) => it.release === 'a')?.decision.reason).toMatch(
      /b has no plan of candidate 2222222222/,
    );
    await field.release({ b: duo('v3', FIX) });
    await tick(analyzer);
    expect(subjects(field).at(-1)).toBe('duo (a, b): start app:v3 (e0d2747b9a)');
  });

  test('whose commit the server refuses moves none, and holds up no other release', async () => {
    const { field, analyzer } = await at20();
    await field.release({ web: plan('v1') });
    const hooks = join(field.folder, 'hooks');
    await mkdir(hooks, { recursive: true });
    const guard =
      'while read old new ref; do git diff --name-only "$old" "$new" | grep -q ^live/b/ && exit 1; done';
    await writeFile(join(hooks, 'pre-receive'), `#!/bin/sh\n${guard}\nexit 0\n`);
    await chmod(join(hooks, 'pre-receive'), 0o755);
    field.now += 70;
    const before = tip(field);
    const report = await tick(analyzer);
    expect(report.refused).toMatch(/^a, b: /);
    expect(report.outcomes.filter((it) => it.commit).map((it) => it.release)).toEqual(['web']);
    expect(subjects(field, before)).toHaveLength(1);
    expect(atRest(report)).toBe(false);
  });

  test('with a bug of ours in one member moves none', async () => {
    const { field } = await at20();
    field.now += 70;
    const before = tip(field);
    const analyzer = await field.analyzer((it) => ({
      ...it,
      lastChange: async (commit, id) => {
        if (id === 'b') throw new TypeError('planted');
        return it.lastChange(commit, id);
      },
    }));
    const { outcomes } = await tick(analyzer);
    expect(outcomes.map((it) => it.decision.reason)).toEqual([
      expect.stringMatching(/waits for its group: b of group duo cannot be found/),
      'a bug in the analyzer: planted',
    ]);
    expect(subjects(field, before)).toEqual([]);
  });
});

async function untilSubject(field: GitField, analyzer: Analyzer, subject: string): Promise<void> {
  for (let ticks = 0; ticks < 10; ticks++) {
    await tick(analyzer);
    await field.world.sync();
    if (subjects(field).at(-1) === subject) return;
    field.now += 70;
  }
  throw new Error(`no commit "${subject}": ${subjects(field).join('; ')}`);
}

/** Two releases that run v1. */
async function pair(): Promise<{ readonly field: GitField; readonly analyzer: Analyzer }> {
  const field = await openField((await bare()).folder);
  const analyzer = await field.analyzer();
  await field.release({ a: plan('v1'), b: plan('v1') });
  await untilRest(field, analyzer);
  return { field, analyzer };
}

test.concurrent('no more rollouts are under way than may be, also where somebody else pushes between', async () => {
  const { field, analyzer } = await pair();
  await field.release({ a: plan('v2'), b: plan('v2') });
  let raced = false;
  const { repository } = analyzer;
  const push: typeof repository.push = async (commit) => {
    if (!raced) await field.edit({ 'README.md': 'hello\n' });
    raced = true;
    return repository.push(commit);
  };
  const limited = { ...analyzer, mostRollouts: 1, repository: { ...repository, push } };
  const report = await tick(limited);
  expect(report.conflicts).toBe(1);
  expect(report.outcomes.map((it) => it.decision.kind)).toEqual(['move', 'hold']);
  expect(report.outcomes[1]?.decision.reason).toMatch(/at most 1 may be/);
});

test.concurrent('of two that come with one commit the one that the other depends on goes first', async () => {
  const { field, analyzer } = await pair();
  const more = {
    dependsOn: [{ release: 'b', phases: ['Succeeded' as const, 'Initialized' as const] }],
  };
  await field.release({ a: plan('v2', { more }), b: plan('v2') });
  const first = await tick(analyzer);
  expect(first.outcomes.map((it) => it.decision.kind)).toEqual(['hold', 'move']);
  expect(first.outcomes[0]?.decision.reason).toMatch(/^waits for release b, which is Waiting/);
  await field.world.sync();
  field.now += 70;
  await untilRest(field, analyzer);
  const order = subjects(field).filter((it) => /: (start|promoted) /.test(it));
  expect(order.map((it) => it.split(' ').slice(0, 2).join(' '))).toEqual([
    'b: start',
    'b: promoted',
    'a: start',
    'a: promoted',
  ]);
});
