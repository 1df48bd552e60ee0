import {
  type Dialect,
  type Forge,
  type ForgePull,
  type ForgeUser,
  ME,
  paged,
  textOf,
  textsOf,
} from '../forge.ts';

const user = (it: ForgeUser | undefined) =>
  it === undefined ? null : { id: it.id, login: it.name };

function shown(it: ForgePull, isWhole = true) {
  const isMerged = it.state === 'merged';
  const ref = it.state === 'open' ? it.head : `refs/pull/${it.number}/head`;
  return {
    number: it.number,
    html_url: `https://gitea.example/team/live/pulls/${it.number}`,
    state: it.state === 'open' ? 'open' : 'closed',
    title: it.title,
    body: it.body,
    head: { label: it.head, ref, sha: it.commit, repo_id: it.fork ? 2 : 1 },
    base: { label: it.base, ref: it.base, sha: '', repo_id: 1 },
    merged: isMerged,
    merge_commit_sha: it.mergeCommit ?? null,
    merged_by: user(isMerged && isWhole ? it.by : undefined),
  };
}

const REPO = '/repos/team/live';
const missing = { status: 404, body: { message: 'not found' } };

/** Gitea as its documentation has it: https://docs.gitea.com/api/. */
export const giteaDialect: Dialect = {
  base: '/api/v1',
  knows: ({ authorization }, token) => authorization === `token ${token}`,
  routes: (forge: Forge) => {
    const labels = [{ id: 1, name: 'perch' }];
    return [
      ['GET', '/user', () => ({ status: 200, body: user(ME) })],
      [
        'GET',
        `${REPO}/pulls`,
        (_, request) => {
          const isOpen = request.query.get('state') === 'open';
          const all = forge.pulls.filter((it) => (it.state === 'open') === isOpen).toReversed();
          const { items, headers } = paged(all, request, 'limit');
          return { status: 200, headers, body: items.map((it) => shown(it, false)) };
        },
      ],
      [
        'POST',
        `${REPO}/pulls`,
        (_, { body }) => {
          const head = textOf(body.head);
          if (!forge.branches.has(head)) return missing;
          if (forge.of(head, ['open']).some((it) => !it.fork))
            return {
              status: 409,
              body: { message: 'pull request already exists for these targets' },
            };
          const [title, text, base] = [textOf(body.title), textOf(body.body), textOf(body.base)];
          return { status: 201, body: shown(forge.open(head, { title, body: text, base })) };
        },
      ],
      [
        'GET',
        `${REPO}/pulls/:number`,
        ([number]) => {
          const it = forge.at(number);
          return it === undefined ? missing : { status: 200, body: shown(it) };
        },
      ],
      [
        'PATCH',
        `${REPO}/pulls/:number`,
        ([number], { body }) => {
          const it = forge.at(number);
          if (it === undefined) return missing;
          if (body.title !== undefined) it.title = textOf(body.title);
          if (body.body !== undefined) it.body = textOf(body.body);
          if (body.base !== undefined) it.base = textOf(body.base);
          if (body.state === 'closed') Object.assign(it, { state: 'closed', by: ME });
          return { status: 201, body: shown(it) };
        },
      ],
      [
        'POST',
        `${REPO}/pulls/:number/requested_reviewers`,
        ([number], { body }) => {
          for (const name of textsOf(body.reviewers)) forge.at(number)?.reviewers.add(name);
          return { status: 201, body: [] };
        },
      ],
      [
        'POST',
        `${REPO}/pulls/:number/merge`,
        ([number], { body }) => {
          const it = forge.at(number);
          if (it === undefined || body.head_commit_id !== it.commit) return missing;
          if (body.merge_when_checks_succeed === true) it.autoMerge = textOf(body.Do);
          return { status: 201 };
        },
      ],
      [
        'GET',
        `${REPO}/labels`,
        (_, request) => {
          const { items, headers } = paged(labels, request, 'limit');
          return { status: 200, headers, body: items };
        },
      ],
      [
        'POST',
        `${REPO}/labels`,
        (_, { body }) => {
          const made = { id: labels.length + 1, name: textOf(body.name) };
          labels.push(made);
          return { status: 201, body: made };
        },
      ],
      [
        'POST',
        `${REPO}/issues/:number/labels`,
        ([number], { body }) => {
          for (const id of textsOf(body.labels))
            forge.at(number)?.labels.add(labels.find((it) => String(it.id) === id)?.name ?? '');
          return { status: 200, body: [] };
        },
      ],
      [
        'GET',
        `${REPO}/issues/:number/timeline`,
        ([number], request) => {
          const it = forge.at(number);
          const events = [{ type: 'comment', user: user(ME) }];
          if (it?.state === 'closed') events.push({ type: 'close', user: user(it.by) });
          const { items } = paged(events, request, 'limit');
          return { status: 200, body: items.length === 0 ? null : items };
        },
      ],
      [
        'GET',
        `${REPO}/issues/:number/comments`,
        ([number]) => ({
          status: 200,
          body: forge
            .at(number)
            ?.comments.map((it) => ({ id: it.id, body: it.text, user: user(it.author) })),
        }),
      ],
      [
        'POST',
        `${REPO}/issues/:number/comments`,
        ([number], { body }) => {
          const it = forge.at(number);
          if (it === undefined) return missing;
          return { status: 201, body: { id: forge.comment(it, ME, textOf(body.body)).id } };
        },
      ],
      [
        'PATCH',
        `${REPO}/issues/comments/:id`,
        ([id], { body }) => {
          const all = forge.pulls.flatMap((one) => one.comments);
          const it = all.find((one) => String(one.id) === id);
          if (it?.author !== ME) return { status: 403, body: { message: 'forbidden' } };
          it.text = textOf(body.body);
          return { status: 200, body: { id: it.id } };
        },
      ],
      [
        'GET',
        `${REPO}/git/commits/:sha`,
        ([sha = '']) => ({
          status: 200,
          body: { sha, parents: (forge.commits.get(sha) ?? []).map((it) => ({ sha: it })) },
        }),
      ],
      [
        'POST',
        `${REPO}/statuses/:sha`,
        ([sha], { body }) => {
          const { state, context, description, target_url: url } = body;
          forge.statuses.splice(0, 1, { sha, state, context, description, url });
          return { status: 201, body: {} };
        },
      ],
    ];
  },
};
