import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SelfSigned } from './certificate.ts';

/** One request. */
export interface HookCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The very bytes. */
  readonly body: Buffer;
}

/** How the server is started. */
export interface HookServerOptions {
  /**
   * What a `bash` command comes to: nothing where it succeeds, else what it says.
   *
   * @default - every command succeeds
   */
  readonly bash?: (command: string) => string | undefined;
  /** @default - HTTP without TLS */
  readonly tls?: SelfSigned;
}

/** Gates and load tests, answered as Flagger's load tester answers them. */
export interface HookServer {
  /** Without a slash at the end. */
  readonly url: string;
  /** What came so far, the oldest first. */
  readonly calls: readonly HookCall[];
  /** Commands of the type `cmd`, of whose end nobody is told. */
  readonly commands: readonly string[];
  /** Has the next request answered in another way; several are answered one by one. */
  next(...answers: readonly RequestListener[]): void;
  stop(): Promise<void>;
}

interface Payload {
  readonly name: string;
  readonly namespace: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

interface Reply {
  readonly status: number;
  readonly body?: string;
}

/** Starts it on a loopback port, with every gate closed. */
export async function startHookServer(options: HookServerOptions = {}): Promise<HookServer> {
  const calls: HookCall[] = [];
  const commands: string[] = [];
  const queue: RequestListener[] = [];
  const gates = new Set<string>();
  const play = { gates, commands, bash: options.bash ?? (() => undefined) };
  const listener: RequestListener = (request, response) => {
    void (async () => {
      const body = Buffer.concat(await request.toArray());
      const { method = 'GET', url: path = '/', headers } = request;
      calls.push({ method, path, headers, body });
      const special = queue.shift();
      if (special !== undefined) return special(request, response);
      const reply = answerTo(path, body.toString(), play);
      response.writeHead(reply.status).end(reply.body);
    })();
  };
  const server =
    options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const scheme = options.tls === undefined ? 'http' : 'https';
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    commands,
    next: (...answers) => void queue.push(...answers),
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Play {
  readonly gates: Set<string>;
  readonly commands: string[];
  readonly bash: (command: string) => string | undefined;
}

function answerTo(path: string, body: string, play: Play): Reply {
  if (path === '/gate/approve') return { status: 200, body: 'OK' };
  if (path === '/gate/halt') return { status: 403, body: 'Forbidden' };
  const payload = parsed(body);
  if (payload === undefined) return { status: 400 };
  const [, kind, action] = /^\/(gate|rollback)\/(check|open|close)$/.exec(path) ?? [];
  if (kind === undefined) return taskReply(payload, play);
  // One gate serves every question about a release, and one more its rollback.
  const gate = `${kind === 'gate' ? '' : 'rollback.'}${payload.name}.${payload.namespace}`;
  if (action === 'check')
    return play.gates.has(gate)
      ? { status: 200, body: 'Approved' }
      : { status: 403, body: 'Forbidden' };
  if (action === 'open') play.gates.add(gate);
  else play.gates.delete(gate);
  return { status: 202 };
}

function taskReply({ metadata = {} }: Payload, { commands, bash }: Play): Reply {
  const { type = 'cmd', cmd = '' } = metadata;
  if (Object.keys(metadata).length === 0)
    return { status: 400, body: 'metadata not found in payload' };
  if (type === 'cmd') {
    commands.push(cmd);
    return { status: 202 };
  }
  if (type !== 'bash') return { status: 400, body: `unknown task type ${type}` };
  const said = bash(cmd);
  return said === undefined ? { status: 200 } : { status: 500, body: said };
}

function parsed(body: string): Payload | undefined {
  try {
    return JSON.parse(body) as Payload;
  } catch {
    return undefined;
  }
}
