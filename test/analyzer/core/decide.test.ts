import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide } from '../../../analyzer/core/decide.ts';
import type { Position } from '../../../analyzer/core/position.ts';
import {
  BAD,
  back,
  COMPLETE,
  GOOD,
  INIT,
  notReady,
  observation,
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
  },
  { requiredKeys: [] },
);

const worlds = fc.record({
  position: positions,
  dist: fc.constantFrom(V1, V2, V3, 'absent' as const, 'broken' as const),
  paused: fc.boolean(),
  edited: fc.boolean(),
  seen,
  seconds: fc.constantFrom(0, 10, 60, 400, 9999),
});

test('the same arguments always bring the same answer, and no world is without one', () => {
  fc.assert(
    fc.property(worlds, ({ position, dist, paused, edited, seen: shown, seconds }) => {
      const state = paused ? { paused: { reason: 'lunch' } } : {};
      const it = situation({ position, dist, state });
      const whole = edited ? { ...it, live: new Map() } : it;
      const ask = () => decide(observation(whole, T0 + seconds, shown), T0 + seconds);
      const answer = ask();
      expect(ask()).toEqual(answer);
      expect(answer.reason).not.toBe('');
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
