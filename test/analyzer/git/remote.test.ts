import { randomBytes } from 'node:crypto';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { GitError, type GitEvent } from '../../../analyzer/git/index.ts';
import { CREDENTIALS_LINE } from '../../../analyzer/redact.ts';
import type { GitServer } from '../../embedded/git-server.ts';
import { begin, change, git, open, scratch, serve } from './fixture.ts';

describe('credentials', () => {
  const password = randomBytes(12).toString('hex');
  const users = [
    { name: 'writer', password, access: 'write' },
    { name: 'reader', password, access: 'read' },
  ] as const;
  let server: GitServer;
  beforeAll(async () => {
    server = await serve({ users });
    begin(server.folder);
  });

  async function credentials(name: string, secret: string): Promise<string> {
    // A quote and a blank in the path: it stands in a command that git runs.
    const file = join(await scratch(), "it's a secret");
    await writeFile(file, `http://${name}:${secret}@${new URL(server.url).host}\n`, {
      mode: 0o600,
    });
    return file;
  }

  test('come from a file, and are in no argument, log line or commit', async () => {
    const calls = join(await scratch(), 'calls');
    const events: GitEvent[] = [];
    const repository = await open(server.url, {
      credentialsFile: await credentials('writer', password),
      environment: { ...(await recordCalls(calls)), GIT_TRACE: `${calls}.trace` },
      log: (event) => events.push(event),
    });
    const { run } = await repository.fetch();
    const [commit = ''] = await repository.commit(run, [change({ 'live/a/b.yaml': 'x' })]);
    expect(await repository.push(commit)).toEqual({ kind: 'pushed' });
    const recorded = (await readFile(calls, 'utf8')) + (await readFile(`${calls}.trace`, 'utf8'));
    expect(recorded).toContain('ls-remote');
    expect(recorded).toContain('push');
    expect(recorded).not.toContain(password);
    expect(JSON.stringify(events)).not.toContain(password);
    expect(git(server.folder, 'cat-file', '-p', 'main')).not.toContain(password);
  });

  test('that are wrong fail for good, without the password, and stay in their file', async () => {
    const file = await credentials('writer', 'wrong-password');
    const repository = await open(server.url, { credentialsFile: file });
    const error = await failure(repository.fetch());
    expect(error).toMatchObject({ retryable: false });
    expect(error.message).toMatch(/authentication failed: name a credentials file/);
    expect(`${error.message}${error.stderr}${error.cause}`).not.toContain('wrong-password');
    expect(await readFile(file, 'utf8')).toContain('wrong-password');
  });

  test('that are absent fail for good: nobody is asked on a terminal', async () => {
    const repository = await open(server.url, { environment: noHelpers() });
    expect(await failure(repository.fetch())).toMatchObject({ retryable: false });
  });

  test('that may only read are refused at the push', async () => {
    const repository = await open(server.url, {
      credentialsFile: await credentials('reader', password),
    });
    const { run } = await repository.fetch();
    const [commit = ''] = await repository.commit(run, [change({ 'live/a/b.yaml': 'z' })]);
    expect(await repository.push(commit)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('missing rights'),
    });
  });

  test('in a file that is not there yet are told of, and used once it is there', async () => {
    const credentialsFile = join(await scratch(), 'later');
    const repository = await open(server.url, { credentialsFile });
    await expect(repository.fetch()).rejects.toThrow(/credentials file .* cannot be read/);
    await rename(await credentials('reader', password), credentialsFile);
    expect((await repository.fetch()).run).toBe(git(server.folder, 'rev-parse', 'main'));
  });

  test.each([
    'https://token@example.com/a.git',
    'https://me:secret@example.com/a',
    'ssh://me:secret@host/a',
    'https://me:se/cret@example.com/a',
    'https://me:s@cret/secret@example.com/a',
    'https://example.com/a?private_token=secret',
    'me:secret@host:a',
    'https:/me:secret@host/a',
  ])('in the address %s are refused and not repeated', async (address) => {
    const error = await failure(open(address));
    expect(error.message).toContain(`take it out, and put a line ${CREDENTIALS_LINE} into a`);
    expect(error.message.replace(CREDENTIALS_LINE, '')).not.toMatch(/token@|secret/);
  });
});

describe('a remote', () => {
  test('that is down fails for now', async () => {
    const server = await serve();
    begin(server.folder);
    const repository = await open(server.url);
    const { run } = await repository.fetch();
    const [commit = ''] = await repository.commit(run, [change({ 'live/a/b.yaml': 'x' })]);
    await server.stop();
    for (const error of [
      await failure(repository.fetch()),
      await failure(repository.push(commit)),
    ]) {
      expect(error).toMatchObject({ retryable: true });
      expect(error.message).toMatch(/cannot be reached/);
    }
  });

  test('that does not answer is given up', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const repository = await open(`http://127.0.0.1:${port}/a.git`, { networkTimeoutSeconds: 0.3 });
    const error = await failure(repository.fetch());
    expect(error).toMatchObject({ retryable: true });
    expect(error.message).toMatch(/took longer than 0.3 s/);
    silent.close();
  });

  test('that does not exist fails for good', async () => {
    const server = await serve();
    const repository = await open(server.url.replace('repository', 'absent'));
    const error = await failure(repository.fetch());
    expect(error).toMatchObject({ retryable: false });
    expect(error.message).toMatch(/there is no such repository/);
  });

  test.each(['-u', '--upload-pack=touch x', 'ext::sh -c true', '', 'a\nb'])(
    'named %j is refused',
    async (address) => {
      await expect(open(address)).rejects.toThrow(/is not a valid address|is not a folder/);
    },
  );

  test.each(['--force', '', 'a..b', 'a b', 'x:y', 'a.lock', '/a', 'a/', '+main', 'refs/*'])(
    'branch named %j is refused, or only a name',
    async (branch) => {
      const server = await serve();
      const at = { remote: server.url, branch };
      const opened = open(server.url, { run: at, source: at });
      if (branch !== '+main') await expect(opened).rejects.toThrow(/is not a branch name/);
      else await expect((await opened).fetch()).rejects.toThrow('there is no branch +main');
    },
  );
});

async function failure(promise: Promise<unknown>): Promise<GitError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (cause: unknown) => cause,
  );
  if (error instanceof GitError) return error;
  throw error;
}

/** A git in front of git that writes down its arguments. */
async function recordCalls(file: string): Promise<Record<string, string>> {
  const folder = await scratch();
  const path = process.env.PATH ?? '';
  const wrapper = `#!/bin/sh\nprintf '%s\\n' "$*" >> '${file}'\nPATH='${path}' exec git "$@"\n`;
  await writeFile(join(folder, 'git'), wrapper);
  await chmod(join(folder, 'git'), 0o755);
  return { PATH: `${folder}:${path}` };
}

/** No helpers of the machine, so that nothing can know a password. */
function noHelpers(): Record<string, string> {
  return { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', GIT_ASKPASS: '' };
}
