import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** How the store fails the questions about a release. */
export type Failure = 'HTTP 500' | 'empty answers' | 'no answer';

/** One answer that somebody got. */
export interface Answered {
  /** Milliseconds since 1970, when the answer was sent. */
  readonly at: number;
  /** The release that the question was about; none where its query names none. */
  readonly release: string | undefined;
  /** The lowest value of all points in it. */
  readonly lowest: number | undefined;
}

/** Stands in front of the real metric store: passes on, or fails on command, and notes what was answered. */
export interface Store {
  readonly url: string;
  readonly answered: readonly Answered[];
  /** From now on every question about this release fails so. */
  fail(release: string, failure: Failure): void;
  /** The lowest value that the real store answers now. */
  now(query: string): Promise<number | undefined>;
  stop(): Promise<void>;
}

/** Starts it on a free loopback port. @param upstream the URL of the real one */
export async function startStore(upstream: string): Promise<Store> {
  const answered: Answered[] = [];
  const failures = new Map<string, Failure>();
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const query = new URLSearchParams(body).get('query') ?? '';
    const release = releaseOf(query);
    const failure = failures.get(release ?? '');
    if (failure !== undefined) return fail(response, failure);
    const real = await fetch(`${upstream}${request.url}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body,
    });
    const said = await real.text();
    response.writeHead(real.status, { 'Content-Type': 'application/json' });
    response.end(said);
    answered.push({ at: Date.now(), release, lowest: lowestOf(said) });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answered,
    fail: (release, failure) => void failures.set(release, failure),
    async now(query) {
      const said = await fetch(`${upstream}/api/v1/query`, {
        method: 'POST',
        body: new URLSearchParams({ query }),
      });
      return lowestOf(await said.text());
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function fail(response: ServerResponse, failure: Failure): void {
  if (failure === 'no answer') return void response.destroy();
  const empty = { status: 'success', data: { resultType: 'matrix', result: [] } };
  const status = failure === 'HTTP 500' ? 500 : 200;
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(status === 500 ? 'out of order' : JSON.stringify(empty));
}

/** The releases' queries name the canary's Service in Contour's way; its namespace is the release. */
function releaseOf(query: string): string | undefined {
  return /envoy_cluster_name="([^_"]+)_/.exec(query)?.[1];
}

interface Said {
  readonly data?: {
    readonly result?: readonly {
      readonly value?: readonly [number, string];
      readonly values?: readonly (readonly [number, string])[];
    }[];
  };
}

function lowestOf(said: string): number | undefined {
  const { data } = JSON.parse(said) as Said;
  const points = (data?.result ?? []).flatMap((it) => [
    ...(it.values ?? []),
    ...(it.value === undefined ? [] : [it.value]),
  ]);
  const values = points.map(([, value]) => Number(value)).filter((it) => !Number.isNaN(it));
  return values.length === 0 ? undefined : Math.min(...values);
}
