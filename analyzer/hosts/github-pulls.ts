import type * as z from 'zod';
import { type Api, part } from './api.ts';
import type { Driver } from './driver.ts';
import type { PullRequest } from './host.ts';

/** The paths of one repository in the API of GitHub's form. */
export interface PullPaths {
  /** Of the repository. */
  readonly base: string;
  pull(number: number): string;
  /** A pull request is an issue as well: its comments and labels are there. */
  issue(number: number): string;
}

/** The paths of `owner/name`. */
export function pullPaths(repository: string): PullPaths {
  const [owner = '', name = ''] = repository.split('/');
  const base = `/repos/${part(owner)}/${part(name)}`;
  return {
    base,
    pull: (number) => `${base}/pulls/${number}`,
    issue: (number) => `${base}/issues/${number}`,
  };
}

/** How one host answers with a pull request. */
export interface PullForm<Pull> {
  readonly schema: z.ZodType<Pull>;
  ours(it: Pull): PullRequest;
}

/** What is written in one way at GitHub, and at Gitea, which has taken its API over. */
export function pullWrites<Pull>(
  api: Api,
  { base, pull, issue }: PullPaths,
  { schema, ours }: PullForm<Pull>,
): Pick<Driver, 'create' | 'update' | 'close' | 'addComment' | 'status'> & {
  editComment(number: number, id: number, body: string): Promise<void>;
} {
  return {
    create: async ({ head, base: into, title, body }) => {
      const task = `open a pull request of ${head}`;
      const wanted = { head, base: into, title, body };
      const ask = { task, path: `${base}/pulls`, method: 'POST', body: wanted } as const;
      return ours((await api.read(ask, schema)).value);
    },
    update: async ({ number }, { title, body, base: into }) => {
      const task = `update pull request ${number}`;
      const wanted = { title, body, base: into };
      const ask = { task, path: pull(number), method: 'PATCH', body: wanted } as const;
      return ours((await api.read(ask, schema)).value);
    },
    close: ({ number }) =>
      api.tell({
        task: `close pull request ${number}`,
        path: pull(number),
        method: 'PATCH',
        body: { state: 'closed' },
      }),
    addComment: (number, body) =>
      api.tell({
        task: `comment on pull request ${number}`,
        path: `${issue(number)}/comments`,
        method: 'POST',
        body: { body },
      }),
    editComment: (number, id, body) =>
      api.tell({
        task: `edit a comment of pull request ${number}`,
        path: `${base}/issues/comments/${id}`,
        method: 'PATCH',
        body: { body },
      }),
    status: ({ commit, context, state, description, url }) =>
      api.tell({
        task: `set a status of commit ${commit}`,
        path: `${base}/statuses/${part(commit)}`,
        method: 'POST',
        body: { state, context, description, target_url: url },
      }),
  };
}

/** Teams are written with their organization. */
export function reviewersOf(all: readonly string[]) {
  const isTeam = (it: string) => it.includes('/');
  return {
    reviewers: all.filter((it) => !isTeam(it)),
    team_reviewers: all.filter(isTeam).map((it) => it.split('/').at(-1)),
  };
}
