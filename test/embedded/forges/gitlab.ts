import {
  type Dialect,
  type Forge,
  type ForgePull,
  type ForgeUser,
  ME,
  paged,
  textOf,
} from '../forge.ts';

const user = (it: ForgeUser | undefined) =>
  it === undefined ? null : { id: it.id, username: it.name };
const reviewerId = (name: string) => (name === 'ann' ? 8 : 9);
const STATES = { open: 'opened', closed: 'closed', merged: 'merged' };

function shown(it: ForgePull) {
  const isMerged = it.state === 'merged';
  return {
    iid: it.number,
    web_url: `https://gitlab.example/team/sub/live/-/merge_requests/${it.number}`,
    state: STATES[it.state],
    title: it.title,
    description: it.body === '' ? null : it.body,
    source_branch: it.head,
    target_branch: it.base,
    source_project_id: it.fork ? 2 : 1,
    target_project_id: 1,
    sha: shaOf(it),
    merge_commit_sha: isMerged && it.method === 'merge' ? it.mergeCommit : null,
    squash_commit_sha: isMerged && it.method === 'squash' ? it.mergeCommit : null,
    merge_user: user(isMerged ? it.by : undefined),
    closed_by: user(it.state === 'closed' ? it.by : undefined),
    reviewers: [...it.reviewers].map((name) => ({ id: reviewerId(name), username: name })),
  };
}

/** A new one is still looked at; a rebase is one of the head branch itself. */
function shaOf({ version, state, method, mergeCommit, commit }: ForgePull): string | null {
  if (version === 0 && state === 'open') return null;
  return method === 'rebase' ? (mergeCommit ?? null) : commit;
}

const PROJECT = '/projects/:project';
const missing = { status: 404, body: { message: '404 Not found' } };

/** GitLab as its documentation has it: https://docs.gitlab.com/api/rest/. */
export const gitlabDialect: Dialect = {
  base: '/api/v4',
  knows: ({ authorization }, token) => authorization === `Bearer ${token}`,
  routes: (forge: Forge) => [
    ['GET', '/user', () => ({ status: 200, body: user(ME) })],
    [
      'GET',
      '/users',
      (_, { query }) => {
        const name = query.get('username') ?? '';
        return { status: 200, body: name === 'ann' ? [{ id: 8, username: name }] : [] };
      },
    ],
    [
      'GET',
      `${PROJECT}/merge_requests`,
      ([project], { query }) => {
        if (project !== 'team/sub/live') return missing;
        const states = query.get('state') === 'opened' ? ['open'] : ['open', 'merged', 'closed'];
        const all = forge.of(query.get('source_branch') ?? '', states);
        return { status: 200, body: all.map(shown) };
      },
    ],
    [
      'POST',
      `${PROJECT}/merge_requests`,
      (_, { body }) => {
        const head = textOf(body.source_branch);
        if (!forge.branches.has(head))
          return { status: 400, body: { message: { source_branch: ['does not exist'] } } };
        if (forge.of(head, ['open']).some((it) => !it.fork)) {
          const message = ['Another open merge request already exists for this source branch: !1'];
          return { status: 409, body: { message } };
        }
        const [title, base] = [textOf(body.title), textOf(body.target_branch)];
        const made = forge.open(head, { title, body: textOf(body.description), base });
        return { status: 201, body: shown(made) };
      },
    ],
    [
      'GET',
      `${PROJECT}/merge_requests/:number`,
      ([, number]) => {
        const it = forge.at(number);
        return it === undefined ? missing : { status: 200, body: shown(it) };
      },
    ],
    [
      'PUT',
      `${PROJECT}/merge_requests/:number`,
      ([, number], { body }) => {
        const it = forge.at(number);
        if (it === undefined) return missing;
        it.version++;
        if (body.title !== undefined) it.title = textOf(body.title);
        if (body.description !== undefined) it.body = textOf(body.description);
        if (body.target_branch !== undefined) it.base = textOf(body.target_branch);
        for (const name of textOf(body.add_labels).split(',')) if (name !== '') it.labels.add(name);
        if (Array.isArray(body.reviewer_ids)) {
          it.reviewers.clear();
          for (const id of body.reviewer_ids) it.reviewers.add(id === 8 ? 'ann' : 'somebody');
        }
        if (body.state_event === 'close') Object.assign(it, { state: 'closed', by: ME });
        return { status: 200, body: shown(it) };
      },
    ],
    [
      'PUT',
      `${PROJECT}/merge_requests/:number/merge`,
      ([, number], { body }) => {
        const it = forge.at(number);
        if (it === undefined) return missing;
        if (body.sha !== it.commit) return { status: 409, body: { message: 'SHA does not match' } };
        if (body.auto_merge === true) it.autoMerge = body.squash === true ? 'squash' : 'merge';
        return { status: 200, body: shown(it) };
      },
    ],
    [
      'GET',
      `${PROJECT}/merge_requests/:number/notes`,
      ([, number], request) => {
        const { items, headers } = paged(forge.at(number)?.comments ?? [], request, 'per_page');
        const body = items.map((it) => ({ id: it.id, body: it.text, author: user(it.author) }));
        return { status: 200, headers, body };
      },
    ],
    [
      'POST',
      `${PROJECT}/merge_requests/:number/notes`,
      ([, number], { body }) => {
        const it = forge.at(number);
        if (it === undefined) return missing;
        return { status: 201, body: { id: forge.comment(it, ME, textOf(body.body)).id } };
      },
    ],
    [
      'PUT',
      `${PROJECT}/merge_requests/:number/notes/:id`,
      ([, number, id], { body }) => {
        const it = forge.at(number)?.comments.find((one) => String(one.id) === id);
        if (it?.author !== ME) return { status: 403, body: { message: '403 Forbidden' } };
        it.text = textOf(body.body);
        return { status: 200, body: { id } };
      },
    ],
    [
      'GET',
      `${PROJECT}/repository/branches/:branch`,
      ([, branch = '']) => {
        const id = forge.branches.get(branch);
        return id === undefined ? missing : { status: 200, body: { commit: { id } } };
      },
    ],
    [
      'GET',
      `${PROJECT}/repository/commits/:sha/statuses`,
      ([, sha]) => ({
        status: 200,
        body: forge.statuses
          .filter((it) => it.sha === sha)
          .map(({ context: name, state: status, description }) => ({ name, status, description })),
      }),
    ],
    [
      'POST',
      `${PROJECT}/statuses/:sha`,
      ([, sha], { body }) => {
        const { state, name: context, description, target_url: url } = body;
        if (forge.statuses.some((it) => it.sha === sha && it.state === state))
          return { status: 400, body: { message: 'Cannot transition status via :enqueue' } };
        forge.statuses.push({ sha, state, context, description, url });
        return { status: 201, body: {} };
      },
    ],
    [
      'GET',
      `${PROJECT}/deployments`,
      (_, { query }) => ({
        status: 200,
        body: forge.deployments
          .filter((it) => it.environment === query.get('environment'))
          .map(({ id, sha, states }) => ({ id, sha, status: states.at(-1) })),
      }),
    ],
    [
      'POST',
      `${PROJECT}/deployments`,
      (_, { body }) => {
        const id = forge.deployments.length + 1;
        const [sha, environment] = [textOf(body.sha), textOf(body.environment)];
        forge.deployments.push({ id, sha, environment, states: [textOf(body.status)] });
        return { status: 201, body: { id } };
      },
    ],
    [
      'PUT',
      `${PROJECT}/deployments/:id`,
      ([, id], { body }) => {
        forge.deployments.find((it) => String(it.id) === id)?.states.push(textOf(body.status));
        return { status: 200, body: { id } };
      },
    ],
  ],
};
