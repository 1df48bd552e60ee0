import { describe, expect, test } from 'vitest';
import type { HookReading } from '../../../../analyzer/core/observation.ts';
import { gates, promote } from '../../../../analyzer/core/person.ts';
import { status } from '../../../../analyzer/core/phase.ts';
import { withRollout } from '../../../../analyzer/core/rollout.ts';
import { askHook } from '../../../../analyzer/core/rules/ask.ts';
import {
  closedGate,
  hooksNamed,
  isApproved,
  readingText,
  START,
} from '../../../../analyzer/core/rules/gate.ts';
import type { Situation } from '../../../../analyzer/core/situation.ts';
import { type HookRecord, isoTime } from '../../../../analyzer/core/state.ts';
import type { Gate, Hook } from '../../../../lib/plan/plan.ts';
import {
  answered,
  answersOf,
  BAD,
  COMPLETE,
  decision,
  hook,
  known,
  move,
  moved,
  plan,
  situation,
  stateOf,
  step,
  T0,
  V1,
} from '../fixture.ts';

const BAKED = T0 + 30 + 5 + 2 * 10 + 5;
const ROBIN = { by: 'Robin', reason: 'looks good' };
const PERSON: Gate = { kind: 'person' };
const HOOK: Gate = { kind: 'hook', hook: 'gate' };

function gated(version: string, gates: readonly Gate[], at = '02-weight-20', start: Gate[] = []) {
  const hooks: Hook[] = ['gate', 'other'].map((it) => hook(it, 'confirm-promotion'));
  return plan(version, { more: { hooks, start }, steps: { [at]: { gates: [...gates] } } });
}

const at20 = (gates: readonly Gate[], state = {}) =>
  situation({ position: step('02-weight-20'), plan: gated('v2', gates), state });
const says = (reading: HookReading) => ({ hooks: { gate: reading } });

describe('a person’s gate', () => {
  const it = at20([PERSON]);

  test('waits for ever, and a person opens it for this step alone', () => {
    for (const now of [BAKED, BAKED + 99_999])
      expect(decision(it, now)).toEqual({
        kind: 'hold',
        reason: 'waits for a person: `perch promote`',
        atGate: true,
      });
    const opened = moved(it, promote(it, ROBIN), BAKED);
    const next = move(opened, BAKED);
    expect(next).toMatchObject({ transition: 'next' });
    expect(next.reason).toBe('3 of 3 checks passed; approved by Robin: looks good');
  });

  test('that was opened before the checks have passed still waits for them', () => {
    const opened = moved(it, promote(it, ROBIN), T0 + 1);
    expect(decision(opened, T0 + 10).kind).toBe('hold');
    expect(move(opened, BAKED)).toMatchObject({ transition: 'next' });
    expect(move(opened, BAKED, { values: BAD })).toMatchObject({ transition: 'back' });
  });

  test('an approval is of one candidate and one step, and ends with the rollout', () => {
    const of = gated('v2', [PERSON]);
    const opened = stateOf(moved(it, promote(it, ROBIN), BAKED));
    expect(isApproved(opened, of.plan, '02-weight-20')).toBe(true);
    expect(isApproved(opened, of.plan, '03-weight-50')).toBe(false);
    expect(isApproved(opened, gated('v3', [PERSON]).plan, '02-weight-20')).toBe(false);
    expect(isApproved(undefined, of.plan, '02-weight-20')).toBe(false);
    let back: Situation = moved(it, promote(it, ROBIN), BAKED);
    for (
      let now = BAKED;
      back.state.kind === 'known' && stateOf(back).position.kind !== 'stable';
      now += 60
    )
      back = moved(back, move(back, now, { values: BAD }), now);
    expect(stateOf(back).approved).toBeUndefined();
    // Another try of the same candidate asks again.
    const { failed: _, ...forgiven } = stateOf(back);
    const again = withRollout({ ...back, state: known(forgiven) });
    expect(stateOf(moved(again, move(again, BAKED), BAKED)).approved).toBeUndefined();
  });

  test('Flagger trap #1819: the status says who is waited for, and the weight that stands', () => {
    expect(status(it)).toMatchObject({ phase: 'Waiting', weight: 20 });
    const last = situation({
      position: step('03-weight-50'),
      plan: gated('v2', [PERSON], '03-weight-50'),
    });
    expect(status(last)).toMatchObject({ phase: 'WaitingPromotion', weight: 50 });
    const opened = moved(last, promote(last, ROBIN), BAKED);
    expect(status(opened)).toMatchObject({ phase: 'Progressing', weight: 50 });
  });
});

describe('a hook’s gate', () => {
  const it = at20([HOOK]);

  test('is asked when all else is done, not before', () => {
    expect(decision(it, T0 + 10)).not.toHaveProperty('asks');
    expect(decision(it, BAKED)).toMatchObject({ kind: 'hold', asks: [askHook('gate')] });
  });

  test.each<[string, HookReading, string]>([
    ['a no', answered(BAKED, false, 'freeze'), 'waits for hook gate: HTTP 500, freeze'],
    ['a no without a word', answered(BAKED, false), 'waits for hook gate: HTTP 500'],
    ['no answer', { kind: 'unknown', reason: 'down', at: BAKED }, 'waits for hook gate: down'],
    ['no key', { kind: 'unsent', reason: 'no key', at: BAKED }, 'waits for hook gate: no key'],
    ['a slow one', { kind: 'running' }, 'waits for hook gate: it runs'],
    [
      'nobody knows',
      { kind: 'lost' },
      'waits for hook gate: it was started, and nobody can tell what became of it',
    ],
  ])('%s keeps it closed', (_, reading, reason) => {
    expect(decision(it, BAKED, says(reading))).toEqual({ kind: 'hold', reason, atGate: true });
  });

  test('a yes opens it, and so does a person', () => {
    expect(move(it, BAKED, says(answered(BAKED, true)))).toMatchObject({ transition: 'next' });
    const opened = moved(it, promote(it, ROBIN), BAKED);
    expect(move(opened, BAKED)).toMatchObject({ transition: 'next' });
  });

  test('Flagger trap L: it is asked in each pass, not in each second one', () => {
    for (let now = BAKED; now < BAKED + 100; now += 10)
      expect(decision(it, now)).toMatchObject({ asks: [askHook('gate')] });
  });

  test('Flagger trap #1801: a candidate that gets bad while it waits rolls back', () => {
    const closed = says(answered(BAKED, false));
    expect(move(it, BAKED + 600, { ...closed, values: BAD })).toMatchObject({
      transition: 'back',
      verdict: 'fail',
    });
  });

  test('one that cannot be asked waits as long as one that says no: no inconclusive deadline', () => {
    const silent = says({ kind: 'unknown', reason: 'down', at: BAKED });
    expect(decision(it, BAKED + 99_999, silent).kind).toBe('hold');
  });
});

test('of several gates all must be open, in their order, and none is asked that nothing depends on', () => {
  const two: readonly Gate[] = [HOOK, { kind: 'hook', hook: 'other' }];
  expect(closedGate(two, answersOf({}))).toMatchObject({ asks: [askHook('gate')] });
  expect(closedGate(two, answersOf({ gate: answered(T0, false) }))).not.toHaveProperty('asks');
  expect(closedGate(two, answersOf({ gate: answered(T0, true) }))).toMatchObject({
    asks: [askHook('other')],
  });
  const open = answersOf({ gate: answered(T0, true), other: answered(T0, true) });
  expect(closedGate(two, open)).toBeUndefined();
  expect(closedGate([PERSON, ...two], open)).toMatchObject({
    reason: expect.stringMatching(/person/),
  });
  expect(closedGate([], undefined)).toBeUndefined();
});

describe('a gate before step 01', () => {
  const of = gated('v2', [], '02-weight-20', [HOOK]);
  const it = situation({ position: COMPLETE, plan: V1, dist: of });

  test('keeps the candidate from starting until it opens, and nothing is touched', () => {
    expect(decision(it, T0)).toMatchObject({ kind: 'hold', asks: [askHook('gate')] });
    expect(decision(it, T0, says(answered(T0, false, 'no')))).toMatchObject({
      kind: 'hold',
      reason: 'before step 01: waits for hook gate: HTTP 500, no',
    });
    expect(move(it, T0, says(answered(T0, true)))).toMatchObject({ transition: 'start' });
  });

  test('a person opens it for the candidate that waits, and for none that comes after it', () => {
    const note = promote(it, ROBIN);
    expect(note.approved).toEqual([{ candidate: of.plan.candidate, step: START, ...ROBIN }]);
    const opened = moved(it, note, T0);
    expect(move(opened, T0)).toMatchObject({ transition: 'start' });
    const other = { ...opened, dist: known(gated('v3', [], '02-weight-20', [HOOK])) };
    expect(decision(other, T0)).toMatchObject({ kind: 'hold', asks: [askHook('gate')] });
  });

  test('is not asked for configuration', () => {
    const setting = plan('v1', {
      setting: 'new',
      more: { hooks: [hook('gate', 'confirm-rollout')], start: [HOOK] },
    });
    const rest = situation({ position: COMPLETE, plan: V1, dist: setting });
    expect(move(rest, T0)).toMatchObject({ transition: 'configure' });
  });
});

describe('`perch promote` can open', () => {
  const of = plan('v2', {
    more: { hooks: [hook('it', 'rollout')] },
    steps: { '02-weight-20': { hooks: ['it'] }, '03-weight-50': { gates: [PERSON] } },
  });
  const opens = (...outcomes: readonly HookRecord['outcome'][]) => {
    const hooks = outcomes.map((outcome, index) => ({
      hook: 'it',
      step: '02-weight-20',
      startedAt: isoTime(T0 + index),
      ...(outcome === undefined ? {} : { outcome }),
    }));
    const it = situation({ position: step('02-weight-20'), plan: of, state: { hooks } });
    return gates(it).map((one) => one.step);
  };

  test('the gates, here and ahead', () => expect(opens()).toEqual(['03-weight-50']));

  test.each([[undefined], ['failed', 'unknown']] as const)(
    'what nobody can tell of a hook first: %j',
    (...outcomes) => expect(opens(...outcomes)).toEqual(['02-weight-20', '03-weight-50']),
  );

  test.each([['failed'], ['unknown', 'passed'], ['unsent']] as const)(
    'nothing where it is known what became of it: %j',
    (...outcomes) => expect(opens(...outcomes)).toEqual(['03-weight-50']),
  );
});

test('what was said is told in a line, and a name that the plan does not have is a mistake', () => {
  expect(readingText(answered(T0, true, 'fine'))).toBe('HTTP 200, fine');
  expect(hooksNamed(gated('v2', []).plan, ['gate']).map((it) => it.name)).toEqual(['gate']);
  expect(() => hooksNamed(V1.plan, ['gate'])).toThrow('release app: its plan has no hook "gate"');
});
