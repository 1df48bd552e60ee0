import {
  type Dialect,
  type Forge,
  type ForgePull,
  type ForgeUser,
  fieldOf,
  ME,
  textOf,
} from '../forge.ts';

const user = (it: ForgeUser | undefined) =>
  it === undefined ? undefined : { id: `guid-${it.id}`, displayName: it.name };
const STATES = { open: 'active', closed: 'abandoned', merged: 'completed' };
const STRATEGIES = new Map([
  ['merge', 'noFastForward'],
  ['squash', 'squash'],
  ['rebase', 'rebase'],
]);
const branchOf = (ref: unknown) => textOf(ref).replace('refs/heads/', '');

function shown(it: ForgePull, longest: number) {
  return {
    pullRequestId: it.number,
    status: STATES[it.state],
    title: it.title,
    description: it.body.slice(0, longest),
    sourceRefName: `refs/heads/${it.head}`,
    targetRefName: `refs/heads/${it.base}`,
    // A new one is still looked at.
    ...(it.state === 'open' ? {} : { lastMergeSourceCommit: { commitId: it.commit } }),
    ...(it.mergeCommit === undefined ? {} : { lastMergeCommit: { commitId: it.mergeCommit } }),
    closedBy: user(it.by),
    ...(it.method === undefined
      ? {}
      : { completionOptions: { mergeStrategy: STRATEGIES.get(it.method) } }),
    ...(it.fork ? { forkSource: { name: 'refs/heads/fork' } } : {}),
  };
}

const REPO = '/shop/_apis/git/repositories/live';
const PULL = `${REPO}/pullrequests/:number`;
const missing = { status: 404, body: { message: 'TF401180' } };

/** Azure DevOps as its documentation has it: https://learn.microsoft.com/en-us/rest/api/azure/devops/git/. */
export const azureDevopsDialect: Dialect = {
  base: '/team',
  knows: ({ authorization }, token) =>
    authorization === `Basic ${Buffer.from(`:${token}`).toString('base64')}`,
  routes: (forge: Forge) => [
    [
      'GET',
      '/_apis/connectionData',
      () => ({
        status: 200,
        body: { authenticatedUser: { id: 'guid-7', providerDisplayName: ME.name } },
      }),
    ],
    [
      'GET',
      `${REPO}/pullrequests`,
      (_, { query }) => {
        const active = query.get('searchCriteria.status') === 'active';
        const head = branchOf(query.get('searchCriteria.sourceRefName'));
        const all = forge.of(head, active ? ['open'] : ['open', 'closed', 'merged']);
        return { status: 200, body: { value: all.map((it) => shown(it, 10)) } };
      },
    ],
    [
      'POST',
      `${REPO}/pullrequests`,
      (_, { body }) => {
        const head = branchOf(body.sourceRefName);
        if (!forge.branches.has(head)) return { status: 400, body: { message: 'TF401398' } };
        if (forge.of(head, ['open']).some((it) => !it.fork))
          return { status: 409, body: { message: 'TF401179: An active pull request exists' } };
        const [title, base] = [textOf(body.title), branchOf(body.targetRefName)];
        const made = forge.open(head, { title, body: textOf(body.description), base });
        return { status: 201, body: shown(made, Infinity) };
      },
    ],
    [
      'GET',
      PULL,
      ([number]) => {
        const it = forge.at(number);
        return it === undefined ? missing : { status: 200, body: shown(it, Infinity) };
      },
    ],
    [
      'PATCH',
      PULL,
      ([number], { body }) => {
        const it = forge.at(number);
        if (it === undefined) return missing;
        if (body.title !== undefined) it.title = textOf(body.title);
        if (body.description !== undefined) it.body = textOf(body.description);
        if (body.targetRefName !== undefined) it.base = branchOf(body.targetRefName);
        if (body.status === 'abandoned') Object.assign(it, { state: 'closed', by: ME });
        const strategy = fieldOf(body, 'completionOptions', 'mergeStrategy');
        const method = [...STRATEGIES].find(([, name]) => name === strategy)?.[0];
        if (fieldOf(body, 'autoCompleteSetBy', 'id') === 'guid-7' && method !== undefined)
          it.autoMerge = method;
        return { status: 200, body: shown(it, Infinity) };
      },
    ],
    [
      'POST',
      `${PULL}/labels`,
      ([number], { body }) => {
        forge.at(number)?.labels.add(textOf(body.name));
        return { status: 200, body: {} };
      },
    ],
    [
      'PUT',
      `${PULL}/reviewers/:id`,
      ([number, id = '']) => {
        forge.at(number)?.reviewers.add(id);
        return { status: 200, body: {} };
      },
    ],
    [
      'GET',
      `${PULL}/threads`,
      ([number]) => {
        const value = (forge.at(number)?.comments ?? []).map((it) => ({
          id: it.id + 1000,
          comments: [{ id: 1, content: it.text, author: user(it.author), isDeleted: false }],
        }));
        return { status: 200, body: { value } };
      },
    ],
    [
      'POST',
      `${PULL}/threads`,
      ([number], { body }) => {
        const it = forge.at(number);
        if (it === undefined) return missing;
        const made = forge.comment(it, ME, textOf(fieldOf(body, 'comments', '0', 'content')));
        return { status: 200, body: { id: made.id + 1000 } };
      },
    ],
    [
      'PATCH',
      `${PULL}/threads/:thread/comments/:id`,
      ([number, thread], { body }) => {
        const all = forge.at(number)?.comments ?? [];
        const it = all.find((one) => String(one.id + 1000) === thread);
        if (it?.author !== ME) return { status: 403, body: {} };
        it.text = textOf(body.content);
        return { status: 200, body: {} };
      },
    ],
    [
      'GET',
      `${REPO}/refs`,
      (_, { query }) => ({
        status: 200,
        body: {
          value: [...forge.branches]
            .map(([name, objectId]) => ({ name: `refs/heads/${name}`, objectId }))
            .filter((it) => it.name.startsWith(`refs/${query.get('filter')}`)),
        },
      }),
    ],
    [
      'GET',
      `${REPO}/commits/:id`,
      ([id = '']) => ({
        status: 200,
        body: { commitId: id, parents: forge.commits.get(id) ?? [] },
      }),
    ],
    [
      'POST',
      `${REPO}/commits/:id/statuses`,
      ([sha], { body }) => {
        const { state, description, targetUrl: url } = body;
        const context = fieldOf(body, 'context', 'name');
        forge.statuses.splice(0, 1, { sha, state, context, description, url });
        return { status: 201, body: {} };
      },
    ],
  ],
};
