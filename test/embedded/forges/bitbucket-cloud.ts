import {
  type Dialect,
  type Forge,
  type ForgePull,
  type ForgeUser,
  fieldOf,
  ME,
  paged,
  textOf,
} from '../forge.ts';

const user = (it: ForgeUser | undefined) =>
  it === undefined ? null : { uuid: `{${it.id}}`, display_name: it.name };
const STATES = { open: 'OPEN', closed: 'DECLINED', merged: 'MERGED' };
const short = (hash: string) => ({ hash: hash.slice(0, 12) });

function shown(it: ForgePull, isWhole: boolean) {
  return {
    id: it.number,
    title: it.title,
    description: it.body,
    state: STATES[it.state],
    links: { html: { href: `https://bitbucket.example/team/live/pull-requests/${it.number}` } },
    source: {
      branch: { name: it.head },
      commit: short(it.commit),
      repository: { full_name: it.fork ? 'fork/live' : 'team/live' },
    },
    destination: { branch: { name: it.base }, repository: { full_name: 'team/live' } },
    merge_commit: it.mergeCommit === undefined ? null : short(it.mergeCommit),
    closed_by: user(it.by),
    ...(isWhole ? { reviewers: [...it.reviewers].map((uuid) => ({ uuid })) } : {}),
  };
}

const REPO = '/repositories/team/live';
const missing = { status: 404, body: { type: 'error', error: { message: 'Not found' } } };

/** Bitbucket Cloud as its documentation has it: https://developer.atlassian.com/cloud/bitbucket/rest/. */
export const bitbucketCloudDialect: Dialect = {
  base: '/2.0',
  knows: ({ authorization }, token) =>
    authorization === `Basic ${Buffer.from(`bot@example.com:${token}`).toString('base64')}`,
  routes: (forge: Forge) => [
    ['GET', '/user', () => ({ status: 200, body: user(ME) })],
    [
      'GET',
      `${REPO}/pullrequests`,
      (_, { query }) => {
        const head = /^source\.branch\.name = "([^"]*)"$/.exec(query.get('q') ?? '')?.[1] ?? '';
        const states = query.getAll('state');
        const all = forge
          .of(head, ['open', 'closed', 'merged'])
          .filter((it) => states.includes(STATES[it.state]));
        return { status: 200, body: { values: all.map((it) => shown(it, false)) } };
      },
    ],
    [
      'POST',
      `${REPO}/pullrequests`,
      (_, { body }) => {
        const head = textOf(fieldOf(body, 'source', 'branch', 'name'));
        if (!forge.branches.has(head))
          return { status: 400, body: { error: { message: 'source branch not found' } } };
        const title = textOf(body.title);
        // A second one of the same branches is the first one again.
        const there = forge.of(head, ['open']).find((it) => !it.fork);
        const base = textOf(fieldOf(body, 'destination', 'branch', 'name'));
        const made = there ?? forge.open(head, { base });
        Object.assign(made, { title, body: textOf(body.description) });
        return { status: 201, body: shown(made, true) };
      },
    ],
    [
      'GET',
      `${REPO}/pullrequests/:number`,
      ([number]) => {
        const it = forge.at(number);
        return it === undefined ? missing : { status: 200, body: shown(it, true) };
      },
    ],
    [
      'PUT',
      `${REPO}/pullrequests/:number`,
      ([number], { body }) => {
        const it = forge.at(number);
        if (it === undefined) return missing;
        it.title = textOf(body.title);
        if (body.description !== undefined) it.body = textOf(body.description);
        if (body.destination !== undefined)
          it.base = textOf(fieldOf(body, 'destination', 'branch', 'name'));
        it.reviewers.clear();
        const { reviewers = [] } = body;
        for (const one of Array.isArray(reviewers) ? reviewers : [])
          it.reviewers.add(textOf(fieldOf(one, 'uuid')));
        return { status: 200, body: shown(it, true) };
      },
    ],
    [
      'POST',
      `${REPO}/pullrequests/:number/decline`,
      ([number]) => {
        const it = forge.at(number);
        if (it === undefined) return missing;
        Object.assign(it, { state: 'closed', by: ME });
        return { status: 200, body: shown(it, true) };
      },
    ],
    [
      'GET',
      `${REPO}/pullrequests/:number/comments`,
      ([number], request) => {
        const { items, headers } = paged(forge.at(number)?.comments ?? [], request, 'pagelen');
        const values = items.map(({ id, text, author }) => ({
          id,
          content: { raw: text },
          user: user(author),
          deleted: false,
        }));
        const more = 'Link' in headers ? { next: 'http://elsewhere.example/2.0/next' } : {};
        return { status: 200, body: { values, ...more } };
      },
    ],
    [
      'POST',
      `${REPO}/pullrequests/:number/comments`,
      ([number], { body }) => {
        const it = forge.at(number);
        if (it === undefined) return missing;
        const made = forge.comment(it, ME, textOf(fieldOf(body, 'content', 'raw')));
        return { status: 201, body: { id: made.id } };
      },
    ],
    [
      'PUT',
      `${REPO}/pullrequests/:number/comments/:id`,
      ([number, id], { body }) => {
        const it = forge.at(number)?.comments.find((one) => String(one.id) === id);
        if (it?.author !== ME) return { status: 403, body: {} };
        it.text = textOf(fieldOf(body, 'content', 'raw'));
        return { status: 200, body: { id } };
      },
    ],
    [
      'GET',
      `${REPO}/commit/:hash`,
      ([hash = '']) => {
        const found = [...forge.commits].find(([it]) => it.startsWith(hash));
        if (found === undefined) return missing;
        const parents = found[1].map((it) => ({ hash: it }));
        return { status: 200, body: { hash: found[0], parents } };
      },
    ],
    [
      'POST',
      `${REPO}/commit/:hash/statuses/build`,
      ([sha], { body }) => {
        const { key: context, state, description, url } = body;
        if (textOf(context).length > 40) return { status: 400, body: {} };
        forge.statuses.splice(0, 1, { sha, state, context, description, url });
        return { status: 201, body: {} };
      },
    ],
  ],
};
