import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../cleanups.ts';
import { type ForgeServer, startForge } from '../../embedded/forge.ts';
import { githubDialect } from '../../embedded/forges/github.ts';
import { plan } from '../core/fixture.ts';
import { openField } from '../field.ts';
import { bare, git, scratch } from '../git/fixture.ts';
import { openPerchIn } from './in-process.ts';

const TOKEN = 'canary-0123456789abcdef';

let run: Awaited<ReturnType<typeof openPerchIn>>;
let server: ForgeServer;
let clone: string;
let origin: string;
let config: string;

beforeAll(async () => {
  run = await openPerchIn({});
  const { folder } = await bare();
  origin = folder;
  const field = await openField(folder);
  await field.release({ app: plan('v1'), old: plan('v1') });
  git(folder, 'branch', 'base', 'main');
  await field.release({ app: plan('v2'), old: plan('v1'), new: plan('v1') });
  clone = await scratch();
  git(folder, 'clone', '--quiet', folder, clone);
  server = await startForge(githubDialect, TOKEN);
  git(clone, 'remote', 'set-url', 'origin', `${server.address}/team/live.git`);
  const secrets = temporaryFolder();
  writeFileSync(join(secrets, 'token'), TOKEN);
  config = join(secrets, 'hosts.yaml');
  const tokenFile = join(secrets, 'token');
  writeFileSync(
    config,
    JSON.stringify({ ci: { kind: 'github', address: server.address, tokenFile } }),
  );
  server.forge.open('images');
});

const comment = (...args: readonly string[]) =>
  run(clone, 'comment', ...args, '--hosts-config', config);
const texts = () => server.forge.pulls[0]?.comments.map((it) => it.text) ?? [];

describe('perch comment', () => {
  test('writes the plans that change, and rewrites them in place', async () => {
    const { code, stdout } = await comment('1', '--base', 'origin/base');
    expect([code, stdout]).toEqual([0, 'team/live: pull request 1 has the plans: app, new\n']);
    expect(texts()).toHaveLength(1);
    const [text = ''] = texts();
    expect(text).toMatch(/^### app\n\n```text\napp: app:v2 \(candidate/);
    expect(text).toMatch(/<summary>The plan that it replaces<\/summary>\n\n```text\napp: app:v1/);
    expect(text).toContain('\n- Deployment app-primary: changed\n');
    expect(text).toContain('\n```diff\ndiff --git a/live/app/');
    expect(text).toMatch(/\n### new\n\n.*\nThe release is new\.\n/s);
    expect(text).not.toContain('### old');
    await comment('1', '--base', 'HEAD');
    expect(texts()).toEqual([expect.stringMatching(/^This pull request changes no plan\.\n/)]);
  });

  test('takes a clone of one commit, and what was fetched last, as CI has them', async () => {
    const shallow = await scratch();
    git(shallow, 'clone', '--quiet', '--depth=1', `file://${origin}`, shallow);
    git(shallow, 'fetch', '--quiet', '--depth=1', 'origin', 'base');
    git(shallow, 'remote', 'set-url', 'origin', `${server.address}/team/live.git`);
    const args = ['comment', '1', '--base', 'FETCH_HEAD', '--hosts-config', config];
    const { code, stdout } = await run(shallow, ...args);
    expect([code, stdout]).toEqual([0, 'team/live: pull request 1 has the plans: app, new\n']);
  });

  test('names what is taken out', async () => {
    git(clone, 'checkout', '--quiet', 'origin/base');
    const { stdout } = await comment('1', '--base', 'origin/main', '--json');
    git(clone, 'checkout', '--quiet', 'main');
    expect(JSON.parse(stdout)).toEqual({
      pullRequest: 1,
      repository: 'team/live',
      releases: ['app', 'new'],
    });
    expect(texts()[0]).toContain('### new\n\nThe release is taken out.');
  });

  test.each([
    ['another number', ['7', '--base', 'HEAD'], 3, /^perch: cannot comment on pull request 7: /m],
    ['no revision', ['1', '--base', 'nowhere'], 2, /there is no revision "nowhere"/],
    ['no number', ['one', '--base', 'HEAD'], 2, /expected a number above 0/],
    ['no base', ['1'], 2, /required option '--base <revision>'/],
  ])('fails for %s', async (_, args, code, complaint) => {
    const ended = await comment(...args);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(complaint);
    expect(ended.stderr).not.toContain(TOKEN);
  });

  test('needs the host to be described', async () => {
    const ended = await run(clone, 'comment', '1', '--base', 'HEAD');
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/no known host has the repository .* --hosts-config/);
  });
});
