import { describe, expect, test } from 'vitest';
import { render } from '../../../lib/render/render.ts';
import {
  configMap,
  deployment,
  mistakesOf,
  objectIn,
  type SampleObject,
  sample,
  workload,
} from '../sample.ts';

const RBAC = 'rbac.authorization.k8s.io';

const role = (resourceNames: readonly string[]): SampleObject => ({
  apiVersion: `${RBAC}/v1`,
  kind: 'Role',
  metadata: { name: 'reader' },
  rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames, verbs: ['get'] }],
});
const binding: SampleObject = {
  apiVersion: `${RBAC}/v1`,
  kind: 'RoleBinding',
  metadata: { name: 'readers' },
  roleRef: { apiGroup: RBAC, kind: 'Role', name: 'reader' },
  subjects: [{ kind: 'ServiceAccount', name: 'default' }],
};

const release = (...objects: readonly SampleObject[]) =>
  sample({
    workload: workload(deployment(), ...objects),
    allowKinds: [`${RBAC}/Role`, `${RBAC}/RoleBinding`],
  });

/** The Role and its RoleBinding, as they are written for these settings. */
async function written(key: string) {
  const rendered = await render(
    release(configMap('settings', { key }), role(['settings']), binding),
  );
  const { files } = rendered.plan;
  const fileOf = (kind: string) =>
    Object.entries(files).find(([, it]) => it.kind === kind)?.[0] ?? '';
  const [of, bound] = ['Role', 'RoleBinding'].map((kind) =>
    objectIn(rendered, '01-canary-up', fileOf(kind)),
  );
  return { role: of, binding: bound };
}

describe('a Role that names a ConfigMap with a hash', () => {
  test('has a name for each content, and so has its RoleBinding, so that those of two versions stand beside each other', async () => {
    const [one, other] = [await written('a'), await written('b')];
    for (const it of [one, other]) {
      expect(it.role?.metadata.name).toMatch(/^reader-[0-9a-f]{8}$/);
      expect(it.binding?.metadata.name).toMatch(/^readers-[0-9a-f]{8}$/);
      expect(it.binding?.roleRef).toMatchObject({ kind: 'Role', name: it.role?.metadata.name });
    }
    expect(one.role?.rules).toMatchObject([
      { resourceNames: [expect.stringMatching(/^settings-[0-9a-f]{8}$/)] },
    ]);
    expect(one.role?.metadata.name).not.toBe(other.role?.metadata.name);
    expect((await written('a')).role?.metadata.name).toBe(one.role?.metadata.name);
  });

  test('must be bound in the workload, as nobody else knows its name', async () => {
    const all = [configMap('settings'), role(['settings'])];
    expect(await mistakesOf(release(...all))).toEqual([
      expect.stringContaining(
        'Role reader names contents that get a hash, so each version has a Role of its own, and no RoleBinding of the workload binds it',
      ),
    ]);
    expect(await mistakesOf(release(...all, binding))).toEqual([]);
  });
});

test('any other Role keeps its name', async () => {
  const rendered = await render(release(configMap('settings'), role(['other']), binding));
  expect(Object.values(rendered.plan.files).map((it) => it.name)).toEqual(
    expect.arrayContaining(['reader', 'readers']),
  );
  const annotations = { 'perch/hashed': 'false' };
  const settings = { ...configMap('settings'), metadata: { name: 'settings', annotations } };
  expect(await mistakesOf(release(settings, role(['settings'])))).toEqual([]);
});
