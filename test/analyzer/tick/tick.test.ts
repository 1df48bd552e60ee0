import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { HookAnswer } from '../../../analyzer/core/observation.ts';
import { openRepository, type Repository } from '../../../analyzer/git/index.ts';
import { verify } from '../../../analyzer/history/history.ts';
import { hookCalls } from '../../../analyzer/hooks/calls.ts';
import type { Analyzer } from '../../../analyzer/tick/analyzer.ts';
import { newMemory } from '../../../analyzer/tick/analyzer.ts';
import { pushing } from '../../../analyzer/tick/delivery.ts';
import { atRest, tick } from '../../../analyzer/tick/tick.ts';
import { oneCluster } from '../../../analyzer/tick/world.ts';
import type { Hook } from '../../../lib/plan/plan.ts';
import { hook, plan } from '../core/fixture.ts';
import {
  type Field,
  type GitField,
  inStep,
  inStepOfGit,
  openField,
  openMemoryField,
  untilRest,
  untilStep,
} from '../field.ts';
import { bare, begin, git, IDENTITY, serve } from '../git/fixture.ts';

/** The analyzer's pass, over a real git server where the way to it plays a part; cluster and metrics are in memory. */

const [V1, V2, V3] = [plan('v1'), plan('v2'), plan('v3')];

async function served(): Promise<GitField> {
  const server = await serve();
  return openField(server.folder, server.url);
}

async function problems(field: Field): Promise<readonly string[]> {
  const reader = await field.reader();
  const run = await reader.resolve('main');
  const all = await verify(reader, { run, source: run });
  return all.flatMap((it) => it.problems);
}

test.concurrent('a release walks from dist/ to promoted, one commit a step, and every one verifies', async () => {
  const field = await served();
  const analyzer = await field.analyzer();
  await field.release({ app: V1 });
  await untilRest(field, analyzer);
  await field.release({ app: V2 });
  const reports = await untilRest(field, analyzer);
  expect(field.subjects(7)).toEqual([
    'release app',
    `app: start app:v2 (${V2.plan.candidate})`,
    'app: weight 0 → 20',
    'app: weight 20 → 50',
    'app: promote: the primary gets app:v2',
    'app: weight 50 → 0',
    `app: promoted app:v2 (${V2.plan.candidate})`,
  ]);
  expect(reports.every((it) => it.outcomes.length <= 1 && it.conflicts === 0)).toBe(true);
  expect(atRest(reports.at(-1) ?? { idle: 0, outcomes: [], conflicts: 0 })).toBe(true);
  expect(await problems(field)).toEqual([]);
});

describe.concurrent('many releases in one tick', () => {
  test('make one commit each and one push', async () => {
    const field = openMemoryField();
    const ids = Array.from({ length: 12 }, (_, index) => `app-${String(index).padStart(2, '0')}`);
    const before = await field.release(Object.fromEntries(ids.map((id) => [id, V1])));
    let pushes = 0;
    const analyzer = await field.analyzer((it) => ({
      ...it,
      push: (commit) => {
        pushes++;
        return it.push(commit);
      },
    }));
    // On a busy machine twelve releases may take longer than a pass waits for its end.
    const report = await tick({ ...analyzer, patience: { earlySeconds: 60 } });
    expect(pushes).toBe(1);
    expect(report.outcomes.map((it) => it.release)).toEqual(ids);
    const made = report.outcomes.flatMap((it) => it.commit ?? []);
    expect(made).toEqual(ids.map((_, index) => field.id(`main~${ids.length - 1 - index}`)));
    expect(field.id(`main~${ids.length}`)).toBe(before);
    for (const [index, paths] of (await analyzer.repository.changedPaths(made)).entries())
      for (const path of paths) expect(path).toMatch(new RegExp(`/${ids[index]}/`));
  });

  test('one that is bad rolls back while the others go on', async () => {
    const field = openMemoryField();
    const analyzer = await field.analyzer();
    await field.release({ bad: V1, good: V1 });
    await untilRest(field, analyzer);
    await field.release({ bad: V2, good: V2 });
    field.world.value = (release) => (release === 'bad' ? 80 : 99.9);
    await untilRest(field, analyzer);
    expect(field.read('rollouts/good/state.yaml')).toContain('kind: complete');
    expect(field.read('rollouts/bad/state.yaml')).toMatch(/kind: stable\n(.|\n)*failed:\n/);
    const stable = field.id('main:rollouts/bad/stable');
    expect(field.id('main:live/bad')).toBe(field.id(`${stable}:steps/06-complete`));
    expect(await problems(field)).toEqual([]);
  });
});

/** Lets somebody else push once, between our fetch and our push. */
function racing(intrude: () => Promise<unknown>): (it: Repository) => Repository {
  let raced = false;
  return (it) => ({
    ...it,
    async push(commit) {
      if (!raced) {
        raced = true;
        await intrude();
      }
      return it.push(commit);
    },
  });
}

describe.concurrent('a second writer between fetch and push', () => {
  test('on another release: our decision is kept, put on top and pushed', async () => {
    const field = openMemoryField();
    await field.release({ app: V1 });
    const analyzer = await field.analyzer(racing(() => field.release({ other: V1 })));
    const report = await tick(analyzer);
    expect(report.conflicts).toBe(1);
    expect(report.outcomes.map((it) => it.release)).toEqual(['app', 'other']);
    expect(field.subjects(4)).toEqual([
      'release app',
      'release other',
      `app: initialize app:v1 (${V1.plan.candidate})`,
      `other: initialize app:v1 (${V1.plan.candidate})`,
    ]);
    expect(await problems(field)).toEqual([]);
  });

  test('on the same release: it is decided again', async () => {
    const { field } = await inStepOfGit(
      '02-weight-20',
      async (folder) => (await serve({ folder })).url,
    );
    field.now += 70;
    const analyzer = await field.analyzer(racing(() => field.release({ app: V3 })));
    const report = await tick(analyzer);
    expect(report).toMatchObject({
      conflicts: 1,
      outcomes: [{ decision: { transition: 'back' } }],
    });
    expect(field.subjects(2)).toEqual(['release app', 'app: roll back: weight 20 → 0']);
    expect(await problems(field)).toEqual([]);
  });

  test('on nothing of ours: nobody decides again', async () => {
    const field = openMemoryField();
    await field.release({ app: V1 });
    const analyzer = await field.analyzer(racing(() => field.edit({ 'README.md': 'hello\n' })));
    expect(await tick(analyzer)).toMatchObject({ conflicts: 1, outcomes: [{ release: 'app' }] });
    expect(field.subjects(2)).toEqual(['by hand', `app: initialize app:v1 (${V1.plan.candidate})`]);
  });

  test('that never stops: the tick gives up, and nothing is lost or forced', async () => {
    const field = openMemoryField();
    await field.release({ app: V1 });
    let count = 0;
    const analyzer = await field.analyzer((it) => ({
      ...it,
      async push(commit) {
        await field.edit({ 'README.md': `other ${count++}\n` });
        return it.push(commit);
      },
    }));
    const report = await tick(analyzer);
    expect(report.outcomes.map((it) => it.commit)).toEqual([undefined]);
    expect(report.conflicts).toBeGreaterThan(1);
    expect(field.read('README.md')).toBe(`other ${count - 1}`);
    expect(field.subjects()).toHaveLength(1 + count);
  });
});

test.concurrent('two analyzers at once end in the history of one', async () => {
  const field = await served();
  const [one, two] = [await field.analyzer(), await field.analyzer()];
  await field.release({ app: V1, web: V1 });
  for (let ticks = 0; ticks < 3; ticks++) {
    await Promise.all([tick(one), tick(two)]);
    await field.world.sync();
    field.now += 70;
  }
  expect(await problems(field)).toEqual([]);
  expect([...field.subjects()].sort()).toEqual([
    `app: initialize app:v1 (${V1.plan.candidate})`,
    'app: initialized app:v1',
    'release app, web',
    `web: initialize app:v1 (${V1.plan.candidate})`,
    'web: initialized app:v1',
  ]);
});

test.concurrent('a push that the server refuses is reported with its reason', async () => {
  const field = await served();
  await field.release({ app: V1 });
  const hook = join(field.folder, 'hooks', 'pre-receive');
  await mkdir(join(field.folder, 'hooks'), { recursive: true });
  await writeFile(hook, '#!/bin/sh\necho "the branch is protected" >&2\nexit 1\n');
  await chmod(hook, 0o755);
  const report = await tick(await field.analyzer());
  expect(report.refused).toMatch(/protected|declined/);
  expect(report.outcomes.map((it) => it.commit)).toEqual([undefined]);
  expect(atRest(report)).toBe(false);
});

test.concurrent('a push that the server refuses for one release does not hold up the others', async () => {
  const field = await served();
  await field.release({ app: V1, web: V1, zoo: V1 });
  const hook = join(field.folder, 'hooks', 'pre-receive');
  await mkdir(join(field.folder, 'hooks'), { recursive: true });
  const guard =
    'while read old new ref; do git diff --name-only "$old" "$new" | grep -q ^live/web/ && exit 1; done';
  await writeFile(hook, `#!/bin/sh\n${guard}\nexit 0\n`);
  await chmod(hook, 0o755);
  const report = await tick(await field.analyzer());
  expect(report.refused).toMatch(/^web: /);
  const pushed = report.outcomes.filter((it) => it.commit !== undefined).map((it) => it.release);
  expect(pushed).toEqual(['app', 'zoo']);
  expect(git(field.folder, 'ls-tree', '--name-only', 'main:live').split('\n')).toEqual(pushed);
  expect(atRest(report)).toBe(false);
});

describe.concurrent('idle releases', () => {
  test('are not read at all', async () => {
    const field = openMemoryField();
    await field.release({ app: V1, web: V1 });
    await untilRest(field, await field.analyzer());
    let texts = 0;
    let files = 0;
    const spy = await field.analyzer((it) => ({
      ...it,
      texts: (oids) => {
        texts += oids.length;
        return it.texts(oids);
      },
      files: (tree) => {
        files++;
        return it.files(tree);
      },
    }));
    expect(await tick(spy)).toEqual({ idle: 2, outcomes: [], conflicts: 0 });
    expect([texts, files]).toEqual([0, 0]);
    await field.release({ web: V2 });
    const report = await tick(spy);
    expect(report.idle).toBe(1);
    expect(report.outcomes.map((it) => it.release)).toEqual(['web']);
    expect(texts).toBeGreaterThan(0);
  });

  test('a branch without a release has none', async () => {
    const field = openMemoryField();
    await field.edit({ 'README.md': 'hello\n' });
    expect(await tick(await field.analyzer())).toEqual({ idle: 0, outcomes: [], conflicts: 0 });
  });
});

describe.concurrent('what is broken in one release', () => {
  test('its state: the others go on, and it holds with the remedy', async () => {
    const field = openMemoryField();
    const analyzer = await field.analyzer();
    await field.release({ app: V1, web: V1 });
    await untilRest(field, analyzer);
    await field.edit({ 'rollouts/app/state.yaml': 'transition: [\n' });
    await field.release({ app: V2, web: V2 });
    const report = await tick(analyzer);
    expect(report.outcomes).toMatchObject([
      {
        release: 'app',
        decision: {
          kind: 'hold',
          reason: expect.stringMatching(/state\.yaml is not YAML.*perch resume/s),
        },
        status: { phase: 'Paused' },
      },
      { release: 'web', decision: { kind: 'move', transition: 'start' } },
    ]);
  });

  test('a bug of our own: that release holds, the others go on', async () => {
    const field = openMemoryField();
    const analyzer = await field.analyzer();
    await field.release({ app: V1, web: V1 });
    const clock = () => {
      // Asked once for the pass and once for each release; the first of them meets the bug.
      calls += 1;
      if (calls === 2) throw new TypeError('planted');
      return field.now;
    };
    let calls = 0;
    const { outcomes } = await tick({ ...analyzer, clock });
    expect(outcomes.map((it) => it.decision.kind).sort()).toEqual(['hold', 'move']);
    expect(outcomes.find((it) => it.decision.kind === 'hold')?.decision.reason).toBe(
      'a bug in the analyzer: planted',
    );
  });

  test('a position that cannot be: the others go on', async () => {
    const { field, analyzer } = await inStep('01-canary-up');
    const state = field.read('rollouts/app/state.yaml');
    for (const step of ['00-init', '06-complete']) {
      await field.edit({
        'rollouts/app/state.yaml': `${state.replace('step: 01-canary-up', `step: ${step}`)}\n`,
      });
      await field.release({ [`web${step.slice(0, 2)}`]: V1 });
      const { outcomes } = await tick(analyzer);
      expect(outcomes.map((it) => [it.release, it.decision.kind])).toContainEqual(['app', 'hold']);
      expect(outcomes.map((it) => it.decision.kind)).toContain('move');
    }
  });

  test('its plan.yaml: the rollout under way goes on, and a new one does not start', async () => {
    const { field, analyzer } = await inStep('02-weight-20');
    await field.edit({ 'dist/app/plan.yaml': 'version: 99\n', 'dist/web/plan.yaml': '}' });
    field.now += 70;
    const { outcomes } = await tick(analyzer);
    expect(outcomes).toMatchObject([
      { release: 'app', decision: { kind: 'move', transition: 'next' } },
      {
        release: 'web',
        decision: {
          kind: 'rest',
          reason: expect.stringMatching(/^dist\/web\/plan\.yaml is not YAML/),
        },
      },
    ]);
  });

  test('a folder in dist/ without a plan', async () => {
    const field = openMemoryField();
    await field.edit({
      'dist/web/readme.txt': 'no plan\n',
      // Plain manifests beside the releases are nobody's mistake.
      'dist/perch/kustomization.yaml': 'resources: []\n',
    });
    const { outcomes } = await tick(await field.analyzer());
    expect(outcomes).toMatchObject([
      {
        decision: {
          kind: 'rest',
          reason: 'dist/web/plan.yaml is missing: run `npm run synth` and commit dist/',
        },
      },
    ]);
  });
});

describe.concurrent('a source in a repository of its own', () => {
  async function apart(): Promise<{
    field: GitField;
    source: GitField;
    stopSource: () => Promise<void>;
  }> {
    const field = await served();
    const server = await serve();
    const source = await openField(server.folder, server.url);
    return { field, source, stopSource: server.stop };
  }

  test('that cannot be reached never looks like gone from apps/', async () => {
    const { field, source, stopSource } = await apart();
    await source.release({ app: V1 });
    begin(field.folder);
    const from = { remote: source.url, branch: 'main' };
    const { analyzer, repository } = await analyzerOf(field, from);
    await untilRest(field, analyzer);
    await source.release({ app: V2 });
    await untilStep(field, analyzer, 'app', '02-weight-20');
    await stopSource();
    field.now += 70;
    const report = await tick(analyzer);
    expect(report.outcomes).toMatchObject([{ decision: { kind: 'move', transition: 'next' } }]);
    field.world.value = () => 80;
    await untilRest(field, analyzer);
    const last = await tick(analyzer);
    expect(last.outcomes).toMatchObject([
      { decision: { reason: expect.stringMatching(/^the source with dist\/ cannot be read/) } },
    ]);
    expect(last.outcomes[0]?.status.phase).toBe('Failed');
    await repository.close();
  });
});

/** An analyzer whose source is not the run branch. */
async function analyzerOf(
  field: GitField,
  source: { readonly remote: string; readonly branch: string },
): Promise<{ readonly analyzer: Analyzer; readonly repository: Repository }> {
  const run = { remote: field.url, branch: 'main' };
  const repository = await openRepository({ run, source, identity: IDENTITY });
  const { cluster, metrics } = field.world;
  const clusters = oneCluster(cluster);
  const clock = () => field.now;
  return {
    analyzer: { repository, delivery: pushing, clusters, metrics, clock, memory: newMemory() },
    repository,
  };
}

describe.concurrent('a branch that disappears', () => {
  test('the run branch: no release begins anew, and nothing is pushed until it is back', async () => {
    const { field, analyzer } = await inStepOfGit('02-weight-20');
    await analyzer.repository.fetch();
    git(field.folder, 'branch', '--move', 'main', 'renamed');
    const before = field.id('renamed');
    field.now += 70;
    await expect(tick(analyzer)).rejects.toThrow(`is gone; it was at ${before}`);
    // A restart knows nothing of what was there.
    await expect(tick(await field.analyzer())).rejects.toThrow('there is no branch main');
    expect(git(field.folder, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/renamed');
    git(field.folder, 'branch', '--move', 'renamed', 'main');
    expect(await tick(analyzer)).toMatchObject({
      outcomes: [{ decision: { kind: 'move', transition: 'next' } }],
    });
  });

  test('the source branch of the same repository: no release counts as gone from it', async () => {
    const field = await openField((await bare()).folder);
    await field.release({ app: V1 });
    git(field.folder, 'branch', 'source');
    const { analyzer, repository } = await analyzerOf(field, {
      remote: field.url,
      branch: 'source',
    });
    await untilRest(field, analyzer);
    git(field.folder, 'branch', '--delete', '--force', 'source');
    const report = await tick(analyzer);
    const said = /^the source with dist\/ cannot be read: branch source of .* is gone; it was at/;
    expect(report.outcomes).toMatchObject([
      {
        decision: { kind: 'rest', reason: expect.stringMatching(said) },
        status: { phase: 'Initialized' },
      },
    ]);
    await repository.close();
  });
});

describe.concurrent('a necessary rollback over an edit by hand', () => {
  test.each([
    ['live/', { 'live/app/service-app.yaml': '{}\n' }],
    ['plan/', { 'rollouts/app/plan/steps/06-complete/service-app.yaml': '{}\n' }],
    ['stable/', { 'rollouts/app/stable/steps/06-complete/service-app.yaml': '{}\n' }],
  ])('of %s brings the true stable set back, and verifies', async (_, files) => {
    const { field, analyzer } = await inStep('02-weight-20');
    const stable = field.id('main:rollouts/app/stable');
    await field.edit(files);
    field.now += 70;
    expect(await tick(analyzer)).toMatchObject({ outcomes: [{ decision: { kind: 'hold' } }] });
    expect(await problems(field)).not.toEqual([]);
    field.world.value = () => 80;
    await untilRest(field, analyzer);
    expect(field.id('main:rollouts/app/stable')).toBe(stable);
    expect(field.id('main:live/app')).toBe(field.id(`${stable}:steps/06-complete`));
    expect(await problems(field)).toEqual([]);
  });
});

test.concurrent('what is kept between ticks is bounded by what is under way', async () => {
  const field = openMemoryField();
  const analyzer = await field.analyzer();
  await field.release({ app: V1 });
  await untilRest(field, analyzer);
  await field.release({ app: V2 });
  await untilRest(field, analyzer);
  await tick(analyzer);
  const { plans, states, lastCommits } = analyzer.memory.read;
  expect([plans.size, states.size, lastCommits.size]).toEqual([0, 0, 0]);
  expect(analyzer.memory.unreachable.size).toBe(0);
});

test.concurrent('a pass that only waits reads no state and no plan again', async () => {
  const field = openMemoryField();
  const analyzer = await field.analyzer();
  await field.release({ app: V1 });
  await untilRest(field, analyzer);
  await field.release({ app: V2 });
  for (let pass = 0; pass < 3; pass++) await tick(analyzer);
  const read: string[] = [];
  const repository: Repository = {
    ...analyzer.repository,
    texts: async (oids) => {
      read.push(...oids);
      return analyzer.repository.texts(oids);
    },
  };
  const { outcomes } = await tick({ ...analyzer, repository });
  expect(outcomes.map((it) => it.decision.kind)).toEqual(['hold']);
  expect(read).toEqual([]);
});

describe.concurrent('a hook that runs once', () => {
  const SMOKE = hook('smoke', 'pre-rollout');

  /** An analyzer that calls hooks, and so often it has done it. */
  async function calling(field: Field, answer: HookAnswer, wrap?: (it: Repository) => Repository) {
    const calls: string[] = [];
    const client = {
      call: async ({ name }: Hook) => {
        calls.push(name);
        return answer;
      },
    };
    const analyzer = await field.analyzer(wrap);
    return { calls, analyzer: { ...analyzer, hooks: hookCalls(client, () => field.now) } };
  }

  /** A release that stands, live, in its first step, which has a hook that nobody has called yet. */
  async function atHook(more: Partial<Hook> = {}): Promise<Field> {
    const { field, analyzer } = await inStep('01-canary-up');
    const smoked = plan('v3', {
      more: { hooks: [{ ...SMOKE, ...more }] },
      steps: { '01-canary-up': { hooks: ['smoke'] } },
    });
    await field.release({ app: smoked });
    for (let ticks = 0; ticks < 3; ticks++) {
      field.now += 70;
      await tick(analyzer);
      await field.world.sync();
    }
    expect(field.read('rollouts/app/state.yaml')).toContain('step: 01-canary-up');
    field.now += 70;
    return field;
  }

  const PASS: HookAnswer = { kind: 'answered', passed: true, status: 200, text: 'fine' };

  test('is called by the analyzer whose push recorded its start, not by one that made the same commit', async () => {
    const field = await atHook();
    const one = await calling(field, PASS);
    let release: () => void = () => undefined;
    const late = new Promise<void>((done) => {
      release = done;
    });
    const two = await calling(field, PASS, (it) => ({
      ...it,
      push: async (commit) => {
        await late;
        return it.push(commit);
      },
    }));
    const second = tick(two.analyzer);
    const first = await tick(one.analyzer);
    release();
    expect((await second).outcomes.map((it) => it.commit)).toEqual(
      first.outcomes.map((it) => it.commit),
    );
    expect([one.calls, two.calls]).toEqual([['smoke'], []]);
    expect(field.subjects(1)).toEqual(['app: hook smoke is called']);
    // The other one knows that it runs, and leaves the answer to the first.
    field.now += 1;
    expect((await tick(two.analyzer)).outcomes[0]?.decision.reason).toMatch(/it may still run$/);
    await tick(one.analyzer);
    expect(field.subjects(1)).toEqual(['app: hook smoke passed']);
    await tick(two.analyzer);
    expect(field.subjects(1)).toEqual(['app: weight 0 → 20']);
    expect([one.calls, two.calls]).toEqual([['smoke'], []]);
    expect(await problems(field)).toEqual([]);
  });

  test('is called by nobody where the server refuses its start', async () => {
    const field = await atHook();
    const { calls, analyzer } = await calling(field, PASS, (it) => ({
      ...it,
      push: async () => ({ kind: 'refused', reason: 'protected' }),
    }));
    expect((await tick(analyzer)).refused).toBe('protected');
    expect(calls).toEqual([]);
  });

  test.each([false, true])('after a restart, repeatable %s', async (repeatable) => {
    const field = await atHook({ repeatable });
    const dead = await calling(field, PASS);
    await tick(dead.analyzer);
    expect(dead.calls).toEqual(['smoke']);
    const { calls, analyzer } = await calling(field, PASS);
    field.now += 70;
    const [outcome] = (await tick(analyzer)).outcomes;
    expect(calls).toEqual(repeatable ? ['smoke'] : []);
    if (repeatable) expect(outcome?.decision).toMatchObject({ calls: 'smoke' });
    else expect(outcome?.decision.reason).toMatch(/nobody can tell whether it passed/);
    for (let ticks = 0; ticks < 2; ticks++) {
      field.now += 70;
      await tick(analyzer);
    }
    expect(calls).toEqual(repeatable ? ['smoke'] : []);
    expect(field.subjects(1)).toEqual([
      repeatable ? 'app: weight 0 → 20' : 'app: hook smoke is called',
    ]);
  });
});
