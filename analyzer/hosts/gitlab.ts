import * as z from 'zod';
import { webAddress } from '../http/address.ts';
import { secretIn } from '../http/own-file.ts';
import { type Access, type Api, numbered, openApi, part, query } from './api.ts';
import { hostOptions, withScheme } from './credentials.ts';
import { type Driver, hostOf } from './driver.ts';
import { failure, HostError } from './failure.ts';
import type { CommitStatus, Deployment, Found, Person, PullRequest } from './host.ts';
import type { HostSite } from './site.ts';

/** GitLab, at gitlab.com or elsewhere. */
export type GitlabOptions = z.infer<typeof gitlabOptions>;
export const gitlabOptions = hostOptions.extend({
  address: webAddress().default('https://gitlab.com'),
});

/** The REST API, https://docs.gitlab.com/api/rest/. Pull requests are merge requests there. */
export function gitlab({ address, tokenFile, caFile }: GitlabOptions): HostSite {
  return {
    address,
    sshHosts: address === 'https://gitlab.com' ? ['altssh.gitlab.com'] : [],
    // Groups have groups in them.
    repositoryAt: (path) => (/^[^/]+(?:\/[^/]+)+$/.test(path) ? path : undefined),
    open: (repository, tools) => {
      const sign = async () => withScheme('Bearer', await secretIn(tokenFile));
      const base = `${address}/api/v4`;
      const access: Access = { address: base, sign, caFile, quirk: () => undefined, tools };
      return hostOf({
        kind: 'gitlab',
        repository,
        features: { labels: true, autoMerge: ['merge', 'squash'] },
        drive: (until) => driver(openApi(access, until), repository),
        deploy: (it, until) => deploy(openApi(access, until), repository, it),
      });
    },
  };
}

const user = z.object({ id: z.number(), username: z.string() });
const mergeRequest = z.object({
  iid: z.number().int(),
  web_url: z.string(),
  state: z.enum(['opened', 'closed', 'locked', 'merged']),
  title: z.string(),
  description: z.string().nullable(),
  source_branch: z.string(),
  target_branch: z.string(),
  /** None where its project is gone. */
  source_project_id: z.number().nullable(),
  target_project_id: z.number(),
  /** None as long as the changes are still looked at. */
  sha: z.string().nullable(),
  merge_commit_sha: z.string().nullish(),
  squash_commit_sha: z.string().nullish(),
  merge_user: user.nullish(),
  /** Before GitLab 14.7. */
  merged_by: user.nullish(),
  closed_by: user.nullish(),
  reviewers: z.array(user).default([]),
});
type MergeRequest = z.infer<typeof mergeRequest>;

const notes = z.array(z.object({ id: z.number(), body: z.string(), author: user }));
const statuses = z.array(
  z.object({ name: z.string(), status: z.string(), description: z.string().nullish() }),
);

function driver(api: Api, repository: string): Driver {
  const base = `/projects/${part(repository)}`;
  const at = (number: number) => `${base}/merge_requests/${number}`;
  const ours = (it: MergeRequest, task: string) => ourPull(api, base, it, task);
  return {
    find: async (head) => {
      const task = `look for merge requests of ${head}`;
      const list = async (state: string) => {
        const filter = { source_branch: head, state, order_by: 'created_at', sort: 'desc' };
        const path = `${base}/merge_requests${query({ ...filter, per_page: '50' })}`;
        const { value } = await api.read({ task, path }, z.array(mergeRequest));
        return value.find((it) => it.source_project_id === it.target_project_id);
      };
      const newest = (await list('opened')) ?? (await list('all'));
      if (newest === undefined) return { kind: 'none' };
      return foundOf(newest, await ours(newest, task));
    },
    create: async ({ head, base: into, title, body }) => {
      const task = `open a merge request of ${head}`;
      const wanted = { source_branch: head, target_branch: into, title, description: body };
      const ask = { task, path: `${base}/merge_requests`, method: 'POST', body: wanted } as const;
      return ours((await api.read(ask, mergeRequest)).value, task);
    },
    update: async ({ number }, { title, body, base: into }) => {
      const task = `update merge request ${number}`;
      const wanted = { title, description: body, target_branch: into };
      const ask = { task, path: at(number), method: 'PUT', body: wanted } as const;
      return ours((await api.read(ask, mergeRequest)).value, task);
    },
    complete: async ({ number, commit }, { labels, reviewers, autoMerge }) => {
      const task = `complete merge request ${number}`;
      const put = (path: string, body: unknown) => api.tell({ task, path, method: 'PUT', body });
      if (labels.length > 0) await put(at(number), { add_labels: labels.join(',') });
      if (reviewers.length > 0) {
        const there = (await api.read({ task, path: at(number) }, mergeRequest)).value.reviewers;
        const missing = reviewers.filter((it) => !there.some((one) => one.username === it));
        const ids = await Promise.all(missing.map((it) => userId(api, it, task)));
        // Whoever is not named would be asked no more.
        if (ids.length > 0)
          await put(at(number), { reviewer_ids: [...there.map((it) => it.id), ...ids] });
      }
      // The second name is that of GitLab before 17.11.
      const wanted = { auto_merge: true, merge_when_pipeline_succeeds: true, sha: commit };
      if (autoMerge !== 'off')
        await put(`${at(number)}/merge`, { ...wanted, squash: autoMerge === 'squash' });
    },
    close: ({ number }) =>
      api.tell({
        task: `close merge request ${number}`,
        path: at(number),
        method: 'PUT',
        body: { state_event: 'close' },
      }),
    comments: async function* (number) {
      const task = `read the notes of merge request ${number}`;
      const path = (page: string) =>
        `${at(number)}/notes${query({ sort: 'asc', per_page: '100', page })}`;
      const paging = numbered<z.infer<typeof notes>>((page) => ({ task, path: path(page) }));
      for await (const page of api.pages(paging, notes))
        for (const { id, body: text, author } of page)
          yield {
            authorId: String(author.id),
            text,
            edit: (body) =>
              api.tell({
                task: `edit a note of merge request ${number}`,
                path: `${at(number)}/notes/${id}`,
                method: 'PUT',
                body: { body },
              }),
          };
    },
    addComment: (number, body) =>
      api.tell({
        task: `comment on merge request ${number}`,
        path: `${at(number)}/notes`,
        method: 'POST',
        body: { body },
      }),
    status: (status) => setStatus(api, base, status),
    login: async () => {
      const { value } = await api.read({ task: 'log in', path: '/user' }, user);
      return person(value);
    },
  };
}

function person({ id, username }: z.infer<typeof user>): Person {
  return { id: String(id), name: username };
}

async function ourPull(
  api: Api,
  base: string,
  it: MergeRequest,
  task: string,
): Promise<PullRequest> {
  const { iid: number, web_url: url, title, description, source_branch: head } = it;
  const known = { number, url, title, body: description ?? '', head, base: it.target_branch };
  if (it.sha !== null) return { ...known, commit: it.sha };
  const branch = z.object({ commit: z.object({ id: z.string() }) });
  const path = `${base}/repository/branches/${part(head)}`;
  return { ...known, commit: (await api.read({ task, path }, branch)).value.commit.id };
}

function foundOf(it: MergeRequest, pullRequest: PullRequest): Found {
  const by = (one: z.infer<typeof user> | null | undefined) =>
    one === null || one === undefined ? undefined : person(one);
  switch (it.state) {
    case 'closed':
      return { kind: 'closed', pullRequest, by: by(it.closed_by) };
    case 'merged': {
      const { merge_commit_sha: merge, squash_commit_sha: squash } = it;
      const commit = merge ?? squash ?? pullRequest.commit;
      const made = typeof merge === 'string' ? 'merge' : 'fast-forward';
      const method = typeof squash === 'string' ? 'squash' : made;
      const who = by(it.merge_user ?? it.merged_by);
      return { kind: 'merged', pullRequest, commit, method, by: who };
    }
    // It is being merged.
    case 'locked':
    case 'opened':
      return { kind: 'open', pullRequest };
  }
}

async function userId(api: Api, username: string, task: string): Promise<number> {
  const path = `/users${query({ username })}`;
  const [one] = (await api.read({ task, path }, z.array(user))).value;
  if (one !== undefined) return one.id;
  throw new HostError(failure('refused', task, `GitLab has no user ${username}`));
}

const STATES = { pending: 'pending', success: 'success', failure: 'failed' };

/** The state that is there already is refused, so it is looked at first. */
async function setStatus(api: Api, base: string, status: CommitStatus): Promise<void> {
  const { commit, context: name, url } = status;
  const task = `set a status of commit ${commit}`;
  const state = STATES[status.state];
  const description = status.description.slice(0, 255);
  const seen = `${base}/repository/commits/${part(commit)}/statuses${query({ name })}`;
  const { value } = await api.read({ task, path: seen }, statuses);
  const there = value.find((it) => it.name === name);
  if (there?.status === state && there.description === description) return;
  await api.tell({
    task,
    path: `${base}/statuses/${part(commit)}`,
    method: 'POST',
    body: { state, name, description, target_url: url },
  });
}

const DEPLOYMENT_STATES = { running: 'running', success: 'success', failure: 'failed' };
const deployments = z.array(z.object({ id: z.number(), sha: z.string(), status: z.string() }));

/** One deployment for each commit and environment, whose state changes. */
async function deploy(api: Api, repository: string, deployment: Deployment): Promise<void> {
  const { commit: sha, branch: ref, environment } = deployment;
  const task = `report a deployment to ${environment}`;
  const path = `/projects/${part(repository)}/deployments`;
  const filter = query({ environment, order_by: 'id', sort: 'desc', per_page: '50' });
  const { value } = await api.read({ task, path: `${path}${filter}` }, deployments);
  const there = value.find((it) => it.sha === sha);
  const status = DEPLOYMENT_STATES[deployment.state];
  if (there?.status === status) return;
  if (there === undefined) {
    const body = { environment, sha, ref, tag: false, status };
    await api.tell({ task, path, method: 'POST', body });
  } else {
    await api.tell({ task, path: `${path}/${there.id}`, method: 'PUT', body: { status } });
  }
}
