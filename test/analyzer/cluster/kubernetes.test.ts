import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { kubernetes } from '../../../analyzer/cluster/kubernetes.ts';
import { clusterContract } from '../../contract/cluster.ts';
import type { Json } from '../../contract/cluster-objects.ts';
import {
  type ApiFault,
  type EmbeddedApiServer,
  startApiServer,
} from '../../embedded/api-server.ts';

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'test',
  name: 'podinfo',
};
const found = { apiVersion: 'apps/v1', kind: 'Deployment', spec: {} };
const manifest = { ...found, metadata: { namespace: 'test', name: 'podinfo' } };

let server: EmbeddedApiServer;
let folder: string;
let now = 1_800_000_000;
let fault: (path: string) => ApiFault | undefined = () => undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-kubernetes-test-'));
  server = await startApiServer({ clock: () => now, fault: (path) => fault(path) });
  server.apply(manifest, 'kustomize-controller', now);
});
afterEach(() => {
  fault = () => undefined;
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('kubernetes', () => {
  clusterContract(() => ({
    cluster: kubernetes({ kubeconfig: server.kubeconfigPath }),
    apply: async (object) => void server.apply(object, 'kustomize-controller', now),
    edit: async (ref, patch) => server.edit(ref, (object) => merge(object, patch), 'kubectl-edit'),
    scale: async (ref, replicas) => server.scale(ref, replicas),
    setStatus: async (ref, status) => server.setStatus(ref, status),
    remove: async (ref) => server.remove(ref),
    nextSecond: async () => {
      now += 1;
    },
    now: () => now,
  }));

  test('sends nothing but GET', async () => {
    await kubernetes({ kubeconfig: server.kubeconfigPath }).read([deployment]);
    expect(new Set(server.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
  });

  test('asks for the kinds of a group once, and for what it does not serve each time', async () => {
    const cluster = kubernetes({ kubeconfig: server.kubeconfigPath });
    const before = server.requests.length;
    const refs = [deployment, { ...deployment, name: 'other' }];
    await cluster.read(refs);
    await cluster.read(refs);
    await cluster.read([{ ...deployment, kind: 'Nest' }]);
    await cluster.read([{ ...deployment, kind: 'Nest' }]);
    const paths = server.requests.slice(before).map(({ path }) => path);
    expect(paths.filter((path) => path === '/apis/apps/v1')).toHaveLength(3);
    expect(paths).toHaveLength(7);
  });

  test('asks for nothing when nothing is asked', async () => {
    const answer = await kubernetes({ kubeconfig: join(folder, 'missing') }).read([]);
    expect(answer).toEqual({ kind: 'known', value: { objects: [] } });
  });

  test('loads the Kubernetes client for the first question only', async () => {
    let loaded = 0;
    vi.doMock('@kubernetes/client-node/dist/config.js', async (original) => {
      loaded += 1;
      return original();
    });
    vi.resetModules();
    const fresh = await import('../../../analyzer/cluster/kubernetes.ts');
    const cluster = fresh.kubernetes({ kubeconfig: server.kubeconfigPath });
    await cluster.read([]);
    expect(loaded).toBe(0);
    expect(await cluster.read([deployment])).toMatchObject({
      value: { objects: [{ kind: 'found' }] },
    });
    expect(loaded).toBe(1);
    vi.doUnmock('@kubernetes/client-node/dist/config.js');
  });

  test.each([
    [
      403,
      'deployments.apps podinfo in namespace test: this account may not read it; give its role the verb get',
    ],
    [401, 'does not accept these credentials'],
    [500, 'HTTP 500 for deployments.apps podinfo'],
    [302, 'HTTP 302'],
  ])('HTTP %i makes one object unknown and says what to do', async (status, reason) => {
    fault = (path) => (path.endsWith('/podinfo') ? status : undefined);
    const cluster = kubernetes({ kubeconfig: server.kubeconfigPath });
    expect(await cluster.read([deployment, { ...deployment, name: 'other' }])).toMatchObject({
      kind: 'known',
      value: {
        objects: [{ kind: 'unknown', reason: expect.stringContaining(reason) }, { kind: 'absent' }],
      },
    });
  });

  test("does not take another server's 404 for an absent object", async () => {
    fault = () => 404;
    const cluster = kubernetes({ kubeconfig: server.kubeconfigPath });
    expect(await cluster.read([deployment])).toMatchObject({
      value: { objects: [{ kind: 'unknown' }] },
    });
  });

  test('an object without a namespace of a kind that has one is unknown', async () => {
    const { namespace: _, ...ref } = deployment;
    const answer = await kubernetes({ kubeconfig: server.kubeconfigPath }).read([ref]);
    expect(answer).toMatchObject({
      value: { objects: [{ reason: 'Deployment podinfo names no namespace' }] },
    });
  });

  test('a server that takes too long makes the whole answer unknown', async () => {
    fault = (path) => (path.endsWith('/podinfo') ? 'hang' : undefined);
    const cluster = kubernetes({ kubeconfig: server.kubeconfigPath, timeoutSeconds: 0.2 });
    const refs = Array.from({ length: 40 }, () => deployment);
    const began = performance.now();
    expect(await cluster.read(refs)).toMatchObject({
      kind: 'unknown',
      reason: expect.stringMatching(/^127\.0\.0\.1:\d+ took over 0\.2 s$/),
    });
    // The requests that wait for their turn are not sent to a server that is not there.
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test.each<[string, ApiFault]>([
    ['a kept connection that was reset', 'reset'],
    ['429 with Retry-After', { status: 429, retryAfter: '0' }],
    ['503 with Retry-After', { status: 503, retryAfter: new Date(0).toUTCString() }],
  ])('%s is asked once more', async (_, kind) => {
    let left = 1;
    fault = (path) => (path.endsWith('/podinfo') && left-- > 0 ? kind : undefined);
    const cluster = kubernetes({ kubeconfig: server.kubeconfigPath });
    expect(await cluster.read([deployment])).toMatchObject({
      value: { objects: [{ kind: 'found' }] },
    });
    expect(left).toBe(-1);
  });

  test.each<[string, ApiFault, number]>([
    ['429 without Retry-After', 429, 1],
    ['a server that wants a long rest', { status: 429, retryAfter: '60' }, 1],
    ['a server that wants rest for ever', { status: 429, retryAfter: '0' }, 4],
  ])('%s is not asked for ever', async (_, kind, times) => {
    let asked = 0;
    fault = (path) => {
      if (!path.endsWith('/podinfo')) return undefined;
      asked += 1;
      return kind;
    };
    const cluster = kubernetes({ kubeconfig: server.kubeconfigPath });
    expect(await cluster.read([deployment])).toMatchObject({
      value: { objects: [{ kind: 'unknown' }] },
    });
    expect(asked).toBe(times);
  });

  test('a rest that the server wants ends when nobody waits any more', async () => {
    fault = () => ({ status: 429, retryAfter: '5' });
    const until = new AbortController();
    const answer = kubernetes({ kubeconfig: server.kubeconfigPath }).read(
      [deployment],
      until.signal,
    );
    until.abort();
    expect(await answer).toMatchObject({ kind: 'unknown' });
  });

  test('a server that is not there makes the whole answer unknown', async () => {
    const kubeconfig = await kubeconfigWith({ server: 'http://127.0.0.1:9' });
    expect(await kubernetes({ kubeconfig }).read([deployment])).toEqual({
      kind: 'unknown',
      reason: '127.0.0.1:9 cannot be reached (ECONNREFUSED)',
    });
  });

  test('knows more than one context', async () => {
    const kubeconfig = server.kubeconfigPath;
    const known = await kubernetes({ kubeconfig, context: 'embedded' }).read([deployment]);
    expect(known).toMatchObject({ value: { objects: [{ kind: 'found' }] } });
    expect(await kubernetes({ kubeconfig, context: 'other' }).read([deployment])).toEqual({
      kind: 'unknown',
      reason: 'no context "other" in the kubeconfig; it has embedded',
    });
  });

  test('a kubeconfig that is missing or broken is an answer that does not quote it', async () => {
    const missing = join(folder, 'missing');
    expect(await kubernetes({ kubeconfig: missing }).read([deployment])).toEqual({
      kind: 'unknown',
      reason: `cannot load ${missing} (ENOENT)`,
    });
    const broken = join(folder, 'broken');
    await writeFile(broken, 'users: [{user: {token: s3cret-token\n');
    const answer = await kubernetes({ kubeconfig: broken }).read([deployment]);
    expect(answer).toEqual({ kind: 'unknown', reason: `cannot load ${broken} (YAMLException)` });
  });

  test('takes a token from an exec plugin, and says what went wrong with it', async () => {
    const token = 'embedded-token';
    const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' };
    const output = JSON.stringify({ ...credential, status: { token } });
    const exec = (script: string) => ({
      exec: { apiVersion: credential.apiVersion, command: process.execPath, args: ['-e', script] },
    });
    const works = await kubeconfigWith({ user: exec(`console.log(${JSON.stringify(output)})`) });
    expect(await kubernetes({ kubeconfig: works }).read([deployment])).toMatchObject({
      value: { objects: [{ kind: 'found' }] },
    });
    const fails = await kubeconfigWith({ user: exec('console.error("sign in"); process.exit(1)') });
    expect(await kubernetes({ kubeconfig: fails }).read([deployment])).toMatchObject({
      kind: 'unknown',
      reason: expect.stringMatching(/^no credentials: the plugin .* failed: sign in$/),
    });
    const waits = await kubeconfigWith({ user: exec('setTimeout(() => {}, 2000)') });
    const impatient = kubernetes({ kubeconfig: waits, timeoutSeconds: 0.2 });
    expect(await impatient.read([deployment])).toMatchObject({
      kind: 'unknown',
      reason: expect.stringMatching(/^no credentials: the plugin .* took over 0\.2 s$/),
    });
  });

  test('reads the kubeconfig again when its token is not accepted any more', async () => {
    const kubeconfig = await kubeconfigWith({ user: { token: 'outdated' } });
    const cluster = kubernetes({ kubeconfig });
    expect(await cluster.read([deployment])).toMatchObject({
      value: { objects: [{ kind: 'unknown' }] },
    });
    await writeFile(kubeconfig, await readFile(server.kubeconfigPath));
    expect(await cluster.read([deployment])).toMatchObject({
      value: { objects: [{ kind: 'found' }] },
    });
  });
});

async function kubeconfigWith({ user, server: url }: { user?: Json; server?: string }) {
  const config = JSON.parse(await readFile(server.kubeconfigPath, 'utf8'));
  if (user !== undefined) config.users[0].user = user;
  if (url !== undefined) config.clusters[0].cluster.server = url;
  const path = join(folder, `kubeconfig-${Math.random()}`);
  await writeFile(path, JSON.stringify(config));
  return path;
}

/** A JSON merge patch. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged = { ...(target as Json) } as Record<string, unknown>;
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}
