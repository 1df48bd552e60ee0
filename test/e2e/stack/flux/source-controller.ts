import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { freePort } from '../../servers/program.ts';
import type { Server } from '../../servers/server.ts';
import type { Api, KubernetesObject } from '../api.ts';
import { type Artifact, type ArtifactOptions, fetchArtifact } from './artifact.ts';

/** Flux's Receiver of type `generic-hmac`; it nudges every GitRepository. */
export interface Receiver {
  /** `http://127.0.0.1:<port>/hook/<what Flux makes of the token>` */
  readonly url: string;
  /** Signs the body: `X-Signature: sha256=<HMAC in hex>`. */
  readonly token: string;
}

/** What is played of Flux: source-controller for GitRepositories, notification-controller's Receiver. */
export interface SourceController {
  /** Stopped, no new revision reaches the cluster, and artifacts cannot be fetched. */
  readonly server: Server;
  readonly receiver: Receiver;
}

/** What it starts with. */
export interface SourceControllerOptions {
  readonly api: Api;
  /** For clones and artifacts. */
  readonly folder: string;
  /** Of the receiver. */
  readonly token: string;
}

const RECEIVER = { namespace: 'flux-system', name: 'perch' };
const REQUESTED_AT = 'reconcile.fluxcd.io/requestedAt';

/**
 * Plays what turns Git branches into artifacts: each `spec.interval` (1 s at least), when the
 * object changes or is annotated with `reconcile.fluxcd.io/requestedAt`, and when nudged.
 */
export async function startSourceController(
  options: SourceControllerOptions,
): Promise<SourceController> {
  await mkdir(options.folder, { recursive: true });
  const port = await freePort();
  const hook = `/hook/${sha256(options.token + RECEIVER.name + RECEIVER.namespace)}`;
  let stop: (() => Promise<void>) | undefined;
  const server: Server = {
    name: 'source-controller',
    pid: undefined,
    async start() {
      stop ??= await play({ ...options, port, hook });
    },
    async stop() {
      await stop?.();
      stop = undefined;
    },
  };
  await server.start();
  return { server, receiver: { url: `http://127.0.0.1:${port}${hook}`, token: options.token } };
}

interface Context extends SourceControllerOptions {
  readonly port: number;
  readonly hook: string;
}

/** As much of Flux's GitRepository as is read. */
interface GitRepository extends KubernetesObject {
  readonly spec: {
    readonly url: string;
    readonly interval: string;
    readonly ref?: { readonly branch?: string };
    readonly secretRef?: { readonly name: string };
    readonly suspend?: boolean;
  };
}

async function play(context: Context): Promise<() => Promise<void>> {
  const ended = new AbortController();
  const loops = new Map<string, Loop>();
  const see = (objects: ReadonlyMap<string, GitRepository>) => {
    for (const [key, object] of objects) {
      const loop = loops.get(key);
      if (loop === undefined) loops.set(key, startLoop(context, object));
      else loop.see(object);
    }
    for (const [key, loop] of loops) {
      if (objects.has(key)) continue;
      void loop.end();
      loops.delete(key);
    }
  };
  const nudge = () => {
    for (const loop of loops.values()) loop.nudge();
  };
  const http = await serve(context, nudge);
  const path = '/apis/source.toolkit.fluxcd.io/v1/gitrepositories';
  const following = context.api.follow(path, see, ended.signal);
  return async () => {
    ended.abort();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
    await following;
    await Promise.all([...loops.values()].map((it) => it.end()));
  };
}

/** One repository's passes: never two at once, and none is lost that was asked for during another. */
interface Loop {
  see(object: GitRepository): void;
  nudge(): void;
  end(): Promise<void>;
}

function startLoop(context: Context, first: GitRepository): Loop {
  let object = first;
  let said: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pass: Promise<void> | undefined;
  let isDueAgain = false;
  let ended = false;
  const reconcile = async () => {
    const status = await statusOf(context, object);
    if (JSON.stringify(status) === said) return;
    // An API server that is away hears it in the next pass.
    await say(context.api, object, status).then(
      () => {
        said = JSON.stringify(status);
      },
      () => undefined,
    );
  };
  const begin = () => {
    clearTimeout(timer);
    isDueAgain = pass !== undefined;
    if (isDueAgain || ended || object.spec.suspend === true) return;
    pass = reconcile().finally(() => {
      pass = undefined;
      if (isDueAgain) begin();
      else if (!ended)
        timer = setTimeout(begin, Math.max(1000, milliseconds(object.spec.interval)));
    });
  };
  begin();
  return {
    see(newer) {
      const hasChanged = askedOf(newer) !== askedOf(object);
      object = newer;
      if (hasChanged) begin();
    },
    nudge: begin,
    async end() {
      ended = true;
      clearTimeout(timer);
      await pass;
    },
  };
}

function askedOf({ metadata }: GitRepository): string {
  return `${metadata.generation} ${metadata.annotations?.[REQUESTED_AT] ?? ''}`;
}

/** A duration as Kubernetes writes it, such as `1m30s`. */
function milliseconds(duration: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = [...duration.matchAll(/([\d.]+)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, value, unit = '']) => sum + Number(value) * (units[unit] ?? 0), 0);
}

type Outcome =
  | { readonly kind: 'stored'; readonly artifact: Artifact }
  | { readonly kind: 'failed'; readonly message: string };

interface Status {
  readonly outcome: Outcome;
  readonly observedGeneration: number;
  readonly handledAt: string;
}

async function statusOf(context: Context, object: GitRepository): Promise<Status> {
  const { namespace = '', name, generation = 0, annotations = {} } = object.metadata;
  const { url, ref } = object.spec;
  const outcome = await userOf(context.api, object)
    .then((user) =>
      fetchArtifact({
        folder: context.folder,
        key: `${namespace}/${name}`,
        url,
        branch: ref?.branch ?? 'master',
        ...user,
      }),
    )
    .then(
      (artifact): Outcome => ({ kind: 'stored', artifact: addressed(context, artifact) }),
      (error: Error): Outcome => ({ kind: 'failed', message: error.message }),
    );
  return { outcome, observedGeneration: generation, handledAt: annotations[REQUESTED_AT] ?? '' };
}

function addressed({ port }: Context, artifact: Artifact): Artifact & { readonly url: string } {
  return { ...artifact, url: `http://127.0.0.1:${port}/${artifact.path}` };
}

/** Flux reads `username` and `password` of the Secret. */
async function userOf(api: Api, object: GitRepository): Promise<Pick<ArtifactOptions, 'user'>> {
  const secret = object.spec.secretRef?.name;
  if (secret === undefined) return {};
  const { data = {} } = await api.get<{ readonly data?: Readonly<Record<string, string>> }>(
    `/api/v1/namespaces/${object.metadata.namespace}/secrets/${secret}`,
  );
  const decoded = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  return { user: { name: decoded('username'), password: decoded('password') } };
}

async function say(api: Api, { metadata }: GitRepository, status: Status): Promise<void> {
  const { outcome, observedGeneration, handledAt } = status;
  const now = new Date().toISOString();
  const [state, reason, message] =
    outcome.kind === 'stored'
      ? ([
          'True',
          'Succeeded',
          `stored artifact for revision '${outcome.artifact.revision}'`,
        ] as const)
      : (['False', 'GitOperationFailed', outcome.message] as const);
  const condition = { type: 'Ready', status: state, reason, message, lastTransitionTime: now };
  const artifact =
    outcome.kind === 'stored' ? { artifact: { ...outcome.artifact, lastUpdateTime: now } } : {};
  const { namespace, name } = metadata;
  const path = `/apis/source.toolkit.fluxcd.io/v1/namespaces/${namespace}/gitrepositories/${name}`;
  await api.patch(`${path}/status`, {
    status: {
      ...artifact,
      observedGeneration,
      conditions: [{ ...condition, observedGeneration }],
      ...(handledAt === '' ? {} : { lastHandledReconcileAt: handledAt }),
    },
  });
}

async function serve(context: Context, nudge: () => void): Promise<HttpServer> {
  const server = createServer((request, response) => {
    answer(context, nudge, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(context.port, '127.0.0.1', done);
  });
  return server;
}

async function answer(
  context: Context,
  nudge: () => void,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await buffer(request);
  const path = request.url ?? '/';
  if (request.method === 'POST') {
    response.statusCode = statusOfNudge(context, path, body, request.headers['x-signature']);
    response.end();
    if (response.statusCode === 200) nudge();
    return;
  }
  // A path of ours, so nothing outside the folder.
  if (!/^\/gitrepository\/[\w.-]+\/[\w.-]+\/[0-9a-f]+\.tar\.gz$/.test(path)) {
    response.writeHead(404).end();
    return;
  }
  response.end(await readFile(join(context.folder, path)));
}

/** What notification-controller says to a `generic-hmac` call. */
function statusOfNudge(
  { hook, token }: Context,
  path: string,
  body: Buffer,
  signature: string | readonly string[] | undefined,
): number {
  if (path !== hook) return 404;
  const expected = `sha256=${createHmac('sha256', token).update(body).digest('hex')}`;
  const given = String(signature ?? '');
  const isSigned = timingSafeEqual(Buffer.from(sha256(given)), Buffer.from(sha256(expected)));
  return isSigned ? 200 : 400;
}

function sha256(value: string): string {
  return createHash('sha256').update(value).digest('hex');
}
