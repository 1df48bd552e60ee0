import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../../lib/render/sizes.ts';
import type { Scale } from '../../../lib/strategy/strategy.ts';

const full: Scale = { kind: 'full' };
const exactly = (count: number) => ({ min: count, max: count });

describe('without an autoscaler', () => {
  const of = (track: 'primary' | 'canary' | 'baseline', scale: Scale, replicas?: number) =>
    sizeOf(track, scale, {
      own: exactly(5),
      tracks: replicas === undefined ? {} : { canary: { replicas } },
      autoscaled: false,
    });

  test('a full canary is as large as the workload, or as the release says', () => {
    expect(of('canary', full)).toEqual(exactly(5));
    expect(of('canary', full, 2)).toEqual(exactly(2));
    expect(of('primary', full, 2)).toEqual(exactly(5));
  });

  test('the baseline is as large as a canary of the same scale', () => {
    expect(of('baseline', { kind: 'replicas', replicas: 9 }, 2)).toEqual(exactly(9));
  });

  test('a percent is one of the primary’s pods, rounded up', () => {
    expect(of('canary', { kind: 'percent', percent: 50 }, 2)).toEqual(exactly(3));
    expect(of('canary', { kind: 'percent', percent: 1 })).toEqual(exactly(1));
    expect(of('canary', { kind: 'none' })).toEqual(exactly(0));
  });
});

describe('with an autoscaler', () => {
  const tracks = {
    primary: { minReplicas: 4 },
    canary: { minReplicas: 1, maxReplicas: 3 },
  };
  const of = (track: 'primary' | 'canary' | 'baseline', scale: Scale) =>
    sizeOf(track, scale, { own: { min: 2, max: 10 }, tracks, autoscaled: true });

  test('each track has bounds of its own', () => {
    expect(of('primary', full)).toEqual({ min: 4, max: 10 });
    expect(of('canary', full)).toEqual({ min: 1, max: 3 });
    expect(of('baseline', full)).toEqual({ min: 1, max: 3 });
  });

  test('a number of pods is both bounds; a percent is one of both of the primary’s', () => {
    expect(of('canary', { kind: 'replicas', replicas: 7 })).toEqual(exactly(7));
    expect(of('canary', { kind: 'percent', percent: 25 })).toEqual({ min: 1, max: 3 });
  });
});

test('no scale but none stops the canary, and no percent changes the primary', () => {
  const scale = fc.oneof(
    fc.constant<Scale>(full),
    fc.integer({ min: 1, max: 99 }).map((replicas): Scale => ({ kind: 'replicas', replicas })),
    fc.integer({ min: 1, max: 200 }).map((percent): Scale => ({ kind: 'percent', percent })),
  );
  const bounds = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.nat({ max: 50 }));
  fc.assert(
    fc.property(scale, bounds, fc.boolean(), (it, [min, more], autoscaled) => {
      const own = { min, max: autoscaled ? min + more : min };
      const input = { own, tracks: {}, autoscaled };
      const size = sizeOf('canary', it, input);
      expect(size.min).toBeGreaterThanOrEqual(1);
      expect(size.max).toBeGreaterThanOrEqual(size.min);
      const asked = it.kind === 'replicas' ? { min: it.replicas, max: it.replicas } : own;
      expect(sizeOf('primary', it, input)).toEqual(asked);
    }),
  );
});
