import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { refusal } from '../../../analyzer/core/admission/refuse.ts';
import {
  files,
  type PlanTree,
  type Position,
  positionText,
  wayBack,
} from '../../../analyzer/core/position.ts';
import { replicasApp } from '../../../apps/replicas.ts';
import { canary, type Rendered, Testing } from '../../../lib/index.ts';
import { Release } from '../../../lib/release/release.ts';
import { known, situation } from './fixture.ts';

/** Texts by the id of their blob. */
const texts = new Map<string, string>();

function treeOf({ plan, files: all }: Rendered): PlanTree {
  const blobs = new Map(
    [...all].map(([path, content]) => {
      const oid = createHash('sha1').update(content).digest('hex');
      texts.set(oid, String(content));
      return [path, oid] as const;
    }),
  );
  return { tree: plan.candidate, plan, blobs };
}

async function version(tag: string, weights?: readonly number[]): Promise<PlanTree> {
  const app = replicasApp(Testing.apps(), { image: `podinfo:${tag}` });
  if (weights === undefined) return treeOf(await Testing.render(app));
  const strategy = canary({ stepWeights: weights });
  return treeOf(
    await Testing.render(new Release(Testing.apps(), 'replicas', { ...app.props, strategy })),
  );
}

const v1 = await version('1');
const v2 = await version('2');

/** How many pods of which version a position leaves each track. */
function shown(position: Position): string {
  const set = files(position, v2, v1);
  return ['primary', 'canary']
    .map((track) => {
      const oid = set.get(`deployment-podinfo-${track}.yaml`)?.oid ?? '';
      const { replicas, template } = parse(texts.get(oid) ?? '').spec;
      return `${replicas} ${template.spec.containers[0].image}`;
    })
    .join(' + ');
}

describe('where pods stand for weights', () => {
  test('the stable version gives pods up step by step, and the candidate gets them', () => {
    const all = v2.plan.steps.slice(1, -1).map((it) => it.name);
    expect(all.map((step) => `${step}: ${shown({ kind: 'step', step })}`)).toEqual([
      '01-canary-up: 4 podinfo:1 + 0 podinfo:2',
      '02-weight-20: 4 podinfo:1 + 1 podinfo:2',
      '03-primary-3: 3 podinfo:1 + 1 podinfo:2',
      '04-canary-2: 3 podinfo:1 + 2 podinfo:2',
      '05-weight-50: 2 podinfo:1 + 2 podinfo:2',
      '06-promote: 2 podinfo:2 + 2 podinfo:2',
      '07-primary-3: 3 podinfo:2 + 2 podinfo:2',
      '08-canary-1: 3 podinfo:2 + 1 podinfo:2',
      '09-primary-4: 4 podinfo:2 + 1 podinfo:2',
      '10-weight-0: 4 podinfo:2 + 0 podinfo:2',
    ]);
    expect(shown({ kind: 'complete' })).toBe('4 podinfo:2 + 0 podinfo:2');
  });

  test('a rollback grows the primary before the canary goes', () => {
    const from = (step: string) =>
      wayBack(v2.plan, step, step).map((it) => `${positionText(it)}: ${shown(it)}`);
    expect(from('05-weight-50')).toEqual([
      'back from 05-weight-50: primary: 4 podinfo:1 + 2 podinfo:2',
      'stable: 4 podinfo:1 + 0 podinfo:1',
    ]);
    expect(from('08-canary-1')).toEqual([
      'back from 08-canary-1: primary: 4 podinfo:1 + 1 podinfo:2',
      'stable: 4 podinfo:1 + 0 podinfo:1',
    ]);
    // Here the primary has all of its pods.
    expect(from('02-weight-20')).toEqual(['stable: 4 podinfo:1 + 0 podinfo:1']);
  });

  test('weights for which the stable version was not rendered are refused, with the remedy', async () => {
    const other = await version('3', [75]);
    const at = (plan: PlanTree) => ({
      ...situation({ position: { kind: 'complete' }, plan: v1 }),
      dist: known(plan),
    });
    expect(refusal(at(v2), v1.plan)).toBeUndefined();
    expect(refusal(at(other), v1.plan)).toMatch(
      /^its steps need the primary at these sizes: 1; and the stable plan was rendered for 2, 3, 4: release the same version with these weights/,
    );
    expect(refusal(at(await version('1', [75])), v1.plan)).toBeUndefined();
  });
});
