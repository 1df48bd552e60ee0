import { once } from 'node:events';
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ListenError } from './listen-error.ts';

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

const MAX_CONNECTIONS = 64;
const MAX_HEADER_BYTES = 8 * 1024;
/** Nobody need send one; it is read and thrown away, so that the answer arrives. */
const MAX_BODY_BYTES = 1024 ** 2;
const TIMEOUT_MS = 5_000;
/** For all of a connection, also where a reader takes a byte now and then. */
const LIFETIME_MS = 30_000;

/**
 * Answers GET and HEAD on the given paths, and nothing else. Every connection is for one request, so that
 * none is left open; slow and large ones are cut off. Where there are too many, the oldest that has asked nothing yet
 * makes room for the newest: whoever keeps connections open keeps nobody out.
 *
 * @param pages by path
 * @param below by folder, with a slash at its end: what it holds, by name @default - there are none
 * @throws ListenError when the address cannot be had
 */
export async function startServer(
  { host, port }: ListenAddress,
  pages: ReadonlyMap<string, () => Promise<Page>>,
  below: ReadonlyMap<string, (name: string) => Promise<Page>> = new Map(),
): Promise<Server> {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: TIMEOUT_MS,
    requestTimeout: TIMEOUT_MS,
    connectionsCheckingInterval: 1_000,
  });
  server.setTimeout(2 * TIMEOUT_MS, (socket) => socket.destroy());
  const asking = bounded(server);
  const shared = new Map([...pages].map(([path, page]) => [path, inOne(page)]));
  server.on('request', (request, response) => {
    asking.delete(request.socket);
    void answer(request, response, { pages: shared, below }).catch(() => request.socket.destroy());
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ListenError(addressText(host, port), code);
  }
  // Such as too many open files: a connection is lost, not the analyzer.
  server.on('error', () => undefined);
  return {
    url: `http://${addressText(host, (server.address() as AddressInfo).port)}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function addressText(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Keeps the number of connections, and how long each lives. @returns those that have asked nothing yet */
function bounded(server: HttpServer): Set<Socket> {
  const open = new Set<Socket>();
  const asking = new Set<Socket>();
  server.on('connection', (socket) => {
    const end = setTimeout(() => socket.destroy(), LIFETIME_MS).unref();
    open.add(socket);
    asking.add(socket);
    socket.once('close', () => {
      clearTimeout(end);
      open.delete(socket);
      asking.delete(socket);
    });
    if (open.size <= MAX_CONNECTIONS) return;
    // Oldest first; the newest is the last to go.
    const [oldest = socket] = asking.size > 1 ? asking : open;
    oldest.destroy();
  });
  return asking;
}

/** A page as it is sent. */
interface Sheet extends Omit<Page, 'body'> {
  readonly body: Buffer;
}

/** All that ask while a page is made get the same one: it is large, and made once. */
function inOne(make: () => Promise<Page>): () => Promise<Sheet> {
  let underWay: Promise<Sheet> | undefined;
  return () => {
    underWay ??= make()
      .catch(() => plain(500, 'this page cannot be made'))
      .then(sheet)
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  };
}

function sheet(page: Page): Sheet {
  return { ...page, body: Buffer.from(page.body) };
}

/** All that there is to see. */
interface Site {
  readonly pages: ReadonlyMap<string, () => Promise<Sheet>>;
  readonly below: ReadonlyMap<string, (name: string) => Promise<Page>>;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  site: Site,
): Promise<void> {
  const page = (await isRead(request)) ? await pageOf(request, site) : TOO_LARGE;
  response.writeHead(page.status, {
    'Content-Type': page.type,
    'Content-Length': page.body.length,
    'Cache-Control': 'no-store',
    Connection: 'close',
    ...(page.status === 405 ? { Allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : page.body);
}

/** A connection that is closed while something unread is on its way may lose the answer. */
async function isRead(request: IncomingMessage): Promise<boolean> {
  let size = 0;
  for await (const chunk of request) {
    size += Buffer.byteLength(chunk);
    if (size > MAX_BODY_BYTES) return false;
  }
  return true;
}

async function pageOf(
  { method, url = '/' }: IncomingMessage,
  { pages, below }: Site,
): Promise<Sheet> {
  const [path = '/'] = url.split('?', 1);
  const page = pages.get(path) ?? pageBelow(path, below);
  const known = [...pages.keys(), ...[...below.keys()].map((it) => `${it}…`)].join(' and ');
  if (page === undefined) return sheet(plain(404, `there is only ${known}`));
  if (method !== 'GET' && method !== 'HEAD')
    return sheet(plain(405, 'only GET and HEAD are answered'));
  return page();
}

function pageBelow(path: string, below: Site['below']): (() => Promise<Sheet>) | undefined {
  for (const [folder, find] of below)
    if (path.startsWith(folder))
      return async () =>
        sheet(
          await find(path.slice(folder.length)).catch(() => plain(500, 'this page cannot be made')),
        );
  return undefined;
}

function plain(status: number, text: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

const TOO_LARGE = sheet(plain(413, 'nothing need be sent'));
