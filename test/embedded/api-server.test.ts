import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedApiServer, startApiServer } from './api-server.ts';

const now = 1_800_000_000;
const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'test', name: 'podinfo' };
const { name, namespace, ...type } = ref;
const annotations = { 'perch/step': 'podinfo/01' };
const deployment = { ...type, metadata: { name, namespace, annotations }, spec: { paused: false } };

let server: EmbeddedApiServer;
let authorization: string;

beforeAll(async () => {
  server = await startApiServer({ clock: () => now });
  const kubeconfig = JSON.parse(await readFile(server.kubeconfigPath, 'utf8'));
  authorization = `Bearer ${kubeconfig.users[0].user.token}`;
  server.apply(deployment, 'kustomize-controller', now + 0.9);
});
afterAll(() => server.stop());

const get = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${server.url}${path}`, { headers: { authorization }, ...init });
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return { status: response.status, body: isJson ? JSON.parse(text) : text };
};

// What its readers do not ask; the rest is under the contract of clusters.
describe('the embedded API server', () => {
  test('tells its groups and their kinds', async () => {
    expect((await get('/api')).body).toMatchObject({ versions: ['v1'] });
    const { groups } = (await get('/apis')).body;
    expect(groups.map((group: { name: string }) => group.name)).toContain('networking.istio.io');
    expect((await get('/apis/policy/v1')).body.resources).toContainEqual({
      name: 'poddisruptionbudgets',
      kind: 'PodDisruptionBudget',
      namespaced: true,
      verbs: ['get'],
    });
  });

  test('shows an object with its metadata and the fields that its applier owns', async () => {
    const { body } = await get('/apis/apps/v1/namespaces/test/deployments/podinfo');
    expect(body).toEqual({
      ...type,
      metadata: {
        ...deployment.metadata,
        uid: expect.any(String),
        creationTimestamp: '2027-01-15T08:00:00Z',
        resourceVersion: '1',
        generation: 1,
        managedFields: [
          {
            manager: 'kustomize-controller',
            operation: 'Apply',
            apiVersion: 'apps/v1',
            time: '2027-01-15T08:00:00Z',
            fieldsType: 'FieldsV1',
            fieldsV1: {
              'f:metadata': { 'f:annotations': { 'f:perch/step': {} } },
              'f:spec': { 'f:paused': {} },
            },
          },
        ],
      },
      spec: { paused: false, replicas: 1 },
    });
    expect(server.get(ref)).toEqual(body);
    expect(server.list()).toEqual([body]);
  });

  test('answers with a Status where there is no object, and with text where there is no path', async () => {
    expect(await get('/apis/apps/v1/namespaces/test/deployments/other')).toEqual({
      status: 404,
      body: {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'deployments.apps "other" not found',
        reason: 'NotFound',
        details: { name: 'other', group: 'apps', kind: 'deployments' },
        code: 404,
      },
    });
    expect(await get('/apis/apps/v9')).toEqual({ status: 404, body: '404 page not found\n' });
  });

  test('wants its token, and no writing over HTTP', async () => {
    expect(await get('/api', { headers: {} })).toMatchObject({ status: 401 });
    const path = '/apis/apps/v1/namespaces/test/deployments/podinfo';
    const method = 'DELETE';
    expect(await get(path, { method, headers: { authorization } })).toMatchObject({ status: 405 });
  });

  test('refuses what the real one would not know', () => {
    const write = (object: Record<string, unknown>) => () => server.apply(object, 'test', now);
    expect(write({ ...deployment, kind: 'Nest' })).toThrow('no kind Nest in apps/v1');
    expect(write({ ...deployment, metadata: { name } })).toThrow('without a namespace');
    expect(write(type)).toThrow('an object needs apiVersion, kind and name');
    const absent = { ...ref, name: 'absent' };
    expect(() => server.scale(absent, 1)).toThrow('Deployment absent does not exist');
  });

  test("dates the HPA's entry not at all, and the status in an entry of its own", () => {
    server.scale(ref, 3);
    server.setStatus(ref, { replicas: 3 });
    const time = '2027-01-15T08:00:00Z';
    const scale = { subresource: 'scale', fieldsV1: { 'f:spec': { 'f:replicas': {} } } };
    const status = { subresource: 'status', fieldsV1: { 'f:status': {} }, time };
    const managedFields = [{ manager: 'kustomize-controller' }, scale, status];
    expect(server.get(ref)).toMatchObject({ metadata: { managedFields } });
    expect(server.get(ref)).not.toHaveProperty('metadata.managedFields[1].time');
  });
});
