import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterFile } from '../cleanups.ts';

/** How a server of anything may behave, whatever it is asked. */
const ANSWERS = {
  'never answers': () => undefined,
  'drops the connection': (response) => void response.destroy(),
  'breaks off in the midst': (response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 1000 });
    response.write('{"status":', () => response.destroy());
  },
  'wants a login': (response) => end(response, 401),
  'shows a login page': (response) => end(response, 200, '<!doctype html><title>Sign in</title>'),
  'forbids it': (response) => end(response, 403, '{"error":"forbidden"}'),
  'knows no such path': (response) => end(response, 404, '404 page not found'),
  'is asked too often': (response) => end(response, 429),
  fails: (response) => end(response, 500, 'out of memory\nat line 1'),
  'sends elsewhere': (response) => {
    response.writeHead(302, { Location: 'http://elsewhere.example/login' });
    response.end();
  },
  'says nothing': (response) => end(response, 200),
  'says half of it': (response) => end(response, 200, '{"status":"succ'),
  'says something else': (response) => end(response, 200, '{"ok":true}'),
  'says null': (response) => end(response, 200, 'null'),
  'says a list': (response) => end(response, 200, '[[]]'),
} satisfies Record<string, (response: ServerResponse) => void>;

/** What may be wrong with a server. */
export type Trouble = keyof typeof ANSWERS;

/** What may be wrong with an answer. */
export const TROUBLES = (Object.keys(ANSWERS) as Trouble[]).filter((it) => it !== 'never answers');

/** A server that is in trouble, until the tests of this file are over. */
export interface BadServer {
  readonly address: string;
  /** Once it was asked something. */
  readonly asked: Promise<unknown>;
}

/** Starts it. */
export async function startBadServer(trouble: Trouble): Promise<BadServer> {
  const server = createServer((_, response) => ANSWERS[trouble](response));
  const asked = once(server, 'request');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}`, asked };
}

function end(response: ServerResponse, status: number, body = ''): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(body);
}
