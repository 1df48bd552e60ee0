import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { json, text } from 'node:stream/consumers';
import { openApi } from '../api.ts';
import { behaviourOf, type Pod, type Role, roles } from './pods.ts';
import {
  type Behaviour,
  type Busy,
  KIND_HEADER,
  type PlayerConfiguration,
  type PodCount,
} from './protocol.ts';
import { resourceMetrics } from './resource-metrics.ts';
import { targets } from './targets.ts';

/**
 * Answers for all pods: a process of its own, so that nothing that a test does makes pods slow.
 *
 *     node --import tsx test/e2e/stack/player/main.ts CONFIGURATION.json
 */
const configuration = JSON.parse(
  readFileSync(process.argv[2] ?? '', 'utf8'),
) as PlayerConfiguration;

/** As long as its requests may still be on their way when a pod is gone. */
const LATE_MS = 2000;

let pods: readonly Pod[] = [];
let known: ReadonlyMap<string, Role> = new Map();
const gone = new Map<string, { readonly role: Role; readonly since: number }>();
let hasSeenPods = false;
let behaviours: readonly Behaviour[] = [];
let busy: readonly Busy[] = [];
const counts = new Map<string, PodCount>();

const api = openApi(configuration.api);
void api.follow<Pod>('/api/v1/pods', see, new AbortController().signal);
// A connection that a pod closes while the proxy sends on it is a 503 that no version is to blame for.
for (const port of configuration.ports)
  createServer({ keepAliveTimeout: 0 }, answer).listen(port, '0.0.0.0');
createServer(control).listen(configuration.controlPort, '127.0.0.1');
const { keyFile, certificateFile, port: metricsPort } = configuration.resourceMetrics;
const certificate = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) };
createHttpsServer(certificate, measure).listen(metricsPort, '127.0.0.1');

function see(all: ReadonlyMap<string, Pod>): void {
  pods = [...all.values()];
  const now = roles(pods);
  for (const [address, role] of known) {
    if (!now.has(address)) gone.set(address, { role, since: Date.now() });
  }
  known = now;
  hasSeenPods = true;
}

function playedAt(address: string): Role | undefined {
  const late = gone.get(address);
  const isLate = late !== undefined && Date.now() - late.since < LATE_MS;
  return known.get(address) ?? (isLate ? late.role : undefined);
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const role = playedAt(request.socket.localAddress ?? '');
  if (role === undefined) {
    reply(request, response, { role, status: 503 });
    return;
  }
  if (request.url === '/metrics') {
    response.end(metricsOf(role));
    return;
  }
  const { failedPercent, addedMs } = behaviourOf(role, behaviours);
  const status = Math.random() * 100 < failedPercent ? 500 : 200;
  if (addedMs > 0) setTimeout(() => reply(request, response, { role, status }), addedMs);
  else reply(request, response, { role, status });
}

interface Answer {
  readonly role: Role | undefined;
  readonly status: number;
}

function reply(request: IncomingMessage, response: ServerResponse, { role, status }: Answer): void {
  const kind = String(request.headers[KIND_HEADER] ?? '');
  // Envoy names the host of a copy so.
  const isCopy = /-shadow(?::\d+)?$/.test(request.headers.host ?? '');
  count(role, { status, kind: isCopy ? `copy of ${kind}` : kind });
  const cookie = kind === '' ? {} : { 'Set-Cookie': 'application=its-own' };
  response.writeHead(status, { 'Content-Type': 'application/json', ...cookie });
  response.end(`${JSON.stringify({ pod: role?.pod ?? null, image: role?.images[0] ?? null })}\n`);
}

function count(role: Role | undefined, it: Pick<PodCount, 'status' | 'kind'>): void {
  const { namespace = '', pod = '', workload = '', images = [] } = role ?? {};
  const key = `${namespace}/${pod}/${it.status}/${it.kind}`;
  const before = counts.get(key)?.count ?? 0;
  const image = images[0] ?? '';
  counts.set(key, { namespace, pod, workload, image, ...it, count: before + 1 });
}

function measure(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const answer = resourceMetrics(request.url ?? '/', pods, busy);
  response.writeHead(answer === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(answer));
}

async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const question = `${request.method} ${request.url}`;
  if (question === 'PUT /behaviours') {
    behaviours = (await json(request)) as readonly Behaviour[];
    response.end();
    return;
  }
  if (question === 'PUT /busy') {
    busy = (await json(request)) as readonly Busy[];
    response.end();
    return;
  }
  await text(request);
  if (question === 'GET /healthz') response.statusCode = hasSeenPods ? 200 : 503;
  else if (question === 'GET /counts') response.write(JSON.stringify([...counts.values()]));
  else if (question === 'GET /metrics') response.write(metrics());
  else if (question === 'GET /targets') {
    response.setHeader('Content-Type', 'application/json');
    response.write(JSON.stringify(targets(pods)));
  } else response.statusCode = 404;
  response.end();
}

function metrics(): string {
  const sums = new Map<string, number>();
  for (const { namespace, pod, workload, status, count } of counts.values()) {
    const labels = `namespace="${namespace}",pod="${pod}",workload="${workload}",status="${status}"`;
    sums.set(labels, (sums.get(labels) ?? 0) + count);
  }
  const lines = [...sums].map(([labels, sum]) => `stack_pod_requests_total{${labels}} ${sum}`);
  return `# TYPE stack_pod_requests_total counter\n${lines.join('\n')}\n`;
}

/** What a pod itself says, as podinfo does. */
function metricsOf({ namespace, pod }: Role): string {
  const sums = new Map<number, number>([[200, 0]]);
  for (const it of counts.values()) {
    if (it.namespace !== namespace || it.pod !== pod) continue;
    sums.set(it.status, (sums.get(it.status) ?? 0) + it.count);
  }
  const lines = [...sums].map(([status, sum]) => `http_requests_total{status="${status}"} ${sum}`);
  return `# TYPE http_requests_total counter\n${lines.join('\n')}\n`;
}
