import { describe, expect, test } from 'vitest';
import { change } from '../../../analyzer/core/change.ts';
import { groupOf, type Member, oneChange, together } from '../../../analyzer/core/group.ts';
import type { PlanTree } from '../../../analyzer/core/position.ts';
import { withRollout } from '../../../analyzer/core/rollout.ts';
import { decide } from '../../../analyzer/core/rules/decide.ts';
import type { Decision, Move } from '../../../analyzer/core/rules/decision.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import { messageText } from '../../../analyzer/git/message.ts';
import type { Group } from '../../../lib/plan/plan.ts';
import {
  BAD,
  back,
  COMPLETE,
  type Given,
  INIT,
  known,
  moved,
  notReady,
  observation,
  type PlanChanges,
  plan,
  type Seen,
  STABLE,
  sha,
  situation,
  stateOf,
  step,
  T0,
  unstarted,
  V1,
} from './fixture.ts';

const BAKED = T0 + 30 + 5 + 2 * 10 + 5;
const OLD = '0000000000';
const NEW = '1111111111';
const FIX = '2222222222';

function inGroup(
  version: string,
  candidate: string,
  members: readonly string[] = ['a', 'b'],
  changes: PlanChanges = {},
): PlanTree {
  const group: Group = { name: 'duo', members: [...members], candidate };
  return plan(version, { ...changes, more: { ...changes.more, group } });
}

const [A1, A2, A3] = [inGroup('v1', OLD), inGroup('v2', NEW), inGroup('v3', FIX)];

/** A release of the group; A2 is under way over A1. */
function member(id: string, given: Given, now = BAKED, seen: Seen = {}): Member {
  const own = { plan: A2, stable: A1, ...given };
  const { plan: of, position } = own;
  const state = { candidate: of.plan.group?.candidate ?? of.plan.candidate, ...given.state };
  const stable =
    position.kind === 'complete' ? of : position.kind === 'init' ? undefined : own.stable;
  const it = withRollout({ ...situation({ ...own, stable, state }), id });
  return asked(it, now, seen);
}

function asked(it: Situation, now = BAKED, seen: Seen = {}): Member {
  const shown = observation(it, now, seen);
  return { id: it.id, observation: shown, decision: decide(shown, now) };
}

function all(...members: readonly Member[]): readonly Decision[] {
  return together({ name: 'duo', members: ['a', 'b'], candidate: NEW }, members, BAKED);
}

const kinds = (decisions: readonly Decision[]) =>
  decisions.map((it) => (it.kind === 'move' ? it.transition : it.kind));

describe('goes on together or not at all', () => {
  const at20 = { position: step('02-weight-20') };
  const rest = { position: COMPLETE, plan: A1, dist: A2 };

  test.each<[string, Given, string]>([
    ['start', rest, 'start'],
    ['a step', at20, 'next'],
    ['promotion', { position: step('03-weight-50') }, 'next'],
    ['completion', { position: step('05-weight-0') }, 'complete'],
    ['a start after a rollback', { position: STABLE, plan: A2, stable: A1, dist: A3 }, 'start'],
    ['init', { position: INIT, plan: A1 }, 'complete'],
  ])('%s', (_, given, transition) => {
    expect(kinds(all(member('a', given), member('b', given)))).toEqual([transition, transition]);
  });

  test('a member whose primary was down before the rollout holds nobody', () => {
    const down: Seen = { primary: notReady('0 of 2 available'), values: () => undefined };
    const state = { broken: { reason: '0 of 2 available', serves: false } };
    const decisions = all(member('a', at20), member('b', { ...at20, state }, BAKED, down));
    expect(kinds(decisions)).toEqual(['next', 'next']);
    expect(kinds(all(member('a', at20), member('b', at20, BAKED, down)))).toEqual(['hold', 'hold']);
  });

  test.each<[string, Member, RegExp]>([
    ['not ready', member('b', at20, BAKED, { canary: notReady('1 of 2') }), /b: the canary is not/],
    [
      'not live',
      member('b', at20, BAKED, { live: { kind: 'unknown', reason: 'down' } }),
      /b: .*down/,
    ],
    [
      'paused',
      member('b', { ...at20, state: { paused: { reason: 'lunch' } } }),
      /b: paused: lunch/,
    ],
    [
      'a step behind',
      member('b', { position: step('01-canary-up') }, T0, { primary: notReady('x') }),
      /b: the primary/,
    ],
    [
      'edited by hand',
      asked({ ...member('b', at20).observation.situation, live: new Map() }),
      /b: paused, Git was edited/,
    ],
    [
      'unreadable',
      asked(
        withRollout({
          ...member('b', at20).observation.situation,
          state: { kind: 'broken', reason: 'no YAML' },
        }),
      ),
      /b: no YAML/,
    ],
  ])('one that is %s holds the other, which says why', (_, b, reason) => {
    const [a] = all(member('a', at20), b);
    expect(a).toMatchObject({ kind: 'hold', reason: expect.stringMatching(reason) });
    expect(a?.reason).toMatch(/^ready to go on, and waits for its group: /);
  });

  test('one that is a step ahead waits, and the one behind follows', () => {
    const decisions = all(member('a', { position: step('03-weight-50') }), member('b', at20));
    expect(kinds(decisions)).toEqual(['hold', 'next']);
  });

  test('one that is in no folder holds the others, and keeps nobody from rolling back', () => {
    expect(all(member('a', at20))).toEqual([
      { kind: 'hold', reason: expect.stringMatching(/: b of group duo cannot be found$/) },
    ]);
    expect(kinds(all(member('a', at20, BAKED, { values: BAD })))).toEqual(['back']);
  });

  test('a candidate of which half is merged waits, whichever half', () => {
    const half = { position: COMPLETE, plan: A1, dist: A1 };
    for (const [a, b] of [
      [rest, half],
      [half, rest],
    ] as const) {
      const decisions = all(member('a', a), member('b', b));
      expect(kinds(decisions).sort()).toEqual(['hold', 'rest']);
      expect(decisions.find((it) => it.kind === 'hold')?.reason).toMatch(
        /has no plan of candidate 1111111111/,
      );
    }
  });

  test('a failed candidate that a person retries in one release waits until it is retried in all', () => {
    const failed = { failed: { candidate: NEW, step: '02-weight-20', reason: 'bad' } };
    const back = { position: STABLE, plan: A2, stable: A1, dist: A2 };
    const decisions = all(member('a', back), member('b', { ...back, state: failed }));
    expect(kinds(decisions)).toEqual(['hold', 'rest']);
    expect(decisions[0]?.reason).toMatch(/its group: b: candidate 1111111111 failed/);
    expect(kinds(all(member('a', back), member('b', back)))).toEqual(['start', 'start']);
  });

  test('configuration, notes and pauses are each release’s own', () => {
    const setting = inGroup('v1', OLD, ['a', 'b'], { setting: 'new' });
    const decisions = all(
      member('a', { position: COMPLETE, plan: A1, dist: setting }),
      member('b', { position: COMPLETE, plan: A1 }),
    );
    expect(kinds(decisions)).toEqual(['configure', 'rest']);
  });
});

describe('a release that joins a group', () => {
  const three = ['a', 'b', 'c'];
  const [old, next] = [inGroup('v1', OLD), inGroup('v2', NEW, three)];
  const running = (id: string) => member(id, { position: COMPLETE, plan: old, dist: next });

  test('is initialized while the others wait for it, and they start with the commit that completes it', () => {
    const fresh = asked({ ...unstarted(next), id: 'c' });
    const begins = all(running('a'), running('b'), fresh);
    expect(kinds(begins)).toEqual(['hold', 'hold', 'start']);
    expect(begins[0]?.reason).toMatch(/c: first release/);
    const up = member('c', { position: INIT, plan: next, dist: next });
    expect(kinds(all(running('a'), running('b'), up))).toEqual(['start', 'start', 'complete']);
    const there = member('c', { position: COMPLETE, plan: next, dist: next });
    expect(kinds(all(running('a'), running('b'), there))).toEqual(['start', 'start', 'rest']);
  });

  test('and is complete already goes on with the others, and is no reason against their rollback', () => {
    const there = member('c', { position: COMPLETE, plan: next, dist: next });
    const at = (id: string, seen: Seen = {}) =>
      member(id, { position: step('02-weight-20'), plan: next, stable: old }, BAKED, seen);
    expect(kinds(all(at('a'), at('b'), there))).toEqual(['next', 'next', 'rest']);
    expect(kinds(all(at('a', { values: BAD }), at('b'), there))).toEqual(['back', 'back', 'rest']);
  });

  test('the first release of all of them is one, too', () => {
    const fresh = (id: string) => asked({ ...unstarted(A1), id });
    expect(kinds(all(fresh('a'), fresh('b')))).toEqual(['start', 'start']);
    const waits = member('b', { position: INIT, plan: A1 }, T0, { primary: notReady('0 of 2') });
    expect(kinds(all(member('a', { position: INIT, plan: A1 }), waits))).toEqual(['hold', 'hold']);
  });
});

describe('rolls back together', () => {
  const at = (name: string, seen: Seen = {}, more: Partial<Given> = {}) => ({
    a: member('a', { position: step(name), ...more }, BAKED, { values: BAD }),
    b: member('b', { position: step(name), ...more }, BAKED, seen),
  });

  test.each(['02-weight-20', '04-promote'])(
    'one bad member takes all back from %s, at once',
    (name) => {
      const { a, b } = at(name);
      const decisions = all(a, b);
      expect(kinds(decisions)).toEqual(['back', 'back']);
      for (const it of decisions as readonly Move[]) {
        expect(it).toMatchObject({ verdict: 'fail', failed: { candidate: NEW, step: name } });
        expect(it.failed?.reason).toMatch(/failed checks/);
      }
      expect(decisions[1]?.reason).toMatch(/^a of its group rolls back: /);
    },
  );

  test.each<[string, (it: Member) => Member]>([
    [
      'paused',
      ({ observation: { situation: it } }) =>
        asked(withRollout({ ...it, state: known({ ...stateOf(it), paused: { reason: 'x' } }) })),
    ],
    [
      'edited by hand',
      ({ observation: { situation: it } }) => asked({ ...it, live: new Map([['x', sha('x')]]) }),
    ],
    [
      'not live',
      ({ observation: { situation: it } }) =>
        asked(it, BAKED, { live: { kind: 'waiting', reason: 'x' } }),
    ],
  ])('also the one that is %s', (_, as) => {
    const { a, b } = at('02-weight-20');
    expect(kinds(all(a, as(b)))).toEqual(['back', 'back']);
  });

  test('one that cannot be read stays, and holds nobody’s rollback', () => {
    const { a, b } = at('02-weight-20');
    const broken = asked(
      withRollout({ ...b.observation.situation, state: { kind: 'broken', reason: 'x' } }),
    );
    expect(kinds(all(a, broken))).toEqual(['back', 'hold']);
  });

  test('a person who aborts one aborts all, with the same candidate, also where it has arrived', () => {
    const failed = { failed: { candidate: NEW, step: '02-weight-20', reason: 'aborted: x' } };
    for (const position of [back('02-weight-20', 'routes'), STABLE]) {
      const a = member('a', { position, state: failed });
      const b = member('b', { position: step('02-weight-20') });
      expect(all(a, b)[1]).toMatchObject({
        transition: 'back',
        verdict: 'fail',
        failed: { candidate: NEW },
      });
    }
  });

  test('a newer candidate blames nobody', () => {
    const a = member('a', { position: step('02-weight-20'), dist: A3 });
    const b = member('b', { position: step('02-weight-20'), dist: A2 });
    for (const it of all(a, b)) {
      expect(it).toMatchObject({ transition: 'back', verdict: 'none' });
      expect((it as Move).failed).toBeUndefined();
    }
  });

  /** Its own version is the old one: rolling back changes no byte of its primary. */
  const same = inGroup('v1', NEW);

  test('one whose primary never changed skips a part, in the same commit', () => {
    const a = member('a', { position: step('04-promote') }, BAKED, { values: BAD });
    const b = member('b', { position: step('04-promote'), plan: same, stable: plan('v1') });
    const decisions = all(a, b) as readonly Move[];
    expect(kinds(decisions)).toEqual(['back', 'back']);
    expect(decisions.map((it) => it.to)).toEqual([
      back('04-promote', 'primary'),
      expect.objectContaining({ kind: expect.stringMatching(/back|stable/) }),
    ]);
    expect(decisions[1]?.to).not.toEqual(back('04-promote', 'primary'));
  });

  test('traffic goes back without waiting for a member; the end is one for all', () => {
    const a = (part: 'primary' | 'routes', seen: Seen = {}) =>
      member('a', { position: back('04-promote', part) }, T0 + 60, seen);
    const b = (part: 'primary' | 'routes') =>
      member('b', { position: back('04-promote', part) }, T0 + 60);
    const stuck = a('primary', { primary: notReady('0 of 2') });
    expect((all(stuck, b('primary'))[1] as Move).to).toEqual(back('04-promote', 'routes'));
    expect(all(stuck, b('routes'))[1]).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(/a: rolling back: the primary is not ready/),
    });
    expect(kinds(all(a('routes'), b('routes')))).toEqual(['back', 'back']);
    expect(all(a('routes'), b('routes')).map((it) => (it as Move).to)).toEqual([STABLE, STABLE]);
  });

  test('the failed candidate is that of the group: a fix in any member starts it again', () => {
    const failed = { failed: { candidate: NEW, step: '02-weight-20', reason: 'bad' } };
    const at = (id: string, dist: PlanTree) =>
      member(id, { position: STABLE, state: failed, dist });
    expect(kinds(all(at('a', A2), at('b', A2)))).toEqual(['rest', 'rest']);
    // Only a is fixed; b has a new plan all the same, of the same version.
    const again = inGroup('v2', FIX);
    expect(kinds(all(at('a', A3), at('b', again)))).toEqual(['start', 'start']);
  });
});

test('a release without a group has none, and one at rest has that of its newest plan', () => {
  const of = (it: Member) => groupOf(it.observation)?.candidate;
  expect(of(member('a', { position: COMPLETE, plan: V1 }))).toBeUndefined();
  expect(of(member('a', { position: COMPLETE, plan: A1, dist: A2 }))).toBe(NEW);
  expect(of(member('a', { position: step('02-weight-20'), dist: A3 }))).toBe(NEW);
  expect(of(asked({ ...unstarted(A1), id: 'a' }))).toBe(OLD);
});

test('one commit has the subject, the writes and the trailers of each', () => {
  const members = ['a', 'b'].map((id) => member(id, { position: step('02-weight-20') }));
  const moves = all(...members) as readonly Move[];
  const changes = members.map((it, index) =>
    change(it.observation.situation, moves[index] as Move, BAKED),
  );
  const whole = oneChange('duo', changes, step('03-weight-50'));
  expect(whole.members).toEqual(['a', 'b']);
  expect(whole.writes).toEqual(changes.flatMap((it) => it.writes));
  const [subject, ...rest] = messageText(whole.message).split('\n');
  expect(subject).toBe('duo (a, b): weight 20 → 50');
  expect(rest.filter((it) => it.startsWith('Perch-Release: '))).toEqual([
    'Perch-Release: a',
    'Perch-Release: b',
  ]);
  expect(rest).toContain('b: weight 20 → 50');
  expect(() => oneChange('duo', [], COMPLETE)).toThrow(/group duo: there is nothing to commit/);
});

test('what the group decides is what each of its members can carry out', () => {
  const members = ['a', 'b'].map((id) =>
    member(id, { position: step('04-promote') }, BAKED, id === 'a' ? { values: BAD } : {}),
  );
  for (const [index, it] of (all(...members) as readonly Move[]).entries()) {
    const before = members[index]?.observation.situation;
    if (before === undefined) throw new Error('a member is missing');
    const after = moved(before, it, BAKED);
    expect(stateOf(after)).toMatchObject({ position: back('04-promote', 'primary') });
  }
});
