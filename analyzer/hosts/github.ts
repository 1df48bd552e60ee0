import * as z from 'zod';
import { webAddress } from '../http/address.ts';
import type { Answered } from '../http/answer.ts';
import { secretIn } from '../http/own-file.ts';
import { type Access, type Api, type HostTools, numbered, openApi, part, query } from './api.ts';
import { hostOptions, withScheme } from './credentials.ts';
import { type Driver, hostOf, methodOf } from './driver.ts';
import { failure, HostError } from './failure.ts';
import { signAsApp } from './github-app.ts';
import { pullPaths, pullWrites, reviewersOf } from './github-pulls.ts';
import type { Deployment, Found, Person, PullRequest } from './host.ts';
import { type HostSite, twoParts } from './site.ts';

/** GitHub, or GitHub Enterprise at an address of its own. */
export type GithubOptions = z.infer<typeof githubOptions>;
export const githubOptions = hostOptions.partial({ tokenFile: true }).extend({
  address: webAddress().default('https://github.com'),
  /** Log in as an App instead of with a token. @default - with the token */
  app: z.strictObject({ id: z.string(), privateKeyFile: z.string() }).optional(),
});

/** The REST API, https://docs.github.com/en/rest, and GraphQL for the little that it alone can do. */
export function github(options: GithubOptions): HostSite {
  const { address, tokenFile, app, caFile } = options;
  if ((tokenFile === undefined) === (app === undefined))
    throw new Error('give it either a tokenFile or an app');
  const { rest, graphql } = addressesOf(address);
  return {
    address,
    sshHosts: address === 'https://github.com' ? ['ssh.github.com'] : [],
    repositoryAt: twoParts,
    open: (repository, tools) => {
      const access = accessTo(rest, caFile, tools);
      const login =
        app === undefined
          ? { sign: async () => withScheme('Bearer', await secretIn(tokenFile ?? '')) }
          : signAsApp(app, access, repository);
      const signed: Access = { ...access, ...login };
      const apis = (until?: AbortSignal) => ({
        api: openApi(signed, until),
        graph: openApi({ ...signed, address: graphql }, until),
      });
      return hostOf({
        kind: 'github',
        repository,
        features: { labels: true, autoMerge: ['merge', 'squash', 'rebase'] },
        drive: (until) => driver(apis(until), repository),
        deploy: (it, until) => deploy(apis(until).api, repository, it),
      });
    },
  };
}

function addressesOf(address: string): { readonly rest: string; readonly graphql: string } {
  const { host, protocol } = new URL(address);
  // Enterprise Cloud with data residency has its API as github.com has it.
  if (host === 'github.com' || host.endsWith('.ghe.com'))
    return { rest: `https://api.${host}`, graphql: `https://api.${host}/graphql` };
  const base = `${protocol}//${host}/api`;
  return { rest: `${base}/v3`, graphql: `${base}/graphql` };
}

function accessTo(
  address: string,
  caFile: string | undefined,
  tools: HostTools,
): Omit<Access, 'sign' | 'rejected'> {
  const headers = { Accept: 'application/vnd.github+json', 'X-GitHub-Api-Version': '2022-11-28' };
  return { address, headers, caFile, quirk, tools };
}

/** The secondary limit is told by a 403 that may name no time at all. */
function quirk({ status, body }: Answered) {
  return status === 403 && /secondary rate limit/i.test(body) ? 'rate-limited' : undefined;
}

const user = z.object({ id: z.number(), login: z.string() }).nullish();
const pull = z.object({
  number: z.number().int(),
  node_id: z.string(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  title: z.string(),
  body: z.string().nullable(),
  head: z.object({ ref: z.string(), sha: z.string() }),
  base: z.object({ ref: z.string() }),
  merged_at: z.string().nullable(),
  merge_commit_sha: z.string().nullable(),
  /** Of one pull request alone, not of lists. */
  merged_by: user,
});
type Pull = z.infer<typeof pull>;

const commit = z.object({ parents: z.array(z.object({ sha: z.string() })) });
const comments = z.array(z.object({ id: z.number(), body: z.string().nullish(), user }));
const graphAnswer = z.object({
  data: z.unknown().optional(),
  errors: z.array(z.object({ message: z.string(), type: z.string().optional() })).optional(),
});
const viewer = z.object({ viewer: z.object({ login: z.string(), databaseId: z.number() }) });

type Apis = { readonly api: Api; readonly graph: Api };

function driver({ api, graph }: Apis, repository: string): Driver {
  const [owner = ''] = repository.split('/');
  const paths = pullPaths(repository);
  const { base, issue } = paths;
  const { editComment, ...writes } = pullWrites(api, paths, { schema: pull, ours: ourPull });
  return {
    ...writes,
    find: async (head) => {
      const task = `look for pull requests of ${head}`;
      const list = async (state: string) => {
        const filter = { head: `${owner}:${head}`, state, sort: 'created', direction: 'desc' };
        const path = `${base}/pulls${query({ ...filter, per_page: '1' })}`;
        return (await api.read({ task, path }, z.array(pull))).value[0];
      };
      const newest = (await list('open')) ?? (await list('closed'));
      return newest === undefined ? { kind: 'none' } : foundOf(api, base, newest);
    },
    complete: async ({ number }, { labels, reviewers, autoMerge }) => {
      const task = `complete pull request ${number}`;
      const post = (path: string, body: unknown) => api.tell({ task, path, method: 'POST', body });
      if (labels.length > 0) await post(`${issue(number)}/labels`, { labels });
      if (reviewers.length > 0)
        await post(`${paths.pull(number)}/requested_reviewers`, reviewersOf(reviewers));
      if (autoMerge === 'off') return;
      const { node_id: id } = (await api.read({ task, path: paths.pull(number) }, pull)).value;
      const text =
        'mutation($id: ID!, $method: PullRequestMergeMethod!) { enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: $method}) { clientMutationId } }';
      await graphQuery(graph, task, text, { id, method: autoMerge.toUpperCase() });
    },
    comments: async function* (number) {
      const task = `read the comments of pull request ${number}`;
      const path = (page: string) => `${issue(number)}/comments${query({ per_page: '100', page })}`;
      const paging = numbered<z.infer<typeof comments>>((page) => ({ task, path: path(page) }));
      for await (const page of api.pages(paging, comments))
        for (const { id, body, user: author } of page)
          yield {
            authorId: String(author?.id),
            text: body ?? '',
            edit: (text) => editComment(number, id, text),
          };
    },
    status: (it) => writes.status({ ...it, description: it.description.slice(0, 140) }),
    login: async () => {
      // An App's token, and that of a workflow, may not ask the REST API for its user.
      const data = await graphQuery(graph, 'log in', '{ viewer { login databaseId } }', {});
      const result = viewer.safeParse(data);
      if (result.success)
        return { id: String(result.data.viewer.databaseId), name: result.data.viewer.login };
      throw new HostError(failure('unavailable', 'log in', 'GraphQL does not tell who we are'));
    },
  };
}

/** Errors come with status 200. */
async function graphQuery(
  graph: Api,
  task: string,
  text: string,
  variables: Readonly<Record<string, string>>,
): Promise<unknown> {
  const body = { query: text, variables };
  const ask = { task, path: '', method: 'POST', body } as const;
  const { value, answer } = await graph.read(ask, graphAnswer);
  const [error] = value.errors ?? [];
  if (error === undefined) return value.data;
  const kind = GRAPH_KINDS.get(error.type ?? '') ?? 'refused';
  throw new HostError(failure(kind, task, `GraphQL says: ${answer.quote(error.message)}`));
}

const GRAPH_KINDS: ReadonlyMap<string, 'forbidden' | 'not-found'> = new Map([
  ['FORBIDDEN', 'forbidden'],
  ['NOT_FOUND', 'not-found'],
]);

function ourPull({ number, html_url, head, base, title, body }: Pull): PullRequest {
  const names = { head: head.ref, base: base.ref, commit: head.sha };
  return { number, url: html_url, title, body: body ?? '', ...names };
}

async function foundOf(api: Api, base: string, listed: Pull): Promise<Found> {
  const pullRequest = ourPull(listed);
  if (listed.state === 'open') return { kind: 'open', pullRequest };
  const { number } = pullRequest;
  const task = `see what became of pull request ${number}`;
  if (listed.merged_at === null || listed.merge_commit_sha === null) {
    const closed = z.object({ closed_by: user });
    const { value } = await api.read({ task, path: `${base}/issues/${number}` }, closed);
    return { kind: 'closed', pullRequest, by: person(value.closed_by) };
  }
  const sha = listed.merge_commit_sha;
  const [whole, made] = [
    await api.read({ task, path: `${base}/pulls/${number}` }, pull),
    await api.read({ task, path: `${base}/commits/${part(sha)}` }, commit),
  ];
  const parents = made.value.parents.map((it) => it.sha);
  const by = person(whole.value.merged_by);
  const method = methodOf(sha, parents, pullRequest.commit);
  return { kind: 'merged', pullRequest, commit: sha, method, by };
}

function person(one: z.infer<typeof user>): Person | undefined {
  return one === null || one === undefined ? undefined : { id: String(one.id), name: one.login };
}

const DEPLOYMENT_STATES = { running: 'in_progress', success: 'success', failure: 'failure' };

/** One deployment for each commit and environment, with a status for each state. */
async function deploy(api: Api, repository: string, deployment: Deployment): Promise<void> {
  const { commit: ref, environment, state, description, url } = deployment;
  const task = `report a deployment to ${environment}`;
  const path = `${pullPaths(repository).base}/deployments`;
  const one = z.object({ id: z.number() });
  const filter = query({ sha: ref, environment, per_page: '1' });
  const there = await api.read({ task, path: `${path}${filter}` }, z.array(one));
  const wanted = { ref, environment, description, auto_merge: false, required_contexts: [] };
  const { id } =
    there.value[0] ?? (await api.read({ task, path, method: 'POST', body: wanted }, one)).value;
  const status = { state: DEPLOYMENT_STATES[state], description: description.slice(0, 140) };
  await api.tell({
    task,
    path: `${path}/${id}/statuses`,
    method: 'POST',
    body: { ...status, log_url: url },
  });
}
