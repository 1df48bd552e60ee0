import pLimit from 'p-limit';
import * as z from 'zod';
import type { ObjectReading, ObjectRef } from '../core/cluster/reading.ts';
import { readJson } from '../http/json.ts';
import { type ApiReply, type ApiSession, apiSessions } from './api-session.ts';
import type { Cluster } from './cluster.ts';
import { Unreachable } from './unreachable.ts';

/** Which cluster is read, and how long one request may take. */
export interface KubernetesOptions {
  /**
   * A kubeconfig file.
   *
   * @default - KUBECONFIG, then ~/.kube/config, then the service account of the pod
   */
  readonly kubeconfig?: string | undefined;
  /** @default - the file's current context */
  readonly context?: string | undefined;
  /** @default 10 */
  readonly timeoutSeconds?: number | undefined;
}

const CONCURRENT_REQUESTS = 8;

/**
 * A Kubernetes API server. Sends nothing but GET: discovery, and single objects by name, so its
 * account needs the verb `get` on the kinds that plans name, and no list or watch.
 *
 * An object whose kind is not served is absent, as it cannot exist: a removed object is gone when
 * its CRD went with it, and one that should be there is missing until its CRD is installed.
 */
export function kubernetes(options: KubernetesOptions = {}): Cluster {
  const { timeoutSeconds = 10 } = options;
  const sessions = apiSessions({ ...options, timeoutSeconds });
  const limit = pLimit(CONCURRENT_REQUESTS);
  const plurals: Plurals = new Map();
  return {
    read: async (refs, until) => {
      if (refs.length === 0) return { kind: 'known', value: { objects: [] } };
      const given = new AbortController();
      const ends = until === undefined ? [given.signal] : [given.signal, until];
      try {
        const reader = readerOf(await sessions.open(AbortSignal.any(ends)), plurals);
        const objects = await Promise.all(refs.map((ref) => limit(() => reader.read(ref))));
        if (reader.isRefused()) sessions.forget();
        return { kind: 'known', value: { objects, serverTime: reader.serverTime() } };
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        return { kind: 'unknown', reason: error.message, late: error.late };
      } finally {
        // Where one request found no server, the others need not wait for it.
        given.abort();
      }
    },
  };
}

/** How the API server names a kind in paths. */
interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** What discovery told, by apiVersion and kind. Kinds not served are asked for again each time. */
type Plurals = Map<string, Resource>;

type Discovery =
  | { readonly kind: 'served'; readonly resources: readonly Resource[] }
  | Exclude<ObjectReading, { kind: 'found' }>;

interface Reader {
  read(ref: ObjectRef): Promise<ObjectReading>;
  /** Whether the API server did not know us. */
  isRefused(): boolean;
  /** The latest time that it told, in Unix seconds. */
  serverTime(): number | undefined;
}

function readerOf(session: ApiSession, plurals: Plurals): Reader {
  const discoveries = new Map<string, Promise<Discovery>>();
  let serverTime: number | undefined;
  let refused = false;
  const get = async (path: string): Promise<ApiReply> => {
    const reply = await session.get(path);
    if (reply.date !== undefined) serverTime = Math.max(serverTime ?? 0, reply.date);
    refused ||= reply.status === 401;
    return reply;
  };
  const discover = (apiVersion: string): Promise<Discovery> => {
    const asked = discoveries.get(apiVersion) ?? get(root(apiVersion)).then(discoveryOf);
    discoveries.set(apiVersion, asked);
    return asked;
  };
  const resourceOf = async (ref: ObjectRef) => {
    const key = `${ref.apiVersion} ${ref.kind}`;
    const cached = plurals.get(key);
    if (cached !== undefined) return { kind: 'served', resource: cached } as const;
    const discovery = await discover(ref.apiVersion);
    if (discovery.kind !== 'served') return discovery;
    const resource = discovery.resources.find(
      ({ kind, name }) => kind === ref.kind && !name.includes('/'),
    );
    if (resource === undefined) return { kind: 'absent' } as const;
    plurals.set(key, resource);
    return { kind: 'served', resource } as const;
  };
  return {
    serverTime: () => serverTime,
    isRefused: () => refused,
    read: async (ref) => {
      const found = await resourceOf(ref);
      if (found.kind !== 'served') return found;
      const { resource } = found;
      if (resource.namespaced && !ref.namespace) {
        return { kind: 'unknown', reason: `${ref.kind} ${ref.name} names no namespace` };
      }
      const reply = await get(pathOf(ref, resource));
      // Not the object but its kind is gone, perhaps to come back under another name.
      if (isUnrouted(reply)) plurals.delete(`${ref.apiVersion} ${ref.kind}`);
      return readingOf(reply, ref, resource);
    },
  };
}

function root(apiVersion: string): string {
  const path = apiVersion.split('/').map(encodeURIComponent).join('/');
  return apiVersion.includes('/') ? `/apis/${path}` : `/api/${path}`;
}

function pathOf(ref: ObjectRef, { name, namespaced }: Resource): string {
  const namespace = namespaced ? `/namespaces/${encodeURIComponent(ref.namespace ?? '')}` : '';
  return `${root(ref.apiVersion)}${namespace}/${name}/${encodeURIComponent(ref.name)}`;
}

const resourceList = z.object({
  kind: z.literal('APIResourceList'),
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

function discoveryOf(reply: ApiReply): Discovery {
  const list = resourceList.safeParse(parsed(reply));
  if (reply.status === 200 && list.success) {
    return { kind: 'served', resources: list.data.resources };
  }
  if (isUnrouted(reply) || isNotFound(reply)) return { kind: 'absent' };
  return { kind: 'unknown', reason: strange(reply, 'the kinds of the API server') };
}

const named = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });

function readingOf(reply: ApiReply, ref: ObjectRef, resource: Resource): ObjectReading {
  const object = named.safeParse(parsed(reply));
  const isAsked = object.data?.kind === ref.kind && object.data.metadata.name === ref.name;
  if (reply.status === 200 && isAsked) return { kind: 'found', object: object.data };
  if (isUnrouted(reply) || isNotFound(reply)) return { kind: 'absent' };
  const group = ref.apiVersion.includes('/') ? `.${ref.apiVersion.split('/')[0]}` : '';
  const where = resource.namespaced ? ` in namespace ${ref.namespace}` : '';
  return {
    kind: 'unknown',
    reason: strange(reply, `${resource.name}${group} ${ref.name}${where}`),
  };
}

const status = z.object({ kind: z.literal('Status'), reason: z.string().optional() });

/** The API server itself says that the object does not exist. */
function isNotFound(reply: ApiReply): boolean {
  const said = status.safeParse(parsed(reply));
  return reply.status === 404 && said.success && said.data.reason === 'NotFound';
}

/** It serves no such path. Another server's 404, such as a proxy's page, is not believed. */
function isUnrouted(reply: ApiReply): boolean {
  return reply.status === 404 && reply.body.trim() === '404 page not found';
}

function strange(reply: ApiReply, what: string): string {
  if (reply.status === 401) {
    return `HTTP 401 for ${what}: the API server does not accept these credentials; renew them`;
  }
  if (reply.status === 403) {
    return `HTTP 403 for ${what}: this account may not read it; give its role the verb get on it`;
  }
  const json = readJson(reply.body);
  if (json.kind === 'vast') return `the answer for ${what} ${json.reason}`;
  return `HTTP ${reply.status} for ${what}, and not what an API server answers`;
}

function parsed({ body }: ApiReply): unknown {
  const json = readJson(body);
  return json.kind === 'read' ? json.value : undefined;
}
