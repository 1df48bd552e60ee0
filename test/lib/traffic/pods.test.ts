import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../../lib/manifest/json.ts';
import { podsAt, podsBetween, roomOf, shareOf } from '../../../lib/traffic/pods.ts';
import { deployment } from '../sample.ts';

const rooms = fc.record({
  wanted: fc.integer({ min: 1, max: 40 }),
  surge: fc.integer({ min: 1, max: 10 }),
});
const weights = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 6 });

describe('the pods of a weight', () => {
  test('are the closest that the room allows, and never none', () => {
    fc.assert(
      fc.property(rooms, fc.integer({ min: 1, max: 99 }), (room, percent) => {
        const { primary, canary } = podsAt(percent, room);
        expect(Math.min(primary, canary)).toBeGreaterThan(0);
        const off = Math.abs(shareOf({ primary, canary }) - percent);
        for (let all = Math.max(2, room.wanted); all <= room.wanted + room.surge; all++)
          for (let other = 1; other < all; other++) {
            const share = shareOf({ primary: all - other, canary: other });
            expect(off).toBeLessThanOrEqual(Math.abs(share - percent) + 1e-9);
          }
      }),
    );
  });

  // One Service and 5 pods: 80 % took 20 pods of the canary.
  test('of 5 at 80 % are 4, and not 20', () => {
    expect(podsAt(80, { wanted: 5, surge: 2 })).toEqual({ primary: 1, canary: 4 });
    expect(podsAt(20, { wanted: 5, surge: 2 })).toEqual({ primary: 4, canary: 1 });
  });
});

// Argo Rollouts may go below the wanted number by its maxUnavailable, 25 % by default.
test('at no moment are fewer pods ready than wanted, or more there than there is room for', () => {
  fc.assert(
    fc.property(rooms, weights, (room, all) => {
      let at = podsAt(0, room);
      for (const weight of [...all.sort((a, b) => a - b), 0]) {
        for (const next of podsBetween(at, podsAt(weight, room), room)) {
          // What grows is not ready yet while the step is on its way; what shrinks is gone at once.
          const ready = Math.min(at.primary, next.primary) + Math.min(at.canary, next.canary);
          expect(ready).toBeGreaterThanOrEqual(room.wanted);
          expect(next.primary + next.canary).toBeLessThanOrEqual(room.wanted + room.surge);
          expect(at.primary === next.primary || at.canary === next.canary).toBe(true);
          at = next;
        }
        expect(at).toEqual(podsAt(weight, room));
      }
    }),
  );
});

test.each([
  [undefined, 2],
  ['50%', 3],
  [4, 4],
  [0, 1],
  ['0%', 1],
])('a maxSurge of %s leaves 5 pods room for %i more', (maxSurge, surge) => {
  const strategy = maxSurge === undefined ? {} : { rollingUpdate: { maxSurge } };
  const object = { ...deployment({}, { spec: { strategy } }), metadata: { name: 'shop' } };
  expect(roomOf(object as Manifest, 5)).toEqual({ wanted: 5, surge });
});
