import * as z from 'zod';
import { secretIn } from '../http/own-file.ts';
import { type Access, type Api, numbered, openApi, part, query } from './api.ts';
import { hostOptions, withScheme } from './credentials.ts';
import { type Driver, hostOf, methodOf } from './driver.ts';
import { pullPaths, pullWrites, reviewersOf } from './github-pulls.ts';
import type { Found, Person, PullRequest } from './host.ts';
import { type HostSite, twoParts } from './site.ts';

/** Gitea or Forgejo. */
export type GiteaOptions = z.infer<typeof giteaOptions>;
export const giteaOptions = hostOptions;

/** The REST API, https://docs.gitea.com/api/ and https://codeberg.org/api/swagger. */
export function gitea({ address, tokenFile, caFile }: GiteaOptions): HostSite {
  return {
    address,
    sshHosts: [],
    repositoryAt: twoParts,
    open: (repository, tools) => {
      const sign = async () => withScheme('token', await secretIn(tokenFile));
      const base = `${address}/api/v1`;
      const access: Access = { address: base, sign, caFile, quirk: () => undefined, tools };
      return hostOf({
        kind: 'gitea',
        repository,
        features: { labels: true, autoMerge: ['merge', 'squash', 'rebase'] },
        drive: (until) => driver(openApi(access, until), repository),
      });
    },
  };
}

const user = z.object({ id: z.number(), login: z.string() });
const branch = z.object({ label: z.string(), sha: z.string(), repo_id: z.number() });
const pull = z.object({
  number: z.number().int(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  title: z.string(),
  body: z.string(),
  /** The label keeps the branch's name when it is gone. */
  head: branch,
  base: branch,
  merged: z.boolean(),
  merge_commit_sha: z.string().nullish(),
  /** Of one pull request alone, not of lists. */
  merged_by: user.nullish(),
});
type Pull = z.infer<typeof pull>;

const commit = z.object({ parents: z.array(z.object({ sha: z.string() })).nullable() });
const comments = z.array(z.object({ id: z.number(), body: z.string(), user: user.nullable() }));
const events = z.array(z.object({ type: z.string(), user: user.nullish() })).nullable();
const labelList = z.array(z.object({ id: z.number(), name: z.string() }));

/** There is no filter by branch; what was closed before so many others is not found any more. */
const MOST_CLOSED_PAGES = 10;
const PAGE = '50';

function driver(api: Api, repository: string): Driver {
  const paths = pullPaths(repository);
  const { base, issue } = paths;
  const { editComment, ...writes } = pullWrites(api, paths, { schema: pull, ours: ourPull });
  const newest = async (head: string, state: string, mostPages: number) => {
    const task = `look for pull requests of ${head}`;
    const path = (page: string) =>
      `${base}/pulls${query({ state, sort: 'recentupdate', limit: PAGE, page })}`;
    const paging = numbered<readonly Pull[]>((page) => ({ task, path: path(page) }));
    let count = 0;
    for await (const page of api.pages(paging, z.array(pull))) {
      const of = page.filter((it) => it.head.label === head && it.head.repo_id === it.base.repo_id);
      const [first] = of.toSorted((one, other) => other.number - one.number);
      count++;
      if (first !== undefined || count === mostPages) return first;
    }
    return undefined;
  };
  return {
    ...writes,
    find: async (head) => {
      const it =
        (await newest(head, 'open', Infinity)) ?? (await newest(head, 'closed', MOST_CLOSED_PAGES));
      return it === undefined ? { kind: 'none' } : foundOf(api, base, it);
    },
    complete: async ({ number, commit: sha }, { labels, reviewers, autoMerge }) => {
      const task = `complete pull request ${number}`;
      const post = (path: string, body: unknown) => api.tell({ task, path, method: 'POST', body });
      if (labels.length > 0)
        await post(`${issue(number)}/labels`, { labels: await labelIds(api, base, labels) });
      if (reviewers.length > 0)
        await post(`${paths.pull(number)}/requested_reviewers`, reviewersOf(reviewers));
      const wanted = { Do: autoMerge, merge_when_checks_succeed: true, head_commit_id: sha };
      if (autoMerge !== 'off') await post(`${paths.pull(number)}/merge`, wanted);
    },
    comments: async function* (number) {
      const task = `read the comments of pull request ${number}`;
      // They come all at once.
      const { value } = await api.read({ task, path: `${issue(number)}/comments` }, comments);
      for (const { id, body: text, user: author } of value)
        yield {
          authorId: String(author?.id),
          text,
          edit: (body) => editComment(number, id, body),
        };
    },
    login: async () => person((await api.read({ task: 'log in', path: '/user' }, user)).value),
  };
}

function person({ id, login }: z.infer<typeof user>): Person {
  return { id: String(id), name: login };
}

function ourPull({ number, html_url: url, head, base, title, body }: Pull): PullRequest {
  return { number, url, head: head.label, base: base.label, commit: head.sha, title, body };
}

async function foundOf(api: Api, base: string, it: Pull): Promise<Found> {
  const pullRequest = ourPull(it);
  if (it.state === 'open') return { kind: 'open', pullRequest };
  const task = `see what became of pull request ${it.number}`;
  const sha = it.merge_commit_sha;
  if (!it.merged || sha === null || sha === undefined)
    return { kind: 'closed', pullRequest, by: await closer(api, base, it.number, task) };
  const path = `${base}/git/commits/${part(sha)}${query({ stat: 'false', files: 'false' })}`;
  const parents = (await api.read({ task, path }, commit)).value.parents ?? [];
  const method = methodOf(
    sha,
    parents.map((one) => one.sha),
    pullRequest.commit,
  );
  const whole = await api.read({ task, path: `${base}/pulls/${it.number}` }, pull);
  const by = whole.value.merged_by ?? undefined;
  return { kind: 'merged', pullRequest, commit: sha, method, by: by && person(by) };
}

/** Who closed it last: its timeline alone tells. */
async function closer(
  api: Api,
  base: string,
  number: number,
  task: string,
): Promise<Person | undefined> {
  const path = (page: string) => `${base}/issues/${number}/timeline${query({ limit: PAGE, page })}`;
  const paging = {
    first: '1',
    ask: (page: string) => ({ task, path: path(page) }),
    // It tells of no next page.
    next: (all: z.infer<typeof events>, _: unknown, page: string) =>
      (all ?? []).length === 0 ? undefined : String(Number(page) + 1),
  };
  let last: Person | undefined;
  for await (const page of api.pages(paging, events))
    for (const { type, user: who } of page ?? [])
      if (type === 'close') last = who === null || who === undefined ? undefined : person(who);
  return last;
}

/** Labels have numbers; those that the repository does not have are made. */
async function labelIds(
  api: Api,
  base: string,
  names: readonly string[],
): Promise<readonly number[]> {
  const task = 'label a pull request';
  const path = (page: string) => `${base}/labels${query({ limit: PAGE, page })}`;
  const paging = numbered<z.infer<typeof labelList>>((page) => ({ task, path: path(page) }));
  const known = new Map<string, number>();
  for await (const page of api.pages(paging, labelList))
    for (const { id, name } of page) known.set(name, id);
  for (const name of names.filter((it) => !known.has(it))) {
    const body = { name, color: '#ededed' };
    const ask = { task, path: `${base}/labels`, method: 'POST', body } as const;
    known.set(name, (await api.read(ask, z.object({ id: z.number() }))).value.id);
  }
  return names.flatMap((it) => known.get(it) ?? []);
}
