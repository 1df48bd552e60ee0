import { describe, expect, test } from 'vitest';
import { proofOf, prove } from '../../../../analyzer/core/judge/proof.ts';
import { openTraffic } from '../../../../analyzer/simulated/forecast/counted-traffic.ts';
import { openEvidence } from '../../../../analyzer/simulated/forecast/evidence-so-far.ts';
import { type Ended, play } from '../../../../analyzer/simulated/forecast/play.ts';
import { prepared, started } from '../../../../analyzer/simulated/forecast/prepared-plan.ts';
import { settingOf } from '../../../../analyzer/simulated/forecast/setting.ts';
import { seeded } from '../../../../analyzer/simulated/random.ts';
import type { Scenario } from '../../../../analyzer/simulated/requests.ts';
import type { Evidence } from '../../../../lib/plan/evidence.ts';
import type { Check, Plan, Stay } from '../../../../lib/plan/plan.ts';
import { plan } from '../../core/fixture.ts';
import {
  type Counts,
  counted,
  errorTest,
  evidence,
  latencyTest,
  tested,
} from '../../core/judge/counted.ts';

const ERRORS = errorTest({ capped: true, catastrophe: 0.1 });
const usual = (more: Partial<Evidence> = {}) => tested(evidence([ERRORS], more)).plan;
const users = (perSecond: number) => ({ perSecond, readySeconds: 30 });
const errors = (canary: number, primary = 0.001): Scenario => ({ name: '', primary, canary });

function playAll(of: Plan, perSecond: number, scenario: Scenario, runs: number): readonly Ended[] {
  const setting = settingOf(of, users(perSecond));
  return Array.from({ length: runs }, (_, run) => play(setting, scenario, run));
}

const kinds = (all: readonly Ended[]) => [...new Set(all.map((it) => it.kind))];

test('interval after interval it weighs what the analyzer weighs at once', () => {
  const setting = settingOf(usual(), users(100));
  const at = started(setting, 1_800_000_000);
  const rollout = {
    ...at.rollout,
    state: { ...at.rollout.state, position: { kind: 'step', step: '02-weight-20' } as const },
  };
  const start = Date.parse(rollout.state.at) / 1000;
  const traffic = openTraffic(setting.load, errors(0.003), seeded(1), start, setting.tickSeconds);
  const so = openEvidence(setting, rollout, traffic, start);
  const intervals: Counts[] = [];
  for (let now = start + setting.tickSeconds; now <= start + 300; now += setting.tickSeconds) {
    const flow = { canary: 0.2, baseline: 0, isPromoted: false, isWorse: true };
    traffic.tick(now, flow);
    so.weighed(now);
    if ((now - start) % 15 !== 0) continue;
    const ours = traffic.counted('canary', now - 15, now);
    const others = traffic.counted('primary', now - 15, now);
    intervals.push([ours.requests, ours.bad, others.requests, others.bad]);
  }
  const live = { kind: 'live', sinceSeconds: start } as const;
  const whole = prove(rollout, [counted(rollout, ERRORS, intervals)], live);
  const found = proofOf(
    rollout,
    (so.weighed(start + 315) ?? []).map((it) => ({ ...it, tail: undefined })),
  );
  expect(found?.harm).toBeCloseTo(whole?.harm ?? 0, 9);
  expect(found?.safety).toBeCloseTo(whole?.safety ?? 0, 9);
  expect(found?.requests).toBe(whole?.requests);
});

describe('a rollout that is played', () => {
  test('is the same with the same seed', () => {
    const setting = settingOf(usual(), users(200));
    expect(play(setting, errors(0.003), 7)).toEqual(play(setting, errors(0.003), 7));
  });

  test('promotes a candidate like its primary, and takes no less than pods and proof need', () => {
    const all = playAll(usual(), 1000, errors(0.001), 10);
    expect(kinds(all)).toEqual(['promoted']);
    for (const it of all) expect(it.seconds).toBeGreaterThan(60);
  });

  test('of innocents rolls no more back than alpha allows', () => {
    const strict = errorTest({
      question: { kind: 'comparison', relative: 1, absolute: 0 },
      capped: false,
    });
    const [alpha, runs] = [0.05, 200];
    const waited = tested(
      evidence([strict], { alpha, intervalSeconds: 60, advance: 'no-harm-seen' }),
    ).plan;
    const of: Plan = {
      ...waited,
      steps: waited.steps.map((it) =>
        it.tests === undefined ? it : { ...it, stay: { kind: 'wait', seconds: 600 } },
      ),
    };
    const back = playAll(of, 200, errors(0.01, 0.01), runs).filter(
      (it) => it.kind === 'rolled back',
    );
    const most = runs * alpha + 3 * Math.sqrt(runs * alpha * (1 - alpha));
    expect(back.length).toBeLessThanOrEqual(most);
  });

  test('finds what fails all requests within an interval, and counts them until nobody is sent there', () => {
    const all = playAll(usual(), 200, errors(1), 20);
    expect(kinds(all)).toEqual(['rolled back']);
    for (const it of all) {
      expect(it.detectedSeconds).toBeLessThanOrEqual(15 + 5);
      // A fifth of 200 a second, until the commit was applied.
      expect(it.bad).toBeGreaterThan(0.8 * 40 * (it.detectedSeconds ?? 0));
      expect(it.bad).toBeLessThan(1.2 * 40 * ((it.detectedSeconds ?? 0) + 10));
    }
  });

  test('finds a candidate that is slower', () => {
    const of = tested(evidence([latencyTest()], { advance: 'no-harm-seen' })).plan;
    const slow = { ...errors(0.001), latency: { times: 3, late: 0 } };
    const all = playAll(of, 1000, slow, 3);
    expect(kinds(all)).toEqual(['rolled back']);
    expect(all[0]?.reason).toContain('latency: ');
  });

  test('holds where its traffic never proves the budget', () => {
    const all = playAll(usual(), 1, errors(0.001), 5);
    expect(kinds(all)).toEqual(['held']);
    expect(all[0]?.reason).toMatch(/^no conclusive answer for \d+ s .*not sure yet/);
  });

  test('leaves a step when its least bake time is over, if the next one is proved safe', () => {
    const staying = (stay: Stay): Plan => {
      const it = usual();
      const steps = it.steps.map((one) => (one.tests === undefined ? one : { ...one, stay }));
      return { ...it, steps };
    };
    const secondsOf = (stay: Stay) => playAll(staying(stay), 1000, errors(0.001), 3)[0]?.seconds;
    const whole = secondsOf({ kind: 'wait', seconds: 1200 });
    const least = secondsOf({ kind: 'wait', seconds: 1200, leastSeconds: 60 });
    // Two steps bake.
    expect(whole).toBeGreaterThan(2400);
    expect(least).toBeLessThan(1200);
  });

  test('counts nothing before it has warmed up', () => {
    const of = usual();
    const cold = { ...of, analysis: { ...of.analysis, warmUpSeconds: 300 } };
    const [it] = playAll(cold, 1000, errors(0.03), 3);
    expect(it?.kind).toBe('rolled back');
    expect(it?.detectedSeconds).toBeGreaterThan(300);
  });

  test('does not blame a candidate before what sets in late has', () => {
    const late = { ...errors(1), onsetMinute: 2 };
    for (const it of playAll(usual(), 100, late, 5)) {
      expect(it.kind).toBe('rolled back');
      expect(it.seconds).toBeGreaterThan(120);
      expect(it.detectedSeconds).toBeLessThanOrEqual(20);
    }
  });
});

describe('checks by bounds', () => {
  const query = '100 * (sum(rate(good[60s])) or vector(0)) / (sum(rate(all[60s])) > 0)';
  const rate = {
    name: 'success-rate',
    source: 'default',
    ask: { canary: query, primary: query },
    windowSeconds: 60,
    judge: { kind: 'bounds' as const, min: 99 },
  };
  const custom = { ...rate, name: 'orders', ask: { canary: 'orders' } };
  const all = [rate, custom];
  const names = ['success-rate', 'orders'];
  const of = plan('v2', {
    checks: all,
    steps: Object.fromEntries(
      ['01-canary-up', '02-weight-20', '03-weight-50', '04-promote', '05-weight-0'].map((it) => [
        it,
        it.includes('weight-20') || it.includes('weight-50')
          ? { checks: names, stay: { kind: 'bake' as const, seconds: 60 } }
          : { checks: [], stay: { kind: 'wait' as const, seconds: 0 } },
      ]),
    ),
  }).plan;

  test('have values of the requests in their window', () => {
    expect(kinds(playAll(of, 200, errors(0.001), 5))).toEqual(['promoted']);
    const back = playAll(of, 200, errors(0.05), 5);
    expect(kinds(back)).toEqual(['rolled back']);
    expect(back[0]?.reason).toContain('success-rate');
  });

  test('take a candidate back for one value beyond an abort bound, between two check points', () => {
    const aborting = (min: number, more: Partial<Check> = {}): Plan => ({
      ...of,
      analysis: { ...of.analysis, checkSeconds: 60, guardSeconds: 5, threshold: 100 },
      checks: of.checks.map((it) => ({ ...it, abort: { min }, ...more })),
    });
    const broken = playAll(aborting(50), 200, errors(1), 5);
    expect(kinds(broken)).toEqual(['rolled back']);
    expect(broken[0]?.reason).toMatch(/^success-rate \S+ < 50, an abort bound, at 02-weight-20$/);
    // Half of a window must be bad, a value each guard period, and it settles.
    for (const it of broken) expect(it.detectedSeconds).toBeLessThan(30 + 5 + 5 + 5);
    expect(kinds(playAll(aborting(50), 200, errors(0.001), 5))).toEqual(['promoted']);
    expect(kinds(playAll(aborting(50, { dryRun: true }), 200, errors(1), 2))).not.toContain(
      'rolled back',
    );
    // What the primary shares is nobody's fault.
    expect(kinds(playAll(aborting(50), 200, errors(1, 1), 2))).toEqual(['held']);
  });

  test('have values of whole windows, whatever length these and a warm-up have', () => {
    const odd: Plan = {
      ...of,
      analysis: { ...of.analysis, warmUpSeconds: 7 },
      checks: of.checks.map((it) => ({ ...it, windowSeconds: 61 })),
    };
    expect(kinds(playAll(odd, 200, errors(0.001), 3))).toEqual(['promoted']);
    expect(kinds(playAll(odd, 200, errors(0.05), 3))).toEqual(['rolled back']);
  });

  test('with a query of their own are left out, and that is said', () => {
    const { asked, leftOut, tree } = prepared(of);
    expect([...asked]).toEqual([['success-rate', 'success-rate']]);
    expect(tree.plan.steps[2]?.checks).toEqual(['success-rate']);
    expect(leftOut).toEqual(['checks with a query of their own cannot be simulated: orders']);
  });

  test('that compare by ranks are left out, whatever their queries look like', () => {
    const query = 'histogram_quantile(0.99, sum by (le) (rate(x[1m])))';
    const judge = {
      kind: 'ranks',
      direction: 'either',
      weight: 1,
      pass: 95,
      marginal: 75,
    } as const;
    const ask = { canary: query, primary: query };
    const checks = of.checks.map((it) => (it.name === 'orders' ? { ...it, ask, judge } : it));
    const { asked, leftOut } = prepared({ ...of, checks });
    expect([...asked.keys()]).toEqual(['success-rate']);
    expect(leftOut).toEqual(['comparisons by ranks are not simulated: orders']);
  });

  test('of both tracks fail in an outage of both, which is nobody’s fault', () => {
    for (const it of playAll(of, 200, errors(0.05, 0.05), 3)) expect(it.kind).toBe('held');
  });
});
