import { describe, expect, test } from 'vitest';
import {
  canary,
  confirmPromotion,
  Duration,
  istio,
  job,
  kubernetes,
  preRollout,
  query,
  type Strategy,
  steps,
} from '../../../lib/index.ts';
import { draftsOf } from '../../../lib/render/drafts.ts';
import type { StepDraft } from '../../../lib/strategy/strategy.ts';

const BY_PODS = kubernetes({ split: 'replicas' });
const LADDER = canary({ stepWeights: [20, 50] });

function of(
  strategy: Strategy,
  more: Partial<Parameters<typeof draftsOf>[0]> = {},
  replicas: number | undefined = 4,
) {
  const room = replicas === undefined ? undefined : { wanted: replicas, surge: 1 };
  return draftsOf({ strategy, traffic: istio(), ...more }, room);
}

describe('with a router', () => {
  test('the steps are those of the strategy', () => {
    expect(of(LADDER)).toEqual(LADDER.steps());
  });

  test('Jobs have steps of their own', () => {
    const all = of(LADDER, { jobs: [job('tests', { before: 'traffic' })] });
    expect(all.map((it) => it.name)).toContain('job-tests');
  });
});

describe('skipAnalysis', () => {
  const url = 'http://gate.example.com/';
  const checks = [query({ name: 'own', query: 'q', window: Duration.minutes(1), min: 1 })];
  const hooks = [confirmPromotion({ name: 'gate', url }), preRollout({ name: 'smoke', url })];
  const judged = steps([
    { setWeight: 20 },
    { analysis: { checks } },
    { pause: 'until-approved', hooks },
    { job: 'tests' },
  ]);

  test('takes away all that a step waits for, and no step', () => {
    const all = of(LADDER, { skipAnalysis: true, jobs: [job('tests', { before: 'traffic' })] });
    expect(all.map((it) => it.name)).toEqual(LADDER.steps().map((it) => it.name));
    expect(new Set(all.map((it) => it.checks))).toEqual(new Set(['none']));
    expect(all.map((it) => it.bake?.toSeconds())).toEqual(all.map(() => 0));
    expect(all.map((it) => it.traffic)).toEqual(LADDER.steps().map((it) => it.traffic));
  });

  test('also gates, hooks, checks and Jobs of single steps', () => {
    expect(judged.mistakes('shop')).toEqual([]);
    const asked = (all: readonly StepDraft[]) =>
      all.flatMap((it) => [it.gate, it.hooks, it.own, it.jobs].filter((one) => one !== undefined));
    expect(asked(of(judged))).toHaveLength(4);
    expect(asked(of(judged, { skipAnalysis: true }))).toEqual([]);
  });
});

describe('where pods stand for weights', () => {
  test('the primary gives pods up as the canary grows, one change a step, and the weight is what they give', () => {
    const all = of(LADDER, { traffic: BY_PODS });
    const canary = ({ canary: it }: StepDraft) => (it.kind === 'replicas' ? it.replicas : 0);
    const shown = all.map(
      (it) => `${it.name} ${it.primaryReplicas}+${canary(it)} ${it.traffic.weights.canary}`,
    );
    expect(shown).toEqual([
      'init 4+0 0',
      'canary-up 4+0 0',
      'weight-20 4+1 20',
      'primary-3 3+1 25',
      'canary-2 3+2 40',
      'weight-50 2+2 50',
      'promote 2+2 50',
      'primary-3 3+2 40',
      'canary-1 3+1 25',
      'primary-4 4+1 20',
      'weight-0 4+0 0',
      'complete 4+0 0',
    ]);
    for (const it of all)
      expect(it.traffic.weights.primary + it.traffic.weights.canary).toBeCloseTo(100);
  });

  test('a step without pods of the canary does not wait for them', () => {
    const all = of(LADDER, { traffic: BY_PODS });
    for (const it of all) expect(it.ready.includes('canary')).toBe(it.canary.kind !== 'none');
  });

  test('weights that pods cannot give are said as they are', () => {
    const all = of(canary({ stepWeights: [30, 60] }), { traffic: BY_PODS }, 3);
    const first = all.find((it) => it.name === 'weight-30');
    expect(first?.canary).toEqual({ kind: 'replicas', replicas: 1 });
    expect(first?.traffic.weights).toEqual({ primary: 66.67, canary: 33.33 });
  });

  test('a last weight of 100 is the promotion', () => {
    const names = (weights: readonly number[]) =>
      of(canary({ stepWeights: weights }), { traffic: BY_PODS }).map((it) => it.name);
    expect(names([20, 50, 100])).toEqual(names([20, 50]));
  });

  test('what is on the way asks for nothing but its pods', () => {
    const gated = steps([
      { setWeight: 20 },
      { pause: 'until-approved' },
      { setWeight: 50 },
      { pause: 'until-approved' },
    ]);
    const all = of(gated, { traffic: BY_PODS });
    const onTheWay = all.filter((it) => /^(?:canary|primary)-\d/.test(it.name));
    expect(onTheWay).not.toEqual([]);
    for (const it of onTheWay)
      expect([it.gate, it.bake, it.hooks]).toEqual([undefined, undefined, undefined]);
    expect(all.filter((it) => it.gate === 'person')).toHaveLength(2);
  });

  test('a number that an autoscaler says is left alone, to be refused', () => {
    expect(draftsOf({ strategy: LADDER, traffic: BY_PODS }, undefined)).toEqual(LADDER.steps());
  });
});
