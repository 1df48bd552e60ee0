import * as z from 'zod';
import type { Answered } from '../http/answer.ts';
import { secretIn } from '../http/own-file.ts';
import { type Access, type Api, openApi, part } from './api.ts';
import { basic, hostOptions } from './credentials.ts';
import { type Driver, hostOf, methodOf } from './driver.ts';
import type { Found, MergedBy, Person, Proposal, PullRequest } from './host.ts';
import type { HostSite } from './site.ts';

/** Azure DevOps Services or Server; the address ends in the organization or collection. */
export type AzureDevopsOptions = z.infer<typeof azureDevopsOptions>;
export const azureDevopsOptions = hostOptions;

/** The REST API, https://learn.microsoft.com/en-us/rest/api/azure/devops/git/, in the version of Server 2022. */
export function azureDevops({ address, tokenFile, caFile }: AzureDevopsOptions): HostSite {
  const organization = address.split('/').at(-1) ?? '';
  return {
    address,
    sshHosts: ['ssh.dev.azure.com', 'vs-ssh.visualstudio.com'],
    repositoryAt: (path, over) =>
      over === 'http' ? overHttp(path) : overSsh(path, organization.toLowerCase()),
    open: (repository, tools) => {
      const sign = async () => basic('', await secretIn(tokenFile));
      const access: Access = { address, sign, caFile, quirk, tools };
      return hostOf({
        kind: 'azure-devops',
        repository,
        features: { labels: true, autoMerge: ['merge', 'squash', 'rebase'] },
        drive: (until) => driver(openApi(access, until), repository, address),
      });
    },
  };
}

/** A repository of the project's own name may stand alone. */
function overHttp(path: string): string | undefined {
  const [, project, name] = /^(?:([^/]+)\/)?_git\/([^/]+)$/.exec(path) ?? [];
  return name === undefined ? undefined : `${project ?? name}/${name}`;
}

function overSsh(path: string, organization: string): string | undefined {
  const parts = path.replace(/^v3\//, '').replace('/_git/', '/').split('/');
  // The server's own folder may stand before the collection.
  const [owner, project, name] = parts.slice(-3);
  if (name === undefined || owner?.toLowerCase() !== organization) return undefined;
  return `${project}/${name}`;
}

/** To whom it does not know it shows a page to log in with, and says that all is well. */
function quirk({ status }: Answered) {
  return status === 203 || status === 302 ? 'unauthorised' : undefined;
}

const identity = z.object({ id: z.string(), displayName: z.string().nullish() });
const commitRef = z.object({ commitId: z.string() });
const pull = z.object({
  pullRequestId: z.number().int(),
  status: z.enum(['active', 'abandoned', 'completed']),
  title: z.string(),
  /** Cut after 400 characters in lists. */
  description: z.string().nullish(),
  sourceRefName: z.string(),
  targetRefName: z.string(),
  lastMergeSourceCommit: commitRef.nullish(),
  lastMergeCommit: commitRef.nullish(),
  closedBy: identity.nullish(),
  completionOptions: z.object({ mergeStrategy: z.string().optional() }).nullish(),
  forkSource: z.unknown().optional(),
});
type Pull = z.infer<typeof pull>;

const pulls = z.object({ value: z.array(pull) });
const refs = z.object({ value: z.array(z.object({ name: z.string(), objectId: z.string() })) });
const commit = z.object({ parents: z.array(z.string()).default([]) });
const threads = z.object({
  value: z.array(
    z.object({
      id: z.number(),
      comments: z
        .array(
          z.object({
            id: z.number(),
            content: z.string().nullish(),
            author: identity,
            isDeleted: z.boolean().default(false),
          }),
        )
        .default([]),
    }),
  ),
});
const connection = z.object({
  authenticatedUser: z.object({ id: z.string(), providerDisplayName: z.string().nullish() }),
});

const VERSION = '7.0';

/** What is asked, with the version of the API that answers it. */
function versioned(path: string, more: Readonly<Record<string, string>> = {}): string {
  return `${path}?${new URLSearchParams({ ...more, 'api-version': VERSION })}`;
}

function driver(api: Api, repository: string, address: string): Driver {
  const [project = '', name = ''] = repository.split('/');
  const base = `/${part(project)}/_apis/git/repositories/${part(name)}`;
  const at = (number: number) => `${base}/pullrequests/${number}`;
  const page = `${address}/${part(project)}/_git/${part(name)}/pullrequest`;
  const ours = (it: Pull, task: string) => ourPull(api, base, page, it, task);
  const change = (number: number, task: string, body: unknown) =>
    ({ task, path: versioned(at(number)), method: 'PATCH', body }) as const;
  return {
    find: async (head) => {
      const task = `look for pull requests of ${head}`;
      const list = async (status: string) => {
        const path = versioned(`${base}/pullrequests`, {
          'searchCriteria.sourceRefName': `refs/heads/${head}`,
          'searchCriteria.status': status,
          $top: '50',
        });
        const { value } = (await api.read({ task, path }, pulls)).value;
        return value.find((it) => it.forkSource === undefined || it.forkSource === null);
      };
      const newest = (await list('active')) ?? (await list('all'));
      if (newest === undefined) return { kind: 'none' };
      const path = versioned(at(newest.pullRequestId));
      const { value } = await api.read({ task, path }, pull);
      return foundOf(api, base, value, await ours(value, task), task);
    },
    create: async ({ head, base: into, title, body: description }) => {
      const task = `open a pull request of ${head}`;
      const body = { sourceRefName: refOf(head), targetRefName: refOf(into), title, description };
      const ask = { task, path: versioned(`${base}/pullrequests`), method: 'POST', body } as const;
      return ours((await api.read(ask, pull)).value, task);
    },
    update: async ({ number, base: before }, { title, body: description, base: into }) => {
      const task = `update pull request ${number}`;
      const target = before === into ? {} : { targetRefName: refOf(into) };
      const ask = change(number, task, { title, description, ...target });
      return ours((await api.read(ask, pull)).value, task);
    },
    complete: (pullRequest, proposal) => complete(api, at(pullRequest.number), proposal),
    close: ({ number }) =>
      api.tell(change(number, `abandon pull request ${number}`, { status: 'abandoned' })),
    comments: async function* (number) {
      const task = `read the comments of pull request ${number}`;
      // They come all at once.
      const path = `${at(number)}/threads`;
      for (const thread of (await api.read({ task, path: versioned(path) }, threads)).value.value)
        for (const { id, content, author, isDeleted } of thread.comments)
          if (!isDeleted)
            yield {
              authorId: author.id,
              text: content ?? '',
              edit: (text) =>
                api.tell({
                  task: `edit a comment of pull request ${number}`,
                  path: versioned(`${path}/${thread.id}/comments/${id}`),
                  method: 'PATCH',
                  body: { content: text },
                }),
            };
    },
    addComment: (number, content) =>
      api.tell({
        task: `comment on pull request ${number}`,
        path: versioned(`${at(number)}/threads`),
        method: 'POST',
        // An open thread holds merges up where comments must be resolved.
        body: {
          comments: [{ parentCommentId: 0, content, commentType: 'text' }],
          status: 'closed',
        },
      }),
    status: ({ commit: sha, context, state, description, url }) =>
      api.tell({
        task: `set a status of commit ${sha}`,
        path: versioned(`${base}/commits/${part(sha)}/statuses`),
        method: 'POST',
        body: {
          state: STATES[state],
          description,
          targetUrl: url,
          context: { name: context, genre: 'perch' },
        },
      }),
    login: () => login(api),
  };
}

const STATES = { pending: 'pending', success: 'succeeded', failure: 'failed' };
const STRATEGIES = { merge: 'noFastForward', squash: 'squash', rebase: 'rebase' };
const METHODS: ReadonlyMap<string | undefined, MergedBy> = new Map([
  ['noFastForward', 'merge'],
  ['squash', 'squash'],
  ['rebase', 'rebase'],
  ['rebaseMerge', 'rebase'],
]);

function refOf(branch: string): string {
  return `refs/heads/${branch}`;
}

function nameOf(ref: string): string {
  return ref.replace(/^refs\/heads\//, '');
}

async function complete(
  api: Api,
  path: string,
  { labels, reviewers, autoMerge }: Proposal,
): Promise<void> {
  const task = 'complete a pull request';
  for (const name of labels)
    await api.tell({ task, path: versioned(`${path}/labels`), method: 'POST', body: { name } });
  for (const id of reviewers) {
    const reviewer = versioned(`${path}/reviewers/${part(id)}`);
    await api.tell({ task, path: reviewer, method: 'PUT', body: { id, vote: 0 } });
  }
  if (autoMerge === 'off') return;
  const { id } = await login(api);
  const completionOptions = { mergeStrategy: STRATEGIES[autoMerge] };
  const body = { autoCompleteSetBy: { id }, completionOptions };
  await api.tell({ task, path: versioned(path), method: 'PATCH', body });
}

async function ourPull(
  api: Api,
  base: string,
  page: string,
  it: Pull,
  task: string,
): Promise<PullRequest> {
  const [head, into] = [nameOf(it.sourceRefName), nameOf(it.targetRefName)];
  const { pullRequestId: number, title, description } = it;
  const known = { number, url: `${page}/${number}`, head, base: into, title };
  // One that was just opened is still looked at.
  const sha = it.lastMergeSourceCommit?.commitId ?? (await tip(api, base, head, task));
  return { ...known, body: description ?? '', commit: sha };
}

async function tip(api: Api, base: string, branch: string, task: string): Promise<string> {
  const path = versioned(`${base}/refs`, { filter: `heads/${branch}` });
  const { value } = (await api.read({ task, path }, refs)).value;
  // The filter is a beginning.
  return value.find((it) => it.name === refOf(branch))?.objectId ?? '';
}

async function foundOf(
  api: Api,
  base: string,
  it: Pull,
  pullRequest: PullRequest,
  task: string,
): Promise<Found> {
  const by = it.closedBy === null || it.closedBy === undefined ? undefined : person(it.closedBy);
  if (it.status === 'active') return { kind: 'open', pullRequest };
  if (it.status === 'abandoned') return { kind: 'closed', pullRequest, by };
  const sha = it.lastMergeCommit?.commitId ?? pullRequest.commit;
  const said = METHODS.get(it.completionOptions?.mergeStrategy);
  if (said !== undefined) return { kind: 'merged', pullRequest, commit: sha, method: said, by };
  const path = versioned(`${base}/commits/${part(sha)}`);
  const { parents } = (await api.read({ task, path }, commit)).value;
  const method = methodOf(sha, parents, pullRequest.commit);
  return { kind: 'merged', pullRequest, commit: sha, method, by };
}

function person({ id, displayName }: z.infer<typeof identity>): Person {
  return { id, name: displayName ?? id };
}

async function login(api: Api): Promise<Person> {
  const path = `/_apis/connectionData?api-version=${VERSION}-preview`;
  const { value } = await api.read({ task: 'log in', path }, connection);
  const { id, providerDisplayName: displayName } = value.authenticatedUser;
  return person({ id, displayName });
}
