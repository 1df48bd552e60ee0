import { describe, expect, test } from 'vitest';
import type { Liveness } from '../../../../analyzer/core/cluster/reading.ts';
import {
  COMPLETE,
  decision,
  INIT,
  known,
  move,
  moved,
  notReady,
  type Seen,
  situation,
  T0,
  unstarted,
  V2,
  V3,
} from '../fixture.ts';

const WAITING: Liveness = { kind: 'waiting', reason: 'VirtualService test/app is not synced yet' };
const UNKNOWN: Liveness = { kind: 'unknown', reason: 'the API server is down' };

describe('the first release', () => {
  test('starts in init, with the newest plan', () => {
    expect(decision(unstarted(V2), T0)).toMatchObject({
      kind: 'move',
      transition: 'start',
      to: INIT,
      pins: true,
      reason: `first release of candidate ${V2.plan.candidate}`,
    });
  });

  test.each([
    ['absent', 'nothing in dist/ and nothing running'],
    ['broken', 'dist/app/plan.yaml is not a plan'],
  ] as const)('rests while dist is %s', (dist, reason) => {
    expect(decision(unstarted(dist), T0)).toEqual({ kind: 'rest', reason });
  });

  const first = situation({ position: INIT });
  test.each<[string, Seen, string]>([
    [
      'is not live',
      { live: WAITING },
      'init is not live yet: VirtualService test/app is not synced yet',
    ],
    [
      'cannot be seen',
      { live: UNKNOWN },
      'init: the cluster cannot be read: the API server is down',
    ],
    [
      'is not ready',
      { primary: notReady('0 of 2 replicas available') },
      'the primary is not ready: 0 of 2 replicas available',
    ],
    [
      'is past its deadline, for there is no rollback',
      { primary: notReady('crash loop', true) },
      'the primary is not ready: crash loop',
    ],
  ])('holds while it %s', (_, seen, reason) => {
    expect(decision(first, T0 + 9999, seen)).toMatchObject({ kind: 'hold', reason });
  });

  test('is complete once live and ready', () => {
    expect(move(first, T0 + 10)).toMatchObject({
      transition: 'complete',
      to: COMPLETE,
      pins: false,
      verdict: 'none',
      reason: 'live and ready',
    });
  });

  test('a newer plan replaces one that fails to initialize', () => {
    const it = { ...first, dist: known(V3) };
    expect(move(it, T0 + 10, { primary: notReady('crash loop', true) })).toMatchObject({
      transition: 'start',
      to: INIT,
      pins: true,
    });
    expect(moved(it, move(it, T0 + 10), T0 + 10).plan).toEqual(known(V3));
  });

  test('a first release that is gone from apps/ goes on to its end', () => {
    expect(move(situation({ position: INIT, dist: 'absent' }), T0 + 10)).toMatchObject({
      transition: 'complete',
    });
  });
});
