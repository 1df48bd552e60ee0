import { describe, expect, test } from 'vitest';
import { Duration } from '../../../lib/index.ts';
import { type RampedProps, ramped, recreate } from '../../../lib/strategy/one-track.ts';
import { mistakesIn, outline } from './outline.ts';

test('recreate writes the primary in its first step, and judges it there', () => {
  const strategy = recreate({ bake: Duration.minutes(2) });
  expect(outline(strategy)).toEqual([
    'init Initializing 100/0 none none',
    'recreate Promoting 100/0 none bake; 120 s',
    'complete Succeeded 100/0 none none',
  ]);
  expect(strategy.steps().map((it) => it.primary)).toEqual(['stable', 'candidate', 'candidate']);
  expect([strategy.tracks, strategy.deployment]).toEqual([
    ['primary'],
    { strategy: { type: 'Recreate' } },
  ]);
});

test('ramped says how many pods are replaced at a time', () => {
  expect(outline(ramped({ iterations: 3 }))[1]).toBe('ramped Promoting 100/0 none bake; 3 points');
  expect(ramped().deployment).toEqual({
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  });
  expect(
    ramped({ maxSurge: 0, maxUnavailable: 2, minReady: Duration.seconds(30) }).deployment,
  ).toEqual({
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 2 } },
    minReadySeconds: 30,
  });
});

describe('mistakes', () => {
  test.each<[RampedProps, string]>([
    [{ maxSurge: 0.5 }, 'strategy.maxSurge must be a whole number of pods, got 0.5; use 0 or more'],
    [{ minReady: Duration.millis(1) }, 'strategy.minReady must be a whole number of seconds'],
    [{ iterations: 1.5 }, 'strategy.iterations must be a whole number, got 1.5; use 1 or more'],
  ])('%j', (props, expected) => {
    expect(mistakesIn(ramped(props))).toEqual([expect.stringContaining(expected)]);
  });
});
