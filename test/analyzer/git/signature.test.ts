import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bare, change, git, IDENTITY, open, said, scratch, write } from './fixture.ts';

const hasKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

test.skipIf(!hasKeygen)('commits are signed one by one, and verify', async () => {
  const folder = await scratch();
  const key = join(folder, 'key');
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]);
  const allowed = join(folder, 'allowed');
  await writeFile(allowed, `${IDENTITY.email} ${await readFile(`${key}.pub`, 'utf8')}`);

  const server = await bare();
  const signing = await open(server.url, { signingKey: key });
  const changes = ['1', '2'].map((text, index) =>
    change(
      { 'live/podinfo/a.yaml': text },
      { message: { ...said(text), body: [['# body']] }, at: 1000 + index },
    ),
  );
  const last = await write(signing, ...changes);
  for (const commit of [last, `${last}~1`]) {
    const config = ['-c', 'gpg.format=ssh', '-c', `gpg.ssh.allowedSignersFile=${allowed}`];
    expect(() => git(server.folder, ...config, 'verify-commit', commit)).not.toThrow();
  }
  const { commits } = await signing.history(last, 'podinfo');
  expect(commits.map(({ message, at }) => ({ message, at }))).toEqual([
    { message: 'podinfo: 1\n\n# body', at: 1000 },
    { message: 'podinfo: 2\n\n# body', at: 1001 },
  ]);

  // Apart from the signature they are the commits that would have been made without it.
  const plain = await open(server.url);
  const [, unsigned = ''] = await plain.commit(undefined, changes);
  const { commits: without } = await plain.history(unsigned, 'podinfo');
  expect(without.map(({ trees }) => trees)).toEqual(commits.map(({ trees }) => trees));
});

test('a key that is not there is an error, and nothing is pushed', async () => {
  const server = await bare();
  const repository = await open(server.url, { signingKey: join(await scratch(), 'absent') });
  await expect(write(repository, change({ 'live/a/b': 'x' }))).rejects.toThrow(/commit-tree/);
});
