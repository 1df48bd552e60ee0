import { createHash } from 'node:crypto';
import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type { PlanTree } from '../../analyzer/core/position.ts';
import { grouped } from '../../lib/atomic.ts';
import {
  Apps,
  Atomic,
  abTest,
  blueGreen,
  canary,
  confirmPromotion,
  confirmRollout,
  confirmTrafficIncrease,
  Duration,
  gatewayApi,
  istio,
  job,
  kubernetes,
  preRollout,
  query,
  Release,
  type ReleaseProps,
  type Rendered,
  ramped,
  recreate,
  rollback,
  rollout,
  shadow,
  steps,
  Testing,
} from '../../lib/index.ts';
import { partitions } from '../../lib/strategy/partitions.ts';
import type { Blobs } from './plans.ts';

/** A way of releasing that is rendered by lib, with all that a story must know of it. */
interface Kind {
  /** Ids of releases that move as one. @default - one release, `app` */
  readonly members?: readonly string[];
  /** @param version such as `v2` */
  readonly props: (version: string, id: string) => Partial<ReleaseProps>;
}

/** Requests that some strategies treat apart. */
const BETA = { name: 'beta', match: [{ headers: { 'x-beta': { exact: 'yes' } } }] } as const;
const OWN = query({
  name: 'own',
  query: 'own{workload="{{target}}"}',
  window: Duration.seconds(30),
  min: 99,
});
const gateway = () => gatewayApi({ parentRefs: [{ name: 'public' }], metrics: 'contour' });
const hookAt = (name: string) => ({ name, url: `http://${name}.test/` });

/** Every way of releasing but the plain canary, whose plans are made by hand. */
export const KINDS = {
  mirrored: {
    props: () => ({
      strategy: canary({ stepWeights: [20, 50], mirror: { percent: 30 } }),
    }),
  },
  sticky: {
    props: () => ({
      strategy: canary({
        stepWeights: [20, 50],
        stepWeightPromotion: 25,
        sessionAffinity: { name: 'session' },
      }),
    }),
  },
  subsets: {
    props: () => ({
      strategy: canary({ stepWeights: [10, 60] }),
      traffic: istio({ subsets: true }),
    }),
  },
  gateway: {
    props: () => ({ strategy: canary({ stepWeights: [10, 50] }), traffic: gateway() }),
  },
  abTest: { props: () => ({ strategy: abTest({ match: BETA.match, iterations: 4 }) }) },
  abTestAtGateway: {
    props: () => ({ strategy: abTest({ match: BETA.match }), traffic: gateway() }),
  },
  blueGreen: { props: () => ({ strategy: blueGreen({ mirror: { percent: 100 } }) }) },
  approved: {
    props: () => ({
      strategy: blueGreen({
        autoPromotion: false,
        previewReplicas: 1,
        mirror: { percent: 50 },
        postPromotion: { checks: [OWN] },
        drainTime: Duration.seconds(20),
      }),
    }),
  },
  steps: {
    props: () => ({
      strategy: steps([
        { setCanaryScale: { replicas: 1 } },
        { headerRoute: BETA },
        { setCanaryScale: 'match-weight' },
        { setWeight: 20 },
        { baseline: true },
        { analysis: { checks: [OWN], bake: Duration.seconds(30) } },
        { pause: Duration.seconds(20) },
        { baseline: false },
        { headerRoute: { name: 'beta', remove: true } },
        { setWeight: 60 },
        { pause: 'until-approved' },
      ]),
    }),
  },
  recreate: { props: () => ({ strategy: recreate() }) },
  ramped: { props: () => ({ strategy: ramped({ iterations: 2 }) }) },
  shadow: { props: () => ({ strategy: shadow({ percent: 100 }) }) },
  replicas: {
    props: () => ({
      strategy: canary({ stepWeights: [25, 50] }),
      traffic: kubernetes({ split: 'replicas' }),
    }),
  },
  worker: {
    props: () => ({
      service: undefined,
      strategy: canary({ stepWeights: [25, 50] }),
      traffic: kubernetes({ split: 'replicas' }),
    }),
  },
  ownRoutes: {
    props: (version, id) => ({
      workload: (scope) => {
        plainWorkload(scope, id, version);
        for (const it of ['edge', 'inside']) new ApiObject(scope, it, ownRoute(id, it));
      },
      strategy: canary({ stepWeights: [20, 50], mirror: { percent: 100 } }),
      traffic: gatewayApi({
        routes: ['edge', 'inside'].map((it) => `${id}-${it}`),
        metrics: 'contour',
      }),
    }),
  },
  ownVirtualServices: {
    props: (version, id) => ({
      workload: (scope) => {
        plainWorkload(scope, id, version);
        for (const it of ['edge', 'mesh']) new ApiObject(scope, it, ownVirtualService(id, it));
      },
      strategy: canary({ stepWeights: [20, 50] }),
      traffic: istio({
        virtualServices: ['edge', 'mesh'].map((it) => ({ name: `${id}-${it}` })),
      }),
    }),
  },
  switched: {
    props: () => ({ strategy: blueGreen({ iterations: 0 }), traffic: kubernetes() }),
  },
  partitions: {
    props: (version, id) => ({
      workload: (scope) => void new ApiObject(scope, 'set', statefulSet(id, version)),
      strategy: partitions({ percents: [34, 67] }),
      traffic: kubernetes(),
    }),
  },
  existing: {
    props: (version) => ({
      workload: undefined,
      existing: { stable: 'app-v1', candidate: `app-${version}` },
      service: { port: 80 },
      strategy: canary({ stepWeights: [20, 50] }),
    }),
  },
  gated: {
    props: () => ({
      strategy: canary({ stepWeights: [20, 50] }),
      hooks: [
        confirmRollout(hookAt('may-start')),
        confirmTrafficIncrease(hookAt('may-grow')),
        confirmPromotion(hookAt('may-promote')),
        rollback(hookAt('take-back')),
      ],
    }),
  },
  called: {
    props: () => ({
      strategy: canary({ stepWeights: [20, 50] }),
      hooks: [
        preRollout(hookAt('prepare')),
        rollout(hookAt('probe')),
        rollout({ ...hookAt('load'), await: true }),
        preRollout({ ...hookAt('warm-up'), repeatable: true }),
      ],
    }),
  },
  jobs: {
    props: (version, id) => ({
      workload: (scope) => {
        new ApiObject(scope, 'deployment', deployment(id, version));
        new ApiObject(scope, 'acceptance', jobObject(id, version));
      },
      strategy: canary({ stepWeights: [20, 50] }),
      jobs: [job('acceptance', { before: 'traffic' })],
    }),
  },
  configured: {
    props: (version, id) => ({
      workload: (scope) => {
        const { settings, monitor } = configuration(id, version);
        new ApiObject(scope, 'deployment', deployment(id, version, settings.metadata.name));
        new ApiObject(scope, 'settings', settings);
        // A kind that came with the second version.
        if (version !== 'v1') new ApiObject(scope, 'monitor', monitor);
      },
      strategy: canary({ stepWeights: [20, 50] }),
    }),
  },
  atomic: {
    members: ['app', 'web'],
    props: () => ({ strategy: canary({ stepWeights: [20, 50] }) }),
  },
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof KINDS;

/** What a plan is rendered from. */
export interface RenderOptions {
  readonly kind: KindName;
  readonly version: string;
  readonly setting: string;
}

/** Ids of the releases of a kind. */
export function membersOf(kind: KindName): readonly string[] {
  const it: Kind = KINDS[kind];
  return it.members ?? ['app'];
}

const known = new Map<string, { readonly trees: readonly PlanTree[]; readonly blobs: Blobs }>();

/** The plans of a kind's releases, one for each of its ids; rendered once for each version. */
export async function renderedTrees(
  options: RenderOptions,
  blobs: Blobs,
): Promise<readonly PlanTree[]> {
  const key = JSON.stringify([options.kind, options.version, options.setting]);
  const found = known.get(key) ?? (await renderAll(options));
  known.set(key, found);
  for (const [oid, text] of found.blobs) blobs.set(oid, text);
  return found.trees;
}

async function renderAll(
  options: RenderOptions,
): Promise<{ readonly trees: readonly PlanTree[]; readonly blobs: Blobs }> {
  const apps = new Apps();
  const blobs: Blobs = new Map();
  const releases = membersOf(options.kind).map((id) => releaseOf(apps, id, options));
  const all = await Promise.all(releases.map((it) => Testing.render(it)));
  const groups = releases.length > 1 ? [new Atomic(apps, 'pair', releases)] : [];
  const { releases: whole, mistakes } = grouped(groups, all);
  if (mistakes.length > 0) throw new Error(JSON.stringify(mistakes));
  return { trees: whole.map((it) => planTreeOf(it, blobs)), blobs };
}

/** A rendered release as Git would hold it; the text of its blobs is added to `blobs`. */
export function planTreeOf({ plan, files }: Rendered, blobs: Blobs): PlanTree {
  const paths = new Map<string, string>();
  for (const [path, content] of files) {
    const oid = sha1(content);
    blobs.set(oid, content.toString());
    paths.set(path, oid);
  }
  return { tree: sha1(JSON.stringify([...paths])), plan, blobs: paths };
}

function sha1(content: string | Uint8Array): string {
  return createHash('sha1').update(content).digest('hex');
}

function releaseOf(apps: Apps, id: string, { kind, version, setting }: RenderOptions): Release {
  const it: Kind = KINDS[kind];
  const { workload, ...more } = it.props(version, id);
  const isOurs = more.existing === undefined;
  const own = workload ?? ((scope: Construct) => plainWorkload(scope, id, version));
  return new Release(apps, id, {
    namespace: 'test',
    ...(isOurs ? { workload: own } : {}),
    service: { port: 80, targetPort: 8080, apex: { annotations: { setting } } },
    traffic: istio(),
    strategy: canary({ stepWeights: [20] }),
    analysis: {
      checkPeriod: Duration.seconds(10),
      bakeTime: Duration.seconds(30),
      settleTime: Duration.seconds(5),
      threshold: 3,
      progressDeadline: Duration.seconds(120),
      inconclusiveDeadline: Duration.seconds(300),
      syncInterval: Duration.seconds(20),
      checks: [
        query({
          name: 'success-rate',
          query: 'success{workload="{{target}}"}',
          window: Duration.seconds(30),
          min: 99,
        }),
      ],
    },
    ...more,
  });
}

function plainWorkload(scope: Construct, id: string, version: string): void {
  new ApiObject(scope, 'deployment', deployment(id, version));
}

/** As it was before there were tracks: it leads to the Service that users know. */
function ownRoute(id: string, place: string) {
  const path = { type: 'PathPrefix', value: '/' };
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: `${id}-${place}` },
    spec: {
      parentRefs: [{ name: place }],
      hostnames: [`${place}.example`],
      rules: [{ matches: [{ path }], backendRefs: [{ name: id, port: 80 }] }],
    },
  };
}

function ownVirtualService(id: string, place: string) {
  const edge = place === 'mesh' ? { hosts: [id] } : { hosts: ['a.example'], gateways: [place] };
  const uri = { prefix: '/api' };
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: `${id}-${place}` },
    spec: {
      ...edge,
      http: [
        { match: [{ uri }], timeout: '3s', route: [{ destination: { host: id } }] },
        { route: [{ destination: { host: id } }] },
      ],
    },
  };
}

function podsOf(id: string, version: string, settings?: string) {
  const ports = [{ name: 'http', containerPort: 8080 }];
  const envFrom = settings === undefined ? {} : { envFrom: [{ configMapRef: { name: settings } }] };
  return {
    metadata: { labels: { app: id } },
    spec: { containers: [{ name: 'main', image: `${id}:${version}`, ports, ...envFrom }] },
  };
}

function configuration(id: string, version: string) {
  const settings = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${id}-settings` },
    data: { version },
  };
  const monitor = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { name: id },
    spec: { selector: { matchLabels: { app: id } }, endpoints: [{ port: 'http' }] },
  };
  return { settings, monitor };
}

function deployment(id: string, version: string, settings?: string) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: id },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: id } },
      template: podsOf(id, version, settings),
    },
  };
}

function statefulSet(id: string, version: string) {
  const { spec, ...rest } = deployment(id, version);
  return {
    ...rest,
    kind: 'StatefulSet',
    spec: { ...spec, serviceName: id, podManagementPolicy: 'Parallel' },
  };
}

function jobObject(id: string, version: string) {
  const { spec } = podsOf(id, version);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'acceptance' },
    spec: { template: { spec: { ...spec, restartPolicy: 'Never' } } },
  };
}
