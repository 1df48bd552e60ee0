import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Found, GitHost, HostAnswer, Proposal } from '../../analyzer/hosts/host.ts';
import { openSites } from '../../analyzer/hosts/registry.ts';
import { placeOf } from '../../analyzer/hosts/site.ts';
import { type Gitea, type GiteaAccount, missingGitea, startGitea } from './servers/gitea.ts';
import { isMissing } from './servers/missing.ts';
import { until } from './stack/until.ts';

const REPOSITORY = 'team/live';
const REPOSITORY_PATH = `/repos/${REPOSITORY}`;

describe('a real Gitea', { skip: isMissing(missingGitea()) }, () => {
  let gitea: Gitea;
  let perch: GiteaAccount;
  let ann: GiteaAccount;
  let host: GitHost;
  const folder = mkdtempSync(join(tmpdir(), 'perch-hosts-'));

  beforeAll(async () => {
    gitea = await startGitea();
    // The first account may make others members of an organisation.
    ann = await gitea.account('ann');
    perch = await gitea.account('perch');
    await ann.ask('POST', '/orgs', { username: 'team' });
    await ann.ask('POST', '/orgs/team/repos', { name: 'live', auto_init: true });
    await ann.ask('PUT', `${REPOSITORY_PATH}/collaborators/perch`, { permission: 'write' });
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, perch.token);
    const sites = openSites({ tea: { kind: 'gitea', address: gitea.url, tokenFile } }, 'FILE');
    const place = placeOf(`${gitea.url}/${REPOSITORY}.git`, sites);
    if (place.kind === 'unknown') throw new Error(place.reason);
    const clock = () => Date.now() / 1000;
    host = place.site.open(place.repository, { clock, timeoutSeconds: 10 });
  }, 120_000);
  afterAll(async () => {
    await gitea?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function done<T>(asking: Promise<HostAnswer<T>>): Promise<T> {
    const answer = await asking;
    if (answer.kind === 'failed') throw new Error(answer.failure.reason);
    return answer.value;
  }

  /** Commits a file of its own to a new branch, and opens a pull request. */
  async function proposed(head: string, more: Partial<Proposal> = {}) {
    await perch.ask('POST', `${REPOSITORY_PATH}/contents/${head.replace('/', '-')}.txt`, {
      content: Buffer.from(head).toString('base64'),
      message: head,
      branch: 'main',
      new_branch: head,
    });
    return done(host.propose(proposal(head, more)));
  }

  function proposal(head: string, more: Partial<Proposal> = {}): Proposal {
    const text = { title: `${head}: weight 20`, body: 'One.\n\nTwo.' };
    const none = { labels: [], reviewers: [], autoMerge: 'off' } as const;
    return { head, base: 'main', ...text, ...none, ...more };
  }

  const found = (head: string): Promise<Found> => done(host.find(head));
  const pull = (number: number) => `${REPOSITORY_PATH}/pulls/${number}`;

  /** A new pull request is looked at by the host first, and cannot be merged before. */
  async function merged(number: number, how: Readonly<Record<string, unknown>>): Promise<void> {
    const merge = () => ann.ask('POST', `${pull(number)}/merge`, how).then(() => true);
    await until(() => merge().catch(() => false), 20);
  }

  test('knows who logs in, and finds nothing where nothing is', async () => {
    expect((await done(host.login())).name).toBe('perch');
    expect(await found('perch/nothing')).toEqual({ kind: 'none' });
  });

  test('a pull request is opened once, and brought up to date in place', async () => {
    const head = 'perch/shop';
    const made = await proposed(head);
    expect(made).toMatchObject({ head, base: 'main', body: 'One.\n\nTwo.' });
    const more = { title: 'weight 50', labels: ['perch', 'canary'], reviewers: ['ann'] };
    const again = await done(host.propose(proposal(head, more)));
    expect(again).toMatchObject({ number: made.number, title: 'weight 50' });
    interface Pull {
      readonly labels: readonly { readonly name: string }[];
      readonly requested_reviewers: readonly { readonly login: string }[];
    }
    const there = await ann.ask<Pull>('GET', pull(made.number));
    expect(there.labels.map((it) => it.name).sort()).toEqual(['canary', 'perch']);
    expect(there.requested_reviewers.map((it) => it.login)).toEqual(['ann']);
    expect(await found(head)).toEqual({ kind: 'open', pullRequest: again });
  });

  test('a comment is rewritten, and a status replaced', async () => {
    const { number, commit } = await proposed('perch/told');
    for (const text of ['one', 'two']) await done(host.comment(number, 'plan', text));
    const path = `${REPOSITORY_PATH}/issues/${number}/comments`;
    const comments = await ann.ask<readonly { readonly body: string }[]>('GET', path);
    expect(comments.map((it) => it.body)).toEqual([expect.stringContaining('two')]);
    for (const state of ['pending', 'success'] as const)
      await done(
        host.status({
          ...{ commit, state, context: 'perch/shop' },
          ...{ description: 'weight 20', url: 'https://perch.example.com' },
        }),
      );
    interface Combined {
      readonly state: string;
      readonly statuses: readonly { readonly context: string; readonly status: string }[];
    }
    const all = await ann.ask<Combined>('GET', `${REPOSITORY_PATH}/commits/${commit}/status`);
    expect(all.statuses).toMatchObject([{ context: 'perch/shop', status: 'success' }]);
  });

  test.each([
    ['merge', 'merge'],
    ['squash', 'rewritten'],
    ['rebase', 'fast-forward'],
    ['fast-forward-only', 'fast-forward'],
  ])('one that ann merges by %s is merged, by ann', async (how, method) => {
    const head = `perch/by-${how}`;
    const { number } = await proposed(head);
    await merged(number, { Do: how });
    const there = await found(head);
    expect(there).toMatchObject({ kind: 'merged', method, by: { name: 'ann' } });
    const branch = await ann.ask<{ readonly commit: { readonly id: string } }>(
      'GET',
      `${REPOSITORY_PATH}/branches/main`,
    );
    expect(there.kind === 'merged' && there.commit).toBe(branch.commit.id);
  });

  test('one whose branch is gone after the merge is found', async () => {
    const head = 'perch/gone';
    const { number } = await proposed(head);
    await merged(number, { Do: 'merge', delete_branch_after_merge: true });
    expect(await found(head)).toMatchObject({ kind: 'merged', by: { name: 'ann' } });
  });

  test('one that somebody closes is closed, and so is one that we close with a comment', async () => {
    const { number } = await proposed('perch/refused');
    await ann.ask('PATCH', pull(number), { state: 'closed' });
    expect(await found('perch/refused')).toMatchObject({ kind: 'closed' });
    await proposed('perch/over');
    expect(await done(host.close('perch/over', 'It was rolled back.'))).toMatchObject({
      kind: 'open',
    });
    expect(await found('perch/over')).toMatchObject({ kind: 'closed' });
  });

  test('a branch that is not there is refused, with the remedy', async () => {
    const answer = await host.propose(proposal('perch/nowhere'));
    expect(answer.kind === 'failed' && answer.failure.reason).toMatch(/perch\/nowhere/);
  });

  test('one that the host is to merge by itself is merged', async () => {
    await proposed('perch/auto', { autoMerge: 'squash' });
    await until(async () => (await found('perch/auto')).kind === 'merged', 30);
  });
});
