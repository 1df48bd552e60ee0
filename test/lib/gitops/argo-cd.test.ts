import { describe, expect, test } from 'vitest';
import { parseSyncTarget, syncRef } from '../../../analyzer/core/cluster/sync.ts';
import { syncFlag } from '../../../lib/gitops/sync.ts';
import { type ArgoCdProps, argoCd, type Sync } from '../../../lib/index.ts';
import { listAt, type Manifest, objectAt } from '../../../lib/manifest/json.ts';
import { apartReleases, folderOf, mistakesIn } from '../folder.ts';

const run = { url: 'https://git.example.com/team/releases.git', branch: 'live' };

async function folder(props: Partial<ArgoCdProps> = {}) {
  const made: Sync[] = [];
  const objects = await folderOf((scope, plans) => {
    made.push(argoCd(scope, { plans, run, ...props }));
  });
  return { objects, flag: made.map(syncFlag).join() };
}

const policy = {
  automated: { prune: true, selfHeal: true },
  syncOptions: ['ServerSideApply=true'],
  retry: { limit: 0 },
};

test('an Application for each release, without retries, finalizers and ignored differences', async () => {
  const { objects, flag } = await folder();
  expect([...objects.keys()]).toEqual(['Application argocd/shop', 'Application argocd/site']);
  expect(objects.get('Application argocd/shop')).toEqual({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: {
      name: 'shop',
      namespace: 'argocd',
      annotations: { 'argocd.argoproj.io/sync-options': 'Prune=false' },
    },
    spec: {
      project: 'default',
      source: { repoURL: run.url, targetRevision: 'live', path: 'live/shop' },
      destination: { server: 'https://kubernetes.default.svc' },
      syncPolicy: policy,
    },
  });
  expect(syncRef(parseSyncTarget(flag), 'site', 'any')).toEqual({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    namespace: 'argocd',
    name: 'site',
  });
});

test('or one ApplicationSet over the folders, whose Applications have the same names', async () => {
  const { objects, flag } = await folder({
    as: 'application-set',
    namespace: 'cd',
    project: 'releases',
    server: 'https://other:6443',
  });
  expect([...objects.keys()]).toEqual(['ApplicationSet cd/perch']);
  expect(objects.get('ApplicationSet cd/perch')?.spec).toEqual({
    goTemplate: true,
    goTemplateOptions: ['missingkey=error'],
    generators: [
      { git: { repoURL: run.url, revision: 'live', directories: [{ path: 'live/*' }] } },
    ],
    syncPolicy: { preserveResourcesOnDeletion: true },
    template: {
      metadata: { name: '{{.path.basename}}' },
      spec: {
        project: 'releases',
        source: { repoURL: run.url, targetRevision: 'live', path: '{{.path.path}}' },
        destination: { server: 'https://other:6443' },
        syncPolicy: policy,
      },
    },
  });
  expect(flag).toBe('argo-cd:cd/{release}');
});

test('an address that is none', async () => {
  const wrong = { url: 'https://bot:x@host/a' };
  expect(await mistakesIn((scope, plans) => void argoCd(scope, { plans, run: wrong }))).toEqual([
    expect.stringMatching(/run.url of argoCd has a credential in it/),
  ]);
});

describe('a release with two roots', () => {
  const of = (props: Partial<ArgoCdProps>) =>
    folderOf((scope, plans) => void argoCd(scope, { plans, run, ...props }), apartReleases());
  const servers = { mesh: 'https://mesh:6443', workload: 'https://pods:6443' };
  const where = (object: Manifest | undefined) => [
    objectAt(object, 'spec', 'source').path,
    objectAt(object, 'spec', 'destination').server,
  ];

  test('has an Application for each that it has, each for its own cluster', async () => {
    const objects = await of({ servers });
    expect([...objects].map(([name, it]) => [name, ...where(it)])).toEqual([
      ['Application argocd/far-mesh', 'live/far/mesh', 'https://mesh:6443'],
      ['Application argocd/far-workload', 'live/far/workload', 'https://pods:6443'],
      ['Application argocd/routes-mesh', 'live/routes/mesh', 'https://mesh:6443'],
      ['Application argocd/shop', 'live/shop', 'https://kubernetes.default.svc'],
      ['Application argocd/site', 'live/site', 'https://kubernetes.default.svc'],
    ]);
  });

  test('is left out of an ApplicationSet, whose Applications read no folders in folders', async () => {
    const objects = await of({ as: 'application-set', server: 'https://other:6443' });
    expect([...objects.keys()]).toEqual([
      'ApplicationSet argocd/perch',
      'Application argocd/far-mesh',
      'Application argocd/far-workload',
      'Application argocd/routes-mesh',
    ]);
    expect(where(objects.get('Application argocd/far-mesh'))[1]).toBe('https://other:6443');
    const generators = listAt(objects.get('ApplicationSet argocd/perch'), 'spec', 'generators');
    expect(objectAt(generators[0], 'git').directories).toEqual([
      { path: 'live/*' },
      { path: 'live/far', exclude: true },
      { path: 'live/routes', exclude: true },
    ]);
  });
});
