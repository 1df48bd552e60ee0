import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** As much of any Kubernetes object as all of them have. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
}

/** Where an API server is, and who asks. */
export interface ApiOptions {
  /** Without a slash at the end. */
  readonly url: string;
  /** PEM. */
  readonly certificate: string;
  readonly token: string;
}

/** How an object is applied. */
export interface ApplyOptions {
  /** Under which name its fields are owned. */
  readonly fieldManager: string;
  /** Whether a field that the API server does not know is an error. @default false */
  readonly strict?: boolean;
  /** Whether it is only asked. @default false */
  readonly dryRun?: boolean;
}

/** An API server in JSON, without the 0.1 s that each kubectl takes. */
export interface Api {
  /** @param path such as `/api/v1/namespaces/test/pods` @throws ApiError when it is refused */
  get<T>(path: string): Promise<T>;
  /** Creates an object. @param path of its collection @throws ApiError when it is refused */
  post<T>(path: string, body: unknown): Promise<T>;
  /** JSON merge patch. @throws ApiError when it is refused */
  patch<T>(path: string, body: unknown): Promise<T>;
  /** Server-side apply with force, as GitOps tools do. @throws ApiError when it is refused */
  apply<T>(path: string, body: unknown, options: ApplyOptions): Promise<T>;
  /** At once, without a grace period. @throws ApiError when it is refused */
  delete(path: string): Promise<void>;
  /**
   * Follows a collection until the signal says stop, through every fault of the server.
   *
   * @param path of the collection
   * @param onChange gets all of its objects by `namespace/name`, first and after every change
   */
  follow<T extends KubernetesObject>(
    path: string,
    onChange: (objects: ReadonlyMap<string, T>) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Ends its idle connections. */
  close(): void;
}

/** What the API server refused. */
export class ApiError extends Error {
  /** The HTTP status. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** A client of an API server. */
export function openApi(options: ApiOptions): Api {
  const agent = new Agent({ keepAlive: true, ca: options.certificate });
  const send = (call: Call, signal?: AbortSignal) => open(options, agent, call, signal);
  const json = async <T>(call: Call): Promise<T> => JSON.parse(await textOf(await send(call))) as T;
  return {
    get: (path) => json({ method: 'GET', path }),
    post: (path, body) => json({ method: 'POST', path, type: 'application/json', body }),
    patch: (path, body) =>
      json({ method: 'PATCH', path, type: 'application/merge-patch+json', body }),
    apply: (path, body, { fieldManager, strict = false, dryRun = false }) =>
      json({
        method: 'PATCH',
        path:
          `${path}?fieldManager=${fieldManager}&force=true` +
          `${strict ? '&fieldValidation=Strict' : ''}${dryRun ? '&dryRun=All' : ''}`,
        type: 'application/apply-patch+yaml',
        body,
      }),
    async delete(path) {
      await json({ method: 'DELETE', path: `${path}?gracePeriodSeconds=0` });
    },
    async follow(path, onChange, signal) {
      while (!signal.aborted) {
        // A server that is away, or a watch that ended: begin again with a new list.
        await followOnce(send, path, onChange, signal).catch(() => undefined);
        await sleep(200, undefined, { signal }).catch(() => undefined);
      }
    },
    close: () => agent.destroy(),
  };
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly type?: string;
  readonly body?: unknown;
}

type Send = (call: Call, signal?: AbortSignal) => Promise<IncomingMessage>;

const TIMEOUT_SECONDS = 10;

function open(
  { url, token }: ApiOptions,
  agent: Agent,
  call: Call,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const headers = {
    Accept: 'application/json',
    Authorization: `Bearer ${token}`,
    ...(call.type === undefined ? {} : { 'Content-Type': call.type }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}${call.path}`,
      { method: call.method, agent, headers, ...(signal === undefined ? {} : { signal }) },
      (response) => {
        const { statusCode = 0 } = response;
        if (statusCode < 300) return resolve(response);
        textOf(response).then((text) => {
          const message = `${call.method} ${call.path}: ${statusCode} ${text}`;
          reject(new ApiError(statusCode, message));
        }, reject);
      },
    );
    sent.setTimeout(signal === undefined ? TIMEOUT_SECONDS * 1000 : 0, () =>
      sent.destroy(new Error(`${call.path}: no answer in ${TIMEOUT_SECONDS} s`)),
    );
    sent.once('error', reject);
    sent.end(call.body === undefined ? undefined : JSON.stringify(call.body));
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

interface List<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

interface Event<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

async function followOnce<T extends KubernetesObject>(
  send: Send,
  path: string,
  onChange: (objects: ReadonlyMap<string, T>) => void,
  signal: AbortSignal,
): Promise<void> {
  const list = JSON.parse(await textOf(await send({ method: 'GET', path }))) as List<T>;
  const objects = new Map(list.items.map((it) => [keyOf(it), it]));
  onChange(objects);
  const version = list.metadata.resourceVersion;
  const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${version}`;
  const response = await send({ method: 'GET', path: `${path}?${query}` }, signal);
  for await (const line of createInterface({ input: response })) {
    const { type, object } = JSON.parse(line) as Event<T>;
    if (type === 'ERROR') return;
    if (type === 'BOOKMARK') continue;
    if (type === 'DELETED') objects.delete(keyOf(object));
    else objects.set(keyOf(object), object);
    onChange(objects);
  }
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
