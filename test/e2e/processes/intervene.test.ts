import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PlanTree } from '../../../analyzer/core/position.ts';
import { messageText, openLocal } from '../../../analyzer/git/index.ts';
import { verify } from '../../../analyzer/history/history.ts';
import {
  type Intervention,
  intervene,
  type Verb,
  type Wishes,
} from '../../../analyzer/intervene.ts';
import { tick } from '../../../analyzer/tick/tick.ts';
import type { Gate, Plan } from '../../../lib/plan/plan.ts';
import { plan } from '../../analyzer/core/fixture.ts';
import {
  type GitField,
  inStepOfGit,
  openField,
  untilRest,
  untilStep,
} from '../../analyzer/field.ts';
import { bare, begin, git, open, scratch } from '../../analyzer/git/fixture.ts';

const ROBIN = { by: 'Robin <robin@example.com>', reason: 'I know why' };
const [V1, V2] = [plan('v1'), plan('v2')];

async function field(): Promise<GitField> {
  return openField((await bare()).folder);
}

/** What a request became, with what its commit says as text. */
interface Done extends Omit<Intervention, 'message'> {
  readonly message: string;
}

async function ask(it: GitField, verb: Verb, id = 'app', wishes: Wishes = {}): Promise<Done> {
  const { repository } = await it.analyzer();
  const done = await intervene(repository, { id, verb, request: ROBIN, wishes }, () => it.now);
  return { ...done, message: messageText(done.message) };
}

function state(it: GitField, id = 'app'): string {
  return it.read(`rollouts/${id}/state.yaml`);
}

async function problems(it: GitField): Promise<readonly string[]> {
  const reader = await openLocal({ folder: it.folder });
  const run = await reader.resolve('main');
  const all = await verify(reader, { run, source: run });
  await reader.close();
  return all.flatMap((one) => one.problems);
}

/** Reverts the last commit, as `git revert` does. */
function revert(it: GitField): string {
  const commit = git(it.folder, 'commit-tree', 'main~1^{tree}', '-p', 'main', '-m', 'Revert');
  git(it.folder, 'update-ref', 'refs/heads/main', commit);
  return commit;
}

describe.concurrent('a person', () => {
  test('pauses and resumes: one commit each, and the rollout goes on', async () => {
    const { field: it, analyzer } = await inStepOfGit('02-weight-20');
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
    const { field: it, analyzer } = await inStepOfGit('03-weight-50');
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
    // Added again, it is a first release again, as soon as nothing of the old one runs.
    await it.release({ app: V2 });
    expect(await tick(analyzer)).toMatchObject({
      outcomes: [{ decision: { reason: expect.stringContaining('already runs this release') } }],
    });
    await it.world.sync();
    expect(await tick(analyzer)).toMatchObject({
      outcomes: [{ decision: { transition: 'start', to: { kind: 'init' } } }],
    });
    expect(await problems(it)).toEqual([]);
  });

  test('names a release that does not exist, and is told the known ones', async () => {
    const it = await field();
    begin(it.folder);
    await expect(ask(it, 'pause')).rejects.toThrow('there is no release "app"; there are: none');
    await it.release({ web: V1 });
    await expect(ask(it, 'pause')).rejects.toThrow('there is no release "app"; there are: web');
    await expect(ask(it, 'pause', 'web')).rejects.toThrow('web has not started');
  });

  test('is told why the server refuses', async () => {
    const { field: it } = await inStepOfGit('01-canary-up');
    const hook = join(it.folder, 'hooks', 'pre-receive');
    await mkdir(join(it.folder, 'hooks'), { recursive: true });
    await writeFile(hook, '#!/bin/sh\necho protected >&2\nexit 1\n');
    await chmod(hook, 0o755);
    await expect(ask(it, 'pause')).rejects.toThrow(/^the push was refused: /);
  });

  test('who is overtaken looks again', async () => {
    const { field: it, analyzer } = await inStepOfGit('02-weight-20');
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
    await intervene(repository, { id: 'app', verb: 'pause', request: ROBIN }, () => it.now);
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
    const { field: it, analyzer } = await inStepOfGit('02-weight-20');
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
    const { field: it, analyzer } = await inStepOfGit('03-weight-50');
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
    const { field: it } = await inStepOfGit('01-canary-up');
    await it.edit({ 'live/app/service-app.yaml': '{}\n' });
    await expect(ask(it, verb)).rejects.toThrow(
      /app was edited by hand: .*`perch resume` it first/,
    );
  });

  test('abort rolls back to the true stable set, and says what it wrote over', async () => {
    const { field: it, analyzer } = await inStepOfGit('02-weight-20');
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

const PERSON: Gate = { kind: 'person' };

/** The plan with a gate at the end of a step, or before step 01. */
function gated(of: PlanTree, name: string, gates: Gate[] = [PERSON]): PlanTree {
  const steps = of.plan.steps.map((it) => (it.name === name ? { ...it, gates } : it));
  return changed(of, name === 'start' ? { start: gates } : { steps });
}

function changed(of: PlanTree, changes: Partial<Plan>): PlanTree {
  return { ...of, plan: { ...of.plan, ...changes } };
}

/** A field in which `app` runs v1, and a new plan is merged. */
async function running(next: PlanTree) {
  const it = await field();
  const analyzer = await it.analyzer();
  await it.release({ app: V1 });
  await untilRest(it, analyzer);
  await it.release({ app: next });
  return { field: it, analyzer };
}

describe.concurrent('promote', () => {
  test('opens the gate of a step, and the rollout ends', async () => {
    const { field: it, analyzer } = await running(gated(V2, '03-weight-50'));
    await untilStep(it, analyzer, 'app', '03-weight-50');
    it.now += 170;
    expect(await tick(analyzer)).toMatchObject({
      outcomes: [{ decision: { kind: 'hold', reason: expect.stringMatching(/perch promote/) } }],
    });
    expect((await ask(it, 'promote')).message).toMatch(/^app: gate of 03-weight-50 opened\n/);
    await expect(ask(it, 'promote')).rejects.toThrow(
      /^app: the gate of 03-weight-50 is open already, Robin <robin@example\.com> opened it \(I know why\)\. In all, 03-weight-50 needs: live; primary and canary ready; 3 passing points of success-rate/,
    );
    await untilRest(it, analyzer);
    expect(state(it)).toContain('kind: complete');
    expect(await problems(it)).toEqual([]);
  });

  test('--full goes on without the points, and still rolls back when the canary is bad', async () => {
    const { field: it, analyzer } = await inStepOfGit('02-weight-20');
    it.world.value = () => undefined;
    it.now += 70;
    expect(await tick(analyzer)).toMatchObject({ outcomes: [{ decision: { kind: 'hold' } }] });
    expect((await ask(it, 'promote', 'app', { full: true })).message).toMatch(
      /^app: promoted by a person: waits for no check and no gate\n/,
    );
    await expect(ask(it, 'promote', 'app', { full: true })).rejects.toThrow(/already: promoted by/);
    it.now += 5;
    expect(await tick(analyzer)).toMatchObject({
      outcomes: [{ decision: { to: { step: '03-weight-50' } } }],
    });
    await it.world.sync();
    it.world.value = () => 10;
    await untilRest(it, analyzer);
    expect(state(it)).toContain('kind: stable');
    expect(await problems(it)).toEqual([]);
  });

  test('opens the gate before step 01, and then the rollout starts', async () => {
    const { field: it, analyzer } = await running(gated(V2, 'start'));
    expect(await tick(analyzer)).toMatchObject({
      outcomes: [{ decision: { kind: 'hold', reason: expect.stringMatching(/^before step 01/) } }],
    });
    await expect(ask(it, 'promote', 'app', { full: true })).rejects.toThrow(
      /no rollout under way \(before step 01: waits for a person/,
    );
    expect((await ask(it, 'promote')).message).toMatch(/^app: gate of start opened\n/);
    expect(await tick(analyzer)).toMatchObject({
      outcomes: [{ decision: { transition: 'start' } }],
    });
    expect(await problems(it)).toEqual([]);
  });

  test('says what a release at rest waits for instead', async () => {
    const { field: it, analyzer } = await running(V1);
    await untilRest(it, analyzer);
    await expect(ask(it, 'promote')).rejects.toThrow(
      /^app is complete, and no candidate waits at a gate before step 01: /,
    );
  });
});

describe.concurrent('undo', () => {
  const walked = new Map<string, Promise<GitField>>();

  /** A field in which these were promoted, one after the other; each way there is walked once. */
  async function promoted(...versions: readonly string[]) {
    const key = versions.join();
    const known = walked.get(key) ?? walk(versions);
    walked.set(key, known);
    const template = await known;
    const folder = join(await scratch(), 'repository.git');
    await cp(template.folder, folder, { recursive: true });
    const it = await openField(folder);
    it.now = template.now;
    await it.world.sync();
    return { field: it, analyzer: await it.analyzer() };
  }

  async function walk(versions: readonly string[]): Promise<GitField> {
    const it = await field();
    const analyzer = await it.analyzer();
    for (const version of versions) {
      await it.release({ app: plan(version, { weights: [50] }) });
      await untilRest(it, analyzer);
    }
    return it;
  }

  test('rolls back by itself, rests there, and a fix starts from there', async () => {
    const { field: it, analyzer } = await promoted('v1', 'v2');
    const undone = await ask(it, 'undo');
    expect(undone.message).toMatch(
      /^app: undo app:v2: back to app:v1\n\nUndone by Robin <robin@example\.com>: I know why\./,
    );
    expect(state(it)).toMatch(
      /kind: undo\nverdict: fail\nposition:\n {2}kind: back\n {2}step: 05-complete\n {2}part: primary/,
    );
    const reports = await untilRest(it, analyzer);
    expect(
      git(it.folder, 'log', '-3', '--reverse', '--format=%s', 'main').split('\n').slice(1),
    ).toEqual([
      'app: roll back: restore the routes',
      'app: rolled back: the stable set is restored',
    ]);
    expect(reports.at(-1)).toMatchObject({
      outcomes: [
        {
          decision: {
            kind: 'rest',
            reason: expect.stringMatching(/undone: I know why.*Release a fix/),
          },
          status: { phase: 'Failed' },
        },
      ],
    });
    expect(git(it.folder, 'rev-parse', 'main:live/app')).toBe(
      git(it.folder, 'rev-parse', 'main:rollouts/app/stable/steps/05-complete'),
    );
    expect(it.read('live/app/deployment-app-primary.yaml')).toContain('"version":"v1"');
    await expect(ask(it, 'undo')).rejects.toThrow(
      'app is not complete (stable): it was rolled back already',
    );
    expect(await problems(it)).toEqual([]);

    await it.release({ app: plan('v3', { weights: [50] }) });
    await untilRest(it, analyzer);
    expect(state(it)).toContain('kind: complete');
    // v2 was left as failed, so the default is the one before.
    expect((await ask(it, 'undo')).message).toMatch(/^app: undo app:v3: back to app:v1\n/);
    expect(await problems(it)).toEqual([]);
  });

  test('--to names a candidate by how it begins, and lists what there is', async () => {
    const { field: it, analyzer } = await promoted('v1', 'v2', 'v3');
    const [first, second, third] = ['v1', 'v2', 'v3'].map((one) => plan(one).plan.candidate);
    await expect(ask(it, 'undo', 'app', { to: 'ffff' })).rejects.toThrow(
      new RegExp(
        `^app: no candidate ffff was promoted before; there are: ${second} \\(app:v2, .* ago\\), ${first} \\(app:v1, .* ago\\)$`,
      ),
    );
    await expect(ask(it, 'undo', 'app', { to: third ?? '' })).rejects.toThrow(/runs .* already/);
    await expect(ask(it, 'undo', 'app', { to: 'v1' })).rejects.toThrow(
      /no candidate v1 was promoted/,
    );
    await ask(it, 'undo', 'app', { to: first?.slice(0, 4) });
    await untilRest(it, analyzer);
    expect(it.read('live/app/deployment-app-primary.yaml')).toContain('"version":"v1"');
    expect(await problems(it)).toEqual([]);
  });

  test('is refused in a rollout, before the first one, and where nothing was there before', async () => {
    const { field: it } = await inStepOfGit('02-weight-20');
    await expect(ask(it, 'undo')).rejects.toThrow(
      'app is not complete (02-weight-20): `perch abort` rolls a rollout back',
    );
    const { field: fresh } = await promoted('v1');
    await expect(ask(fresh, 'undo')).rejects.toThrow(
      /^app: no candidate before [0-9a-f]{10} was promoted and did not fail; there are: none$/,
    );
  });

  test('in a shallow clone says that history is cut off', async () => {
    const { field: it } = await promoted('v1', 'v2');
    const folder = join(await scratch(), 'clone');
    git(it.folder, 'clone', '--quiet', '--bare', '--depth=2', `file://${it.folder}`, folder);
    const repository = await open(folder);
    await expect(
      intervene(repository, { id: 'app', verb: 'undo', request: ROBIN }, () => it.now),
    ).rejects.toThrow(/there are: none\. History is cut off in this clone: .*--unshallow/);
  });
});

describe.concurrent('a dry run', () => {
  test('says which files of live/ would change, and pushes nothing, where nothing may be pushed', async () => {
    const { field: it } = await inStepOfGit('02-weight-20');
    const hook = join(it.folder, 'hooks', 'pre-receive');
    await mkdir(join(it.folder, 'hooks'), { recursive: true });
    await writeFile(hook, '#!/bin/sh\nexit 1\n');
    await chmod(hook, 0o755);
    const before = git(it.folder, 'rev-parse', 'main');
    const planned = await ask(it, 'abort', 'app', { dryRun: true });
    expect(planned).toMatchObject({
      commit: undefined,
      message: expect.stringMatching(/^app: roll back: weight 20 → 0\n/),
      live: [
        { kind: 'write', path: 'live/app/service-app.yaml' },
        { kind: 'write', path: 'live/app/virtualservice-app.yaml' },
      ],
    });
    expect(git(it.folder, 'rev-parse', 'main')).toBe(before);
  });
});

describe.concurrent('a group', () => {
  const group = (candidate: string) => ({ name: 'pair', members: ['app', 'web'], candidate });
  const [C1, C2] = ['1'.repeat(10), '2'.repeat(10)] as const;
  const member = (of: PlanTree, candidate: string) => changed(of, { group: group(candidate) });

  async function pair(next = V2) {
    const it = await field();
    const analyzer = await it.analyzer();
    await it.release({ app: member(V1, C1), web: member(V1, C1) });
    await untilRest(it, analyzer);
    await it.release({ app: member(next, C2), web: member(next, C2) });
    return { field: it, analyzer };
  }

  test('is paused, resumed and promoted in one commit each, and then undone as one', async () => {
    const { field: it, analyzer } = await pair(gated(V2, '02-weight-20'));
    await untilStep(it, analyzer, 'web', '02-weight-20');
    const tip = git(it.folder, 'rev-parse', 'main');
    const paused = await ask(it, 'pause', 'web');
    expect(paused).toMatchObject({
      releases: ['app', 'web'],
      message: expect.stringMatching(/^pair: app, web: paused\n/),
    });
    expect(git(it.folder, 'rev-parse', 'main~1')).toBe(tip);
    await ask(it, 'resume');
    expect([state(it), state(it, 'web')].join('')).not.toContain('paused');
    await ask(it, 'promote');
    expect(state(it, 'web')).toContain('approved:');
    await untilRest(it, analyzer);
    for (const id of ['app', 'web']) expect(state(it, id)).toContain('kind: complete');
    const undone = await ask(it, 'undo', 'web', { to: C1 });
    expect(undone.releases).toEqual(['app', 'web']);
    await untilRest(it, analyzer);
    for (const id of ['app', 'web']) {
      expect(state(it, id)).toContain('kind: stable');
      expect(it.read(`live/${id}/deployment-app-primary.yaml`)).toContain('"version":"v1"');
    }
    await ask(it, 'retry');
    for (const id of ['app', 'web']) expect(state(it, id)).not.toContain('failed:');
    expect(await problems(it)).toEqual([]);
  });

  test('of which one member cannot, stays as it was, and the member is named', async () => {
    const { field: it, analyzer } = await pair();
    await untilStep(it, analyzer, 'web', '02-weight-20');
    const { repository } = analyzer;
    const snapshot = await repository.fetch();
    // What the analyzer pauses it pauses alone.
    const text = state(it, 'web').replace('transition: 4', 'transition: 5');
    const edit = {
      'rollouts/web/state.yaml': `${text.replace(/kind: next/, 'kind: note')}\npaused:\n  reason: no answer\n`,
    };
    await it.edit(edit);
    const before = git(it.folder, 'rev-parse', 'main');
    expect(before).not.toBe(snapshot.run);
    await expect(ask(it, 'pause')).rejects.toThrow(
      /^web is paused already: no answer\. .*\(app, web act as one: group pair; nothing was done\)$/,
    );
    expect(git(it.folder, 'rev-parse', 'main')).toBe(before);
    // A pause of one member alone is ended through any of them.
    const resumed = await ask(it, 'resume');
    expect(resumed.releases).toEqual(['web']);
    await untilRest(it, analyzer);
    for (const id of ['app', 'web']) expect(state(it, id)).toContain('kind: complete');
    expect(await problems(it)).toEqual([]);
  });

  test('of which a member is missing is not touched', async () => {
    const it = await field();
    const analyzer = await it.analyzer();
    await it.release({ app: member(V1, C1) });
    await tick(analyzer);
    await expect(ask(it, 'pause')).rejects.toThrow(
      /^app acts as one with its group pair, and its member web cannot be found/,
    );
  });
});
