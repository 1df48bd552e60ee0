import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLocal } from '../../analyzer/git/index.ts';
import { verify } from '../../analyzer/history.ts';
import { type Intervention, intervene, type Verb } from '../../analyzer/intervene.ts';
import { tick } from '../../analyzer/tick.ts';
import { plan } from './core/fixture.ts';
import { type Field, inStep, openField, untilRest } from './field.ts';
import { bare, git } from './git/fixture.ts';

const ROBIN = { by: 'Robin <robin@example.com>', reason: 'I know why' };
const [V1, V2] = [plan('v1'), plan('v2')];

async function field(): Promise<Field> {
  return openField((await bare()).folder);
}

async function ask(it: Field, verb: Verb, id = 'app'): Promise<Intervention> {
  const { repository } = await it.analyzer();
  return intervene(repository, id, verb, ROBIN, () => it.now);
}

function state(it: Field): string {
  return it.read('rollouts/app/state.yaml');
}

async function problems(it: Field): Promise<readonly string[]> {
  const reader = await openLocal({ folder: it.folder });
  const run = await reader.resolve('main');
  const all = await verify(reader, { run, source: run });
  await reader.close();
  return all.flatMap((one) => one.problems);
}

/** Reverts the last commit, as `git revert` does. */
function revert(it: Field): string {
  const commit = git(it.folder, 'commit-tree', 'main~1^{tree}', '-p', 'main', '-m', 'Revert');
  git(it.folder, 'update-ref', 'refs/heads/main', commit);
  return commit;
}

describe.concurrent('a person', () => {
  test('pauses and resumes: one commit each, and the rollout goes on', async () => {
    const { field: it, analyzer } = await inStep('02-weight-20');
    const paused = await ask(it, 'pause');
    expect(paused.message).toMatch(
      /^app: paused\n\nI know why\.\nBy Robin <robin@example\.com>\.\n/,
    );
    expect(git(it.folder, 'rev-parse', 'main')).toBe(paused.commit);
    it.now += 70;
    expect(await tick(analyzer)).toMatchObject({
      outcomes: [{ decision: { kind: 'hold' }, status: { phase: 'Paused' } }],
    });
    await ask(it, 'resume');
    await untilRest(it, analyzer);
    expect(state(it)).toContain('kind: complete');
    expect(await problems(it)).toEqual([]);
  });

  test('aborts, and retries', async () => {
    const { field: it, analyzer } = await inStep('03-weight-50');
    await ask(it, 'abort');
    await untilRest(it, analyzer);
    expect(state(it)).toMatch(/kind: stable\n(.|\n)*failed:\n(.|\n)*aborted: I know why/);
    await ask(it, 'retry');
    await untilRest(it, analyzer);
    expect(state(it)).toContain('kind: complete');
    expect(await problems(it)).toEqual([]);
  });

  test('removes a release once it is gone from dist/', async () => {
    const it = await field();
    const analyzer = await it.analyzer();
    await it.release({ app: V1, web: V1 });
    await untilRest(it, analyzer);
    await expect(ask(it, 'remove')).rejects.toThrow('app is still in dist/');
    await it.edit({}, ['dist/app']);
    expect(await tick(analyzer)).toMatchObject({ outcomes: [{ status: { phase: 'Orphaned' } }] });
    expect((await ask(it, 'remove')).message).toMatch(/^app: removed\n/);
    expect(git(it.folder, 'ls-tree', '--name-only', 'main:live')).toBe('web');
    expect(git(it.folder, 'ls-tree', '--name-only', 'main:rollouts')).toBe('web');
    expect(await problems(it)).toEqual([]);
    // Added again, it is a first release again.
    await it.release({ app: V2 });
    expect(await tick(analyzer)).toMatchObject({
      outcomes: [{ decision: { transition: 'start', to: { kind: 'init' } } }],
    });
    expect(await problems(it)).toEqual([]);
  });

  test('names a release that does not exist, and is told the known ones', async () => {
    const it = await field();
    await expect(ask(it, 'pause')).rejects.toThrow('there is no release "app"; there are: none');
    await it.release({ web: V1 });
    await expect(ask(it, 'pause')).rejects.toThrow('there is no release "app"; there are: web');
    await expect(ask(it, 'pause', 'web')).rejects.toThrow('web has not started');
  });

  test('is told why the server refuses', async () => {
    const { field: it } = await inStep('01-canary-up');
    const hook = join(it.folder, 'hooks', 'pre-receive');
    await mkdir(join(it.folder, 'hooks'), { recursive: true });
    await writeFile(hook, '#!/bin/sh\necho protected >&2\nexit 1\n');
    await chmod(hook, 0o755);
    await expect(ask(it, 'pause')).rejects.toThrow(/^the push was refused: /);
  });

  test('who is overtaken looks again', async () => {
    const { field: it, analyzer } = await inStep('02-weight-20');
    let raced = 0;
    const { repository } = await it.analyzer((real) => ({
      ...real,
      async push(commit) {
        if (raced++ === 0) {
          it.now += 70;
          await tick(analyzer);
        }
        return real.push(commit);
      },
    }));
    await intervene(repository, 'app', 'pause', ROBIN, () => it.now);
    expect(raced).toBe(2);
    expect(state(it)).toMatch(/step: 03-weight-50\n(.|\n)*paused:/);
    expect(await problems(it)).toEqual([]);
  });
});

describe.concurrent('after an edit by hand', () => {
  test.each<[string, Readonly<Record<string, string>>]>([
    ['of live/', { 'live/app/service-app.yaml': '{}\n' }],
    ['of plan/', { 'rollouts/app/plan/plan.yaml': 'version: 1\n' }],
    ['of stable/', { 'rollouts/app/stable/steps/06-complete/service-app.yaml': '{}\n' }],
    ['that corrupts state.yaml', { 'rollouts/app/state.yaml': 'transition: [\n' }],
  ])('%s: a problem, until resume writes over it', async (_, files) => {
    const { field: it, analyzer } = await inStep('02-weight-20');
    const before = git(
      it.folder,
      'rev-parse',
      'main:live/app',
      'main:rollouts/app/plan',
      'main:rollouts/app/stable',
    );
    const edit = await it.edit(files);
    expect(await problems(it)).not.toEqual([]);
    it.now += 70;
    expect(await tick(analyzer)).toMatchObject({
      outcomes: [{ decision: { kind: 'hold' }, status: { phase: 'Paused' } }],
    });
    expect((await ask(it, 'resume')).message).toMatch(/^app: resumed at 02-weight-20\n/);
    expect(state(it)).toMatch(new RegExp(`accepts:\\n  - ${edit}`));
    expect(
      git(
        it.folder,
        'rev-parse',
        'main:live/app',
        'main:rollouts/app/plan',
        'main:rollouts/app/stable',
      ),
    ).toBe(before);
    expect(await problems(it)).toEqual([]);
  });

  test('a reverted transition pauses, and resume keeps it', async () => {
    const { field: it, analyzer } = await inStep('03-weight-50');
    const reverted = revert(it);
    await it.world.sync();
    expect(state(it)).toContain('step: 02-weight-20');
    it.now += 70;
    expect(await tick(analyzer)).toMatchObject({
      outcomes: [
        {
          decision: { kind: 'hold', reason: expect.stringMatching(/without a transition/) },
          status: { phase: 'Paused' },
        },
      ],
    });
    await ask(it, 'resume');
    expect(state(it)).toMatch(/kind: resume\n(.|\n)*step: 02-weight-20\n/);
    expect(state(it)).toMatch(new RegExp(`accepts:\\n  - ${reverted}`));
    expect(await problems(it)).toEqual([]);
    await untilRest(it, analyzer);
    expect(state(it)).toContain('kind: complete');
    expect(await problems(it)).toEqual([]);
  });

  test.each<Verb>(['pause', 'retry'])('%s is refused: resume comes first', async (verb) => {
    const { field: it } = await inStep('01-canary-up');
    await it.edit({ 'live/app/service-app.yaml': '{}\n' });
    await expect(ask(it, verb)).rejects.toThrow(
      /app was edited by hand: .*`perch resume` it first/,
    );
  });

  test('abort goes back to the true stable set, and says what it wrote over', async () => {
    const { field: it, analyzer } = await inStep('02-weight-20');
    const stable = git(it.folder, 'rev-parse', 'main:rollouts/app/stable');
    const edit = await it.edit({
      'rollouts/app/stable/steps/06-complete/service-app.yaml': '{}\n',
    });
    await ask(it, 'abort');
    expect(state(it)).toMatch(new RegExp(`accepts:\\n  - ${edit}`));
    await untilRest(it, analyzer);
    expect(git(it.folder, 'rev-parse', 'main:live/app')).toBe(
      git(it.folder, 'rev-parse', `${stable}:steps/06-complete`),
    );
    expect(await problems(it)).toEqual([]);
  });
});
