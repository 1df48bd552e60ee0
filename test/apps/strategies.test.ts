import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  type FileSet,
  files,
  nextPosition,
  type PlanTree,
  type Position,
  stepOf,
  wayBack,
} from '../../analyzer/core/position.ts';
import { abTestApp } from '../../apps/ab-test.ts';
import { blueGreenApp } from '../../apps/blue-green.ts';
import { fractionsApp } from '../../apps/fractions.ts';
import type { PodinfoOverrides } from '../../apps/podinfo.ts';
import { rampedApp } from '../../apps/ramped.ts';
import { recreateApp } from '../../apps/recreate.ts';
import { replicasApp } from '../../apps/replicas.ts';
import { shadowApp } from '../../apps/shadow.ts';
import { stepsApp } from '../../apps/steps.ts';
import { strategies } from '../../apps/strategies.ts';
import { Apps, type Release, type Rendered, Testing } from '../../lib/index.ts';
import { type JsonObject, listAt, type Manifest, objectAt } from '../../lib/manifest/json.ts';
import { isManifest } from '../../lib/manifest/manifest.ts';

type Example = (scope: Apps, overrides: PodinfoOverrides) => Release;

const EXAMPLES: readonly Example[] = [
  abTestApp,
  blueGreenApp,
  fractionsApp,
  rampedApp,
  recreateApp,
  replicasApp,
  shadowApp,
  stepsApp,
];

const OLD = 'stefanprodan/podinfo:3.1.0';
const NEW = 'stefanprodan/podinfo:3.1.1';

/** A rollout of an example, and what Git would hold at each of its positions. */
interface Rollout {
  readonly plan: PlanTree;
  readonly stable: PlanTree;
  objects(position: Position): ReadonlyMap<string, Manifest>;
}

async function rollout(example: Example): Promise<Rollout> {
  const texts = new Map<string, string>();
  const tree = async (image: string) =>
    asTree(await Testing.render(example(Testing.apps(), { image })), texts);
  const stable = await tree(OLD);
  const plan = await tree(NEW);
  const objectsIn = (set: FileSet) =>
    new Map(
      [...set].map(([name, { oid }]) => {
        const object: unknown = parse(texts.get(oid) ?? '');
        if (!isManifest(object)) throw new Error(`${name} is no object`);
        return [name, object] as const;
      }),
    );
  return { plan, stable, objects: (position) => objectsIn(files(position, plan, stable)) };
}

function asTree({ plan, files: all }: Rendered, texts: Map<string, string>): PlanTree {
  const blobs = new Map<string, string>();
  for (const [path, content] of all) {
    const oid = createHash('sha1').update(content).digest('hex');
    texts.set(oid, content.toString());
    blobs.set(path, oid);
  }
  return { tree: '', plan, blobs };
}

function forward({ plan }: PlanTree): readonly Position[] {
  const positions: Position[] = [{ kind: 'step', step: plan.steps[1]?.name ?? '' }];
  for (let next = positions[0]; next !== undefined; ) {
    next = nextPosition(plan, next);
    if (next !== undefined) positions.push(next);
  }
  return positions;
}

/** Image of a track's pods; none where no pod runs. */
function imageOn(track: string, objects: ReadonlyMap<string, Manifest>): unknown {
  const deployment = objects.get(`deployment-podinfo-${track}.yaml`);
  if (deployment === undefined || objectAt(deployment, 'spec').replicas === 0) return undefined;
  return listAt(deployment, 'spec', 'template', 'spec', 'containers')[0]?.image;
}

test('the list has every example, each by itself', async () => {
  const apps = new Apps();
  strategies(apps);
  const alone = EXAMPLES.map((it) => it(Testing.apps(), {}).id);
  // The two that move together have a test of their own.
  const all = [...alone, 'cart', 'payment'];
  expect(apps.releases.map((it) => it.id).sort()).toEqual(all.sort());
});

describe.each(EXAMPLES.map((it) => [it.name, it] as const))('%s', (_, example) => {
  test('in every position there are pods of the right version behind each track that is reached', async () => {
    const { plan, objects } = await rollout(example);
    const promoting = plan.plan.steps.findIndex((it) => it.phase === 'Promoting');
    for (const position of forward(plan)) {
      const step = stepOf(plan.plan, position);
      if (step === undefined) throw new Error('a position has no step');
      const now = objects(position);
      const isPromoted = plan.plan.steps.indexOf(step) >= promoting;
      expect([step.name, imageOn('primary', now)]).toEqual([step.name, isPromoted ? NEW : OLD]);
      if (step.weights.canary > 0 || step.besides !== undefined)
        expect([step.name, imageOn('canary', now)]).toEqual([step.name, NEW]);
      // The baseline's own files come from the plan before.
      if ((step.weights.baseline ?? 0) > 0)
        expect([step.name, step.baseline]).toEqual([step.name, true]);
    }
    expect(imageOn('canary', objects({ kind: 'complete' }))).toBeUndefined();
  });

  test('the last commit takes pods alone: requests went back to the primary before', async () => {
    const { plan, objects } = await rollout(example);
    const last = forward(plan).at(-2) ?? { kind: 'stable' };
    const routing = (position: Position) =>
      [...objects(position)]
        .filter(([name]) => plan.plan.files[name]?.role === 'routing')
        .map(([name, it]) => [
          name,
          objectAt(it, 'spec').selector,
          listAt(it, 'spec', 'http').filter(stays),
        ]);
    expect(routing(last)).toEqual(routing({ kind: 'complete' }));
  });

  test('the rollback ends in the stable files, wherever it begins', async () => {
    const { plan, stable, objects } = await rollout(example);
    const rest = files({ kind: 'complete' }, stable, stable);
    for (const position of forward(plan)) {
      if (position.kind !== 'step') continue;
      const way = wayBack(plan.plan, position.step, position.step);
      expect(files(way.at(-1) ?? position, plan, stable)).toEqual(rest);
      // Requests return to the stable version before the pods of the candidate go.
      for (const it of way.slice(0, -1))
        expect(imageOn('canary', objects(it))).toBe(imageOn('canary', objects(position)));
    }
  });
});

/** Whether a rule stands at rest; the one that takes cookies back leads to the primary like the one below it. */
function stays(rule: JsonObject): boolean {
  return rule.name !== 'session-ends';
}
