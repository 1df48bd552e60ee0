import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { openLocal, type Reader } from '../../../analyzer/git/index.ts';
import { git, scratch } from './fixture.ts';

const hasKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

/** A work tree in which people commit plans, signed or not. */
interface Source {
  readonly folder: string;
  readonly allowed: string;
  readonly reader: Reader;
  /** Writes dist/app/plan.yaml and commits it. @param key whose key signs; none where absent */
  commit(text: string, key?: string): string;
  signature(): Promise<string>;
}

let keys: string;
beforeAll(async () => {
  keys = await scratch();
  if (!hasKeygen) return;
  for (const it of ['ann', 'eve'])
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(keys, it)]);
});

async function openSource(): Promise<Source> {
  const folder = await scratch();
  git(folder, 'init', '--quiet', '--initial-branch=main');
  const allowed = join(await scratch(), 'allowed');
  writeFileSync(allowed, `ann@example.com ${readFileSync(join(keys, 'ann.pub'), 'utf8')}`);
  const reader = await openLocal({ folder });
  return {
    folder,
    allowed,
    reader,
    commit(text, key) {
      spawnSync('mkdir', ['-p', join(folder, 'dist', 'app')]);
      writeFileSync(join(folder, 'dist', 'app', 'plan.yaml'), text);
      git(folder, 'add', '--all');
      return signed(folder, key, 'commit', '--quiet', '--allow-empty', '-m', text);
    },
    async signature() {
      const it = await reader.signature(git(folder, 'rev-parse', 'HEAD'), 'app', allowed);
      return it.kind === 'good' ? `good: ${it.signer}` : it.reason;
    },
  };
}

function signed(folder: string, key: string | undefined, ...args: string[]): string {
  const config =
    key === undefined ? [] : ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${join(keys, key)}`];
  const [command = '', ...rest] = args;
  git(folder, ...config, command, ...(key === undefined ? [] : ['-S']), ...rest);
  return git(folder, 'rev-parse', 'HEAD');
}

describe.skipIf(!hasKeygen)('the commit that made dist/<id> what it is', () => {
  test('is signed by an allowed signer, whatever follows it elsewhere', async () => {
    const source = await openSource();
    source.commit('1');
    source.commit('2', 'ann');
    writeFileSync(join(source.folder, 'README.md'), 'x');
    git(source.folder, 'add', '--all');
    signed(source.folder, undefined, 'commit', '--quiet', '-m', 'readme');
    expect(await source.signature()).toBe('good: ann@example.com');
  });

  test.each([
    ['nobody', undefined, /by Somebody <.*> ?.*is not signed: sign it/],
    [
      'somebody who is not allowed',
      'eve',
      /is not signed by an allowed signer: Good "git" signature with ED25519 key SHA256:.*No principal matched/,
    ],
  ])('is signed by %s', async (_, key, expected) => {
    const source = await openSource();
    source.commit('1', 'ann');
    source.commit('2', key);
    expect(await source.signature()).toMatch(expected);
  });

  test('is signed in another way, which is not taken', async () => {
    const source = await openSource();
    const made = source.commit('1');
    const raw = `${git(source.folder, 'cat-file', 'commit', made)}\n`;
    const forged = raw.replace(
      /^(committer .*)$/m,
      '$1\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----',
    );
    writeFileSync(join(source.folder, '.git', 'forged'), forged);
    const oid = git(
      source.folder,
      'hash-object',
      '-t',
      'commit',
      '-w',
      join(source.folder, '.git', 'forged'),
    );
    git(source.folder, 'reset', '--quiet', '--hard', oid);
    expect(await source.signature()).toMatch(/signed with PGP SIGNATURE: only ssh/);
  });

  test('was changed after it was signed', async () => {
    const source = await openSource();
    const made = source.commit('1', 'ann');
    const raw = `${git(source.folder, 'cat-file', 'commit', made)}\n`;
    writeFileSync(join(source.folder, '.git', 'forged'), raw.replace(/\n1\n$/, '\n2\n'));
    const oid = git(
      source.folder,
      'hash-object',
      '-t',
      'commit',
      '-w',
      join(source.folder, '.git', 'forged'),
    );
    git(source.folder, 'reset', '--quiet', '--hard', oid);
    expect(await source.signature()).toMatch(/not signed by an allowed signer/);
  });

  test('is found behind the merge of a pull request', async () => {
    const source = await openSource();
    source.commit('1', 'ann');
    git(source.folder, 'checkout', '--quiet', '-b', 'change');
    source.commit('2', 'ann');
    git(source.folder, 'checkout', '--quiet', 'main');
    git(source.folder, 'commit', '--quiet', '--allow-empty', '-m', 'meanwhile');
    git(source.folder, 'merge', '--quiet', '--no-ff', '-m', 'merge', 'change');
    expect(await source.signature()).toBe('good: ann@example.com');
  });

  test('is a merge that made something new, and not signed', async () => {
    const source = await openSource();
    source.commit('1', 'ann');
    git(source.folder, 'checkout', '--quiet', '-b', 'change');
    source.commit('2', 'ann');
    git(source.folder, 'checkout', '--quiet', 'main');
    git(source.folder, 'merge', '--quiet', '--no-ff', '--no-commit', 'change');
    source.commit('3');
    expect(await source.signature()).toMatch(/is not signed/);
  });

  test('is signed, but a merge took a newer plan back to it', async () => {
    const source = await openSource();
    const old = source.commit('1', 'ann');
    source.commit('2', 'ann');
    const tree = git(source.folder, 'rev-parse', `${old}^{tree}`);
    const merge = git(source.folder, 'commit-tree', tree, '-p', 'HEAD', '-p', old, '-m', 'back');
    git(source.folder, 'reset', '--quiet', '--hard', merge);
    expect(await source.signature()).toMatch(/was replaced in commit .* brought back by a merge/);
  });

  test('is behind the cut of a shallow clone, where nobody can tell', async () => {
    const source = await openSource();
    source.commit('1', 'ann');
    git(source.folder, 'commit', '--quiet', '--allow-empty', '-m', 'later');
    const folder = join(await scratch(), 'shallow');
    git('.', 'clone', '--quiet', '--depth=1', pathToFileURL(source.folder).href, folder);
    const reader = await openLocal({ folder });
    const found = await reader.signature(git(folder, 'rev-parse', 'HEAD'), 'app', source.allowed);
    expect(found).toMatchObject({
      kind: 'bad',
      reason: expect.stringMatching(/shallow clone was cut off/),
    });
    await reader.close();
  });

  test('is read without any blob', async () => {
    const source = await openSource();
    source.commit('1', 'ann');
    git(source.folder, 'config', 'uploadpack.allowFilter', 'true');
    const folder = join(await scratch(), 'blobless');
    const url = pathToFileURL(source.folder).href;
    git('.', 'clone', '--quiet', '--bare', '--filter=blob:none', url, folder);
    const reader = await openLocal({ folder });
    const found = await reader.signature(git(folder, 'rev-parse', 'HEAD'), 'app', source.allowed);
    expect(found).toMatchObject({ kind: 'good' });
    await reader.close();
  });

  test('is refused where the file of signers is gone', async () => {
    const source = await openSource();
    source.commit('1', 'ann');
    const tip = git(source.folder, 'rev-parse', 'HEAD');
    const found = await source.reader.signature(tip, 'app', `${source.allowed}-gone`);
    expect(found.kind).toBe('bad');
  });

  test('does not exist', async () => {
    const source = await openSource();
    source.commit('1', 'ann');
    const tip = git(source.folder, 'rev-parse', 'HEAD');
    expect(await source.reader.signature(tip, 'web', source.allowed)).toMatchObject({
      kind: 'bad',
      reason: expect.stringMatching(/no commit .* dist\/web/),
    });
  });
});
