import { describe, expect, test } from 'vitest';
import { type PlanTree, positionText } from '../../../../analyzer/core/position.ts';
import type { Situation } from '../../../../analyzer/core/situation.ts';
import { isoTime } from '../../../../analyzer/core/state.ts';
import {
  back,
  decision,
  known,
  move,
  moved,
  plan,
  STEPS,
  situation,
  stateOf,
  step,
  T0,
  V1,
  V2,
  V3,
} from '../fixture.ts';

const SYNC = V2.plan.analysis.syncSeconds;

function running(name: string, dist: PlanTree | 'absent' | 'broken'): Situation {
  const steps = [
    { name: '01-canary-up', at: isoTime(T0 - 100), until: isoTime(T0), failedChecks: 1 },
  ];
  return situation({ position: step(name), dist, state: { steps } });
}

/** Follows a story until it starts a step again, or rests. */
function follow(of: Situation): { readonly way: readonly string[]; readonly end: Situation } {
  let it = of;
  const way: string[] = [];
  for (let now = T0 + 10; ; now += SYNC) {
    const next = decision(it, now);
    if (next.kind === 'rest') return { way, end: it };
    if (next.kind === 'hold') continue;
    way.push(`${next.transition} ${positionText(next.to)}`);
    it = moved(it, next, now);
    if (next.transition === 'start' || next.transition === 'configure') return { way, end: it };
  }
}

describe('a newer candidate', () => {
  test.each(STEPS)('in %s: the rollback, then its own 01', (name) => {
    const promoted = STEPS.indexOf(name) >= 3 ? [`back back from ${name}: primary`] : [];
    const { way, end } = follow(running(name, V3));
    expect(way).toEqual([
      ...promoted,
      `back back from ${name}: routes`,
      'back stable',
      'start 01-canary-up',
    ]);
    expect(end.plan).toEqual(known(V3));
    expect(stateOf(end)).toMatchObject({ candidate: V3.plan.candidate, steps: [] });
  });

  test('that would be refused does not stop the one that runs', () => {
    const refused = plan('v3', { shape: { apex: 'other' } });
    const it = running('02-weight-20', refused);
    expect(decision(it, T0 + 60)).toMatchObject({ kind: 'move', transition: 'next' });
    const rest = situation({ position: { kind: 'complete' }, plan: V2, dist: refused });
    expect(decision(rest, T0)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(/^refused: .*apex/),
    });
  });

  test('is no failure of the one before', () => {
    const it = move(running('02-weight-20', V3), T0 + 10);
    expect(it).toMatchObject({
      verdict: 'none',
      failed: undefined,
      reason: `a newer candidate ${V3.plan.candidate} replaces ${V2.plan.candidate}`,
    });
  });

  test('rolls back even while the step is not live', () => {
    const live = { kind: 'waiting', reason: 'not synced' } as const;
    expect(move(running('02-weight-20', V3), T0 + 10, { live })).toMatchObject({
      transition: 'back',
    });
  });

  test('that must not start does not stop the rollout under way', () => {
    const renamed = plan('v3', { shape: { apex: 'web' } });
    expect(move(running('02-weight-20', renamed), T0 + 60)).toMatchObject({ transition: 'next' });
  });
});

describe('a plan that was reverted to the stable candidate', () => {
  test.each(STEPS)('in %s: the rollback, and rest', (name) => {
    const { way, end } = follow(running(name, V1));
    expect(way.at(-1)).toBe('back stable');
    expect(stateOf(end)).toMatchObject({ position: { kind: 'stable' } });
    expect(stateOf(end).failed).toBeUndefined();
  });

  test('with new configuration: the rollback, then one configuration commit', () => {
    const setting = plan('v1', { setting: 'new' });
    const { way, end } = follow(running('02-weight-20', setting));
    expect(way).toEqual([
      'back back from 02-weight-20: routes',
      'back stable',
      'configure complete',
    ]);
    expect(end.stable).toEqual(known(setting));
  });

  test('says why', () => {
    expect(move(running('02-weight-20', V1), T0 + 10).reason).toBe(
      `the newest plan is back at the stable candidate ${V1.plan.candidate}`,
    );
  });
});

describe('new configuration of the running candidate', () => {
  const setting = plan('v2', { setting: 'new' });

  test.each(STEPS)('in %s: adopted at the same step, with the failed checks so far', (name) => {
    const it = running(name, setting);
    const next = move(it, T0 + 10, { values: (at) => (at === T0 + 10 ? 80 : 99.9) });
    expect(next).toMatchObject({ transition: 'adopt', to: step(name), pins: true });
    const then = moved(it, next, T0 + 10);
    expect(then.plan).toEqual(known(setting));
    expect(then.stable).toEqual(known(V1));
    expect(stateOf(then).steps.map((one) => [one.name, one.failedChecks])).toEqual([
      ['01-canary-up', 1],
      [name, 0],
    ]);
  });

  test('counts what failed in the step that it interrupts', () => {
    const it = running('02-weight-20', setting);
    const next = move(it, T0 + 30, { values: (at) => (at === T0 + 10 ? 80 : 99.9) });
    expect(stateOf(moved(it, next, T0 + 30)).steps.at(-1)).toMatchObject({
      name: '02-weight-20',
      failedChecks: 1,
    });
  });

  test('with other weights: the rollback, and again from 01', () => {
    const { way, end } = follow(running('02-weight-20', plan('v2', { weights: [30, 50] })));
    expect(way).toEqual([
      'back back from 02-weight-20: routes',
      'back stable',
      'start 01-canary-up',
    ]);
    expect(end.plan).toMatchObject({ value: { plan: { candidate: V2.plan.candidate } } });
  });

  test('that must not start is not adopted, and the rollout goes on', () => {
    const renamed = plan('v2', { shape: { apex: 'web' } });
    expect(move(running('02-weight-20', renamed), T0 + 60)).toMatchObject({
      transition: 'next',
      pins: false,
    });
  });
});

describe('a release that is gone from apps/', () => {
  test.each(STEPS)('in %s: the rollback, then orphaned', (name) => {
    const { way, end } = follow(running(name, 'absent'));
    expect(way.at(-1)).toBe('back stable');
    expect(decision(end, T0)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(/^orphaned/),
    });
  });

  test('that comes back is compared like any plan', () => {
    const { end } = follow(running('02-weight-20', 'absent'));
    expect(move({ ...end, dist: known(V2) }, T0 + 999)).toMatchObject({ transition: 'start' });
    expect(decision({ ...end, dist: known(V1) }, T0 + 999).kind).toBe('rest');
  });
});

describe('a plan that changes nothing', () => {
  test('is the one in use', () => {
    expect(move(running('02-weight-20', V2), T0 + 60)).toMatchObject({ transition: 'next' });
  });

  test('is one that cannot be read: the rollout goes on', () => {
    expect(move(running('02-weight-20', 'broken'), T0 + 60)).toMatchObject({
      transition: 'next',
      pins: false,
    });
  });

  test('is any, on the rollback', () => {
    const it = { ...situation({ position: back('02-weight-20', 'routes') }), dist: known(V3) };
    expect(move(it, T0 + SYNC)).toMatchObject({ transition: 'back', pins: false });
  });
});
