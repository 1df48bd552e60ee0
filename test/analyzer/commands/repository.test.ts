import { execFile } from 'node:child_process';
import { cp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { inStepOfGit } from '../field.ts';
import { git, gitWith, merge, scratch, serve } from '../git/fixture.ts';
import type { Ended } from './cli.ts';
import { openPerchIn } from './in-process.ts';

/** A request from anywhere in a clone reaches the repository that everybody else sees. */

/** The bare repository that everybody shares, and its address; each test begins with it as it was. */
let shared: string;
let url: string;
/** The same, and a clone of it, untouched: a copy starts no process. */
let untouched: { readonly shared: string; readonly clone: string };
/** Everything of a person's: clones, and a home without configuration. */
let home: string;
let perch: (folder: string, ...args: readonly string[]) => Promise<Ended>;

beforeAll(async () => {
  perch = await openPerchIn({ GIT_AUTHOR_NAME: 'Robin', GIT_AUTHOR_EMAIL: 'robin@example.com' });
  const { field } = await inStepOfGit('02-weight-20');
  ({ url, folder: shared } = await serve({ folder: field.folder }));
  home = await scratch();
  await remotely('clone', '--quiet', url, 'clone');
  untouched = { shared: join(home, 'shared'), clone: join(home, 'clone') };
  await cp(shared, untouched.shared, { recursive: true });
});

async function begin(): Promise<void> {
  await rm(shared, { recursive: true });
  await cp(untouched.shared, shared, { recursive: true });
  home = await scratch();
}

/** Git while the server of this process answers. */
async function remotely(...args: readonly string[]): Promise<void> {
  await promisify(execFile)('git', ['-C', home, ...args]);
}

async function clone(name: string, ...args: readonly string[]): Promise<string> {
  const folder = join(home, name);
  if (args.length === 0) await cp(untouched.clone, folder, { recursive: true });
  else await remotely('clone', '--quiet', ...args, url, name);
  return folder;
}

/** What perch must never touch in somebody's clone. */
async function untouchable(folder: string) {
  const [head, path = ''] = git(folder, 'rev-parse', 'HEAD', '--git-path', 'index').split('\n');
  const index = join(folder, path);
  return {
    head,
    branches: git(folder, 'for-each-ref', 'refs/heads', '--format=%(refname) %(objectname)'),
    status: git(folder, 'status', '--porcelain', '--branch').split('...')[0],
    index: await stat(index).then(
      (it) => it.size,
      () => 0,
    ),
    files: await readdir(folder),
  };
}

/** Aborts, and looks: what the remote has is what status says. */
async function expectOneTruth(folder: string, remote = 'origin'): Promise<void> {
  const before = await untouchable(folder);
  const tip = git(shared, 'rev-parse', 'main');
  const used = `perch: using branch main of ${url} (remote ${remote})\n`;
  const aborted = await perch(folder, 'abort', 'app', '-m', 'bad');
  expect(aborted).toMatchObject({ code: 0, stderr: used });
  const made = git(shared, 'log', '-1', '--format=%P %an %s', 'main');
  expect(made).toMatch(new RegExp(`^${tip} Robin app: `));
  const { code, stdout, stderr } = await perch(folder, 'status');
  expect([code, stderr]).toEqual([0, used]);
  expect(stdout).toMatch(/app +RollingBack /);
  expect(await untouchable(folder)).toEqual(before);
  // Nothing of ours was left half-way in it.
  git(folder, 'fsck', '--connectivity-only');
}

describe('one truth from every clone', () => {
  beforeEach(begin);

  test('from a feature branch, whose main is behind', async () => {
    const folder = await clone('feature');
    git(folder, 'checkout', '--quiet', '-b', 'feature', 'main~2');
    git(folder, 'branch', '--force', 'main', 'main~1');
    await expectOneTruth(folder);
    expect(git(folder, 'rev-parse', 'refs/remotes/origin/main')).toBe(
      git(shared, 'rev-parse', 'main'),
    );
  });

  test('from a folder inside of the clone, with an edit that is not committed', async () => {
    const folder = await clone('inside');
    const { stderr } = await perch(join(folder, 'live'), 'pause', 'app');
    expect(stderr).toContain(`of ${url} (remote origin)`);
    expect(git(shared, 'log', '-1', '--format=%an', 'main')).toBe('Robin');
  });

  test('from a detached HEAD', async () => {
    const folder = await clone('detached');
    git(folder, 'checkout', '--quiet', '--detach', 'main~1');
    await expectOneTruth(folder);
  });

  test('from a linked worktree', async () => {
    const folder = await clone('main');
    git(folder, 'worktree', 'add', '--quiet', '-b', 'topic', '../linked', 'main~1');
    await expectOneTruth(join(home, 'linked'));
    expect(git(folder, 'status', '--porcelain')).toBe('');
  });

  test('from a shallow clone of one branch', async () => {
    git(shared, 'branch', 'feature', 'main~2');
    const folder = await clone('shallow', '--depth=1', '--single-branch', '--branch=feature');
    await expectOneTruth(folder);
  });

  test('from a shallow clone of the run branch', async () => {
    const folder = await clone('depth', '--depth=1');
    await expectOneTruth(folder);
    expect(git(folder, 'rev-parse', '--is-shallow-repository')).toBe('true');
  });

  test('from a partial clone', async () => {
    git(shared, 'config', 'uploadpack.allowFilter', 'true');
    const folder = await clone('partial', '--filter=blob:none', '--no-checkout');
    const { code, stderr } = await perch(folder, 'abort', 'app');
    expect([code, stderr]).toEqual([0, `perch: using branch main of ${url}\n`]);
    expect((await perch(folder, 'status')).stdout).toMatch(/app +RollingBack /);
  });

  test('from a fork: what main follows counts, not the own copy', async () => {
    git(home, 'clone', '--quiet', '--bare', shared, 'fork.git');
    git(home, 'clone', '--quiet', 'fork.git', 'forked');
    const folder = join(home, 'forked');
    git(folder, 'remote', 'add', 'upstream', url);
    await remotely('-C', folder, 'fetch', '--quiet', 'upstream');
    git(folder, 'branch', '--quiet', '--set-upstream-to=upstream/main', 'main');
    const own = git(home, '--git-dir=fork.git', 'rev-parse', 'main');
    await expectOneTruth(folder, 'upstream');
    expect(git(home, '--git-dir=fork.git', 'rev-parse', 'main')).toBe(own);
  });

  test('with remotes of which none is said to be meant, nothing is done', async () => {
    const folder = await clone('several', '--origin=one');
    git(folder, 'remote', 'add', 'two', url);
    git(folder, 'branch', '--unset-upstream', 'main');
    expect(await perch(folder, 'abort', 'app')).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/remotes one, two, .* --repo <url>/),
    });
  });

  test('a folder is meant where --repo names it, or where it has no remote', async () => {
    const folder = await clone('folder');
    git(folder, 'update-ref', 'refs/heads/main', 'main~2');
    const named = await perch(folder, 'history', 'app', '--repo', '.');
    expect(named).toMatchObject({ code: 0, stderr: '' });
    git(folder, 'remote', 'remove', 'origin');
    expect(await perch(folder, 'history', 'app')).toEqual(named);
    expect((await perch(shared, 'history', 'app')).stdout).not.toBe(named.stdout);
  });

  test('a bare repository is meant itself, here and as --repo', async () => {
    const there = await perch(home, 'abort', 'app', '--repo', shared);
    expect(there).toMatchObject({ code: 0, stderr: '' });
    git(shared, 'remote', 'add', 'mirror', 'http://127.0.0.1:9/x.git');
    const here = await perch(shared, 'status');
    expect(here).toMatchObject({ code: 0, stderr: '' });
    expect(here.stdout).toMatch(/app +RollingBack /);
  });

  test('the configuration of the clone logs in, and none of it is shown', async () => {
    const users = [{ name: 'robin', password: 'MARKmark', access: 'write' }] as const;
    const server = await serve({ folder: shared, users });
    const folder = await clone('private');
    const logged = server.url.replace('://', '://robin:MARKmark@');
    git(folder, 'remote', 'set-url', 'origin', 'https://releases.example.com/x.git');
    gitWith({ folder }, 'config', `url.${logged}.insteadOf`, 'https://releases.example.com/x.git');
    const { code, stdout, stderr } = await perch(folder, 'abort', 'app');
    expect([code, stderr]).toEqual([
      0,
      `perch: using branch main of ${server.url.replace('://', '://***@')} (remote origin)\n`,
    ]);
    expect(stdout + stderr).not.toContain('MARK');
    expect(git(shared, 'log', '-1', '--format=%an', 'main')).toBe('Robin');
  });

  test('a revision is one of the clone, and the run branch is the remote’s', async () => {
    const folder = await clone('revisions');
    git(folder, 'tag', 'good', 'main~1');
    git(folder, 'checkout', '--quiet', '--orphan', 'other');
    merge(shared, { 'live/app/service-app.yaml': '{}\n' });
    expect(await perch(folder, 'verify', 'good')).toMatchObject({ code: 0 });
    expect(await perch(folder, 'verify')).toMatchObject({ code: 1 });
    expect(await perch(folder, 'verify', 'main~1')).toMatchObject({ code: 0 });
    expect(await perch(folder, 'verify', 'nowhere')).toMatchObject({ code: 2 });
  });
});

describe('a remote that cannot be reached', () => {
  beforeEach(begin);

  async function cutOff(...args: readonly string[]): Promise<string> {
    const folder = await clone('cut', ...args);
    git(folder, 'remote', 'set-url', 'origin', 'http://127.0.0.1:9/x');
    return folder;
  }

  test('reading shows what was fetched, and says how old that is', async () => {
    // A real one: it counts when it was made.
    const folder = await cutOff('--origin=origin');
    const { code, stdout, stderr } = await perch(folder, 'status');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/app +Progressing +20 /)]);
    expect(stderr).toMatch(
      /cannot be reached.*: showing branch main as fetched \d+s ago; its newest commit is /,
    );
    for (const args of [['verify'], ['history', 'app'], ['diff', 'app']]) {
      const read = await perch(folder, ...args);
      expect([args, read.code, read.stderr]).toEqual([
        args,
        0,
        expect.stringMatching(/^perch: .*/),
      ]);
    }
    const json = await perch(folder, 'status', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject([{ release: 'app', weight: 20 }]);
  });

  test('reading says when perch looked last, where a fetch by hand is older', async () => {
    const folder = await clone('older');
    await perch(folder, 'status');
    const [mark = ''] = await readdir(join(folder, '.git', 'perch'));
    const then = Date.now() / 1000 - 3 * 3600 - 60;
    await utimes(join(folder, '.git', 'perch', mark), then, then);
    const logs = join(folder, '.git', 'logs', 'refs', 'remotes');
    git(folder, 'remote', 'set-url', 'origin', 'http://127.0.0.1:9/x');
    await rm(logs, { recursive: true, force: true });
    const { stderr } = await perch(folder, 'status');
    expect(stderr).toContain('showing branch main as fetched 3h1m ago');
  });

  test.each(['abort', 'pause', 'promote'])('perch %s exits 3 and changes nothing', async (verb) => {
    const folder = await cutOff();
    const refs = () => [git(folder, 'for-each-ref'), git(shared, 'for-each-ref')];
    const before = refs();
    expect(await perch(folder, verb, 'app')).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/cannot be reached/),
    });
    expect(refs()).toEqual(before);
  });

  test('a run branch that the remote no longer has is not shown from memory', async () => {
    const folder = await clone('gone');
    git(shared, 'branch', 'other', 'main');
    git(shared, 'update-ref', '-d', 'refs/heads/main');
    expect(await perch(folder, 'status')).toMatchObject({ code: 3, stdout: '' });
  });
});

describe('exit codes tell what is false from what cannot be asked', () => {
  // None of them changes anything.
  beforeAll(begin);

  test.each<[string, number, readonly string[]]>([
    ['a folder that is not there', 2, ['status', '--repo', '/nowhere/at/all']],
    ['a folder that is no repository', 2, ['verify', '--repo', '/']],
    ['a request in a folder that is not there', 2, ['abort', 'app', '--repo', '/nowhere/at/all']],
    ['one pass of a folder that is not there', 2, ['analyze', '--repo', '/nowhere/at/all']],
    [
      'waiting in a folder that is not there',
      2,
      ['wait', 'app', '--for=failed', '--repo=/nowhere'],
    ],
    ['no repository here', 2, ['status']],
    ['a branch name that can be none', 2, ['status', '--branch', 'a..b', '--repo', '@']],
    ['a run branch that is not there', 3, ['verify', '--branch', 'typo', '--repo', '@']],
    ['the same of a request', 3, ['abort', 'app', '--branch', 'typo', '--repo', '@']],
    ['a revision that is none', 2, ['verify', 'typo', '--repo', '@']],
    ['a release that is none', 2, ['abort', 'typo', '--repo', '@']],
    ['a step that is none', 2, ['diff', 'app', '--to', 'typo', '--repo', '@']],
    ['a request that makes no sense now', 1, ['retry', 'app', '--repo', '@']],
  ])('%s: %i', async (_, code, args) => {
    const ended = await perch(home, ...args.map((it) => (it === '@' ? shared : it)));
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toMatch(/^perch: \S/);
  });
});
