import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubernetes } from '../../analyzer/cluster/kubernetes.ts';
import type { ObjectRef } from '../../analyzer/core/cluster/reading.ts';
import { nginx } from '../../apps/nginx.ts';
import { perch } from '../../apps/perch.ts';
import { podinfo } from '../../apps/podinfo.ts';
import { podinfoGateway } from '../../apps/podinfo-gateway.ts';
import { strategies } from '../../apps/strategies.ts';
import { workloads } from '../../apps/workloads.ts';
import { fromProject } from '../../lib/files.ts';
import { pluralOf } from '../../lib/in-cluster/resources.ts';
import { Analyzer, Apps, argoCd, flux, Manifests, type Plan } from '../../lib/index.ts';
import { type JsonObject, type Manifest, objectAt } from '../../lib/manifest/json.ts';
import { groupOf } from '../../lib/manifest/manifest.ts';
import { isChecked } from '../../lib/validation/schema.ts';
import { type Asset, assetPath, missingAssets } from './servers/assets.ts';
import { type Kubernetes, missingKubernetes, startKubernetes } from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';

const CRDS: readonly Asset[] = [
  'istio-crds.yaml',
  'gateway-api-crds.yaml',
  'flux-kustomize-crds.yaml',
  'flux-source-crds.yaml',
  'argo-cd-crds.yaml',
];

/** Groups whose definitions cannot be had here: synth's own schemas alone have judged these objects. */
const UNSERVED = [
  'notification.toolkit.fluxcd.io',
  'image.toolkit.fluxcd.io',
  'monitoring.coreos.com',
];

const missing = missingKubernetes() ?? missingAssets('Kubernetes with all kinds', CRDS);

describe('dist/perch on a real API server', { skip: isMissing(missing) }, () => {
  let server: Kubernetes;
  let folder: string;
  let plans: readonly Plan[];
  let objects: readonly Manifest[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perch-install-'));
    const apps = new Apps();
    for (const app of [nginx, podinfo, podinfoGateway, strategies, workloads, perch]) app(apps);
    const { releases, manifests } = await apps.render();
    plans = releases.map((it) => it.plan);
    objects = manifests.flatMap((it) => it.objects);
    server = await startKubernetes({ crds: CRDS.map(assetPath) });
    const namespaces = new Set([...plans.map((it) => it.namespace), 'flux-system', 'argocd']);
    for (const it of namespaces) await server.kubectl(['create', 'namespace', it]);
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function apply(all: readonly Manifest[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: all };
    const flags = ['--server-side', '--validate=strict', '--filename=-'];
    await server.kubectl(['apply', ...flags], JSON.stringify(list));
  }

  test('every object is accepted under strict validation', async () => {
    const served = objects.filter((it) => !UNSERVED.includes(groupOf(it.apiVersion)));
    expect(served.length).toBeGreaterThan(15);
    await apply(served);
  });

  test('`kubectl apply -k` finds every object', async () => {
    const text = await server.kubectl(['kustomize', fromProject('dist/examples/perch')]);
    expect(text.match(/^kind: /gm)?.length).toBe(objects.length);
  });

  test('so are the objects of Argo CD and of an analyzer in watch mode', async () => {
    const made: Manifest[] = [];
    for (const kind of ['applications', 'application-set'] as const) {
      const apps = new Apps();
      for (const app of [nginx, podinfo]) app(apps);
      new Manifests(apps, 'folder', (scope, all) => {
        const run = { url: 'https://git.example.com/team/live.git', branch: 'live' };
        const sync = argoCd(scope, { plans: all, run, as: kind });
        new Analyzer(scope, 'analyzer', {
          plans: all,
          sync,
          run,
          name: 'watcher',
          image: 'example/perch:1',
          mode: { kind: 'watch', replicas: 2 },
          metrics: { url: 'http://prometheus:9090' },
          clusterWide: true,
        });
        flux(scope, { plans: all, run, name: 'other' });
      });
      made.push(...(await apps.render()).manifests.flatMap((it) => it.objects));
    }
    // Field managers differ by name alone; the namespace is the one that is there.
    await apply(made.filter((it) => it.kind !== 'Namespace'));
    const sets = await server.kubectl(['get', 'applicationsets', '-n', 'argocd', '-o', 'name']);
    expect(sets.trim()).toBe('applicationset.argoproj.io/perch');
  });

  test('the pod is one that the restricted standard lets in, and others are not', async () => {
    const cronJob = objects.find((it) => it.kind === 'CronJob');
    const template = objectAt(cronJob, 'spec', 'jobTemplate', 'spec', 'template', 'spec');
    const pod = (name: string, spec: JsonObject) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'perch' },
      spec,
    });
    await apply([pod('analyzer', template)]);
    await expect(apply([pod('root', { containers: [{ name: 'a', image: 'a' }] })])).rejects.toThrow(
      /violates PodSecurity "restricted/,
    );
  });

  test('its account gets what the plans ask for, and nothing else', async () => {
    const token = (await server.kubectl(['create', 'token', 'perch', '-n', 'perch'])).trim();
    const config = JSON.parse(await readFile(server.kubeconfigPath, 'utf8'));
    config.users[0].user = { token };
    const kubeconfig = join(folder, 'analyzer');
    await writeFile(kubeconfig, JSON.stringify(config));
    const asked: readonly ObjectRef[] = plans.flatMap((plan) => [
      ...Object.values(plan.files).filter((it) => it.asked),
      {
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        namespace: 'flux-system',
        name: plan.release,
      },
    ]);
    const cluster = kubernetes({ kubeconfig });
    const kindsOf = async (refs: readonly ObjectRef[]) => {
      const answer = await cluster.read(refs);
      if (answer.kind === 'unknown') throw new Error(answer.reason);
      return answer.value.objects.map((it) => it.kind);
    };
    // A new right is known to the authorizer a moment later.
    await expect
      .poll(async () => new Set(await kindsOf(asked)), { timeout: 10_000 })
      .toEqual(new Set(['absent', 'found']));
    const others: readonly ObjectRef[] = [
      { apiVersion: 'v1', kind: 'Secret', namespace: 'test', name: 'a' },
      { apiVersion: 'v1', kind: 'Secret', namespace: 'perch', name: 'perch-git' },
      { apiVersion: 'v1', kind: 'Pod', namespace: 'test', name: 'a' },
      { apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'kubernetes' },
      { apiVersion: 'v1', kind: 'Namespace', name: 'test' },
    ];
    expect(new Set(await kindsOf(others))).toEqual(new Set(['unknown']));
  });

  test('its account can do nothing but get, and create Events', async () => {
    const account = '--as=system:serviceaccount:perch:perch';
    for (const namespace of new Set(plans.map((it) => it.namespace))) {
      const flags = ['--list', account, `--namespace=${namespace}`, '--no-headers'];
      const lines = (await server.kubectl(['auth', 'can-i', ...flags])).split('\n');
      const verbs = lines.flatMap((it) => {
        const match = /^(\S+)\s+\[\]\s+\[\]\s+\[(.*)\]$/.exec(it);
        // What every account may ask about itself.
        const isOwn = match === null || /^self/.test(match[1] ?? '');
        return isOwn ? [] : [`${match[2]} ${match[1]}`];
      });
      expect(verbs).toContain('create events.events.k8s.io');
      for (const { files } of plans.filter((it) => it.namespace === namespace))
        for (const { kind, asked } of Object.values(files))
          if (asked)
            expect(verbs.some((it) => it.startsWith(`get ${kind.toLowerCase()}`))).toBe(true);
      expect(
        verbs.filter((it) => !it.startsWith('get ') && it !== 'create events.events.k8s.io'),
      ).toEqual([]);
    }
  });

  test('kinds have the names that Roles give them', async () => {
    const text = await server.kubectl(['api-resources', '--no-headers']);
    const served = text.split('\n').flatMap((line) => {
      const match = /^(\S+)\s.*?(\S+)\s+(?:true|false)\s+(\S+)$/.exec(line);
      return match === null
        ? []
        : [{ name: match[1], group: groupOf(match[2] ?? ''), kind: match[3] ?? '' }];
    });
    const known = served.filter((it) => isChecked(it.group, it.kind));
    expect(known.length).toBeGreaterThan(70);
    expect(known.filter((it) => pluralOf(it.group, it.kind) !== it.name)).toEqual([]);
  });
});
