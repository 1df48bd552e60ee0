import { spawnSync } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { batchMode } from '../../../analyzer/git/ssh.ts';
import { bare, begin, change, open, scratch } from '../../analyzer/git/fixture.ts';

/** A folder with one program in it, for PATH. */
async function program(name: string, text: string): Promise<{ file: string; path: string }> {
  const folder = await scratch();
  const file = join(folder, name);
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
  return { file, path: `${folder}:${process.env.PATH ?? ''}` };
}

/** A git that does something else for one command, the first argument behind the options. */
async function gitBut(command: string, text: string): Promise<Record<string, string>> {
  const path = process.env.PATH ?? '';
  const whole = `case " $* " in *" ${command} "*) ${text};; esac\nPATH='${path}' exec git "$@"`;
  return { PATH: (await program('git', whole)).path };
}

function config(entries: Readonly<Record<string, string>>): Record<string, string> {
  const all = Object.entries(entries);
  const pairs = all.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(all.length), ...Object.fromEntries(pairs) };
}

/** Lives until the kernel has taken it away; a killed one may be seen for a moment. */
async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ' Z ');
    if (/ Z /.test(state)) return true;
    await new Promise((done) => setTimeout(done, 20));
  }
  return false;
}

const hasKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

describe.concurrent('nobody is asked', () => {
  test.skipIf(!hasKeygen)('for the passphrase of an ssh key: signing fails at once', async () => {
    const key = join(await scratch(), 'key');
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a phrase', '-C', '', '-f', key]);
    const server = await bare();
    const parent = begin(server.folder);
    const repository = await open(server.url, { signingKey: key });
    await repository.fetch();
    await expect(repository.commit(parent, [change({ 'live/a/b': 'x' })])).rejects.toMatchObject({
      retryable: true,
      message: expect.stringMatching(/^the commit cannot be signed: .*a key without one/),
    });
  });

  test('by a gpg whose agent waits: it is ended, with all that it started', async () => {
    const pids = join(await scratch(), 'pids');
    const gpg = await program('gpg', `sleep 300 &\necho $! > '${pids}'\nwait`);
    const server = await bare();
    const parent = begin(server.folder);
    const repository = await open(server.url, {
      signingKey: 'ABCDEF',
      networkTimeoutSeconds: 1,
      environment: config({ 'gpg.program': gpg.file }),
    });
    await repository.fetch();
    await expect(repository.commit(parent, [change({ 'live/a/b': 'x' })])).rejects.toThrow(
      /commit-tree took longer than 1 s and was ended: the key or its agent may wait for a passphrase/,
    );
    expect(await isGone(Number(await readFile(pids, 'utf8')))).toBe(true);
  });

  test('by ssh, which has neither a terminal nor anything else to ask with', async () => {
    const seen = join(await scratch(), 'seen');
    const text = [
      `(: < /dev/tty) 2>/dev/null && echo terminal >> '${seen}'`,
      `echo "$@" "[$SSH_ASKPASS_REQUIRE$SSH_ASKPASS$DISPLAY$GIT_ASKPASS]" >> '${seen}'`,
      'exit 255',
    ];
    const ssh = await program('ssh', text.join('\n'));
    const environment = { PATH: ssh.path, SSH_ASKPASS: '', DISPLAY: '' };
    const repository = await open('git@127.0.0.1:releases.git', { environment });
    await expect(repository.fetch()).rejects.toThrow();
    expect(await readFile(seen, 'utf8')).toMatch(
      /^-o BatchMode=yes (?:-o \S+ )*git@127\.0\.0\.1 .*\[never\]\n/,
    );
  });

  test("and a person's own ssh command stays, from the environment or git's configuration", async () => {
    const seen = join(await scratch(), 'seen');
    const own = await program('own-ssh', `echo "$@" >> '${seen}'; exit 255`);
    for (const environment of [
      { GIT_SSH_COMMAND: `${own.file} -4` },
      config({ 'core.sshCommand': `${own.file} -4` }),
    ]) {
      const repository = await open('ssh://git@127.0.0.1/releases.git', { environment });
      await expect(repository.fetch()).rejects.toThrow();
    }
    const lines = (await readFile(seen, 'utf8')).trim().split('\n');
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(line).toMatch(/^-4 (?!.*BatchMode)/);
  });
});

test.each([
  ['ssh', 'ssh -o BatchMode=yes'],
  [
    'ssh -i /etc/key -o IdentitiesOnly=yes',
    'ssh -i /etc/key -o IdentitiesOnly=yes -o BatchMode=yes',
  ],
  ['/usr/bin/ssh -4', '/usr/bin/ssh -4 -o BatchMode=yes'],
  ['plink -batch', 'plink -batch'],
  ['my-ssh', 'my-ssh'],
  ['ssh host; true', 'ssh host; true'],
  ['exec ssh', 'exec ssh'],
])('%s becomes %s', (command, expected) => {
  expect(batchMode(command)).toBe(expected);
});

describe.concurrent('git that does not end', () => {
  test('in a local command is ended in time', async () => {
    const server = await bare();
    begin(server.folder);
    const environment = await gitBut('for-each-ref', 'sleep 300');
    const repository = await open(server.url, { environment, localTimeoutSeconds: 1 });
    await expect(repository.fetch()).rejects.toMatchObject({
      retryable: true,
      message: expect.stringMatching(
        /^git for-each-ref took longer than 1 s and was ended: the disk/,
      ),
    });
  });

  test('while it owes an object is ended in time', async () => {
    const server = await bare();
    begin(server.folder);
    const environment = await gitBut('cat-file', 'exec sleep 300');
    const repository = await open(server.url, { environment, localTimeoutSeconds: 1 });
    await expect(repository.fetch()).rejects.toThrow(/cannot be read: git took too long/);
  });

  test('although it has ended, for a helper that keeps its pipes: the answer counts', async () => {
    const server = await bare();
    const tip = begin(server.folder);
    const environment = await gitBut('ls-remote', 'sleep 300 &');
    const repository = await open(server.url, { environment, networkTimeoutSeconds: 20 });
    expect((await repository.fetch()).run).toBe(tip);
  });
});
