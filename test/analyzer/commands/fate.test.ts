import { describe, expect, test } from 'vitest';
import { candidateMeant, fateOf, isSeen } from '../../../analyzer/commands/fate.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import {
  back,
  COMPLETE,
  INIT,
  plan,
  STABLE,
  situation,
  step,
  unstarted,
  V1,
  V2,
  V3,
} from '../core/fixture.ts';

const C2 = V2.plan.candidate;
const failed = { candidate: C2, step: '02-weight-20', reason: 'bad' };
const at = step('02-weight-20');

describe('what became of a candidate', () => {
  test.each<[string, string, Situation, boolean]>([
    ['open', 'not started', unstarted(V2), true],
    ['open', 'initializing', situation({ position: INIT }), true],
    ['open', 'it waits to start', situation({ position: COMPLETE, plan: V1, dist: V2 }), true],
    ['open', 'under way', situation({ position: at }), true],
    ['open', 'not merged yet', situation({ position: COMPLETE, plan: V1 }), false],
    [
      'open',
      'replaced, and still rolling back',
      situation({ position: back('02-weight-20', 'routes'), dist: V3 }),
      true,
    ],
    ['open', 'the source cannot be read', situation({ position: STABLE, dist: 'broken' }), true],
    ['promoted', 'complete', situation({ position: COMPLETE }), true],
    [
      'promoted',
      'complete, and the next one runs',
      situation({ position: at, plan: V3, stable: V2 }),
      true,
    ],
    [
      'promoted',
      'complete some time ago',
      situation({ position: COMPLETE, plan: V3, state: { promoted: [V3.plan.candidate, C2] } }),
      true,
    ],
    [
      'promoted',
      'the stable one, back after the next failed',
      situation({ position: STABLE, plan: V3, stable: V2 }),
      true,
    ],
    [
      'open',
      'merged again, while the next one still runs',
      situation({ position: at, plan: V3, stable: V2, dist: V2 }),
      true,
    ],
    [
      'open',
      'failed, and still rolling back',
      situation({ position: back('02-weight-20', 'routes'), state: { failed } }),
      true,
    ],
    ['failed', 'back', situation({ position: STABLE, state: { failed } }), true],
    [
      'failed',
      'undone after it was complete',
      situation({ position: STABLE, state: { failed, promoted: [C2] } }),
      true,
    ],
    [
      'open',
      'back, and its attempt is raised',
      situation({
        position: STABLE,
        state: { failed },
        dist: plan('v2', { more: { attempt: 2 } }),
      }),
      true,
    ],
    ['superseded', 'replaced, and back', situation({ position: STABLE, dist: V3 }), true],
    ['superseded', 'replaced before it started', situation({ position: at, plan: V3 }), true],
    [
      'superseded',
      'gone from dist/',
      situation({ position: COMPLETE, plan: V1, dist: 'absent' }),
      true,
    ],
  ])('%s: %s', (kind, _, it, wasSeen) => {
    expect(fateOf(it, C2, wasSeen).kind).toBe(kind);
  });

  test('has the reason of a failure', () => {
    expect(fateOf(situation({ position: STABLE, state: { failed } }), C2, true)).toEqual({
      kind: 'failed',
      reason: '02-weight-20: bad',
    });
  });
});

describe('the candidate that is meant', () => {
  const rest = situation({ position: COMPLETE, plan: V1, dist: V2 });

  test('is the newest one', () => {
    expect(candidateMeant(rest, undefined)).toBe(C2);
    expect(isSeen(rest, C2)).toBe(true);
    expect(isSeen(rest, V3.plan.candidate)).toBe(false);
  });

  test('may be named by how it begins', () => {
    expect(candidateMeant(rest, C2.slice(0, 4))).toBe(C2);
    expect(candidateMeant(rest, V1.plan.candidate.slice(0, 4))).toBe(V1.plan.candidate);
    expect(candidateMeant(rest, 'ffffffffff')).toBe('ffffffffff');
  });

  test('is not guessed: nothing begins so, or several do', () => {
    expect(() => candidateMeant(rest, 'ffff')).toThrow(
      `app: no candidate begins with "ffff"; there are: ${C2}, ${V1.plan.candidate}. One that is not`,
    );
    const twin = `${C2.slice(0, 9)}x`;
    const it = situation({ position: COMPLETE, plan: V1, dist: V2, state: { promoted: [twin] } });
    expect(() => candidateMeant(it, C2.slice(0, 9))).toThrow(`begin, ${C2}, ${twin}: give more`);
  });

  test("of a member of a group is the group's", () => {
    const group = { name: 'pair', members: ['app', 'web'], candidate: '2222222222' };
    const it = situation({
      position: COMPLETE,
      plan: V1,
      dist: { ...V2, plan: { ...V2.plan, group } },
    });
    expect(candidateMeant(it, C2)).toBe('2222222222');
    expect(candidateMeant(it, undefined)).toBe('2222222222');
  });

  test('cannot be taken from a plan that is not there', () => {
    expect(() =>
      candidateMeant(situation({ position: COMPLETE, dist: 'absent' }), undefined),
    ).toThrow(
      /^app has no newest candidate to wait for: it is gone from dist\/\. Name one with --candidate$/,
    );
  });
});
