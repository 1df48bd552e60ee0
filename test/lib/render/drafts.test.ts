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
  return draftsOf({ strategy, traffic: istio(), ...more }, replicas);
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
  test('the canary has the number of pods that comes closest, and the weight is what they give', () => {
    const all = of(LADDER, { traffic: BY_PODS });
    const shown = all.map((it) => [it.name, it.canary, it.traffic.weights.canary]);
    expect(shown).toEqual([
      ['init', { kind: 'none' }, 0],
      ['canary-up', { kind: 'none' }, 0],
      ['weight-20', { kind: 'replicas', replicas: 1 }, 20],
      ['weight-50', { kind: 'replicas', replicas: 4 }, 50],
      ['promote', { kind: 'replicas', replicas: 4 }, 50],
      ['weight-0', { kind: 'none' }, 0],
      ['complete', { kind: 'none' }, 0],
    ]);
    for (const it of all)
      expect(it.traffic.weights.primary + it.traffic.weights.canary).toBeCloseTo(100);
  });

  test('a step without pods of the canary does not wait for them', () => {
    const all = of(LADDER, { traffic: BY_PODS });
    for (const it of all) expect(it.ready.includes('canary')).toBe(it.canary.kind !== 'none');
  });

  test('weights that pods cannot give are said as they are', () => {
    const [, , first] = of(canary({ stepWeights: [30, 60] }), { traffic: BY_PODS }, 3);
    expect(first?.canary).toEqual({ kind: 'replicas', replicas: 1 });
    expect(first?.traffic.weights).toEqual({ primary: 75, canary: 25 });
  });

  test('a number that an autoscaler says is left alone, to be refused', () => {
    expect(draftsOf({ strategy: LADDER, traffic: BY_PODS }, undefined)).toEqual(LADDER.steps());
  });
});
