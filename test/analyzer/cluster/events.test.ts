import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Cluster } from '../../../analyzer/cluster/cluster.ts';
import { type ClusterEvent, kubernetesEvents } from '../../../analyzer/cluster/events.ts';
import { scratch } from '../git/fixture.ts';

/** An API server that takes Events; test/e2e/events.test.ts asks the real one. */

const seen: { method: string; path: string; body: Record<string, unknown> }[] = [];
let server: Server;
let kubeconfig: string;
let status = 201;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const body = (await json(request)) as Record<string, unknown>;
    seen.push({ method: request.method ?? '', path: request.url ?? '', body });
    if (status > 0) response.writeHead(status).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  kubeconfig = await kubeconfigOf(`http://127.0.0.1:${port}`);
});

beforeEach(() => {
  seen.length = 0;
  status = 201;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function kubeconfigOf(url: string): Promise<string> {
  const path = join(await scratch(), 'kubeconfig');
  const config = {
    clusters: [{ name: 'a', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'a', user: {} }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    'current-context': 'a',
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

const event: ClusterEvent = {
  regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'shop-primary' },
  type: 'Normal',
  reason: 'WeightChanged',
  action: 'next',
  note: 'shop: weight 10 → 20',
  key: 'shop 7',
  at: 1_800_000_000.25,
};

const reading = (metadata: object | undefined): Cluster => ({
  read: async () => ({
    kind: 'known',
    value: {
      objects: [
        metadata === undefined ? { kind: 'absent' } : { kind: 'found', object: { metadata } },
      ],
    },
  }),
});

function writer(cluster: Cluster = reading({ uid: '1-2-3' }), timeoutSeconds = 5) {
  return kubernetesEvents({ kubeconfig, timeoutSeconds }, cluster);
}

test('an event is created in the namespace of its object, with what the API asks for', async () => {
  expect(await writer().write([event])).toEqual([]);
  expect(seen).toEqual([
    {
      method: 'POST',
      path: '/apis/events.k8s.io/v1/namespaces/shop/events',
      body: {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: {
          namespace: 'shop',
          name: expect.stringMatching(/^shop-primary\.[0-9a-f]{16}$/),
        },
        eventTime: '2027-01-15T08:00:00.250000Z',
        type: 'Normal',
        reason: 'WeightChanged',
        action: 'next',
        note: 'shop: weight 10 → 20',
        regarding: { ...event.regarding, uid: '1-2-3' },
        reportingController: 'perch',
        reportingInstance: 'perch',
      },
    },
  ]);
});

test('its name follows from its key alone', async () => {
  await writer().write([event, { ...event, note: 'other', at: 1 }, { ...event, key: 'shop 8' }]);
  const [a, b, c] = seen.map((it) => (it.body.metadata as { name: string }).name);
  expect([a === b, a === c]).toEqual([true, false]);
});

test('an object that is gone, or that may not be read, is named without a uid', async () => {
  await writer(reading(undefined)).write([event]);
  await writer({ read: async () => ({ kind: 'unknown', reason: 'x' }) }).write([event]);
  expect(seen.map((it) => it.body.regarding)).toEqual([event.regarding, event.regarding]);
});

test('a long note is cut to what the API server takes, between characters', async () => {
  await writer().write([{ ...event, note: '→'.repeat(1000) }]);
  const note = String(seen[0]?.body.note);
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
  expect(note).toMatch(/^→{300,}…$/);
});

test('an event that is there already is no failure', async () => {
  status = 409;
  expect(await writer().write([event])).toEqual([]);
});

test.each([
  [
    403,
    'HTTP 403 for events.events.k8s.io in namespace shop: this account may not create them; give its role the verb create on them',
  ],
  [404, 'HTTP 404 for events.events.k8s.io in namespace shop'],
  [307, 'HTTP 307 for events.events.k8s.io in namespace shop'],
])('HTTP %i is said, and the others are written', async (code, reason) => {
  status = code;
  expect(await writer().write([event, event])).toEqual([reason, reason]);
  expect(seen).toHaveLength(2);
});

test('a server that does not answer ends the batch', async () => {
  status = 0;
  expect(await writer(undefined, 0.1).write([event, event, event])).toEqual([
    expect.stringMatching(/took over 0\.1 s$/),
  ]);
  expect(seen).toHaveLength(1);
});

test('nothing to tell opens nothing', async () => {
  expect(await kubernetesEvents({ kubeconfig: '/nowhere' }, reading({})).write([])).toEqual([]);
  expect(await kubernetesEvents({ kubeconfig: '/nowhere' }, reading({})).write([event])).toEqual([
    'cannot load /nowhere (ENOENT)',
  ]);
});

test('nothing else in the analyzer writes to a cluster', () => {
  const root = join(import.meta.dirname, '../../../analyzer');
  const all = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((it) =>
    it.endsWith('.ts'),
  );
  const writes = (path: string) =>
    /\bsession\.(?!get\b)\w+\(/.test(readFileSync(join(root, path), 'utf8'));
  expect(all.filter((it) => it.startsWith('cluster/')).filter(writes)).toEqual([
    'cluster/events.ts',
  ]);
});
