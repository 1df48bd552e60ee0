import { createHash } from 'node:crypto';
import * as z from 'zod';
import { webAddress } from '../http/address.ts';
import { secretIn } from '../http/own-file.ts';
import { type Access, type Api, openApi, part } from './api.ts';
import { basic, hostOptions, withScheme } from './credentials.ts';
import { type Driver, hostOf, methodOf } from './driver.ts';
import type { Found, Person, PullRequest } from './host.ts';
import { type HostSite, twoParts } from './site.ts';

/** Bitbucket Cloud. */
export type BitbucketCloudOptions = z.infer<typeof bitbucketCloudOptions>;
export const bitbucketCloudOptions = hostOptions.extend({
  address: webAddress().default('https://bitbucket.org'),
  /** Where its API is; a proxy in front of it has another address. */
  apiAddress: webAddress().default('https://api.bitbucket.org/2.0'),
  /** The e-mail address that an API token goes with. @default - an access token, which goes with nobody */
  username: z.string().optional(),
});

/** The REST API, https://developer.atlassian.com/cloud/bitbucket/rest/. It has no labels. */
export function bitbucketCloud(options: BitbucketCloudOptions): HostSite {
  const { address, apiAddress, tokenFile, username, caFile } = options;
  return {
    address,
    sshHosts: address === 'https://bitbucket.org' ? ['altssh.bitbucket.org'] : [],
    repositoryAt: twoParts,
    open: (repository, tools) => {
      const sign = async () => {
        const token = await secretIn(tokenFile);
        return username === undefined ? withScheme('Bearer', token) : basic(username, token);
      };
      const access: Access = { address: apiAddress, sign, caFile, quirk: () => undefined, tools };
      return hostOf({
        kind: 'bitbucket-cloud',
        repository,
        features: { labels: false, autoMerge: [] },
        drive: (until) => driver(openApi(access, until), repository),
      });
    },
  };
}

const user = z.object({ uuid: z.string(), display_name: z.string() });
const commit = z.object({
  hash: z.string(),
  parents: z.array(z.object({ hash: z.string() })),
});
/** Hashes are cut to 12 digits in it. */
const hash = z.object({ hash: z.string() });
const pull = z.object({
  id: z.number().int(),
  title: z.string(),
  description: z.string().nullish(),
  state: z.enum(['OPEN', 'MERGED', 'DECLINED', 'SUPERSEDED']),
  links: z.object({ html: z.object({ href: z.string() }) }),
  source: z.object({
    branch: z.object({ name: z.string() }),
    commit: hash,
    /** None where it is gone. */
    repository: z.object({ full_name: z.string() }).nullish(),
  }),
  destination: z.object({
    branch: z.object({ name: z.string() }),
    repository: z.object({ full_name: z.string() }),
  }),
  merge_commit: hash.nullish(),
  closed_by: user.nullish(),
  /** Of one pull request alone, not of lists. */
  reviewers: z.array(z.object({ uuid: z.string() })).default([]),
});
type Pull = z.infer<typeof pull>;

const pulls = z.object({ values: z.array(pull) });
const comments = z.object({
  values: z.array(
    z.object({
      id: z.number(),
      content: z.object({ raw: z.string().nullable() }),
      user: user.nullish(),
      deleted: z.boolean().default(false),
    }),
  ),
  next: z.string().optional(),
});

function driver(api: Api, repository: string): Driver {
  const [workspace = '', name = ''] = repository.split('/');
  const base = `/repositories/${part(workspace)}/${part(name)}`;
  const at = (number: number) => `${base}/pullrequests/${number}`;
  const ours = (it: Pull, task: string) => ourPull(api, base, it, task);
  const whole = async (number: number, task: string) =>
    (await api.read({ task, path: at(number) }, pull)).value;
  return {
    find: async (head) => {
      const task = `look for pull requests of ${head}`;
      const list = async (states: readonly string[]) => {
        const parameters = new URLSearchParams({
          q: `source.branch.name = ${JSON.stringify(head)}`,
          sort: '-created_on',
          pagelen: '50',
        });
        for (const it of states) parameters.append('state', it);
        const path = `${base}/pullrequests?${parameters}`;
        const { values } = (await api.read({ task, path }, pulls)).value;
        return values.find(
          ({ source, destination }) =>
            source.repository?.full_name === destination.repository.full_name,
        );
      };
      const newest = (await list(['OPEN'])) ?? (await list(['MERGED', 'DECLINED', 'SUPERSEDED']));
      if (newest === undefined) return { kind: 'none' };
      return foundOf(api, base, await whole(newest.id, task), task);
    },
    create: async ({ head, base: into, title, body }) => {
      const task = `open a pull request of ${head}`;
      const branches = { source: branchOf(head), destination: branchOf(into) };
      const wanted = { title, description: body, ...branches };
      const ask = { task, path: `${base}/pullrequests`, method: 'POST', body: wanted } as const;
      return ours((await api.read(ask, pull)).value, task);
    },
    update: async ({ number }, { title, body, base: into }) => {
      const task = `update pull request ${number}`;
      // Whoever is not named would be asked no more.
      const { reviewers } = await whole(number, task);
      const wanted = { title, description: body, destination: branchOf(into), reviewers };
      const ask = { task, path: at(number), method: 'PUT', body: wanted } as const;
      return ours((await api.read(ask, pull)).value, task);
    },
    complete: async ({ number }, { reviewers }) => {
      if (reviewers.length === 0) return;
      const task = `ask reviewers of pull request ${number}`;
      const { title, reviewers: there } = await whole(number, task);
      const missing = reviewers.filter((it) => !there.some((one) => one.uuid === it));
      if (missing.length === 0) return;
      const all = [...there, ...missing.map((uuid) => ({ uuid }))];
      await api.tell({ task, path: at(number), method: 'PUT', body: { title, reviewers: all } });
    },
    close: ({ number }) =>
      api.tell({
        task: `decline pull request ${number}`,
        path: `${at(number)}/decline`,
        method: 'POST',
      }),
    comments: async function* (number) {
      const task = `read the comments of pull request ${number}`;
      const paging = {
        first: '1',
        ask: (page: string) => ({ task, path: `${at(number)}/comments?pagelen=100&page=${page}` }),
        next: ({ next }: z.infer<typeof comments>, _: unknown, page: string) =>
          next === undefined ? undefined : String(Number(page) + 1),
      };
      for await (const { values } of api.pages(paging, comments))
        for (const { id, content, user: author, deleted } of values)
          if (!deleted)
            yield {
              authorId: author?.uuid ?? '',
              text: content.raw ?? '',
              edit: (raw) =>
                api.tell({
                  task: `edit a comment of pull request ${number}`,
                  path: `${at(number)}/comments/${id}`,
                  method: 'PUT',
                  body: { content: { raw } },
                }),
            };
    },
    addComment: (number, raw) =>
      api.tell({
        task: `comment on pull request ${number}`,
        path: `${at(number)}/comments`,
        method: 'POST',
        body: { content: { raw } },
      }),
    status: ({ commit: sha, context, state, description, url }) =>
      api.tell({
        task: `set a status of commit ${sha}`,
        path: `${base}/commit/${part(sha)}/statuses/build`,
        method: 'POST',
        body: { key: keyOf(context), name: context, state: STATES[state], description, url },
      }),
    login: async () => person((await api.read({ task: 'log in', path: '/user' }, user)).value),
  };
}

const STATES = { pending: 'INPROGRESS', success: 'SUCCESSFUL', failure: 'FAILED' };

const LONGEST_KEY = 40;

/** What tells statuses apart may be no longer than a hash. */
function keyOf(context: string): string {
  if (context.length <= LONGEST_KEY) return context;
  return createHash('sha256').update(context).digest('hex').slice(0, LONGEST_KEY);
}

function branchOf(name: string) {
  return { branch: { name } };
}

function person({ uuid, display_name }: z.infer<typeof user>): Person {
  return { id: uuid, name: display_name };
}

async function commitAt(api: Api, base: string, short: string, task: string) {
  return (await api.read({ task, path: `${base}/commit/${part(short)}` }, commit)).value;
}

async function ourPull(api: Api, base: string, it: Pull, task: string): Promise<PullRequest> {
  const { id: number, title, description, source, destination, links } = it;
  const names = { head: source.branch.name, base: destination.branch.name };
  const { hash: sha } = await commitAt(api, base, source.commit.hash, task);
  return { number, url: links.html.href, title, body: description ?? '', ...names, commit: sha };
}

async function foundOf(api: Api, base: string, it: Pull, task: string): Promise<Found> {
  const pullRequest = await ourPull(api, base, it, task);
  const by = it.closed_by === null || it.closed_by === undefined ? undefined : person(it.closed_by);
  if (it.state === 'OPEN') return { kind: 'open', pullRequest };
  if (it.state !== 'MERGED') return { kind: 'closed', pullRequest, by };
  const short = it.merge_commit?.hash ?? pullRequest.commit;
  const { hash: sha, parents } = await commitAt(api, base, short, task);
  const method = methodOf(
    sha,
    parents.map((one) => one.hash),
    pullRequest.commit,
  );
  return { kind: 'merged', pullRequest, commit: sha, method, by };
}
