import { describe, expect, test } from 'vitest';
import { refusal, refusals } from '../../../../analyzer/core/admission/refuse.ts';
import type { PlanTree } from '../../../../analyzer/core/position.ts';
import type { Shape } from '../../../../lib/plan/plan.ts';
import { STABLE as AT_REST, plan, situation, step, V1, V2 } from '../fixture.ts';

const STABLE = V1.plan.shape;

test('a plan of the same shape may start', () => {
  expect(refusals({ ...STABLE }, STABLE)).toEqual([]);
});

describe('refused, with what changed and the remedy', () => {
  test.each<[string, Partial<Shape>, RegExp[]]>([
    [
      'another name',
      { workload: 'web-primary' },
      [/from Deployment app-primary to Deployment web-primary/, /a release of its own/],
    ],
    [
      'another kind',
      { kind: 'DaemonSet' },
      [/from Deployment app-primary to DaemonSet app-primary/],
    ],
    [
      "the primary's selector",
      { selectors: { ...STABLE.selectors, primary: { app: 'x' } } },
      [
        /selector of the primary changed from app=app-primary to app=x/,
        /keep the name, and set selectorLabel: 'app'/,
      ],
    ],
    [
      "the primary's selector where labels are kept",
      { selectors: { primary: { 'perch/track': 'primary', app: 'x' } } },
      [/selector of the primary changed/],
    ],
    [
      "the canary's selector",
      { selectors: { ...STABLE.selectors, canary: { app: 'x', b: 'y' } } },
      [/selector of the canary changed from app=app-canary to app=x,b=y/],
    ],
    [
      'another apex Service',
      { apex: 'web' },
      [/apex Service changed from app to web/, /a release of its own/],
    ],
    [
      'a route that is gone',
      { routes: ['VirtualService/web'] },
      [/route VirtualService\/app is gone/, /keep its name/],
    ],
    [
      'a targetPort that no pod declares',
      { targetPorts: [9999] },
      [/targetPort 9999 is not declared/, /release the pods with the new port first/],
    ],
    [
      'a targetPort by an unknown name',
      { targetPorts: ['grpc'] },
      [/targetPort grpc is not declared/],
    ],
    [
      'an HPA for the primary',
      { autoscaled: true },
      [/primary gains an HPA/, /kubectl scale deployment\/app-primary/, /Hand over to an HPA/],
    ],
  ])('%s', (_, change, expected) => {
    const reasons = refusals({ ...STABLE, ...change }, STABLE);
    expect(reasons).toHaveLength(1);
    for (const it of expected) expect(reasons[0]).toMatch(it);
  });

  test('everything at once', () => {
    const next: Shape = {
      ...STABLE,
      workload: 'w',
      selectors: { primary: {}, canary: {} },
      apex: 'a',
      routes: [],
      targetPorts: [1],
      autoscaled: true,
    };
    expect(refusals(next, STABLE)).toHaveLength(7);
  });
});

describe('allowed', () => {
  test.each<[string, Partial<Shape>, Partial<Shape>]>([
    [
      'labels of a selector in another order',
      { selectors: { primary: { b: '2', a: '1' }, canary: {} } },
      { selectors: { primary: { a: '1', b: '2' }, canary: {} } },
    ],
    ['a targetPort by its number that the pods declare', { targetPorts: [80] }, {}],
    [
      'a targetPort that stable had, declared or not',
      { targetPorts: [9999] },
      { targetPorts: [9999] },
    ],
    ['one more route', { routes: ['VirtualService/app', 'VirtualService/more'] }, {}],
    ['ports that the pods declare anew', { ports: [{ name: 'grpc', number: 9000 }] }, {}],
    ['a primary that keeps its HPA', { autoscaled: true }, { autoscaled: true }],
    ['a primary that loses its HPA', { autoscaled: false }, { autoscaled: true }],
  ])('%s', (_, next, stable) =>
    expect(refusals({ ...STABLE, ...next }, { ...STABLE, ...stable })).toEqual([]),
  );
});

describe('a StatefulSet', () => {
  const fixed = { 'spec.serviceName': 'app', 'spec.volumeClaimTemplates': '4f53cda18c' };
  const shape = (more: Readonly<Record<string, string>>): Shape => ({
    ...STABLE,
    kind: 'StatefulSet',
    fixed: { ...fixed, ...more },
  });

  test('keeps what a cluster never changes', () => {
    expect(refusals(shape({}), shape({}))).toEqual([]);
    expect(refusals(shape({ 'spec.volumeClaimTemplates': 'aaaaaaaaaa' }), shape({}))).toEqual([
      'spec.volumeClaimTemplates of StatefulSet app-primary changed from 4f53cda18c to aaaaaaaaaa, and a cluster ' +
        'never changes it: keep it, or give the new one a release of its own',
    ]);
    expect(refusals(shape({ 'spec.serviceName': 'db' }), shape({}))).toEqual([
      expect.stringMatching(/^spec\.serviceName .* changed from app to db/),
    ]);
  });
});

describe('Services that exist already', () => {
  const of = (version: string, stable: string, candidate: string) =>
    plan(version, { shape: { services: { stable, candidate } } });
  const why = (dist: ReturnType<typeof plan>, before: ReturnType<typeof plan>) =>
    refusal(situation({ position: AT_REST, plan: before, stable: before, dist }), before.plan);

  test('the stable one must be the one that has the traffic', () => {
    expect(why(of('v2', 'blue', 'green'), of('v1', 'green', 'blue'))).toBeUndefined();
    expect(why(of('v2', 'blue', 'green'), of('v1', 'blue', 'green'))).toBe(
      "existing.stable is blue, and green has the traffic since the last release: set existing.stable: 'green'",
    );
  });

  test('configuration of the same candidate moves no traffic', () => {
    expect(why(of('v1', 'red', 'green'), of('v1', 'blue', 'green'))).toBeUndefined();
  });
});

describe('two roots instead of one', () => {
  const apart = (of: PlanTree): PlanTree => ({
    ...of,
    plan: {
      ...of.plan,
      files: Object.fromEntries(
        Object.entries(of.plan.files).map(([name, it]) => [`workload/${name}`, it]),
      ),
    },
  });
  const moved = 'its roots changed: change them at rest, and in a commit that changes no version';

  test('are configuration at rest', () => {
    const it = situation({ position: AT_REST, plan: V1, stable: V1, dist: apart(V1) });
    expect(refusal(it, V1.plan)).toBeUndefined();
  });

  test('do not come with another version, nor while one is under way', () => {
    const newer = situation({ position: AT_REST, plan: V1, stable: V1, dist: apart(V2) });
    expect(refusal(newer, V1.plan)).toBe(moved);
    const underWay = situation({ position: step('02-weight-20'), plan: V2, dist: apart(V2) });
    expect(refusal(underWay, V1.plan)).toBe(moved);
    const reverted = situation({ position: step('02-weight-20'), plan: V2, dist: apart(V1) });
    expect(refusal(reverted, V1.plan)).toBe(moved);
  });
});

describe('a release that loses its Service', () => {
  const alone = (version: string) => plan(version, { shape: { targetPorts: [] } });
  const gone =
    'Service app is gone from the plan: take it away at rest, and in a commit that changes no version';

  test('does so at rest, with a commit of its own', () => {
    const it = situation({ position: AT_REST, plan: V1, stable: V1, dist: alone('v1') });
    expect(refusal(it, V1.plan)).toBeUndefined();
    const newer = situation({ position: AT_REST, plan: V1, stable: V1, dist: alone('v2') });
    expect(refusal(newer, V1.plan)).toBe(gone);
    const underWay = situation({ position: step('02-weight-20'), plan: V2, dist: alone('v2') });
    expect(refusal(underWay, V1.plan)).toBe(gone);
  });

  test('gets one with any version, under any name', () => {
    const before = alone('v1');
    const it = situation({ position: AT_REST, plan: before, stable: before, dist: V2 });
    expect(refusal(it, before.plan)).toBeUndefined();
    expect(refusals({ ...STABLE, apex: 'web' }, before.plan.shape)).toEqual([]);
  });
});

describe('steps that compare with a baseline', () => {
  const wants = plan('v2', { baseline: ['02-weight-20'] });
  const has = plan('v1', { baseline: [] });
  const next = situation({ position: step('02-weight-20'), dist: wants });

  test('are refused where the stable plan has none, with the remedy', () => {
    expect(refusal(next, V1.plan)).toMatch(
      /^its steps compare with a baseline, and the stable plan was rendered without one: release/,
    );
  });

  test('may follow one that has it, be the first, and come with the version that runs', () => {
    expect(refusal(next, has.plan)).toBeUndefined();
    expect(refusal(next, undefined)).toBeUndefined();
    const same = plan('v1', { baseline: ['02-weight-20'] });
    const configured = situation({ position: AT_REST, dist: same });
    expect(refusal(configured, V1.plan)).toBeUndefined();
  });

  test('a plan that only brings a baseline for the next one may follow any', () => {
    const brings = situation({ position: AT_REST, dist: plan('v2', { baseline: [] }) });
    expect(refusal(brings, V1.plan)).toBeUndefined();
  });
});
