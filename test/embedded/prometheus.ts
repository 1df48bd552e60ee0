import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What the embedded Prometheus knows. */
export interface EmbeddedPrometheusOptions {
  /** The server's time in Unix seconds: its Date header, and the default of an instant query. */
  readonly clock: () => number;
  /**
   * The value of a query at a moment (Unix seconds): one series' value, a list for several
   * series, or nothing where there is no data. What it throws is the error of a bad query.
   */
  readonly answer: (query: string, atSeconds: number) => EmbeddedAnswer;
}

/** One series' value has no labels, as of an aggregate; several without labels of their own differ in one. */
export type EmbeddedAnswer = number | readonly (number | LabelledValue)[] | undefined;

/** The value of a series with these labels. */
export interface LabelledValue {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** How the next answer goes wrong. A number is an HTTP status. */
export type PrometheusFault =
  | number
  /** Never answers. */
  | 'hang'
  /** Drops the connection. */
  | 'reset'
  /** An endless body. */
  | 'huge'
  /** A login page with status 200. */
  | 'html'
  /** Sends the client to another host. */
  | 'redirect'
  /** Right in every way but for the Date header, which is missing. */
  | 'dateless'
  /** A body of the test's own, with status 200. */
  | { readonly body: string }
  /** 503 with a Retry-After header, in seconds. */
  | { readonly retryAfterSeconds: number };

/** A query that was asked, and the headers that came with it. */
export interface AskedQuery {
  readonly method: string;
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
}

/** A Prometheus-compatible HTTP API in this process, on a loopback port. */
export interface EmbeddedPrometheus {
  /** Where its API is, without a slash at the end. */
  readonly url: string;
  /** Everything that was asked so far. */
  readonly queries: readonly AskedQuery[];
  readonly faults: {
    /** Spoils one answer; several wait in line. */
    next(kind: PrometheusFault): void;
  };
  stop(): Promise<void>;
}

/** What Prometheus answers at most for one series of a range query. */
const MAX_POINTS = 11_000;

/** Starts it. Its values come from `answer` alone; PromQL is not understood. */
export async function startPrometheus(
  options: EmbeddedPrometheusOptions,
): Promise<EmbeddedPrometheus> {
  const queries: AskedQuery[] = [];
  const faults: PrometheusFault[] = [];
  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const asked = await readQuery(request);
    queries.push(asked);
    response.setHeader('Date', new Date(options.clock() * 1000).toUTCString());
    const fault = faults.shift();
    if (fault === 'dateless') {
      response.sendDate = false;
      response.removeHeader('Date');
    }
    if (fault !== undefined && fault !== 'dateless') return spoil(response, fault);
    const { status, body } = evaluate(options, asked);
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    queries,
    faults: { next: (kind) => void faults.push(kind) },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readQuery(request: IncomingMessage): Promise<AskedQuery> {
  const { method = 'GET', headers } = request;
  const url = new URL(request.url ?? '/', 'http://localhost');
  // Prometheus takes parameters from the URL and from a form alike.
  const form = method === 'POST' ? new URLSearchParams(await text(request)) : [];
  const parameters = Object.fromEntries([...url.searchParams, ...form]);
  return { method, path: url.pathname, parameters, headers };
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

function evaluate(options: EmbeddedPrometheusOptions, asked: AskedQuery): Reply {
  try {
    if (asked.path === '/api/v1/query') return success('vector', instant(options, asked));
    if (asked.path === '/api/v1/query_range') return success('matrix', range(options, asked));
    return { status: 404, body: '404 page not found' };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { status: 400, body: { status: 'error', errorType: 'bad_data', error: message } };
  }
}

function success(resultType: string, result: unknown): Reply {
  return { status: 200, body: { status: 'success', data: { resultType, result } } };
}

function instant({ answer, clock }: EmbeddedPrometheusOptions, asked: AskedQuery): unknown {
  const at = asked.parameters.time === undefined ? clock() : seconds(asked, 'time');
  return values(answer(query(asked), at)).map(({ labels, value }) => ({
    metric: labels,
    value: [at, format(value)],
  }));
}

function range({ answer }: EmbeddedPrometheusOptions, asked: AskedQuery): unknown {
  const [start, end, step] = [
    seconds(asked, 'start'),
    seconds(asked, 'end'),
    seconds(asked, 'step'),
  ];
  if (end < start)
    throw new Error('invalid parameter "end": end timestamp must not be before start time');
  if (step <= 0)
    throw new Error(
      'zero or negative query resolution step widths are not accepted. Try a positive integer',
    );
  if ((end - start) / step > MAX_POINTS) {
    throw new Error(
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    );
  }
  const series = new Map<string, { metric: unknown; values: [number, string][] }>();
  for (let index = 0; index <= Math.floor((end - start) / step + 1e-9); index++) {
    const at = Math.round((start + index * step) * 1000) / 1000;
    for (const { labels: metric, value } of values(answer(query(asked), at))) {
      const key = JSON.stringify(metric);
      const one = series.get(key) ?? { metric, values: [] };
      one.values.push([at, format(value)]);
      series.set(key, one);
    }
  }
  return [...series.values()];
}

function values(answer: EmbeddedAnswer): readonly LabelledValue[] {
  if (answer === undefined) return [];
  if (typeof answer === 'number') return [{ labels: {}, value: answer }];
  return answer.map((it, index, { length }) =>
    typeof it === 'number'
      ? { labels: length === 1 ? {} : { series: String(index) }, value: it }
      : it,
  );
}

function query(asked: AskedQuery): string {
  const value = asked.parameters.query;
  if (!value)
    throw new Error(
      'invalid parameter "query": unknown position: parse error: no expression found in input',
    );
  return value;
}

function seconds(asked: AskedQuery, name: string): number {
  const value = asked.parameters[name] ?? '';
  const parsed = value === '' ? Number.NaN : Number(value);
  if (Number.isFinite(parsed)) return parsed;
  throw new Error(`invalid parameter "${name}": cannot parse "${value}" to a valid timestamp`);
}

// As Go prints floats.
function format(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

function spoil(response: ServerResponse, fault: Exclude<PrometheusFault, 'dateless'>): void {
  if (fault === 'hang') return;
  if (fault === 'reset') response.destroy();
  else if (fault === 'huge') endless(response);
  else {
    const { status, headers, body } = spoiled(fault);
    response.writeHead(status, headers);
    response.end(body);
  }
}

type Spoiled = Exclude<PrometheusFault, 'dateless' | 'hang' | 'reset' | 'huge'>;

function spoiled(fault: Spoiled): { status: number; headers?: OutgoingHttpHeaders; body: string } {
  if (typeof fault === 'number') return { status: fault, body: `status ${fault}` };
  if (fault === 'html') {
    const body = '<!doctype html><title>Sign in</title><form>password</form>';
    return { status: 200, headers: { 'Content-Type': 'text/html' }, body };
  }
  if (fault === 'redirect') {
    const Location = 'http://elsewhere.example/login?from=prometheus';
    return { status: 302, headers: { Location }, body: '' };
  }
  if ('retryAfterSeconds' in fault) {
    return { status: 503, headers: { 'Retry-After': fault.retryAfterSeconds }, body: '' };
  }
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body: fault.body };
}

function endless(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.write(
    '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[',
  );
  const chunk = '[1700000000,"1"],'.repeat(4096);
  // Only as fast as it is read, until the reader goes.
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
}
