import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';

/** Somebody who may use the server. */
export interface GitUser {
  readonly name: string;
  readonly password: string;
  readonly access: 'read' | 'write';
}

/** What the server can be told. */
export interface GitServerOptions {
  /** Keeps the repository; it is made there unless there is one. @default a temporary folder that `stop` removes */
  readonly folder?: string | undefined;
  /** Name of the default branch. @default main */
  readonly branch?: string | undefined;
  /** Only these, by Basic auth. @default everybody may read and write */
  readonly users?: readonly GitUser[] | undefined;
  /** Port on loopback. @default a free one */
  readonly port?: number | undefined;
  /** The time of the `Date` header in Unix seconds. @default the system's */
  readonly clock?: (() => number) | undefined;
}

/** A running server of one bare repository. */
export interface GitServer {
  /** http://127.0.0.1:<port>/repository.git */
  readonly url: string;
  /** The bare repository behind it. */
  readonly folder: string;
  readonly stop: () => Promise<void>;
}

/** Serves a bare repository over smart HTTP on loopback: Node's HTTP in front of git's own `http-backend`. */
export async function startGitServer(options: GitServerOptions = {}): Promise<GitServer> {
  const root = options.folder === undefined ? await mkdtemp(join(tmpdir(), 'git-server-')) : '';
  const folder = options.folder === undefined ? join(root, NAME) : resolve(options.folder);
  await makeRepository(folder, options.branch ?? 'main');
  const backends = new Set<ChildProcess>();
  const server = createServer((request, response) => {
    const user = authenticate(options.users, request);
    if (options.clock !== undefined) {
      response.setHeader('Date', new Date(options.clock() * 1000).toUTCString());
    }
    if (user.kind === 'denied') return deny(response, user.status);
    const backend = startBackend(folder, request, user.name);
    backends.add(backend);
    backend.once('close', () => backends.delete(backend));
    serve(backend, request, response);
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(options.port ?? 0, '127.0.0.1', done);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/${NAME}`,
    folder,
    async stop() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      for (const backend of backends) backend.kill();
      await closed;
      if (root !== '') await rm(root, { recursive: true, force: true });
    },
  };
}

const NAME = 'repository.git';

/** Makes an empty bare repository, as `git init` would, without a process; one that is there is left as it is. */
export async function makeRepository(folder: string, branch: string): Promise<void> {
  if (existsSync(join(folder, 'HEAD'))) return;
  for (const it of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags'])
    await mkdir(join(folder, it), { recursive: true });
  await writeFile(join(folder, 'config'), CONFIG);
  await writeFile(join(folder, 'HEAD'), `ref: refs/heads/${branch}\n`);
}

const CONFIG = '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n';

type Authentication =
  | { readonly kind: 'known'; readonly name: string }
  | { readonly kind: 'denied'; readonly status: 401 | 403 };

function authenticate(
  users: readonly GitUser[] | undefined,
  request: IncomingMessage,
): Authentication {
  if (users === undefined) return { kind: 'known', name: 'anybody' };
  const header = /^basic (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  // Without a header nobody is compared: an absent header must not equal an absent user.
  if (header === undefined) return { kind: 'denied', status: 401 };
  const given = Buffer.from(header, 'base64').toString('utf8');
  const user = users.find(({ name, password }) => same(`${name}:${password}`, given));
  if (user === undefined) return { kind: 'denied', status: 401 };
  const writes = (request.url ?? '').includes('git-receive-pack');
  if (writes && user.access === 'read') return { kind: 'denied', status: 403 };
  return { kind: 'known', name: user.name };
}

/** Compares in constant time. */
function same(left: string, right: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(left), hash(right));
}

function deny(response: ServerResponse, status: 401 | 403): void {
  // The body is not read: without it the connection cannot be used again.
  response.writeHead(status, {
    'WWW-Authenticate': 'Basic realm="perch"',
    'Content-Type': 'text/plain',
    Connection: 'close',
  });
  response.end(status === 401 ? 'who are you?\n' : 'you may only read\n');
}

/** See `git help http-backend` and RFC 3875. */
function startBackend(folder: string, request: IncomingMessage, user: string): ChildProcess {
  const url = new URL(request.url ?? '/', 'http://loopback');
  // One repository is served, so only the part behind its name comes from outside.
  const path = url.pathname.startsWith(`/${NAME}/`) ? url.pathname.slice(NAME.length + 1) : '/';
  const header = (name: string) => String(request.headers[name] ?? '');
  return spawn(join(programs(), 'git-http-backend'), {
    env: {
      ...environment(),
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.receivepack',
      GIT_CONFIG_VALUE_0: 'true',
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: header('git-protocol'),
      PATH_INFO: path,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      REMOTE_USER: user,
      REMOTE_ADDR: '127.0.0.1',
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      // Left out for a chunked body: the backend reads to its end then.
      ...(header('content-length') === '' ? {} : { CONTENT_LENGTH: header('content-length') }),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

/** Where git keeps the programs that are not for people: `git http-backend` would be two processes for each request. */
function programs(): string {
  found ??= execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim();
  return found;
}

let found: string | undefined;

function serve(backend: ChildProcess, request: IncomingMessage, response: ServerResponse): void {
  const { stdin, stdout } = backend;
  if (stdin === null || stdout === null) return;
  stdin.on('error', () => undefined);
  request.pipe(stdin);
  response.once('close', () => backend.kill());
  backend.once('error', (error) => fail(response, `git http-backend: ${error.message}`));
  readHeaders(stdout, (headers, rest) => {
    if (headers === undefined) return fail(response, 'git http-backend gave no answer');
    writeHeaders(response, headers);
    response.write(rest);
    stdout.pipe(response);
  });
}

/** Calls back with the lines before the first empty one and what follows it, or without at an early end. */
function readHeaders(
  stdout: Readable,
  done: (headers: readonly string[] | undefined, rest: Buffer) => void,
): void {
  let bytes = Buffer.alloc(0);
  const onEnd = () => done(undefined, bytes);
  const onData = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const match = /\r?\n\r?\n/.exec(bytes.toString('latin1'));
    if (match === null) return;
    stdout.pause();
    stdout.off('data', onData);
    stdout.off('end', onEnd);
    const lines = bytes.toString('latin1', 0, match.index).split(/\r?\n/);
    done(lines, bytes.subarray(match.index + match[0].length));
  };
  stdout.on('data', onData);
  stdout.on('end', onEnd);
}

function writeHeaders(response: ServerResponse, lines: readonly string[]): void {
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
}

function fail(response: ServerResponse, message: string): void {
  if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' });
  response.end(`${message}\n`);
}

/** The process's own, without what would point git to another repository. */
function environment(): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^GIT_(?:DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|PREFIX)$/.test(name),
  );
  return { ...Object.fromEntries(own), LC_ALL: 'C' };
}
