import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ObjectStore, objectStore } from '../../analyzer/simulated/object-store.ts';
import {
  isServedBy,
  SERVED_KINDS,
  type ServedKind,
} from '../../analyzer/simulated/served-kinds.ts';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';

/** How requests go wrong: an HTTP status, never an answer, a connection that breaks, or a wish to be asked later. */
export type ApiFault =
  | number
  | 'hang'
  | 'reset'
  | { readonly status: number; readonly retryAfter: string };

/** What the embedded API server starts with. */
export interface EmbeddedApiServerOptions {
  /** The server's time in Unix seconds: its Date header, and the time of edits. */
  readonly clock: () => number;
  /**
   * Asked for the path of each request whether it goes wrong.
   *
   * @default - none does
   */
  readonly fault?: (path: string) => ApiFault | undefined;
  /** @default - the built-in kinds of our manifests, and Istio's */
  readonly kinds?: readonly ServedKind[];
}

/** A Kubernetes API server in this process: read over HTTP, written by calls. */
export interface EmbeddedApiServer extends ObjectStore {
  /** Where its API is, without a slash at the end. */
  readonly url: string;
  /** A file that any Kubernetes client takes. */
  readonly kubeconfigPath: string;
  /** What came over HTTP so far. */
  readonly requests: readonly { readonly method: string; readonly path: string }[];
  stop(): Promise<void>;
}

const TOKEN = 'embedded-token';

/** Starts it, empty, on a loopback port. */
export async function startApiServer(
  options: EmbeddedApiServerOptions,
): Promise<EmbeddedApiServer> {
  const served = options.kinds ?? SERVED_KINDS;
  const store = objectStore(isServedBy(served), options.clock);
  const requests: { method: string; path: string }[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    requests.push({ method: request.method ?? 'GET', path });
    response.setHeader('Date', new Date(options.clock() * 1000).toUTCString());
    const fault = options.fault?.(path);
    if (fault === 'hang') return;
    if (fault === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (typeof fault === 'object') response.setHeader('Retry-After', fault.retryAfter);
    const refusal = (typeof fault === 'object' ? fault.status : fault) ?? refusalOf(request);
    const reply = refusal === undefined ? answerTo(path, served, store) : failure(refusal);
    response.writeHead(reply.code, { 'Content-Type': reply.type ?? 'application/json' });
    response.end(reply.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(join(tmpdir(), 'perch-api-server-'));
  return {
    url,
    kubeconfigPath: await writeKubeconfig(folder, url),
    requests,
    ...store,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function refusalOf({ method, headers }: IncomingMessage): number | undefined {
  if (headers.authorization !== `Bearer ${TOKEN}`) return 401;
  return method === 'GET' ? undefined : 405;
}

interface Reply {
  readonly code: number;
  /** @default application/json */
  readonly type?: string;
  readonly body: string;
}

function answerTo(path: string, served: readonly ServedKind[], store: ObjectStore): Reply {
  const resources = discovery(path, served);
  if (resources !== undefined) return json(200, resources);
  const asked = parsePath(path, served);
  // As the real server: what it does not route is no Status, but plain text.
  if (asked === undefined) return { code: 404, type: 'text/plain', body: '404 page not found\n' };
  const found = store.get({ ...asked.type, namespace: asked.namespace, name: asked.name });
  return found === undefined ? notFound(asked) : json(200, found);
}

function discovery(path: string, served: readonly ServedKind[]): Manifest | undefined {
  const versions = [...new Set(served.map(({ apiVersion }) => apiVersion))];
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') {
    const groups = versions.filter((version) => version.includes('/'));
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupOf) };
  }
  const groupVersion = versions.find((version) => path === root(version));
  if (groupVersion === undefined) return undefined;
  const resources = served
    .filter(({ apiVersion }) => apiVersion === groupVersion)
    .flatMap(({ plural, kind, namespaced }) => [
      { name: plural, kind, namespaced, verbs: ['get'] },
      { name: `${plural}/status`, kind, namespaced, verbs: ['get'] },
    ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

function root(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function groupOf(groupVersion: string): Manifest {
  const [name = '', version = ''] = groupVersion.split('/');
  return { name, versions: [{ groupVersion, version }] };
}

interface AskedObject {
  readonly type: ServedKind;
  readonly namespace: string | undefined;
  readonly name: string;
}

function parsePath(path: string, served: readonly ServedKind[]): AskedObject | undefined {
  for (const type of served) {
    if (!path.startsWith(`${root(type.apiVersion)}/`)) continue;
    const keys = path
      .slice(root(type.apiVersion).length + 1)
      .split('/')
      .map(decodeURIComponent);
    const isInNamespace = type.namespaced && keys[0] === 'namespaces';
    const [plural, name, ...more] = isInNamespace ? keys.slice(2) : keys;
    if (plural !== type.plural || name === undefined || more.length > 0) continue;
    if (isInNamespace === type.namespaced) {
      return { type, namespace: isInNamespace ? keys[1] : undefined, name };
    }
  }
  return undefined;
}

function notFound({ type, name }: AskedObject): Reply {
  const group = type.apiVersion.includes('/') ? type.apiVersion.split('/')[0] : undefined;
  const resource = group === undefined ? type.plural : `${type.plural}.${group}`;
  const details = { name, group, kind: type.plural };
  return failure(404, { message: `${resource} "${name}" not found`, reason: 'NotFound', details });
}

function failure(code: number, more: Manifest = { message: `failure ${code}` }): Reply {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' };
  return json(code, { ...status, ...more, code });
}

function json(code: number, body: unknown): Reply {
  return { code, body: JSON.stringify(body) };
}

async function writeKubeconfig(folder: string, server: string): Promise<string> {
  const name = 'embedded';
  // Clients refuse plain HTTP without the word that they need not verify anything.
  const cluster = { server, 'insecure-skip-tls-verify': true };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user: { token: TOKEN } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  const path = join(folder, 'kubeconfig');
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}
