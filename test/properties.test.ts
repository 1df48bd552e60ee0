import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  canaryWeight,
  difference,
  type FileSet,
  files,
  nextPosition,
  type PlanTree,
  type Position,
  wayBack,
} from '../analyzer/core/position.ts';
import { type CanaryProps, canary, istio, type Rendered, Testing } from '../lib/index.ts';
import { configMap, deployment, hpa, sample, workload } from './lib/sample.ts';

/** What may differ between two versions of a generated release. */
interface Version {
  readonly image: string;
  readonly config: string;
}

interface Case {
  readonly strategy: CanaryProps;
  readonly autoscaled: boolean;
  readonly subsets: boolean;
  readonly from: Version;
  readonly to: Version;
}

const version = fc.record({
  image: fc.constantFrom('shop:1', 'shop:2', 'shop:3'),
  config: fc.constantFrom('a', 'b'),
});

const strategy: fc.Arbitrary<CanaryProps> = fc.oneof(
  fc.record({
    stepWeight: fc.integer({ min: 3, max: 100 }),
    maxWeight: fc.integer({ min: 1, max: 100 }),
    stepWeightPromotion: fc.integer({ min: 10, max: 100 }),
  }),
  fc
    .uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 6 })
    .map((all) => ({ stepWeights: all.sort((a, b) => a - b) })),
);

const cases: fc.Arbitrary<Case> = fc.record({
  strategy,
  autoscaled: fc.boolean(),
  subsets: fc.boolean(),
  from: version,
  to: version,
});

/** Renders both versions as Git would hold them. */
async function planTrees(
  it: Case,
): Promise<{ stable: PlanTree; plan: PlanTree; texts: Map<string, string> }> {
  const texts = new Map<string, string>();
  const tree = async ({ image, config }: Version) => {
    const container = {
      name: 'main',
      image,
      envFrom: [{ configMapRef: { name: 'settings' } }],
      ports: [{ name: 'http', containerPort: 8080 }],
    };
    const objects = [
      deployment({ containers: [container] }),
      configMap('settings', { key: config }),
      ...(it.autoscaled ? [hpa()] : []),
    ];
    const release = sample({
      workload: workload(...objects),
      strategy: canary(it.strategy),
      traffic: istio({ subsets: it.subsets }),
    });
    return asTree(await Testing.render(release), texts);
  };
  return { stable: await tree(it.from), plan: await tree(it.to), texts };
}

function asTree({ plan, files: all }: Rendered, texts: Map<string, string>): PlanTree {
  const blobs = new Map<string, string>();
  for (const [path, content] of all) {
    const oid = createHash('sha1').update(content).digest('hex');
    texts.set(oid, content.toString());
    blobs.set(path, oid);
  }
  const tree = createHash('sha1')
    .update(JSON.stringify([...blobs]))
    .digest('hex');
  return { tree, plan, blobs };
}

interface Route {
  readonly destination: { readonly host: string; readonly subset?: string };
  readonly weight: number;
}

function canaryShare(set: FileSet, texts: ReadonlyMap<string, string>): number {
  const oid = [...set.values()].find(({ info }) => info.kind === 'VirtualService')?.oid;
  if (oid === undefined) return 0;
  const routes: readonly Route[] = parse(texts.get(oid) ?? '').spec.http[0].route;
  expect(routes.reduce((sum, it) => sum + it.weight, 0)).toBe(100);
  const isCanary = ({ destination }: Route) =>
    destination.subset === 'canary' || destination.host.endsWith('-canary');
  return routes.find(isCanary)?.weight ?? 0;
}

function canaryRuns(set: FileSet, texts: ReadonlyMap<string, string>): boolean {
  const oid = set.get('deployment-shop-canary.yaml')?.oid;
  return oid !== undefined && parse(texts.get(oid) ?? '').spec.replicas !== 0;
}

/** Every pair of positions that one commit can lead from and to, in a rollout that may go back anywhere. */
function walks(plan: PlanTree): (readonly Position[])[] {
  const steps: Position[] = [
    { kind: 'stable' },
    { kind: 'step', step: plan.plan.steps[1]?.name ?? '' },
  ];
  for (let next = steps.at(-1); next?.kind === 'step'; ) {
    next = nextPosition(plan.plan, next);
    if (next !== undefined) steps.push(next);
  }
  const back = steps.flatMap((it) =>
    it.kind === 'step' ? [[it, ...wayBack(plan.plan, it.step)]] : [],
  );
  return [steps, ...back];
}

describe('any rollout of any canary', () => {
  it('ends in the stable bytes when it goes back, wherever it was', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (it) => {
        const { stable, plan } = await planTrees(it);
        const rest = files({ kind: 'complete' }, stable, stable);
        for (const way of walks(plan).slice(1)) {
          const end = files(way.at(-1) ?? { kind: 'init' }, plan, stable);
          expect(difference(rest, end)).toEqual({ changed: [], removed: [] });
        }
      }),
      { numRuns: 40 },
    );
  });

  it('never routes to a canary that is not there, before or after a commit', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (it) => {
        const { stable, plan, texts } = await planTrees(it);
        for (const way of walks(plan)) {
          const sets = way.map((position) => files(position, plan, stable));
          sets.forEach((set, index) => {
            const before = sets[index - 1];
            // The order within one commit is the sync tool's: a weight and the pods behind it never change in one.
            if (canaryShare(set, texts) > 0)
              expect([
                canaryRuns(set, texts),
                before === undefined || canaryRuns(before, texts),
              ]).toEqual([true, true]);
            if (!canaryRuns(set, texts) && before !== undefined)
              expect(canaryShare(before, texts)).toBe(0);
          });
        }
      }),
      { numRuns: 40 },
    );
  });

  it('returns the routes only to a primary whose bytes were written a commit before', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (it) => {
        const { stable, plan } = await planTrees(it);
        const primary = 'deployment-shop-primary.yaml';
        for (const way of walks(plan).slice(1))
          for (const [index, position] of way.entries()) {
            if (position.kind !== 'back' || position.part !== 'routes') continue;
            const before = files(way[index - 1] ?? position, plan, stable).get(primary)?.oid;
            expect(before).toBe(files({ kind: 'stable' }, plan, stable).get(primary)?.oid);
          }
      }),
      { numRuns: 40 },
    );
  });

  it('commits the weights that its plan says', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (it) => {
        const { stable, plan, texts } = await planTrees(it);
        for (const position of walks(plan).flat())
          expect(canaryShare(files(position, plan, stable), texts)).toBe(
            canaryWeight(plan.plan, position),
          );
      }),
      { numRuns: 40 },
    );
  });
});
