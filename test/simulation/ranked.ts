import { createHash } from 'node:crypto';
import type { PlanTree } from '../../analyzer/core/position.ts';
import type { Check, Step } from '../../lib/plan/plan.ts';
import type { Behaviour } from './pods.ts';
import type { Scenario } from './scenario.ts';
import type { Plant } from './simulate.ts';

/** What is measured of both tracks, as a gauge of each. */
const RANKED: Check = {
  name: 'ranked',
  source: 'default',
  ask: { canary: 'ranked{workload="app-canary"}', primary: 'ranked{workload="app-primary"}' },
  windowSeconds: 30,
  judge: { kind: 'ranks', direction: 'decrease', weight: 1, pass: 95, marginal: 75 },
};

/** Within the bound of 99 %. */
const SOMEWHAT_WORSE = 0.008;

/**
 * The same story, whose releases are compared with the stable version by ranks as well. What is bad in it is so by less than the
 * bounds of its checks see.
 */
export function ranked(story: Scenario): Scenario {
  const trees = new Map<PlanTree, PlanTree>();
  const behaviours = [...story.behaviours].map(([image, it]): [string, Behaviour] =>
    it.badFrom > 100 ? [image, it] : [image, { ...it, badFrom: 101, failing: SOMEWHAT_WORSE }],
  );
  return {
    ...story,
    behaviours: new Map(behaviours),
    distAt: (now, id) => {
      const tree = story.distAt(now, id);
      if (tree === undefined) return undefined;
      const found = trees.get(tree) ?? withRanks(tree);
      trees.set(tree, found);
      return found;
    },
  };
}

function withRanks(it: PlanTree): PlanTree {
  const { plan } = it;
  const isCompared = ({ phase, weights: { canary } }: Step) =>
    phase === 'Progressing' && canary > 0 && canary < 100;
  const steps = plan.steps.map((one) =>
    isCompared(one) ? { ...one, checks: [...one.checks, RANKED.name] } : one,
  );
  const tree = createHash('sha1').update(`${it.tree} ranked`).digest('hex');
  return { ...it, tree, plan: { ...plan, checks: [...plan.checks, RANKED], steps } };
}

/** A bug that a judge of ranks could have, which the simulation must find: it passes on fewer points than it needs. */
export const PASSES_ON_TOO_FEW: Plant = {
  observation: (it) => ({
    ...it,
    series: it.series.map(({ check, ...rest }) => ({
      ...rest,
      check: check.name === RANKED.name ? { ...check, judge: { kind: 'bounds', min: 0 } } : check,
    })),
  }),
};
