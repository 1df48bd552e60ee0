import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as requestTo,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** How a server goes wrong, for as long as it is told so. */
export type ServerFault =
  /** Takes the request, and never answers. */
  | { readonly kind: 'hang' }
  /** Drops the connection. */
  | { readonly kind: 'reset' }
  /** An answer of its own. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: OutgoingHttpHeaders;
      readonly body?: string | Buffer;
    }
  /** Bytes that are no HTTP. */
  | { readonly kind: 'raw'; readonly bytes: Buffer }
  /** The right answer, cut off after a part of it. */
  | { readonly kind: 'cut'; readonly part: number }
  /** The right answer, a byte every so often. */
  | { readonly kind: 'drip'; readonly everyMs: number }
  /** The right headers, then nothing. */
  | { readonly kind: 'headers' }
  /** An answer without end. */
  | { readonly kind: 'flood'; readonly chunk: string; readonly bytes: number }
  /** The right answer, changed. */
  | { readonly kind: 'change'; readonly body: (body: Buffer) => Buffer };

/** What a request asks for. */
export interface Asked {
  readonly method: string;
  readonly url: string;
}

/** Which requests a fault meets. */
export interface Spoiling {
  readonly fault: ServerFault;
  /** @default - all */
  readonly when?: (request: Asked) => boolean;
}

/** A server in front of another one, which can be told to fail. */
export interface FaultyProxy {
  /** Without a slash at the end. */
  readonly url: string;
  /** Requests so far. */
  readonly requests: () => number;
  /** Requests that a fault met. */
  readonly spoiled: () => number;
  spoil(spoiling: Spoiling): void;
  /** Closes the connections that hang, as a restart does. */
  drop(): void;
  /** Answers rightly from now on. @param drops whether connections that hang are closed, as by a restart */
  heal(drops: boolean): void;
  stop(): Promise<void>;
}

/** Starts it on loopback. @param target the other one's URL, without a path */
export async function startProxy(target: string): Promise<FaultyProxy> {
  let spoiling: Spoiling | undefined;
  let requests = 0;
  let spoiled = 0;
  const hanging = new Set<Socket>();
  const server = createServer((request, response) => {
    requests += 1;
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    const asked = { method: request.method ?? 'GET', url: request.url ?? '/' };
    const met = spoiling !== undefined && (spoiling.when?.(asked) ?? true);
    if (!met || spoiling === undefined) return pass(target, request, response);
    spoiled += 1;
    // A kept connection brings many requests.
    if (!hanging.has(request.socket))
      request.socket.once('close', () => hanging.delete(request.socket));
    hanging.add(request.socket);
    spoil(spoiling.fault, target, request, response);
  });
  const drop = () => {
    for (const it of hanging) it.destroy();
  };
  server.on('clientError', (_, socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    spoiled: () => spoiled,
    spoil: (it) => {
      spoiling = it;
    },
    drop,
    heal: (drops) => {
      spoiling = undefined;
      if (drops) drop();
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      drop();
      await closed;
    },
  };
}

type Change = (answer: IncomingMessage, response: ServerResponse) => void;

function pass(
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
  change: Change = relay,
): void {
  const url = new URL(request.url ?? '/', target);
  const { host: _, ...headers } = request.headers;
  const upstream = requestTo(url, { method: request.method, headers }, (answer) =>
    change(answer, response),
  );
  upstream.on('error', () => response.destroy());
  response.once('close', () => upstream.destroy());
  request.pipe(upstream);
}

function relay(answer: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  answer.on('error', () => response.destroy());
  answer.pipe(response);
}

function spoil(
  fault: ServerFault,
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  switch (fault.kind) {
    case 'hang':
      request.resume();
      break;
    case 'reset':
      request.socket.resetAndDestroy();
      break;
    case 'raw':
      request.socket.end(fault.bytes);
      break;
    case 'flood':
      flood(response, fault);
      break;
    case 'answer':
      request.resume();
      response.writeHead(fault.status, { 'Content-Type': 'text/plain', ...fault.headers });
      response.end(fault.body);
      break;
    default:
      pass(target, request, response, (answer, to) => {
        changed(fault, answer, to).catch(() => to.destroy());
      });
  }
}

type Changed = Extract<ServerFault, { kind: 'cut' | 'drip' | 'headers' | 'change' }>;

async function changed(
  fault: Changed,
  answer: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = Buffer.concat(await answer.toArray().catch(() => []));
  const { 'content-length': _, 'transfer-encoding': __, ...headers } = answer.headers;
  const bytes = fault.kind === 'change' ? fault.body(body) : body;
  response.writeHead(answer.statusCode ?? 502, { ...headers, 'Content-Length': bytes.length });
  response.flushHeaders();
  if (fault.kind === 'change') response.end(bytes);
  if (fault.kind === 'cut') {
    const part = bytes.subarray(0, Math.floor(bytes.length * fault.part));
    response.write(part, () => response.destroy());
  }
  if (fault.kind === 'drip') await drip(response, bytes, fault.everyMs);
}

async function drip(response: ServerResponse, bytes: Buffer, everyMs: number): Promise<void> {
  for (let sent = 0; sent < bytes.length && !response.destroyed; sent++) {
    response.write(bytes.subarray(sent, sent + 1));
    await new Promise((done) => setTimeout(done, everyMs));
  }
  response.end();
}

function flood(
  response: ServerResponse,
  { chunk, bytes }: { readonly chunk: string; readonly bytes: number },
): void {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  let sent = 0;
  const more = () => {
    while (!response.destroyed && sent < bytes) {
      sent += chunk.length;
      if (response.write(chunk)) continue;
      response.once('drain', more);
      return;
    }
    response.end();
  };
  more();
}
