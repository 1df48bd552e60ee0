import {
  type Dialect,
  type Forge,
  type ForgePull,
  type ForgeReply,
  fieldOf,
  ME,
  textOf,
} from '../forge.ts';

const user = (name: string) => ({ name, displayName: name.toUpperCase() });
const STATES = { open: 'OPEN', closed: 'DECLINED', merged: 'MERGED' };
const branchOf = (ref: unknown) => textOf(fieldOf(ref, 'id')).replace('refs/heads/', '');

function shown(it: ForgePull) {
  return {
    id: it.number,
    version: it.version,
    title: it.title,
    ...(it.body === '' ? {} : { description: it.body }),
    state: STATES[it.state],
    fromRef: {
      id: `refs/heads/${it.head}`,
      displayId: it.head,
      latestCommit: it.commit,
      repository: { id: it.fork ? 2 : 1 },
    },
    toRef: {
      id: `refs/heads/${it.base}`,
      displayId: it.base,
      latestCommit: '',
      repository: { id: 1 },
    },
    links: { self: [{ href: `https://bitbucket.example/projects/TEAM/repos/live/${it.number}` }] },
    reviewers: [...it.reviewers].map((name) => ({ user: user(name) })),
    ...(it.mergeCommit === undefined
      ? {}
      : { properties: { mergeCommit: { id: it.mergeCommit } } }),
  };
}

const REPO = '/projects/TEAM/repos/live';
const PULL = `${REPO}/pull-requests/:number`;
const missing = { status: 404, body: { errors: [{ message: 'no such thing' }] } };
const METHODS = new Map([
  ['no-ff', 'merge'],
  ['squash', 'squash'],
  ['rebase-no-ff', 'rebase'],
]);

/** Bitbucket Data Center as its documentation has it: https://developer.atlassian.com/server/bitbucket/rest/. */
export const bitbucketDataCenterDialect: Dialect = {
  base: '/rest/api/latest',
  knows: ({ authorization }, token) => authorization === `Bearer ${token}`,
  routes: (forge: Forge) => {
    /** Whoever changes something names the version that was seen. */
    const changed = (
      number: string | undefined,
      version: unknown,
      change: (it: ForgePull) => void,
    ): ForgeReply => {
      const it = forge.at(number);
      if (it === undefined) return missing;
      if (String(version) !== String(it.version))
        return { status: 409, body: { errors: [{ message: 'out of date' }] } };
      change(it);
      it.version++;
      return { status: 200, body: shown(it) };
    };
    return [
      ['GET', '/application-properties', () => ({ status: 200, body: { version: '9.4.0' } })],
      [
        'GET',
        `${REPO}/pull-requests`,
        (_, { query }) => {
          const states = query.get('state') === 'OPEN' ? ['open'] : ['open', 'merged', 'closed'];
          const all = forge.of((query.get('at') ?? '').replace('refs/heads/', ''), states);
          return { status: 200, body: { values: all.map(shown), isLastPage: true } };
        },
      ],
      [
        'POST',
        `${REPO}/pull-requests`,
        (_, { body }) => {
          const head = branchOf(body.fromRef);
          if (!forge.branches.has(head)) return missing;
          if (forge.of(head, ['open']).some((it) => !it.fork))
            return {
              status: 409,
              body: { errors: [{ message: 'Only one pull request may be open' }] },
            };
          const [title, base] = [textOf(body.title), branchOf(body.toRef)];
          const made = forge.open(head, { title, body: textOf(body.description), base });
          return { status: 201, body: shown(made) };
        },
      ],
      [
        'GET',
        PULL,
        ([number]) => {
          const it = forge.at(number);
          return it === undefined ? missing : { status: 200, body: shown(it) };
        },
      ],
      [
        'PUT',
        PULL,
        ([number], { body }) =>
          changed(number, body.version, (it) => {
            it.title = textOf(body.title);
            if (body.description !== undefined) it.body = textOf(body.description);
            if (body.toRef !== undefined) it.base = branchOf(body.toRef);
            it.reviewers.clear();
            const { reviewers = [] } = body;
            for (const one of Array.isArray(reviewers) ? reviewers : [])
              it.reviewers.add(textOf(fieldOf(one, 'user', 'name')));
          }),
      ],
      [
        'POST',
        `${PULL}/decline`,
        ([number], { query }) =>
          changed(number, query.get('version'), (it) => {
            Object.assign(it, { state: 'closed', by: ME });
          }),
      ],
      [
        'POST',
        `${PULL}/merge`,
        ([number], { query, body }) =>
          changed(number, query.get('version'), (it) => {
            const method = METHODS.get(textOf(body.strategyId));
            if (body.autoMerge === true && method !== undefined) it.autoMerge = method;
          }),
      ],
      [
        'GET',
        `${PULL}/activities`,
        ([number], { query }) => {
          const it = forge.at(number);
          const said = (it?.comments ?? []).map(({ id, version, text, author }) => ({
            action: 'COMMENTED',
            user: user(author.name),
            comment: { id, version, text, author: user(author.name) },
          }));
          const over =
            it?.by === undefined ? [] : [{ action: STATES[it.state], user: user(it.by.name) }];
          const [all, start, limit] = [
            [...said, ...over].toReversed(),
            Number(query.get('start')),
            Number(query.get('limit')),
          ];
          const isLastPage = start + limit >= all.length;
          const next = isLastPage ? {} : { nextPageStart: start + limit };
          return {
            status: 200,
            body: { values: all.slice(start, start + limit), isLastPage, ...next },
          };
        },
      ],
      [
        'POST',
        `${PULL}/comments`,
        ([number], { body }) => {
          const it = forge.at(number);
          if (it === undefined) return missing;
          return { status: 201, body: { id: forge.comment(it, ME, textOf(body.text)).id } };
        },
      ],
      [
        'PUT',
        `${PULL}/comments/:id`,
        ([number, id], { body }) => {
          const it = forge.at(number)?.comments.find((one) => String(one.id) === id);
          if (it?.author !== ME) return { status: 403, body: {} };
          if (body.version !== it.version) return { status: 409, body: {} };
          it.text = textOf(body.text);
          it.version++;
          return { status: 200, body: { id } };
        },
      ],
      [
        'GET',
        `${REPO}/commits/:id`,
        ([id = '']) => ({
          status: 200,
          body: { id, parents: (forge.commits.get(id) ?? []).map((it) => ({ id: it })) },
        }),
      ],
      [
        'POST',
        `${REPO}/commits/:id/builds`,
        ([sha], { body }) => {
          const { key: context, state, description, url } = body;
          forge.statuses.splice(0, 1, { sha, state, context, description, url });
          return { status: 204 };
        },
      ],
    ];
  },
};
