import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide } from '../../../analyzer/core/decide.ts';
import type { HookReading } from '../../../analyzer/core/observation.ts';
import type { Position } from '../../../analyzer/core/position.ts';
import { isoTime } from '../../../analyzer/core/state.ts';
import {
  answered,
  BAD,
  back,
  COMPLETE,
  GOOD,
  hook,
  INIT,
  JOB_FILE,
  notReady,
  observation,
  type PlanChanges,
  plan,
  READY,
  type Seen,
  STABLE,
  STEPS,
  situation,
  step,
  T0,
  V1,
  V2,
  V3,
} from './fixture.ts';

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
      for (const name of asks) expect(shown.hooks ?? {}).not.toHaveProperty(name);
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
      // Only a necessary way back is made over an edit by hand, and while paused.
      if (answer.kind === 'move' && (edited || paused)) expect(answer.transition).toBe('back');
      // Nothing goes on without an answer from the cluster.
      if (answer.kind === 'move' && shown.live?.kind === 'unknown')
        expect(['back', 'note', 'adopt', 'start', 'configure']).toContain(answer.transition);
    }),
    { numRuns: 1500 },
  );
});

test('a bad candidate goes back in every phase in which it has traffic, whatever else is known', () => {
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
