import * as z from 'zod';
import { secretIn } from '../http/own-file.ts';
import { type Access, type Api, openApi, type Paging, part, query } from './api.ts';
import { hostOptions, withScheme } from './credentials.ts';
import { type Driver, hostOf, methodOf } from './driver.ts';
import { failure, HostError } from './failure.ts';
import type { Found, Person, PullRequest } from './host.ts';
import { type HostSite, twoParts } from './site.ts';

/** Bitbucket Data Center, from 8.15 on. */
export type BitbucketDataCenterOptions = z.infer<typeof bitbucketDataCenterOptions>;
export const bitbucketDataCenterOptions = hostOptions;

/** The REST API, https://developer.atlassian.com/server/bitbucket/rest/. It has no labels of pull requests. */
export function bitbucketDataCenter(options: BitbucketDataCenterOptions): HostSite {
  const { address, tokenFile, caFile } = options;
  return {
    address,
    sshHosts: [],
    repositoryAt: (path, over) =>
      over === 'ssh' ? twoParts(path) : /^scm\/([^/]+\/[^/]+)$/.exec(path)?.[1],
    open: (repository, tools) => {
      const sign = async () => withScheme('Bearer', await secretIn(tokenFile));
      const base = `${address}/rest/api/latest`;
      const access: Access = { address: base, sign, caFile, quirk: () => undefined, tools };
      return hostOf({
        kind: 'bitbucket-data-center',
        repository,
        features: { labels: false, autoMerge: ['merge', 'squash', 'rebase'] },
        drive: (until) => driver(openApi(access, until), repository),
      });
    },
  };
}

const user = z.object({ name: z.string() });
const ref = z.object({
  displayId: z.string(),
  latestCommit: z.string(),
  repository: z.object({ id: z.number() }),
});
const pull = z.object({
  id: z.number().int(),
  /** Whoever changes it names the one that was seen. */
  version: z.number().int(),
  title: z.string(),
  description: z.string().optional(),
  state: z.enum(['OPEN', 'MERGED', 'DECLINED']),
  fromRef: ref,
  toRef: ref,
  links: z.object({ self: z.array(z.object({ href: z.string() })) }),
  reviewers: z.array(z.object({ user })).default([]),
  properties: z.object({ mergeCommit: z.object({ id: z.string() }).optional() }).optional(),
});
type Pull = z.infer<typeof pull>;

const pulls = z.object({ values: z.array(pull) });
const commit = z.object({ id: z.string(), parents: z.array(z.object({ id: z.string() })) });
const activities = z.object({
  values: z.array(
    z.object({
      action: z.string(),
      user,
      comment: z
        .object({ id: z.number(), version: z.number(), text: z.string(), author: user })
        .optional(),
    }),
  ),
  isLastPage: z.boolean(),
  nextPageStart: z.number().nullish(),
});
type Activities = z.infer<typeof activities>;

function driver(api: Api, repository: string): Driver {
  const [project = '', name = ''] = repository.split('/');
  const base = `/projects/${part(project)}/repos/${part(name)}`;
  const at = (number: number) => `${base}/pull-requests/${number}`;
  const now = async (number: number, task: string) =>
    (await api.read({ task, path: at(number) }, pull)).value;
  return {
    find: async (head) => {
      const task = `look for pull requests of ${head}`;
      const list = async (state: string) => {
        const filter = { at: `refs/heads/${head}`, direction: 'OUTGOING', state, order: 'NEWEST' };
        const path = `${base}/pull-requests${query({ ...filter, limit: '50' })}`;
        const { values } = (await api.read({ task, path }, pulls)).value;
        return values.find((it) => it.fromRef.repository.id === it.toRef.repository.id);
      };
      const newest = (await list('OPEN')) ?? (await list('ALL'));
      return newest === undefined
        ? { kind: 'none' }
        : foundOf(api, base, await now(newest.id, task), task);
    },
    create: async ({ head, base: into, title, body: description }) => {
      const task = `open a pull request of ${head}`;
      const wanted = { title, description, fromRef: refOf(head), toRef: refOf(into) };
      const ask = { task, path: `${base}/pull-requests`, method: 'POST', body: wanted } as const;
      return ourPull((await api.read(ask, pull)).value);
    },
    update: async ({ number }, { title, body: description, base: into }) => {
      const task = `update pull request ${number}`;
      // Whoever is not named would be asked no more.
      const { version, reviewers } = await now(number, task);
      const wanted = { version, title, description, toRef: refOf(into), reviewers };
      const ask = { task, path: at(number), method: 'PUT', body: wanted } as const;
      return ourPull((await api.read(ask, pull)).value);
    },
    complete: async ({ number }, { reviewers, autoMerge }) => {
      const task = `complete pull request ${number}`;
      if (reviewers.length > 0) await ask(api, at(number), await now(number, task), reviewers);
      if (autoMerge === 'off') return;
      const { version } = await now(number, task);
      const path = `${at(number)}/merge${query({ version: String(version) })}`;
      const body = { autoMerge: true, strategyId: STRATEGIES[autoMerge] };
      await api.tell({ task, path, method: 'POST', body });
    },
    close: async ({ number }) => {
      const task = `decline pull request ${number}`;
      const { version } = await now(number, task);
      const path = `${at(number)}/decline${query({ version: String(version) })}`;
      await api.tell({ task, path, method: 'POST', body: {} });
    },
    comments: async function* (number) {
      const task = `read the comments of pull request ${number}`;
      for await (const { values } of api.pages(activityPages(at(number), task), activities))
        for (const { comment } of values)
          if (comment !== undefined)
            yield {
              authorId: comment.author.name,
              text: comment.text,
              edit: (text) =>
                api.tell({
                  task: `edit a comment of pull request ${number}`,
                  path: `${at(number)}/comments/${comment.id}`,
                  method: 'PUT',
                  body: { text, version: comment.version },
                }),
            };
    },
    addComment: (number, text) =>
      api.tell({
        task: `comment on pull request ${number}`,
        path: `${at(number)}/comments`,
        method: 'POST',
        body: { text },
      }),
    status: ({ commit: sha, context, state, description, url }) =>
      api.tell({
        task: `set a status of commit ${sha}`,
        path: `${base}/commits/${part(sha)}/builds`,
        method: 'POST',
        body: { key: context, name: context, state: STATES[state], description, url },
      }),
    login: () => login(api),
  };
}

const STATES = { pending: 'INPROGRESS', success: 'SUCCESSFUL', failure: 'FAILED' };
const STRATEGIES = { merge: 'no-ff', squash: 'squash', rebase: 'rebase-no-ff' };

function refOf(branch: string) {
  return { id: `refs/heads/${branch}` };
}

async function ask(
  api: Api,
  path: string,
  { id, version, title, reviewers: there }: Pull,
  names: readonly string[],
): Promise<void> {
  const missing = names.filter((it) => !there.some((one) => one.user.name === it));
  if (missing.length === 0) return;
  const reviewers = [...there, ...missing.map((name) => ({ user: { name } }))];
  const task = `ask reviewers of pull request ${id}`;
  await api.tell({ task, path, method: 'PUT', body: { version, title, reviewers } });
}

/** The newest first. */
function activityPages(path: string, task: string): Paging<Activities> {
  return {
    first: '0',
    ask: (start) => ({ task, path: `${path}/activities${query({ start, limit: '100' })}` }),
    next: ({ isLastPage, nextPageStart: start }) =>
      isLastPage || start === null || start === undefined ? undefined : String(start),
  };
}

function ourPull({ id, title, description, fromRef, toRef, links }: Pull): PullRequest {
  const names = { head: fromRef.displayId, base: toRef.displayId, commit: fromRef.latestCommit };
  return { number: id, url: links.self[0]?.href ?? '', title, body: description ?? '', ...names };
}

async function foundOf(api: Api, base: string, it: Pull, task: string): Promise<Found> {
  const pullRequest = ourPull(it);
  if (it.state === 'OPEN') return { kind: 'open', pullRequest };
  const by = await whoDid(api, `${base}/pull-requests/${it.id}`, it.state, task);
  if (it.state === 'DECLINED') return { kind: 'closed', pullRequest, by };
  const sha = it.properties?.mergeCommit?.id ?? pullRequest.commit;
  const { parents } = (await api.read({ task, path: `${base}/commits/${part(sha)}` }, commit))
    .value;
  const method = methodOf(
    sha,
    parents.map((one) => one.id),
    pullRequest.commit,
  );
  return { kind: 'merged', pullRequest, commit: sha, method, by };
}

async function whoDid(
  api: Api,
  path: string,
  action: string,
  task: string,
): Promise<Person | undefined> {
  for await (const { values } of api.pages(activityPages(path, task), activities)) {
    const found = values.find((it) => it.action === action);
    if (found !== undefined) return person(found.user.name);
  }
  return undefined;
}

function person(name: string): Person {
  return { id: name, name };
}

/** Each answer says whom it is for; to nobody it says nothing. */
async function login(api: Api): Promise<Person> {
  const ask = { task: 'log in', path: '/application-properties' };
  const { answer } = await api.read(ask, z.unknown());
  const name = answer.headers.get('x-ausername');
  if (name !== undefined && name !== '') return person(decodeURIComponent(name));
  const reason = `${answer.host} takes us for nobody`;
  throw new HostError(failure('unauthorised', 'log in', reason));
}
