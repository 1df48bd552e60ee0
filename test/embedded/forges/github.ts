import {
  type Dialect,
  type Forge,
  type ForgePull,
  type ForgeUser,
  fieldOf,
  ME,
  paged,
  textOf,
  textsOf,
} from '../forge.ts';

const user = (it: ForgeUser | undefined) =>
  it === undefined ? null : { id: it.id, login: it.name };

function shown(it: ForgePull, isWhole: boolean) {
  const repo = { full_name: it.fork ? 'fork/live' : 'team/live' };
  return {
    number: it.number,
    node_id: `PR_${it.number}`,
    html_url: `https://github.example/team/live/pull/${it.number}`,
    state: it.state === 'open' ? 'open' : 'closed',
    title: it.title,
    body: it.body === '' ? null : it.body,
    head: { ref: it.head, sha: it.commit, repo },
    base: { ref: it.base },
    merged_at: it.state === 'merged' ? '2026-01-01T00:00:00Z' : null,
    merge_commit_sha: it.mergeCommit ?? null,
    ...(isWhole ? { merged_by: user(it.state === 'merged' ? it.by : undefined) } : {}),
  };
}

const REPO = '/repos/team/live';
const missing = { status: 404, body: { message: 'Not Found' } };

/** GitHub as its documentation has it: https://docs.github.com/en/rest. */
export const githubDialect: Dialect = {
  base: '/api',
  knows: ({ authorization }, token) => authorization === `Bearer ${token}`,
  routes: (forge: Forge) => [
    [
      'GET',
      `/v3${REPO}/pulls`,
      (_, { query }) => {
        const [owner, head = ''] = (query.get('head') ?? '').split(/:(.*)/s);
        const states = query.get('state') === 'open' ? ['open'] : ['merged', 'closed'];
        const all = forge.of(head, states).filter((it) => owner === (it.fork ? 'fork' : 'team'));
        const most = Number(query.get('per_page'));
        return { status: 200, body: all.slice(0, most).map((it) => shown(it, false)) };
      },
    ],
    [
      'POST',
      `/v3${REPO}/pulls`,
      (_, { body }) => {
        const head = textOf(body.head);
        const refused = (message: string) => ({
          status: 422,
          body: {
            message: 'Validation Failed',
            errors: [{ resource: 'PullRequest', code: 'custom', message }],
          },
        });
        if (!forge.branches.has(head)) return refused('head is invalid');
        if (forge.of(head, ['open']).some((it) => !it.fork))
          return refused(`A pull request already exists for team:${head}.`);
        const [title, text, base] = [textOf(body.title), textOf(body.body), textOf(body.base)];
        return { status: 201, body: shown(forge.open(head, { title, body: text, base }), true) };
      },
    ],
    [
      'GET',
      `/v3${REPO}/pulls/:number`,
      ([number]) => {
        const it = forge.at(number);
        return it === undefined ? missing : { status: 200, body: shown(it, true) };
      },
    ],
    [
      'PATCH',
      `/v3${REPO}/pulls/:number`,
      ([number], { body }) => {
        const it = forge.at(number);
        if (it === undefined) return missing;
        if (body.title !== undefined) it.title = textOf(body.title);
        if (body.body !== undefined) it.body = textOf(body.body);
        if (body.base !== undefined) it.base = textOf(body.base);
        if (body.state === 'closed') Object.assign(it, { state: 'closed', by: ME });
        return { status: 200, body: shown(it, true) };
      },
    ],
    [
      'POST',
      `/v3${REPO}/pulls/:number/requested_reviewers`,
      ([number], { body }) => {
        const all = [...textsOf(body.reviewers), ...textsOf(body.team_reviewers)];
        for (const name of all) forge.at(number)?.reviewers.add(name);
        return { status: 201, body: {} };
      },
    ],
    [
      'GET',
      `/v3${REPO}/issues/:number`,
      ([number]) => ({ status: 200, body: { closed_by: user(forge.at(number)?.by) } }),
    ],
    [
      'POST',
      `/v3${REPO}/issues/:number/labels`,
      ([number], { body }) => {
        for (const name of textsOf(body.labels)) forge.at(number)?.labels.add(name);
        return { status: 200, body: [] };
      },
    ],
    [
      'GET',
      `/v3${REPO}/issues/:number/comments`,
      ([number], request) => {
        const { items, headers } = paged(forge.at(number)?.comments ?? [], request, 'per_page');
        const body = items.map(({ id, text, author }) => ({ id, body: text, user: user(author) }));
        return { status: 200, headers, body };
      },
    ],
    [
      'POST',
      `/v3${REPO}/issues/:number/comments`,
      ([number], { body }) => {
        const it = forge.at(number);
        if (it === undefined) return missing;
        const { id } = forge.comment(it, ME, textOf(body.body));
        return { status: 201, body: { id } };
      },
    ],
    [
      'PATCH',
      `/v3${REPO}/issues/comments/:id`,
      ([id], { body }) => {
        const it = forge.pulls.flatMap((one) => one.comments).find((one) => String(one.id) === id);
        if (it?.author !== ME) return { status: 403, body: { message: 'Must be the author' } };
        it.text = textOf(body.body);
        return { status: 200, body: { id } };
      },
    ],
    [
      'GET',
      `/v3${REPO}/commits/:sha`,
      ([sha = '']) => {
        const parents = (forge.commits.get(sha) ?? []).map((it) => ({ sha: it }));
        return { status: 200, body: { sha, parents } };
      },
    ],
    [
      'POST',
      `/v3${REPO}/statuses/:sha`,
      ([sha], { body }) => {
        const { state, context, description, target_url: url } = body;
        forge.statuses.push({ sha, state, context, description, url });
        return { status: 201, body: {} };
      },
    ],
    [
      'GET',
      `/v3${REPO}/deployments`,
      (_, { query }) => ({
        status: 200,
        body: forge.deployments
          .filter(
            (it) => it.sha === query.get('sha') && it.environment === query.get('environment'),
          )
          .map(({ id }) => ({ id })),
      }),
    ],
    [
      'POST',
      `/v3${REPO}/deployments`,
      (_, { body }) => {
        const id = forge.deployments.length + 1;
        const [sha, environment] = [textOf(body.ref), textOf(body.environment)];
        forge.deployments.push({ id, sha, environment, states: [] });
        return { status: 201, body: { id } };
      },
    ],
    [
      'POST',
      `/v3${REPO}/deployments/:id/statuses`,
      ([id], { body }) => {
        forge.deployments.find((it) => String(it.id) === id)?.states.push(textOf(body.state));
        return { status: 201, body: {} };
      },
    ],
    [
      'POST',
      '/graphql',
      (_, { body }) => {
        if (textOf(body.query).includes('viewer'))
          return {
            status: 200,
            body: { data: { viewer: { login: ME.name, databaseId: ME.id } } },
          };
        const it = forge.at(textOf(fieldOf(body, 'variables', 'id')).replace('PR_', ''));
        if (it === undefined)
          return { status: 200, body: { errors: [{ type: 'NOT_FOUND', message: 'no node' }] } };
        it.autoMerge = textOf(fieldOf(body, 'variables', 'method')).toLowerCase();
        return {
          status: 200,
          body: { data: { enablePullRequestAutoMerge: { clientMutationId: null } } },
        };
      },
    ],
  ],
};
