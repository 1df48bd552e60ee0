import { expect, test } from 'vitest';
import { limited, type Queued } from '../../../analyzer/core/queue.ts';
import type { Decision } from '../../../analyzer/core/rules/decision.ts';
import { back, decision, move, plan, situation, step, T0, unstarted, V1, V2 } from './fixture.ts';

const START = move(situation({ position: { kind: 'complete' }, plan: V1, dist: V2 }), T0);
const FIRST = move({ ...unstarted(V1) }, T0);
const WAY_BACK = move(situation({ position: step('02-weight-20'), dist: plan('v3') }), T0 + 60);
const NEXT = move(situation({ position: step('02-weight-20') }), T0 + 60);
const HOLD = decision(situation({ position: step('02-weight-20') }), T0);

function queued(id: string, it: Decision, group?: string): Queued {
  return { id, decision: it, underWay: it !== START && it !== FIRST, group };
}

/** Ids of those that may do what they would. */
function go(most: number, ...all: readonly Queued[]): readonly string[] {
  const decisions = limited(all, most);
  expect(decisions).toHaveLength(all.length);
  return all.filter((it, index) => decisions[index] === it.decision).map((it) => it.id);
}

test('so many rollouts start, in the order of their ids, and the others say what they wait for', () => {
  const all = ['a', 'b', 'c'].map((id) => queued(id, START));
  expect(go(2, ...all)).toEqual(['a', 'b']);
  expect(limited(all, 2)[2]).toEqual({
    kind: 'hold',
    reason: 'waits: 2 rollouts are under way, at most 2 may be',
  });
  expect(go(2, ...all)).toEqual(go(2, ...all));
});

test('what is under way counts, also on its rollback', () => {
  expect(go(2, queued('a', START), queued('b', HOLD), queued('c', START))).toEqual(['a', 'b']);
  const going = decision(situation({ position: back('02-weight-20', 'routes') }), T0);
  expect(go(1, queued('a', START), { ...queued('b', going), underWay: true })).toEqual(['b']);
});

test('whatever is no start is never held: steps, ways back, first releases', () => {
  const all = [
    queued('a', NEXT),
    queued('b', WAY_BACK),
    queued('c', FIRST),
    queued('d', { kind: 'rest', reason: 'x' }),
  ];
  expect(go(0, ...all)).toEqual(['a', 'b', 'c', 'd']);
});

test('a group counts with all its releases, and starts whole or not at all', () => {
  const group = ['a', 'b'].map((id) => queued(id, START, 'duo'));
  expect(go(2, ...group, queued('c', START))).toEqual(['a', 'b']);
  expect(go(2, queued('0', HOLD), ...group, queued('c', START))).toEqual(['0', 'c']);
  expect(go(3, queued('0', HOLD), ...group, queued('c', START))).toEqual(['0', 'a', 'b']);
});

test('a group that is larger than the limit starts when nothing else is under way', () => {
  const group = ['a', 'b', 'c'].map((id) => queued(id, START, 'trio'));
  expect(go(2, ...group, queued('d', START))).toEqual(['a', 'b', 'c']);
  expect(go(2, ...group, queued('d', HOLD))).toEqual(['d']);
});
