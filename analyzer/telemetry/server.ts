import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where to listen. */
export interface ListenAddress {
  /** A name, an IPv4 or an IPv6 address. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** What a path answers. */
export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** A server that is up. */
export interface Server {
  /** Without a slash at the end. */
  readonly url: string;
  /** Ends every connection too. */
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 16;
const MAX_HEADER_BYTES = 8 * 1024;
const TIMEOUT_MS = 5_000;

/**
 * Answers GET and HEAD on the given paths, and nothing else. Every connection is for one request, so that
 * none is left open; slow, large and too many ones are cut off.
 *
 * @throws Error when the address cannot be had
 */
export async function startServer(
  { host, port }: ListenAddress,
  pages: ReadonlyMap<string, () => Promise<Page>>,
): Promise<Server> {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: TIMEOUT_MS,
    requestTimeout: TIMEOUT_MS,
    connectionsCheckingInterval: 1_000,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(2 * TIMEOUT_MS, (socket) => socket.destroy());
  server.on('request', (request, response) => void answer(request, response, pages));
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`--listen: cannot listen on ${host}:${port} (${code})`);
  }
  // Such as too many open files: a connection is lost, not the analyzer.
  server.on('error', () => undefined);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  pages: ReadonlyMap<string, () => Promise<Page>>,
): Promise<void> {
  const page = await pageOf(request, pages);
  response.writeHead(page.status, {
    'Content-Type': page.type,
    'Content-Length': Buffer.byteLength(page.body),
    'Cache-Control': 'no-store',
    Connection: 'close',
    ...(page.status === 405 ? { Allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : page.body);
}

async function pageOf(
  { method, url = '/' }: IncomingMessage,
  pages: ReadonlyMap<string, () => Promise<Page>>,
): Promise<Page> {
  const page = pages.get(url.split('?', 1)[0] ?? '/');
  if (page === undefined) return plain(404, `there is only ${[...pages.keys()].join(' and ')}`);
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET and HEAD are answered');
  return page().catch(() => plain(500, 'this page cannot be made'));
}

function plain(status: number, text: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}
