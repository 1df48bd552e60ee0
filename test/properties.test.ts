import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canaryWeight,
  difference,
  type FileSet,
  files,
  nextPosition,
  type PlanTree,
  type Position,
  stepBefore,
  stepOf,
  wayBack,
} from '../analyzer/core/position.ts';
import { rulesOf } from '../analyzer/simulated/reach.ts';
import type { Manifest } from '../analyzer/simulated/server-side-apply.ts';
import { replicasOf } from '../analyzer/simulated/workloads.ts';
import {
  abTest,
  blueGreen,
  type CanaryProps,
  canary,
  Duration,
  gatewayApi,
  istio,
  job,
  kubernetes,
  type RequestMatch,
  type Router,
  ramped,
  recreate,
  type StepItem,
  type Strategy,
  shadow,
  steps,
  Testing,
} from '../lib/index.ts';
import { hasService } from '../lib/plan/plan.ts';
import { partitions } from '../lib/strategy/partitions.ts';
import { isWorkload, nameOf, type Rule, record } from '../lib/traffic/reach.ts';
import {
  configMap,
  deployment,
  hpa,
  mistakesOf,
  type SampleObject,
  sample,
  workload,
} from './lib/sample.ts';
import { type Blobs, objectOf } from './simulation/plans.ts';
import { planTreeOf } from './simulation/rendered.ts';
import { tries } from './tries.ts';
import { workOf } from './work.ts';

/** What may differ between two versions of a generated release. */
interface Version {
  readonly image: string;
  readonly config: string;
}

/** How a release is generated: its strategy, and a router that can express it. */
interface Way {
  readonly strategy: Strategy;
  readonly traffic: Router;
  readonly kind: 'Deployment' | 'StatefulSet';
  readonly autoscaled: boolean;
  readonly jobs: boolean;
}

interface Case extends Way {
  /** Whether pods take work themselves. */
  readonly alone: boolean;
  readonly from: Version;
  readonly to: Version;
}

const version = fc.record({
  image: fc.constantFrom('shop:1', 'shop:2', 'shop:3'),
  config: fc.constantFrom('a', 'b'),
});

const percent = fc.integer({ min: 1, max: 100 });
const rising = (most: number) =>
  fc
    .uniqueArray(fc.integer({ min: 1, max: most }), { minLength: 1, maxLength: 5 })
    .map((all) => all.sort((a, b) => a - b));
const seconds = fc.integer({ min: 1, max: 90 }).map((it) => Duration.seconds(it));

const growth: fc.Arbitrary<CanaryProps> = fc.oneof(
  fc.record({
    stepWeight: fc.integer({ min: 3, max: 100 }),
    maxWeight: percent,
    stepWeightPromotion: fc.integer({ min: 10, max: 100 }),
  }),
  rising(100).map((stepWeights) => ({ stepWeights })),
  fc.record({ firstWeight: fc.integer({ min: 1, max: 20 }), factor: fc.constantFrom(2, 3.5) }),
);

const cookie = fc.constantFrom({ name: 'session' }, { name: 'session', primaryName: 'waiting' });
const request: fc.Arbitrary<RequestMatch> = fc.constantFrom(
  { headers: { 'x-canary': { exact: 'always' } } },
  { cookies: { group: { exact: 'beta' } } },
  { queryParams: { beta: { exact: 'yes' } }, headers: { 'x-user': { exact: 'me' } } },
);
const requests = request.map((it) => [it] as const);

const meshes: fc.Arbitrary<Router> = fc.constantFrom(
  istio(),
  istio({ subsets: true }),
  gatewayApi({ parentRefs: [{ name: 'public' }], metrics: 'contour' }),
);

/** Lists of items; those that make no sense are refused by lib, and not drawn again. */
const item: fc.Arbitrary<StepItem> = fc.oneof(
  percent.map((setWeight) => ({ setWeight })),
  fc.constantFrom<StepItem>(
    { setCanaryScale: 'match-weight' },
    { setCanaryScale: { replicas: 1 } },
    { setCanaryScale: { percent: 30 } },
    { pause: 'until-approved' },
    { baseline: true },
    { baseline: false },
    { headerRoute: { name: 'beta', remove: true } },
    { mirrorRoute: { name: 'copies', percent: 40 } },
    { mirrorRoute: { name: 'copies', remove: true } },
  ),
  requests.map((match) => ({ headerRoute: { name: 'beta', match } })),
  seconds.map((pause) => ({ pause })),
);

const mesh = (strategy: fc.Arbitrary<Strategy>) =>
  fc.record({ strategy, traffic: meshes, kind: fc.constant('Deployment' as const) });
const plain = (strategy: fc.Arbitrary<Strategy>, traffic: Router, kind: Way['kind']) =>
  fc.record({ strategy, traffic: fc.constant(traffic), kind: fc.constant(kind) });

const oneTrack = (strategy: fc.Arbitrary<Strategy>) =>
  fc.oneof(mesh(strategy), plain(strategy, kubernetes(), 'Deployment'));

const WAYS = {
  canary: mesh(growth.map(canary)),
  'canary that mirrors first': mesh(
    fc
      .tuple(growth, percent)
      .map(([it, mirrored]) => canary({ ...it, mirror: { percent: mirrored } })),
  ),
  'canary with session affinity': mesh(
    fc.tuple(growth, cookie).map(([it, own]) => canary({ ...it, sessionAffinity: own })),
  ),
  'A/B test': mesh(requests.map((match) => abTest({ match }))),
  'blue/green': mesh(
    fc
      .record({
        mirrored: fc.option(percent, { nil: undefined }),
        previewReplicas: fc.option(fc.constant(1), { nil: undefined }),
        scaleDownDelay: fc.option(seconds, { nil: undefined }),
        autoPromotion: fc.boolean(),
      })
      .map(({ mirrored, previewReplicas, scaleDownDelay, autoPromotion }) =>
        blueGreen({
          autoPromotion,
          ...(mirrored === undefined ? {} : { mirror: { percent: mirrored } }),
          ...(previewReplicas === undefined ? {} : { previewReplicas }),
          ...(scaleDownDelay === undefined ? {} : { scaleDownDelay }),
        }),
      ),
  ),
  steps: mesh(fc.array(item, { minLength: 1, maxLength: 8 }).map(steps)),
  shadow: mesh(percent.map((it) => shadow({ percent: it }))),
  recreate: oneTrack(fc.constant(recreate())),
  ramped: oneTrack(fc.integer({ min: 1, max: 3 }).map((maxSurge) => ramped({ maxSurge }))),
  'canary by replicas': plain(
    fc.constantFrom([25], [30, 50], [50]).map((stepWeights) => canary({ stepWeights })),
    kubernetes({ split: 'replicas' }),
    'Deployment',
  ),
  'blue/green by a Service': plain(
    fc.boolean().map((autoPromotion) => blueGreen({ autoPromotion })),
    kubernetes(),
    'Deployment',
  ),
  partitions: plain(
    // Of four pods: two parts that come to the same number of them are refused.
    fc.subarray([25, 50, 75], { minLength: 1 }).map((percents) => partitions({ percents })),
    kubernetes(),
    'StatefulSet',
  ),
} satisfies Record<string, fc.Arbitrary<Pick<Way, 'strategy' | 'traffic' | 'kind'>>>;

type WayName = keyof typeof WAYS;

function casesOf(name: WayName): fc.Arbitrary<Case> {
  return fc
    .tuple(WAYS[name], fc.boolean(), fc.boolean(), fc.boolean(), version, version)
    .map(([way, alone, autoscaled, jobs, from, to]) => ({
      ...way,
      alone: alone && mayBeAlone(way),
      // An autoscaler would change the weight, or the number of a set's pods.
      autoscaled: autoscaled && !isPlain(way.traffic),
      jobs: jobs && way.strategy.tracks.length > 1,
      from,
      to,
    }));
}

/** Routes, and what switches between two tracks, lead to Services. */
function mayBeAlone({ traffic, strategy }: Pick<Way, 'traffic' | 'strategy'>): boolean {
  return traffic.splits.kind === 'pods' || (isPlain(traffic) && strategy.tracks.length === 1);
}

function isPlain({ kind }: Router): boolean {
  return kind === 'kubernetes';
}

const JOB: SampleObject = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'acceptance' },
  spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'a' }] } } },
};

function sealed(name: string, value: string, annotations: object): SampleObject {
  return {
    apiVersion: 'bitnami.com/v1alpha1',
    kind: 'SealedSecret',
    metadata: { name, annotations },
    spec: { encryptedData: { value } },
  };
}

const RBAC = 'rbac.authorization.k8s.io';

/** Whoever runs the pods may read what they name, under the names that the author gave. */
const READER: readonly SampleObject[] = [
  {
    apiVersion: `${RBAC}/v1`,
    kind: 'Role',
    metadata: { name: 'reader' },
    rules: [
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['settings'], verbs: ['get'] },
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: ['sealed', 'free'],
        verbs: ['get'],
      },
    ],
  },
  {
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata: { name: 'reader' },
    roleRef: { apiGroup: RBAC, kind: 'Role', name: 'reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'default' }],
  },
];

function releaseOf(it: Case, { image, config }: Version) {
  const secrets = ['sealed', 'free'].map((name) => ({ secretRef: { name } }));
  const container = {
    name: 'main',
    image,
    envFrom: [{ configMapRef: { name: 'settings' } }, ...secrets],
    ports: [{ name: 'http', containerPort: 8080 }],
  };
  const set = it.kind === 'StatefulSet';
  const more = { serviceName: 'shop', podManagementPolicy: 'Parallel' };
  const own = deployment(
    { containers: [container] },
    { spec: { ...(it.autoscaled ? {} : { replicas: 4 }), ...(set ? more : {}) } },
  );
  return sample({
    workload: workload(
      { ...own, kind: it.kind },
      configMap('settings', { key: config }),
      sealed('sealed', config, {}),
      sealed('free', config, { 'sealedsecrets.bitnami.com/cluster-wide': 'true' }),
      ...(it.autoscaled ? [hpa()] : []),
      ...(it.jobs ? [JOB] : []),
      ...READER,
    ),
    allowKinds: ['Role', 'RoleBinding'].map((kind) => `${RBAC}/${kind}`),
    strategy: it.strategy,
    traffic: it.traffic,
    analysis: {},
    ...(it.alone ? { service: undefined } : {}),
    ...(it.jobs ? { jobs: [job('acceptance', { before: 'traffic' })] } : {}),
  });
}

/** Both versions as Git would hold them. */
interface Trees {
  readonly stable: PlanTree;
  readonly plan: PlanTree;
  readonly blobs: Blobs;
}

/** Nothing where lib refuses what was generated, as it must some of it. */
async function planTrees(it: Case): Promise<Trees | undefined> {
  if ((await mistakesOf(releaseOf(it, it.from))).length > 0) return undefined;
  const blobs: Blobs = new Map();
  const tree = async (one: Version) => planTreeOf(await Testing.render(releaseOf(it, one)), blobs);
  return { stable: await tree(it.from), plan: await tree(it.to), blobs };
}

/** What `live/` is in one position. */
interface Standing {
  readonly position: Position;
  readonly set: FileSet;
  readonly objects: readonly Manifest[];
  readonly rules: readonly Rule[];
  /** Names of the workloads that run pods. */
  readonly running: ReadonlySet<string>;
}

/** A rollout, or its rollback from one step: each pair of neighbours is one commit. */
type Walk = readonly Standing[];

/** The way forward, then the rollback from each of its steps. */
function walksOf(trees: Trees): readonly [forward: Walk, ...back: Walk[]] {
  const { stable, plan } = trees;
  const known = new Map<string, Standing>();
  const at = (position: Position): Standing => {
    const key = JSON.stringify(position);
    const found = known.get(key) ?? standing(position, files(position, plan, stable), trees);
    known.set(key, found);
    return found;
  };
  const forward: Position[] = [{ kind: 'stable' }];
  let next: Position | undefined = { kind: 'step', step: plan.plan.steps[1]?.name ?? '' };
  for (; next !== undefined; next = nextPosition(plan.plan, next)) forward.push(next);
  const back = forward.flatMap((it, index) => {
    if (it.kind !== 'step') return [];
    const before = forward[index - 1] ?? it;
    const shown = stepBefore(plan.plan, it.step);
    const ways: readonly (readonly Position[])[] = [
      [it, ...wayBack(plan.plan, it.step, it.step)],
      // The cluster has refused the whole step, or a part of it.
      [before, ...wayBack(plan.plan, it.step, shown)],
      [it, ...wayBack(plan.plan, it.step, shown)],
    ];
    return ways.map((way) => changing(way.map(at)));
  });
  return [forward.map(at), ...back];
}

/** As the analyzer does: no commit without a change. */
function changing(way: Walk): Walk {
  return way.filter((one, index) => index === 0 || differs(way[index - 1] ?? one, one));
}

function standing(position: Position, set: FileSet, { blobs, plan }: Trees): Standing {
  const objects = [...set.values()].map((it) => objectOf(it.oid, blobs));
  const running = objects.filter((it) => isWorkload(it) && replicasOf(it) > 0).map(nameOf);
  const isRunning = (name: string) => running.includes(name);
  const alone = !hasService(plan.plan.shape);
  const rules = alone ? workOf(objects, 'shop', isRunning) : rulesOf(objects, 'shop');
  return { position, set, objects, rules, running: new Set(running) };
}

function differs(one: Standing, other: Standing): boolean {
  const { changed, removed } = difference(one.set, other.set);
  return changed.length + removed.length > 0;
}

/** Before the last commit all is as it will be, but for the canary's own objects and the marks of the step. */
function folds([forward]: readonly [Walk, ...Walk[]], { plan, stable, blobs }: Trees): void {
  const complete = files({ kind: 'complete' }, plan, stable);
  const last: FileSet = forward.at(-2)?.set ?? new Map();
  const { changed, removed } = difference(last, complete);
  const unmarked = (set: FileSet, name: string) => withoutMarks(set.get(name)?.oid ?? '', blobs);
  const others = changed.filter((it) => complete.get(it)?.info.role !== 'canary');
  for (const it of others.filter((it) => complete.get(it)?.info.role !== 'routing'))
    expect([it, unmarked(last, it)]).toEqual([it, unmarked(complete, it)]);
  const gone = removed.map((it) => [it, last.get(it)?.info.role]);
  // The primary keeps its objects, and the routes stay: only what the rollout needed for itself goes.
  expect(gone.filter(([, role]) => role === 'primary' || role === 'routing')).toEqual([]);
}

function withoutMarks(oid: string, blobs: Blobs): unknown {
  const { metadata, ...rest } = objectOf(oid, blobs);
  const { annotations, ...own } = record(metadata);
  const kept = Object.entries(record(annotations)).filter(([it]) => !it.startsWith('perch/'));
  return { ...rest, metadata: own, kept };
}

function endsInTheStableBytes([, ...back]: readonly [Walk, ...Walk[]], { stable }: Trees): void {
  const rest = files({ kind: 'complete' }, stable, stable);
  for (const way of back)
    expect(difference(rest, way.at(-1)?.set ?? new Map())).toEqual({ changed: [], removed: [] });
}

/**
 * Whatever the cluster has refused of a step, no commit of the rollback holds it: each file is one that stood in a
 * position that the cluster has shown. So this holds for any subset of the candidate's objects.
 */
function needsNothingThatWasNeverApplied([forward, ...back]: readonly [Walk, ...Walk[]]): void {
  const oids = (walk: Walk) =>
    new Set(walk.flatMap(({ set }) => [...set.values()].map((it) => it.oid)));
  for (const { position, set } of back.flat()) {
    if (position.kind !== 'back') continue;
    const last = forward.findIndex(
      ({ position: it }) => it.kind === 'step' && it.step === position.shown,
    );
    const shown = oids(forward.slice(0, Math.max(1, last + 1)));
    const never = [...set].filter(([, file]) => !shown.has(file.oid)).map(([name]) => name);
    expect([position, never]).toEqual([position, []]);
  }
}

/** The order within one commit is the sync tool's: scale before weight, route before scale-down. */
function routesToPods(walks: readonly Walk[]): void {
  for (const way of walks)
    for (const [index, now] of way.entries()) {
      const before = way[index - 1] ?? now;
      const where = [before, now].map((it) => it.position);
      expect([where, lost(now.rules, now.running)]).toEqual([where, []]);
      expect([where, lost(now.rules, before.running)]).toEqual([where, []]);
      expect([where, lost(before.rules, now.running)]).toEqual([where, []]);
    }
}

/** Requests of any kind, or copies, that would find no pod. */
function lost(rules: readonly Rule[], running: ReadonlySet<string>): readonly unknown[] {
  return rules.flatMap(({ asks, to, copies }) =>
    [...to, ...copies]
      .filter((it) => it.weight > 0 && !it.workloads.some((name) => running.has(name)))
      .map((it) => ({ asks, to: it })),
  );
}

function weighsAsPlanned(walks: readonly Walk[], { plan }: Trees): void {
  for (const it of walks.flat()) {
    const own = stepOf(plan.plan, it.position)?.weights;
    const { primary = 100, canary: to = 0, baseline = 0 } = own ?? {};
    expect(primary + to + baseline).toBeCloseTo(100);
    for (const rule of it.rules)
      if (rule.to.length > 1) expect(sumOf(rule.to.map((one) => one.weight))).toBe(100);
    const said = [canaryWeight(plan.plan, it.position), it.position.kind === 'step' ? baseline : 0];
    // What whole pods give is written with two decimals.
    const tolerance = plan.plan.sizes === undefined ? 0.001 : 0.01;
    const found = ['shop-canary', 'shop-baseline'].map((name) => shareOf(name, it));
    for (const [index, share] of found.entries())
      expect([it.position, Math.abs(share - (said[index] ?? 0)) < tolerance]).toEqual([
        it.position,
        true,
      ]);
  }
}

/** Percent of the requests that nothing else claims; pods behind one Service share what it gets. */
function shareOf(name: string, { rules, objects }: Standing): number {
  const { to } = rules.at(-1) ?? { to: [] };
  const total = sumOf(to.map((it) => it.weight));
  const pods = new Map(objects.filter(isWorkload).map((it) => [nameOf(it), replicasOf(it)]));
  return sumOf(
    to.map(({ workloads, weight }) => {
      const all = sumOf(workloads.map((it) => pods.get(it) ?? 0));
      if (!workloads.includes(name) || all === 0) return 0;
      return ((weight / total) * 100 * (pods.get(name) ?? 0)) / all;
    }),
  );
}

function sumOf(all: readonly number[]): number {
  return all.reduce((sum, it) => sum + it, 0);
}

/** The Secrets and ConfigMaps that pods name are there and may be read as long as the pods, in the old version and in the new one. */
function keepsWhatPodsRead(walks: readonly Walk[]): void {
  for (const { position, objects } of walks.flat()) {
    const there = new Set(objects.map(nameOf));
    const read = objects.filter((it) => isWorkload(it) && replicasOf(it) > 0).flatMap(namesRead);
    expect(read.length).toBeGreaterThan(0);
    expect([position, read.filter((it) => !there.has(it))]).toEqual([position, []]);
    const allowed = allowedBy(objects);
    expect([position, read.filter((it) => !allowed.has(it))]).toEqual([position, []]);
  }
}

function namesRead(workload: Manifest): readonly string[] {
  const refs = JSON.stringify(workload).matchAll(/Ref":\{"name":"([^"]+)"\}/g);
  return [...refs].map(([, name = '']) => name);
}

/** Names that some Role names which a RoleBinding gives somebody. */
function allowedBy(objects: readonly Manifest[]): ReadonlySet<string> {
  const bound = new Set(objects.map((it) => record(it.roleRef).name));
  const rules = objects.flatMap((it) =>
    it.kind === 'Role' && bound.has(nameOf(it)) && Array.isArray(it.rules) ? it.rules : [],
  );
  return new Set(rules.flatMap((it) => record(it).resourceNames).map(String));
}

/** The primary's bytes of before come back a commit before its requests. */
function returnsToTheOldPrimary([, ...back]: readonly [Walk, ...Walk[]], { stable }: Trees): void {
  const file = stable.plan.workloads.primary?.file ?? '';
  const old = files({ kind: 'complete' }, stable, stable).get(file)?.oid;
  for (const way of back)
    for (const [index, { position }] of way.entries())
      if (position.kind === 'back' && position.part === 'routes')
        expect(way[index - 1]?.set.get(file)?.oid).toBe(old);
}

const RUNS = tries(24);

describe('any rollout of any', () => {
  it.each(Object.keys(WAYS) as WayName[])(
    '%s folds, weighs, reaches pods and comes back as it must',
    async (name) => {
      let tried = 0;
      await fc.assert(
        fc.asyncProperty(casesOf(name), async (it) => {
          const trees = await planTrees(it);
          if (trees === undefined) return;
          tried++;
          const walks = walksOf(trees);
          folds(walks, trees);
          endsInTheStableBytes(walks, trees);
          needsNothingThatWasNeverApplied(walks);
          routesToPods(walks);
          keepsWhatPodsRead(walks);
          weighsAsPlanned(walks, trees);
          returnsToTheOldPrimary(walks, trees);
        }),
        { numRuns: RUNS },
      );
      // Where nearly everything is refused, nothing is proved.
      expect(tried).toBeGreaterThan(RUNS / 6);
    },
  );
});
