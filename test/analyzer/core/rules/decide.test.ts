import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HookReading } from '../../../../analyzer/core/observation.ts';
import { canaryWeight, type Position, positionText } from '../../../../analyzer/core/position.ts';
import { decide } from '../../../../analyzer/core/rules/decide.ts';
import type { Situation } from '../../../../analyzer/core/situation.ts';
import { isoTime } from '../../../../analyzer/core/state.ts';
import { planSchema } from '../../../../lib/plan/plan.ts';
import { tries } from '../../../tries.ts';
import {
  answered,
  BAD,
  back,
  COMPLETE,
  decision,
  GOOD,
  hook,
  INIT,
  JOB_FILE,
  liveSince,
  move,
  moved,
  notReady,
  observation,
  type PlanChanges,
  plan,
  READY,
  type Seen,
  STABLE,
  STEPS,
  situation,
  stateOf,
  step,
  T0,
  V1,
  V2,
  V3,
} from '../fixture.ts';

/** What each rule answers is tested beside it, in rules/. */

const positions = fc.constantFrom<Position>(
  INIT,
  COMPLETE,
  STABLE,
  ...STEPS.flatMap((it) => [step(it), back(it, 'routes'), back(it, 'primary')]),
);

/** Everything that a plan can ask from outside, in one. */
const RICH = {
  job: '02-weight-20',
  baseline: ['02-weight-20'],
  more: {
    hooks: [
      hook('once', 'pre-rollout'),
      hook('each', 'rollout'),
      hook('gate', 'confirm-promotion'),
      hook('signal', 'rollback'),
    ],
    start: [{ kind: 'hook', hook: 'gate' }],
    dependsOn: [{ release: 'db', phases: ['Succeeded'] }],
    hours: [{ days: ['Fri'], fromMinute: 480, toMinute: 485, timeZone: 'UTC' }],
    rollbackWindow: 2,
  },
  steps: {
    '02-weight-20': {
      hooks: ['signal', 'once', 'each'],
      gates: [{ kind: 'hook', hook: 'gate' }],
    },
    '03-weight-50': { hooks: ['signal'], gates: [{ kind: 'person' }] },
  },
} satisfies PlanChanges;
const [R1, R2, R3] = [plan('v1', RICH), plan('v2', RICH), plan('v3', RICH)];
const SIMPLE = { plan: V2, stable: V1, all: [V1, V2, V3] };
const FULL = { plan: R2, stable: R1, all: [R1, R2, R3] };

const readings = fc.constantFrom<HookReading>(
  answered(T0 + 5, true),
  answered(T0 + 5, false),
  { kind: 'unknown', reason: 'down', at: T0 + 5 },
  { kind: 'unsent', reason: 'no key', at: T0 + 5 },
  { kind: 'running' },
  { kind: 'lost' },
);

const records = fc.array(
  fc.record({
    hook: fc.constantFrom('once', 'each'),
    step: fc.constant('02-weight-20'),
    startedAt: fc.constant(isoTime(T0 + 1)),
    outcome: fc.constantFrom(
      'passed' as const,
      'failed' as const,
      'unknown' as const,
      'unsent' as const,
    ),
  }),
  { maxLength: 3 },
);

const seen: fc.Arbitrary<Seen> = fc.record(
  {
    live: fc.constantFrom<NonNullable<Seen['live']>>(
      { kind: 'live', sinceSeconds: T0 },
      { kind: 'waiting', reason: 'not synced' },
      { kind: 'unknown', reason: 'down' },
    ),
    primary: fc.constantFrom(READY, notReady('1 of 2'), notReady('1 of 2', true)),
    canary: fc.constantFrom(READY, notReady('1 of 2'), notReady('1 of 2', true)),
    values: fc.constantFrom(GOOD, BAD, () => undefined, { unknown: 'down' }),
    skewSeconds: fc.constantFrom(0, 60),
    unreachableSince: fc.constantFrom(T0, T0 + 60),
    baseline: fc.constantFrom(READY, notReady('1 of 2', true)),
    jobs: fc.constantFrom<NonNullable<Seen['jobs']>>(
      {},
      { [JOB_FILE]: { kind: 'complete' } },
      { [JOB_FILE]: { kind: 'failed', reason: 'x' } },
      { [JOB_FILE]: { kind: 'unknown', reason: 'x' } },
    ),
    hooks: fc.record(
      { once: readings, each: readings, gate: readings, signal: readings },
      { requiredKeys: [] },
    ),
    others: fc.constantFrom<NonNullable<Seen['others']>>({}, { db: 'Succeeded' }, { db: 'Failed' }),
  },
  { requiredKeys: [] },
);

const worlds = fc.record({
  position: positions,
  plans: fc.constantFrom(SIMPLE, FULL),
  dist: fc.constantFrom(0, 1, 2, 'absent' as const, 'broken' as const),
  hooks: records,
  fast: fc.boolean(),
  approved: fc.boolean(),
  paused: fc.boolean(),
  edited: fc.boolean(),
  seen,
  seconds: fc.constantFrom(0, 10, 60, 400, 9999),
});

test('the same arguments always bring the same answer, and no world is without one', () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const { position, plans, dist, paused, edited, seen: shown, seconds } = world;
      const { candidate } = plans.plan.plan;
      const by = { by: 'Robin', reason: 'x' };
      const state = {
        ...(paused ? { paused: { reason: 'lunch' } } : {}),
        ...(world.fast ? { fast: { reason: 'full' } } : {}),
        ...(world.approved ? { approved: [{ candidate, step: '02-weight-20', ...by }] } : {}),
        hooks: world.hooks,
      };
      const newest = typeof dist === 'number' ? (plans.all[dist] ?? plans.plan) : dist;
      const rests = position.kind === 'complete' ? plans.plan : plans.stable;
      const stable = position.kind === 'init' ? undefined : rests;
      const it = situation({ position, plan: plans.plan, stable, dist: newest, state });
      const whole = edited ? { ...it, live: new Map() } : it;
      const ask = () => decide(observation(whole, T0 + seconds, shown), T0 + seconds);
      const answer = ask();
      expect(ask()).toEqual(answer);
      expect(answer.reason).not.toBe('');
      // Whoever asks what is named learns more: no hook is named whose answer is known.
      const asks = answer.kind === 'hold' ? (answer.asks ?? []) : [];
      for (const { hook } of asks) expect(shown.hooks ?? {}).not.toHaveProperty(hook);
      // A candidate gets more traffic only where every hook that was asked and is no gate said yes.
      const more = answer.kind === 'move' && answer.transition === 'next';
      if (
        more &&
        position.kind === 'step' &&
        position.step === '02-weight-20' &&
        plans === FULL &&
        !world.fast
      )
        expect(shown.hooks?.signal).toMatchObject({ kind: 'answered', passed: false });
      // Only a necessary rollback is made over an edit by hand, and while paused.
      if (answer.kind === 'move' && (edited || paused)) expect(answer.transition).toBe('back');
      // Nothing goes on without an answer from the cluster.
      if (answer.kind === 'move' && shown.live?.kind === 'unknown')
        expect(['back', 'note', 'adopt', 'start', 'configure']).toContain(answer.transition);
    }),
    { numRuns: tries(1500) },
  );
});

test('a bad candidate rolls back in every phase in which it has traffic, whatever else is known', () => {
  for (const name of ['02-weight-20', '03-weight-50', '04-promote'])
    for (const dist of [V1, V2, V3, 'absent', 'broken'] as const)
      for (const paused of [undefined, { reason: 'lunch' }])
        for (const live of [
          { kind: 'waiting', reason: 'not synced' },
          { kind: 'unknown', reason: 'down' },
          { kind: 'live', sinceSeconds: T0 },
        ] as const) {
          const state = paused === undefined ? {} : { paused };
          const it = situation({ position: step(name), dist, state });
          const answer = decide(observation(it, T0 + 90, { live, values: BAD }), T0 + 90);
          expect(answer).toMatchObject({ kind: 'move', transition: 'back', verdict: 'fail' });
        }
});

/** A release as time passes in a world, from one decision to the next, until nothing moves any more. */
function story(from: Situation, now: number, world: Seen = {}) {
  const seen: string[] = [];
  let it = from;
  let time = now;
  for (let passes = 0; passes < 200; passes++, time += 10) {
    const next = decision(it, time, world);
    if (next.kind !== 'move') continue;
    seen.push(`${next.transition} ${positionText(next.to)}`);
    it = moved(it, next, time);
  }
  return { seen, end: it, time };
}

describe('what goes wrong elsewhere', () => {
  test('Flagger trap F: weights that are edited in the middle never jump: the rollout starts again', () => {
    const edited = plan('v2', { weights: [5, 15, 50] });
    const it = situation({ position: step('02-weight-20'), dist: edited });
    const { seen, end } = story(it, T0 + 60);
    expect(seen.slice(0, 4)).toEqual([
      'back back from 02-weight-20: routes',
      'back stable',
      'start 01-canary-up',
      'next 02-weight-5',
    ]);
    expect(stateOf(end)).toMatchObject({ position: COMPLETE, plan: edited.tree });
  });

  test('Flagger trap H: a route that is reset while promoting holds, and goes on when it is corrected', () => {
    const reset = {
      kind: 'waiting',
      reason: 'VirtualService test/app differs at /spec/http: it was edited by hand',
    } as const;
    for (const name of ['04-promote', '05-weight-0']) {
      const it = situation({ position: step(name) });
      expect(decision(it, T0 + 999, { live: reset })).toMatchObject({
        kind: 'hold',
        reason: expect.stringMatching(/differs at \/spec\/http/),
      });
      expect(decision(it, T0 + 999, { live: liveSince(T0 + 900) }).kind).toBe('move');
    }
  });

  test('Flagger trap I: a fix that comes while the primary is not ready is rolled out', () => {
    const failed = {
      failed: { candidate: V2.plan.candidate, step: '02-weight-20', reason: 'bad' },
    };
    const it = situation({ position: STABLE, dist: V3, state: failed });
    const scaling: Seen = { primary: notReady('1 of 2', false, 1) };
    const start = move(it, T0, scaling);
    expect(start).toMatchObject({ transition: 'start', to: step('01-canary-up') });
    const started = moved(it, start, T0);
    expect(decision(started, T0 + 60, scaling).kind).toBe('hold');
    expect(stateOf(story(started, T0 + 70).end)).toMatchObject({
      position: COMPLETE,
      candidate: V3.plan.candidate,
    });
  });

  test('Flagger trap J: no traffic returns to a broken primary, whatever is merged meanwhile', () => {
    const broken: Seen = { primary: notReady('0 of 2', true), values: () => undefined };
    for (const dist of [V2, V3, V1]) {
      const it = situation({ position: step('04-promote'), dist });
      const back = moved(it, move(it, T0 + 130, broken), T0 + 130);
      expect(stateOf(back)).toMatchObject({ position: { kind: 'back', part: 'primary' } });
      expect(canaryWeight(V2.plan, stateOf(back).position)).toBe(50);
      for (let now = T0 + 140; now < T0 + 9999; now += 500)
        expect(decision(back, now, broken)).toMatchObject({
          kind: 'hold',
          reason: 'rolling back: the primary is not ready: 0 of 2',
        });
      // The canary that serves keeps its pods until the routes have left it.
      expect([...back.live.keys()]).toContain('deployment-app-canary.yaml');
      const { seen } = story(back, T0 + 9999);
      expect(seen.slice(0, 2)).toEqual(['back back from 04-promote: routes', 'back stable']);
    }
  });

  test('Flagger trap N: weights that are reset in the middle begin the bake again, and forget no failure', () => {
    const steps = [
      { name: '01-canary-up', at: isoTime(T0 - 90), until: isoTime(T0), failedChecks: 2 },
    ];
    const it = situation({ position: step('03-weight-50'), state: { steps } });
    const reset = { live: { kind: 'waiting', reason: 'VirtualService test/app differs' } } as const;
    expect(decision(it, T0 + 600, reset).kind).toBe('hold');
    const corrected = { live: liveSince(T0 + 600) };
    expect(decision(it, T0 + 640, corrected)).toMatchObject({ reason: '1 of 3 checks passed' });
    expect(move(it, T0 + 660, corrected)).toMatchObject({ to: step('04-promote') });
    const bad = (at: number) => (at > T0 + 610 ? 80 : 99.9);
    expect(move(it, T0 + 630, { ...corrected, values: bad })).toMatchObject({ transition: 'back' });
  });

  test('Argo Rollouts trap #2235: the canary’s pods go after its traffic, in a commit of their own', () => {
    const it = situation({ position: step('05-weight-0') });
    const canary = 'deployment-app-canary.yaml';
    expect(it.live.get(canary)).toBe(V2.blobs.get(`steps/01-canary-up/${canary}`));
    const waiting = { live: { kind: 'waiting', reason: 'VirtualService is not synced' } } as const;
    expect(decision(it, T0 + 9999, waiting).kind).toBe('hold');
    const end = moved(it, move(it, T0 + 60), T0 + 60);
    expect(end.live.get(canary)).toBe(V2.blobs.get(`steps/06-complete/${canary}`));
  });

  test('Argo Rollouts trap #1026: nobody is sent to a canary without pods', () => {
    const it = situation({ position: step('01-canary-up') });
    expect(decision(it, T0 + 100, { canary: notReady('0 of 2') }).kind).toBe('hold');
  });

  test('Argo Rollouts trap #1690: a candidate that replaces one in the middle is rolled out, from every step', () => {
    for (const name of STEPS) {
      const it = situation({ position: step(name), dist: V3 });
      const { seen, end } = story(it, T0 + 60);
      expect(seen[0]).toMatch(/^back /);
      expect(seen).toContain('start 01-canary-up');
      expect(stateOf(end)).toMatchObject({ position: COMPLETE, candidate: V3.plan.candidate });
    }
  });

  test.each<[string, (at: number) => number | undefined]>([
    ['not a number', () => Number.NaN],
    ['an empty vector', () => undefined],
    ['infinite', () => Number.POSITIVE_INFINITY],
    ['nothing for the newest point', (at) => (at > T0 + 40 ? undefined : 99.9)],
  ])('Argo Rollouts trap: %s is no pass and no failure', (_, values) => {
    const it = situation({ position: step('02-weight-20') });
    expect(decision(it, T0 + 70, { values })).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(/^inconclusive/),
    });
  });

  test('Argo Rollouts trap: an analysis that is longer than its step is waited for', () => {
    const slow = plan('v2', { analysis: { checkSeconds: 600 } });
    const it = situation({ position: step('02-weight-20'), plan: slow });
    for (let now = T0; now < T0 + 35; now += 5) expect(decision(it, now).kind).toBe('hold');
    expect(move(it, T0 + 40)).toMatchObject({ verdict: 'pass' });
  });

  test('Argo Rollouts trap #4424: no plan has a weight that is negative, or over all', () => {
    for (const canary of [-25, 125]) {
      const weights = { primary: 100 - canary, canary };
      const broken = plan('v2', { steps: { '02-weight-20': { weights } } }).plan;
      expect(planSchema.safeParse(broken).success).toBe(false);
    }
    expect(planSchema.safeParse(V2.plan).success).toBe(true);
  });
});
