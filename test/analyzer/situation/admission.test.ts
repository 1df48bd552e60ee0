import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { status } from '../../../analyzer/core/phase.ts';
import type { Repository } from '../../../analyzer/git/index.ts';
import { withRefusals } from '../../../analyzer/situation/admission.ts';
import { loadSituation, newReadMemory } from '../../../analyzer/situation/situation.ts';
import type { Outcome } from '../../../analyzer/tick/outcome.ts';
import { tick } from '../../../analyzer/tick/tick.ts';
import { policyWith } from '../../../lib/plan/policy.ts';
import { plan } from '../core/fixture.ts';
import { distFiles, type Field, inStep, openField, openMemoryField, untilRest } from '../field.ts';
import { bare, git, scratch } from '../git/fixture.ts';

const HOSTILE = JSON.stringify({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'all', namespace: 'app' },
});

/** Merges a plan in which every file of one name holds something else than plan.yaml says. */
async function releaseHostile(field: Field, version: string, setting?: string): Promise<void> {
  const files = [...distFiles('app', plan(version, setting === undefined ? {} : { setting }))];
  const hostile = files.map(([path, text]) => [
    path,
    path.endsWith('/service-app.yaml') ? HOSTILE : text,
  ]);
  await field.edit(Object.fromEntries(hostile), ['dist/app']);
}

async function only(
  field: Field,
  run: () => Promise<{ readonly outcomes: readonly Outcome[] }>,
): Promise<Outcome> {
  const { outcomes } = await run();
  const [it] = outcomes;
  if (it === undefined) throw new Error(`nothing was decided: ${field.subjects().join('; ')}`);
  return it;
}

const REFUSED =
  /refused: dist\/app\/steps\/.*service-app\.yaml holds ClusterRole all .*belongs to no namespace/;

describe('a plan whose files hold what a release may not', () => {
  test('is never the first release, and status says so', async () => {
    const field = openMemoryField();
    await releaseHostile(field, 'v1');
    const analyzer = await field.analyzer();
    const { decision } = await only(field, () => tick(analyzer));
    expect(decision).toMatchObject({ kind: 'rest', reason: expect.stringMatching(REFUSED) });
    expect(() => field.id('main:live')).toThrow('there is no main:live');

    const reader = await field.reader();
    const tip = field.id('main');
    const [trees] = await reader.list({ run: tip, source: tip });
    const found = await loadSituation(reader, trees ?? { id: 'app' }, newReadMemory());
    const gate = { policy: policyWith() };
    const judged = await withRefusals(reader, tip, found, gate, new Map());
    expect(status(judged).reason).toMatch(REFUSED);
  });

  test('does not replace the one that initializes, which says so while it waits', async () => {
    const field = openMemoryField();
    await field.release({ app: plan('v1') });
    const analyzer = await field.analyzer();
    await tick(analyzer);
    await releaseHostile(field, 'v2');
    const { decision } = await only(field, () => tick(analyzer));
    expect(decision).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(/not live yet.*; the newest plan is refused: dist\/app/),
    });
    await field.world.sync();
    field.now += 70;
    await untilRest(field, analyzer);
    expect(field.read('rollouts/app/state.yaml')).toContain(plan('v1').plan.candidate);
  });

  test.each([
    ['a new candidate', 'v2', undefined],
    ['the same candidate with other configuration', 'v1', 'more'],
  ])('is not started or configured at rest: %s', async (_, version, setting) => {
    const field = openMemoryField();
    await field.release({ app: plan('v1') });
    const analyzer = await field.analyzer();
    await untilRest(field, analyzer);
    const before = ['main:live', 'main:rollouts'].map(field.id);
    await releaseHostile(field, version, setting);
    const { decision } = await only(field, () => tick(analyzer));
    expect(decision).toMatchObject({ kind: 'rest', reason: expect.stringMatching(REFUSED) });
    expect(['main:live', 'main:rollouts'].map(field.id)).toEqual(before);
  });

  test.each([
    ['a newer candidate', 'v3', undefined],
    ['other configuration', 'v2', 'more'],
  ])(
    'is passed over in the middle of a rollout, which goes on: %s',
    async (_, version, setting) => {
      const { field, analyzer } = await inStep('02-weight-20');
      await releaseHostile(field, version, setting);
      field.now += 70;
      const { decision } = await only(field, () => tick(analyzer));
      expect(decision).toMatchObject({ kind: 'move', transition: 'next' });
      await field.world.sync();
      field.now += 70;
      const reports = await untilRest(field, analyzer);
      expect(reports.at(-1)?.outcomes[0]?.decision.reason).toMatch(REFUSED);
      expect(field.read('rollouts/app/state.yaml')).toContain(
        `candidate: ${plan('v2').plan.candidate}`,
      );
    },
  );

  test('moves again once it is mended, and its kinds can be allowed', async () => {
    const field = openMemoryField();
    await releaseHostile(field, 'v1');
    const analyzer = await field.analyzer();
    await tick(analyzer);
    await field.release({ app: plan('v1') });
    const { decision } = await only(field, () => tick(analyzer));
    expect(decision).toMatchObject({ kind: 'move', transition: 'start' });
  });

  test('does not keep another release from moving, whatever its folder holds', async () => {
    const field = await openField((await bare()).folder);
    await field.release({ web: plan('v1') });
    const made = [...distFiles('odd', plan('v1'))].map(([path, text]) => [path, text] as const);
    await field.edit(Object.fromEntries(made));
    const blob = git(field.folder, 'rev-parse', 'main:dist/odd/plan.yaml');
    const link = `120000 blob ${blob}\tsteps`;
    const tree = mktree(field.folder, `100644 blob ${blob}\tplan.yaml\n${link}\n`);
    const dist = mktree(
      field.folder,
      `${git(field.folder, 'ls-tree', 'main:dist')}\n040000 tree ${tree}\todd2\n040000 tree ${tree}\t"a\\nb"\n`,
    );
    const root = mktree(field.folder, `040000 tree ${dist}\tdist\n`);
    const commit = git(field.folder, 'commit-tree', root, '-p', 'main', '-m', 'odd');
    git(field.folder, 'update-ref', 'refs/heads/main', commit);
    const { outcomes } = await tick(await field.analyzer());
    const by = new Map(outcomes.map((it) => [it.release, it.decision]));
    expect(by.get('web')).toMatchObject({ kind: 'move' });
    expect(by.get('odd2')).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(/plan of release odd: run/),
    });
    expect([...by.keys()].sort()).toEqual(['odd', 'odd2', 'web']);
  });
});

function mktree(folder: string, input: string): string {
  const made = spawnSync('git', ['-C', folder, 'mktree'], { input, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  return made.stdout.trim();
}

describe('what it costs', () => {
  test('nothing where everything is at rest, and one look where a plan stays refused', async () => {
    const field = openMemoryField();
    await field.release({ app: plan('v1') });
    let texts = 0;
    const analyzer = await field.analyzer((it: Repository) => ({
      ...it,
      texts: (oids) => {
        texts += oids.length;
        return it.texts(oids);
      },
    }));
    await untilRest(field, analyzer);
    texts = 0;
    await tick(analyzer);
    expect(texts).toBe(0);
    await releaseHostile(field, 'v2');
    await tick(analyzer);
    const once = texts;
    await tick(analyzer);
    // The state is read again, and no manifest is.
    expect(texts - once).toBeLessThan(3);
  });

  test('plans of hostile size cost no pass more than a moment, and hold nobody up', async () => {
    const field = await openField((await bare()).folder);
    await field.release({ web: plan('v1') });
    const keys = Array.from({ length: 200_000 }, (_, it) => `key${it}: 1\n`).join('');
    await field.edit({
      'dist/brackets/plan.yaml': '['.repeat(1_900_000),
      'dist/keys/plan.yaml': keys.slice(0, 189_000),
      'dist/many-keys/plan.yaml': keys,
    });
    const analyzer = await field.analyzer();
    const before = process.cpuUsage();
    const first = await tick(analyzer);
    // The processor's time of this process alone: whole brackets took it half a minute, and many keys ten.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(6);
    const reasons = new Map(first.outcomes.map((it) => [it.release, it.decision.reason]));
    expect(reasons.get('brackets')).toMatch(/characters; at most/);
    expect(reasons.get('keys')).toMatch(/is not a plan that this version understands/);
    expect(reasons.get('many-keys')).toMatch(/characters; at most/);
    expect(first.outcomes.find((it) => it.release === 'web')?.decision.kind).toBe('move');
  });

  test('a blob of many megabytes is refused without being held', async () => {
    const field = await openField((await bare()).folder);
    const files = Object.fromEntries(distFiles('app', plan('v1')));
    const path = Object.keys(files).find((it) => it.endsWith('service-app.yaml')) ?? '';
    await field.edit({ ...files, [path]: `# ${'x'.repeat(40 * 1024 ** 2)}\n` });
    const analyzer = await field.analyzer();
    const { decision } = await only(field, () => tick(analyzer));
    expect(decision).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(
        /service-app\.yaml cannot be read: blob \w+ is a blob of \d+ bytes; at most 4194304 are read/,
      ),
    });
    await field.edit({ 'dist/app/plan.yaml': `# ${'x'.repeat(9 * 1024 ** 2)}\n` });
    const again = await only(field, () => tick(analyzer));
    expect(again.decision).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(/dist\/app: blob .* of \d+ bytes; at most/),
    });
    // And what follows such a blob in the same stream of answers is read as ever.
    await field.release({ app: plan('v1') });
    expect((await only(field, () => tick(analyzer))).decision).toMatchObject({ kind: 'move' });
  });
});

const hasKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

test.skipIf(!hasKeygen)('with allowed signers, only signed plans are pinned', async () => {
  const folder = await scratch();
  const key = join(folder, 'key');
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]);
  const allowedSigners = join(folder, 'allowed');
  writeFileSync(allowedSigners, `robin@example.com ${readFileSync(`${key}.pub`, 'utf8')}`);
  const field = await openField((await bare()).folder);
  await field.release({ app: plan('v1') });
  const admission = { policy: policyWith(), allowedSigners };
  const analyzer = { ...(await field.analyzer()), admission };
  const { decision } = await only(field, () => tick(analyzer));
  expect(decision).toMatchObject({
    kind: 'rest',
    reason: expect.stringMatching(
      /refused: commit \w{10} by Robin <.*>, which made dist\/app .* is not signed/,
    ),
  });
  const config = ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${key}`];
  const commit = git(field.folder, ...config, 'commit-tree', '-S', 'main^{tree}', '-m', 'signed');
  git(field.folder, 'update-ref', 'refs/heads/main', commit);
  expect((await only(field, () => tick(analyzer))).decision).toMatchObject({ kind: 'move' });
});
