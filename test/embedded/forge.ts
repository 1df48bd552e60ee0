import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterFile } from '../cleanups.ts';

/** Somebody on the embedded host. */
export interface ForgeUser {
  readonly id: number;
  readonly name: string;
}

/** Whom the token logs in, and a person. */
export const ME: ForgeUser = { id: 7, name: 'perch' };
export const ANN: ForgeUser = { id: 8, name: 'ann' };

/** A pull request, as every host has them. */
export interface ForgePull {
  readonly number: number;
  readonly head: string;
  base: string;
  title: string;
  body: string;
  readonly fork: boolean;
  commit: string;
  state: 'open' | 'merged' | 'closed';
  by?: ForgeUser;
  mergeCommit?: string;
  method?: 'merge' | 'squash' | 'rebase' | 'fast-forward';
  autoMerge?: string;
  version: number;
  readonly labels: Set<string>;
  readonly reviewers: Set<string>;
  readonly comments: ForgeComment[];
}

export interface ForgeComment {
  readonly id: number;
  readonly author: ForgeUser;
  text: string;
  version: number;
}

/** What was asked of it. */
export interface ForgeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: IncomingMessage['headers'];
}

/** What it answers; a text is sent as it is. */
export interface ForgeReply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a host's language is to the embedded one. */
export interface Dialect {
  /** What stands in front of all paths. */
  readonly base: string;
  /** The first that fits answers: a method, a path with `:` before what is any one part, and the answer. */
  routes(forge: Forge): readonly Route[];
  /** Whether who asks has this token. */
  knows(headers: IncomingMessage['headers'], token: string): boolean;
}

export type Route = readonly [
  method: string,
  path: string,
  answer: (parts: readonly string[], request: ForgeRequest) => ForgeReply,
];

/** How a server may behave instead, for one request or for all. */
export type Fault = (request: ForgeRequest, response: ServerResponse) => boolean | undefined;

/** One repository on the embedded host. */
export interface Forge {
  readonly pulls: ForgePull[];
  readonly statuses: Record<string, unknown>[];
  readonly deployments: { id: number; sha: string; environment: string; states: string[] }[];
  readonly branches: Map<string, string>;
  /** The parents of each commit. */
  readonly commits: Map<string, readonly string[]>;
  open(head: string, more?: Partial<ForgePull>): ForgePull;
  merge(pull: ForgePull, method: NonNullable<ForgePull['method']>, by?: ForgeUser): void;
  comment(pull: ForgePull, author: ForgeUser, text: string): ForgeComment;
  /** The pull requests of a branch, the newest first. */
  of(head: string, states: readonly string[]): readonly ForgePull[];
  at(number: string | undefined): ForgePull | undefined;
}

export interface ForgeServer {
  readonly address: string;
  readonly forge: Forge;
  readonly requests: ForgeRequest[];
  token: string;
  fault: Fault | undefined;
  /** What the clock of the server is ahead of ours. */
  skewSeconds: number;
}

/** Forty digits that look like a commit. */
export function sha(seed: string): string {
  return Buffer.from(seed.padEnd(20, '.')).toString('hex').slice(0, 40);
}

/** A repository with nothing but branches. */
export function newForge(): Forge {
  const pulls: ForgePull[] = [];
  const branches = new Map([
    ['main', sha('main')],
    ['perch/shop', sha('shop')],
    ['perch/other', sha('other')],
  ]);
  const commits = new Map<string, readonly string[]>(
    [...branches.values()].map((it) => [it, [sha('root')]]),
  );
  let comments = 0;
  return {
    pulls,
    statuses: [],
    deployments: [],
    branches,
    commits,
    open: (head, more = {}) => {
      const pull: ForgePull = {
        number: pulls.length + 1,
        head,
        base: 'main',
        title: 'a title',
        body: '',
        fork: false,
        commit: branches.get(head) ?? sha(head),
        state: 'open',
        version: 0,
        labels: new Set(),
        reviewers: new Set(),
        comments: [],
        ...more,
      };
      pulls.push(pull);
      return pull;
    },
    merge: (pull, method, by = ANN) => {
      const commit = method === 'fast-forward' ? pull.commit : sha(`${method}-${pull.number}`);
      const parents = method === 'merge' ? [sha('main'), pull.commit] : [sha('main')];
      if (method !== 'fast-forward') commits.set(commit, parents);
      Object.assign(pull, { state: 'merged', method, by, mergeCommit: commit });
    },
    comment: (pull, author, text) => {
      const made = { id: ++comments, author, text, version: 0 };
      pull.comments.push(made);
      return made;
    },
    of: (head, states) =>
      pulls.filter((it) => it.head === head && states.includes(it.state)).toReversed(),
    at: (number) => pulls.find((it) => String(it.number) === number),
  };
}

/** Starts it, until the tests of this file are over. */
export async function startForge(dialect: Dialect, token: string): Promise<ForgeServer> {
  const forge = newForge();
  const routes = dialect.routes(forge);
  const state = { token, fault: undefined as Fault | undefined, skewSeconds: 0 };
  const requests: ForgeRequest[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://forge');
    const said = await text(request);
    const asked: ForgeRequest = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      body: said === '' ? {} : JSON.parse(said),
      headers: request.headers,
    };
    requests.push(asked);
    response.sendDate = false;
    response.setHeader('Date', new Date(Date.now() + state.skewSeconds * 1000).toUTCString());
    if (state.fault?.(asked, response)) return;
    const reply = dialect.knows(request.headers, state.token)
      ? answer(dialect, routes, asked)
      : { status: 401, body: { message: 'Bad credentials' } };
    response.writeHead(reply.status, {
      'Content-Type': 'application/json',
      ...(asked.method === 'HEAD' ? {} : { 'X-AUSERNAME': ME.name }),
      ...reply.headers,
    });
    response.end(reply.body === undefined ? '' : JSON.stringify(reply.body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, { address: `http://127.0.0.1:${port}`, forge, requests });
}

function answer(dialect: Dialect, routes: readonly Route[], request: ForgeRequest): ForgeReply {
  for (const [method, path, reply] of routes) {
    const parts = matched(`${dialect.base}${path}`, request.path);
    if (parts !== undefined && method === request.method) return reply(parts, request);
  }
  return { status: 404, body: { message: `Not Found: ${request.method} ${request.path}` } };
}

/** What stands where the pattern has parts that begin with a colon. */
function matched(pattern: string, path: string): readonly string[] | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return undefined;
  if (wanted.some((it, index) => !it.startsWith(':') && it !== given[index])) return undefined;
  return given.filter((_, index) => wanted[index]?.startsWith(':')).map(decodeURIComponent);
}

/** One page of a list, with a Link header where there is another one. */
export function paged<T>(all: readonly T[], { query, path }: ForgeRequest, size: string) {
  const [page, count] = [Number(query.get('page') ?? 1), Number(query.get(size) ?? 30)];
  const link = `<http://elsewhere.example${path}?page=${page + 1}>; rel="next"`;
  const more = page * count < all.length;
  const items = all.slice((page - 1) * count, page * count);
  return { items, headers: more ? { Link: link } : {} };
}

/** A text of a body. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A field of an object of a body. */
export function fieldOf(value: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (it, name) => (typeof it === 'object' && it !== null ? Reflect.get(it, name) : undefined),
    value,
  );
}

/** The texts of a list of a body. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
