import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { MANIFESTS_MARK } from '../../lib/files.ts';
import { Manifests, type Plan } from '../../lib/index.ts';
import { folderOf, mistakesIn, twoReleases } from './folder.ts';
import type { SampleObject } from './sample.ts';

function role(namespace: string, name = 'reader'): SampleObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name, namespace },
    rules: [{ apiGroups: [''], resources: ['services'], verbs: ['get'] }],
  };
}

const make =
  (...objects: readonly SampleObject[]) =>
  (scope: Construct) =>
    objects.forEach((it, index) => void new ApiObject(scope, `object-${index}`, it));

const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } };

describe('a folder of objects', () => {
  test('has a file for each, by namespace, and a kustomization that lists them all', async () => {
    const apps = twoReleases();
    new Manifests(apps, 'tools', make(role('b'), namespace, role('a')));
    const { manifests } = await apps.render();
    const files = manifests[0]?.files ?? new Map();
    const resources = ['a/role-reader.yaml', 'b/role-reader.yaml', 'namespace-a.yaml'];
    expect([...files.keys()]).toEqual([MANIFESTS_MARK, 'kustomization.yaml', ...resources]);
    expect(parse(String(files.get('kustomization.yaml')))).toEqual({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources,
    });
    expect(parse(String(files.get('a/role-reader.yaml')))).toEqual(role('a'));
  });

  test('is made from the plans of all releases, wherever it stands among them', async () => {
    const seen: (readonly Plan[])[] = [];
    await folderOf((_, plans) => void seen.push(plans));
    expect(seen.map((it) => it.map(({ release }) => release))).toEqual([['shop', 'site']]);
  });

  test('is made where a release has a mistake, and may miss its plan', async () => {
    const apps = twoReleases({ apiVersion: 'v1', kind: 'Servise', metadata: { name: 'x' } });
    let isMade = false;
    new Manifests(apps, 'tools', () => {
      isMade = true;
      throw new Error('no plan');
    });
    await expect(apps.render()).rejects.toThrow(/1 mistake.*v1 Servise/s);
    expect(isMade).toBe(true);
  });
});

describe('mistakes', () => {
  test('are told all at once, with their places', async () => {
    const wrong = { ...role('a', 'wrong'), rules: [{ verbs: 'get' }] };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'a' } };
    const found = await mistakesIn(
      make(
        role('a'),
        role('a'),
        { ...role('a', 'free'), metadata: { name: 'free' } },
        wrong,
        { ...secret, stringData: { token: 'x' } },
        { ...role('a', 'old'), apiVersion: 'rbac.authorization.k8s.io/v9' },
      ),
    );
    expect(found).toEqual([
      expect.stringMatching(/object-2: Role free has no namespace .*; give it metadata.namespace/),
      expect.stringMatching(
        /object-4: Secret s has values .*stringData with token"; use a SealedSecret or an ExternalSecret, or make it by hand$/,
      ),
      expect.stringMatching(/object-1: Role reader is there twice, the other is folder\/object-0/),
      expect.stringMatching(/object-3: \/rules\/0\/verbs of Role wrong must be of type array/),
      expect.stringMatching(
        /object-5: .* has no such kind, got "rbac.authorization.k8s.io\/v9 Role"/,
      ),
    ]);
  });

  test.each<[string, string, object]>([
    ['gateway.networking.k8s.io/v1', 'GatewayClass', { controllerName: 'example.com/gateway' }],
    ['keda.sh/v1alpha1', 'ClusterTriggerAuthentication', { podIdentity: { provider: 'none' } }],
    ['storage.k8s.io/v1', 'CSIDriver', {}],
    ['scheduling.k8s.io/v1', 'PriorityClass', {}],
    ['cert-manager.io/v1', 'ClusterIssuer', {}],
  ])('%s %s has no namespace, and needs none', async (apiVersion, kind, spec) => {
    const object = { apiVersion, kind, metadata: { name: 'a' }, spec };
    expect([...(await folderOf(make(object))).keys()]).toEqual([`${kind} a`]);
  });

  test.each<[string, string, object]>([
    ['gateway.networking.k8s.io/v1', 'HTTPRoute', {}],
    ['keda.sh/v1alpha1', 'TriggerAuthentication', { podIdentity: { provider: 'none' } }],
  ])('%s %s is still asked for its namespace', async (apiVersion, kind, spec) => {
    const object = { apiVersion, kind, metadata: { name: 'a' }, spec };
    expect(await mistakesIn(make(object))).toEqual([
      expect.stringContaining(
        `${kind} a has no namespace and would go wherever it is applied; give it metadata.namespace`,
      ),
    ]);
  });

  test('a kind that belongs to no namespace is refused with one', async () => {
    const metadata = { name: 'a', namespace: 'b' };
    const object = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata };
    expect(await mistakesIn(make(object))).toEqual([
      expect.stringMatching(/PriorityClass a has a namespace, and belongs to none, got "b"; leave/),
    ]);
  });

  test('a factory that throws, and an id that is no name', async () => {
    const apps = twoReleases();
    new Manifests(apps, 'My Tools', () => {
      throw new Error('no luck');
    });
    await expect(apps.render()).rejects.toThrow(
      /id must be a DNS label, got "My Tools".*factory threw: no luck/s,
    );
  });

  test.each(['shop', 'tools'])('two folders of one id: %s', async (id) => {
    const apps = twoReleases();
    new Manifests(apps, 'tools', make(namespace));
    new Manifests(apps, id, make(namespace));
    await expect(apps.render()).rejects.toThrow(/two folders have one id, the other is /);
  });
});
