import { Duration } from 'cdk8s';
import { expect, test } from 'vitest';
import { parseSyncTarget, syncRef } from '../../../analyzer/core/cluster/sync.ts';
import { syncFlag } from '../../../lib/gitops/sync.ts';
import { type FluxProps, flux, type Sync } from '../../../lib/index.ts';
import { objectAt } from '../../../lib/manifest/json.ts';
import { apartReleases, folderOf, mistakesIn, nameOf } from '../folder.ts';

const run = { url: 'https://git.example.com/team/releases.git' };

function folder(props: Partial<FluxProps> = {}) {
  return folderOf((scope, plans) => void flux(scope, { plans, run, ...props }));
}

test('a GitRepository, and a Kustomization for each release that waits for nothing', async () => {
  const objects = await folder();
  expect([...objects.keys()]).toEqual([
    'GitRepository flux-system/perch',
    'Kustomization flux-system/shop',
    'Kustomization flux-system/site',
  ]);
  expect(objects.get('GitRepository flux-system/perch')?.spec).toEqual({
    interval: '60s',
    url: run.url,
    ref: { branch: 'main' },
    ignore: '/*\n!/live\n',
  });
  expect(objects.get('Kustomization flux-system/shop')).toEqual({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: {
      name: 'shop',
      namespace: 'flux-system',
      annotations: { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' },
    },
    // Exactly this: no healthChecks, no targetNamespace, no timeouts, no patches.
    spec: {
      interval: '60s',
      retryInterval: '10s',
      sourceRef: { kind: 'GitRepository', name: 'perch' },
      path: './live/shop',
      prune: true,
      wait: false,
      force: false,
    },
  });
});

test('with everything that can be said', async () => {
  const objects = await folder({
    run: { url: 'git@git.example.com:team/live.git', branch: 'run' },
    namespace: 'gitops',
    name: 'releases',
    secret: 'reader',
    interval: Duration.seconds(30),
    retryInterval: Duration.seconds(5),
    serviceAccount: 'applier',
    receiverSecret: 'hmac',
  });
  expect(objects.get('GitRepository gitops/releases')?.spec).toMatchObject({
    // Flux takes no other form.
    url: 'ssh://git@git.example.com/team/live.git',
    ref: { branch: 'run' },
    secretRef: { name: 'reader' },
    interval: '30s',
  });
  expect(objects.get('Kustomization gitops/site')?.spec).toMatchObject({
    serviceAccountName: 'applier',
    retryInterval: '5s',
    sourceRef: { name: 'releases' },
  });
  expect(objects.get('Receiver gitops/releases')?.spec).toEqual({
    type: 'generic-hmac',
    secretRef: { name: 'hmac' },
    resources: [
      { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', name: 'releases' },
    ],
  });
});

test('the analyzer’s flag finds the Kustomization of each release', async () => {
  const made: Sync[] = [];
  const objects = await folderOf((scope, plans) => {
    made.push(flux(scope, { plans, run, namespace: 'gitops' }));
  });
  const target = parseSyncTarget(made.map(syncFlag).join());
  for (const release of ['shop', 'site']) {
    const { name, ...ref } = syncRef(target, release, 'any');
    const found = objects.get(nameOf({ ...ref, metadata: { name, namespace: 'gitops' } }));
    expect(found?.apiVersion).toBe(ref.apiVersion);
  }
});

test('mistakes: an address, and an interval that the releases do not reckon with', async () => {
  const found = await mistakesIn((scope, plans) => {
    flux(scope, { plans, run: { url: 'releases' }, interval: Duration.minutes(5) });
  });
  expect(found).toEqual([
    expect.stringMatching(/run.url of flux is not a valid address, got "releases"/),
    expect.stringMatching(/longer than analysis.syncInterval of shop, site, got "300 s"; shorten/),
  ]);
});

test('a release with two roots has a Kustomization for each that it has, each for its own cluster', async () => {
  const objects = await folderOf(
    (scope, plans) => void flux(scope, { plans, run, kubeConfigs: { mesh: 'mesh-cluster' } }),
    apartReleases(),
  );
  const all = [...objects].filter(([name]) => name.startsWith('Kustomization'));
  expect(
    all.map(([name, it]) => [name, objectAt(it, 'spec').path, objectAt(it, 'spec').kubeConfig]),
  ).toEqual([
    [
      'Kustomization flux-system/far-mesh',
      './live/far/mesh',
      { secretRef: { name: 'mesh-cluster' } },
    ],
    ['Kustomization flux-system/far-workload', './live/far/workload', undefined],
    [
      'Kustomization flux-system/routes-mesh',
      './live/routes/mesh',
      { secretRef: { name: 'mesh-cluster' } },
    ],
    ['Kustomization flux-system/shop', './live/shop', undefined],
    ['Kustomization flux-system/site', './live/site', undefined],
  ]);
});
