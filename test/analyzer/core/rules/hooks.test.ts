import { describe, expect, test } from 'vitest';
import type { HookReading } from '../../../../analyzer/core/observation.ts';
import type { Position } from '../../../../analyzer/core/position.ts';
import { askHook } from '../../../../analyzer/core/rules/ask.ts';
import type { Decision, Move } from '../../../../analyzer/core/rules/decision.ts';
import type { Situation } from '../../../../analyzer/core/situation.ts';
import { type HookRecord, isoTime, type State } from '../../../../analyzer/core/state.ts';
import type { Gate, Hook } from '../../../../lib/plan/plan.ts';
import {
  answered,
  COMPLETE,
  decision,
  hook,
  move,
  moved,
  notReady,
  plan,
  type Seen,
  situation,
  stateOf,
  step,
  T0,
  V1,
} from '../fixture.ts';

/** Checks are judged each 10 s, three failed ones roll back; three points must pass, which takes until then. */
const BAKED = T0 + 30 + 5 + 2 * 10 + 5;
const AT20 = '02-weight-20';

function planned(hooks: readonly Hook[], gates: readonly Gate[] = [], analysis = {}) {
  const own = { hooks: hooks.map((it) => it.name), gates: [...gates] };
  return plan('v2', {
    analysis,
    more: { hooks: [...hooks, ...gatesOf(gates)] },
    steps: { [AT20]: own },
  });
}

function gatesOf(gates: readonly Gate[]): readonly Hook[] {
  return gates.flatMap((it) => (it.kind === 'hook' ? [hook(it.hook, 'confirm-promotion')] : []));
}

function at20(hooks: readonly Hook[], state: Partial<State> = {}, gates: readonly Gate[] = []) {
  return situation({ position: step(AT20), plan: planned(hooks, gates), state });
}

function run(of: string, at: number, outcome?: HookRecord['outcome']): HookRecord {
  const ended = outcome === undefined ? {} : { outcome, endedAt: isoTime(at + 1) };
  return { hook: of, step: AT20, startedAt: isoTime(at), ...ended };
}

const unsure = (kind: 'unknown' | 'unsent' = 'unknown'): HookReading => ({
  kind,
  reason: 'down',
  at: T0 + 20,
});

const seen = (reading: HookReading, more: Seen = {}): Seen => ({ hooks: { it: reading }, ...more });
const failures = (it: Situation) =>
  stateOf(it).hooks?.filter((one) => one.outcome === 'failed').length ?? 0;

describe('a hook that runs once', () => {
  const smoke = hook('it', 'pre-rollout');
  const load = hook('it', 'rollout', { once: true });

  test.each([smoke, load])('$type: one commit starts it, another says how it ended', (it) => {
    const before = at20([it]);
    const start = move(before, T0 + 10);
    expect(start).toMatchObject({ transition: 'note', calls: 'it', verdict: 'none' });
    const started = moved(before, start, T0 + 10);
    expect(stateOf(started).hooks).toEqual([run('it', T0 + 10)]);
    expect(decision(started, T0 + 15)).toMatchObject({ kind: 'hold', asks: [askHook('it')] });
    expect(decision(started, T0 + 15, seen({ kind: 'running' }))).toEqual({
      kind: 'hold',
      reason: 'hook it runs',
    });
    const end = move(started, T0 + 20, seen(answered(T0 + 20, true, 'fine')));
    expect(end).toMatchObject({ transition: 'note', verdict: 'pass' });
    expect(end.calls).toBeUndefined();
    expect(end.reason).toBe('hook it passed: HTTP 200, fine');
    const ended = moved(started, end, T0 + 20);
    expect(move(ended, BAKED)).toMatchObject({ transition: 'next' });
    expect(stateOf(moved(ended, move(ended, BAKED), BAKED)).hooks).toHaveLength(1);
  });

  test('is not called before the step is live and its tracks are ready', () => {
    const it = at20([smoke]);
    const waiting = { live: { kind: 'waiting', reason: 'not synced' } } as const;
    expect(decision(it, T0 + 10, waiting)).toMatchObject({ kind: 'hold' });
    expect(decision(it, T0 + 10, { canary: notReady('1 of 2') })).toMatchObject({ kind: 'hold' });
  });

  test('is called again for each try of its step, as a new rollout forgets the runs of the last', () => {
    const state = { hooks: [run('it', T0 - 50, 'passed')] };
    const rest = situation({ position: COMPLETE, plan: V1, dist: planned([smoke]), state });
    const started = moved(rest, move(rest, T0), T0);
    expect(stateOf(started).hooks).toBeUndefined();
  });

  test('that failed runs again after a check period, and three failures roll back', () => {
    let it = at20([smoke]);
    let now = T0 + 10;
    for (let tries = 1; tries <= 3; tries++) {
      it = moved(it, move(it, now), now);
      it = moved(it, move(it, now + 2, seen(answered(now + 2, false))), now + 2);
      expect(failures(it)).toBe(tries);
      const next = decision(it, now + 3);
      if (tries < 3)
        expect(next).toEqual({
          kind: 'hold',
          reason: 'hook it failed; it runs again',
          untilSeconds: now + 12,
        });
      else expect(next).toMatchObject({ transition: 'back', verdict: 'fail' });
      now += 12;
    }
  });

  test('failures of hooks and of checks are counted together', () => {
    const steps = [
      { name: '01-canary-up', at: isoTime(T0 - 50), until: isoTime(T0), failedChecks: 1 },
    ];
    const hooks = [run('it', T0, 'failed'), run('it', T0 + 12, 'failed')];
    expect(move(at20([smoke], { hooks, steps }), T0 + 20)).toMatchObject({ transition: 'back' });
    expect(decision(at20([smoke], { hooks }), T0 + 20).kind).toBe('hold');
  });

  describe('nobody can tell what became of', () => {
    const lost = seen({ kind: 'lost' });
    // A call may take 10 s and 5 s more between attempts; whoever made it has a check period to write it down.
    const over = T0 + 10 + 25;
    const started = (more: Partial<Hook> = {}, state: Partial<State> = {}) =>
      at20([{ ...smoke, ...more }], { hooks: [run('it', T0 + 10)], ...state });
    const approved = {
      approved: [{ candidate: stateOf(started()).candidate, step: AT20, by: 'R', reason: 'ok' }],
    };

    test('after a restart: waited for as long as another analyzer may wait for it, then held', () => {
      expect(decision(started(), over - 1, lost)).toEqual({
        kind: 'hold',
        reason: 'hook it was started by another analyzer, or before a restart; it may still run',
        untilSeconds: over,
      });
      const held = decision(started(), over + 9999, lost);
      expect(held).toMatchObject({
        kind: 'hold',
        reason: expect.stringMatching(/nobody can tell whether it passed.*`perch promote`/),
      });
    });

    test('repeatable: it runs again, not while another analyzer may still wait for it', () => {
      expect(decision(started({ repeatable: true }), over - 1, lost).kind).toBe('hold');
      const again = move(started({ repeatable: true }), over, lost);
      expect(again).toMatchObject({ calls: 'it', transition: 'note' });
      expect(again.hooks).toEqual([run('it', T0 + 10), run('it', over)]);
    });

    test('a person takes it as passed, and not what may still run', () => {
      expect(decision(started({}, approved), over - 1, lost).kind).toBe('hold');
      expect(move(started({}, approved), BAKED, lost)).toMatchObject({ transition: 'next' });
      expect(decision(started({}, approved), BAKED, seen({ kind: 'running' })).kind).toBe('hold');
    });

    test('an answer that never came: held, or called again where that is safe', () => {
      const hooks = [run('it', T0 + 10, 'unknown')];
      expect(decision(at20([smoke], { hooks }), T0 + 9999)).toMatchObject({
        kind: 'hold',
        reason: expect.stringMatching(/nobody can tell/),
      });
      expect(decision(at20([{ ...smoke, repeatable: true }], { hooks }), T0 + 20).kind).toBe(
        'hold',
      );
      expect(move(at20([{ ...smoke, repeatable: true }], { hooks }), T0 + 21)).toMatchObject({
        calls: 'it',
      });
    });
  });

  test.each([
    [unsure('unsent'), 'unsent'],
    [unsure(), 'unknown'],
  ] as const)('what gave no answer is written down: %j', (reading, outcome) => {
    const it = at20([smoke], { hooks: [run('it', T0 + 10)] });
    const end = move(it, T0 + 20, seen(reading));
    expect(end).toMatchObject({ verdict: 'inconclusive' });
    expect(end.hooks).toEqual([{ ...run('it', T0 + 10), endedAt: isoTime(T0 + 20), outcome }]);
    expect(failures(moved(it, end, T0 + 20))).toBe(0);
  });

  test('that could not be called is called again after a check period', () => {
    const it = at20([smoke], { hooks: [run('it', T0 + 10, 'unsent')] });
    expect(decision(it, T0 + 20)).toMatchObject({ kind: 'hold', untilSeconds: T0 + 21 });
    expect(move(it, T0 + 21)).toMatchObject({ calls: 'it' });
  });

  test.each([
    ['hold', { paused: { reason: expect.stringMatching(/no conclusive answer for 301 s/) } }],
    ['back', { transition: 'back', verdict: 'inconclusive' }],
  ] as const)('that can never be called follows onInconclusive: %s', (onInconclusive, expected) => {
    const state = { hooks: [run('it', T0 + 10, 'unsent'), run('it', T0 + 290, 'unsent')] };
    const of = planned([smoke], [], { onInconclusive });
    const it = situation({ position: step(AT20), plan: of, state });
    expect(move(it, T0 + 310)).toMatchObject({ calls: 'it' });
    expect(move(it, T0 + 311)).toMatchObject(expected);
  });

  test('Flagger trap D: a closed confirm-traffic-increase gate runs no pre-rollout hook again', () => {
    const gates: Gate[] = [{ kind: 'hook', hook: 'gate' }];
    const it = at20([smoke], { hooks: [run('it', T0 + 10, 'passed')] }, gates);
    for (let now = BAKED; now < BAKED + 600; now += 10)
      expect(decision(it, now, { hooks: { gate: answered(now, false, 'closed') } })).toEqual({
        kind: 'hold',
        reason: 'waits for hook gate: HTTP 500, closed',
        atGate: true,
      });
    expect(move(it, BAKED + 600, { hooks: { gate: answered(BAKED, true) } })).toMatchObject({
      transition: 'next',
    });
  });

  test('Flagger trap K: while a gate is closed the checks go on, and no pre-rollout hook runs again', () => {
    const gates: Gate[] = [{ kind: 'person' }];
    const it = at20([smoke], { hooks: [run('it', T0 + 10, 'passed')] }, gates);
    expect(decision(it, BAKED + 600)).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(/person/),
    });
    const bad = (at: number) => (at > BAKED + 300 ? 80 : 99.9);
    expect(move(it, BAKED + 600, { values: bad })).toMatchObject({
      transition: 'back',
      verdict: 'fail',
    });
  });
});

describe('a rollout hook', () => {
  const load = hook('it', 'rollout');

  test('is asked in each pass, and a pass is nothing to write down', () => {
    expect(decision(at20([load]), T0 + 20)).toMatchObject({ kind: 'hold', asks: [askHook('it')] });
    expect(move(at20([load]), BAKED, seen(answered(BAKED, true)))).toMatchObject({
      transition: 'next',
    });
  });

  test('a failure is recorded once for each answer, however often it is read', () => {
    const reading = answered(T0 + 20, false, 'no');
    const it = at20([load]);
    const note = move(it, T0 + 21, seen(reading));
    expect(note).toMatchObject({ transition: 'note', verdict: 'fail' });
    const noted = moved(it, note, T0 + 21);
    expect(failures(noted)).toBe(1);
    for (let now = T0 + 22; now < T0 + 30; now++)
      expect(decision(noted, now, seen(reading))).toEqual({
        kind: 'hold',
        reason: 'hook it failed: HTTP 500, no',
      });
  });

  test('of two analyzers, or after a restart, counts one failure each check period', () => {
    const it = at20([load], { hooks: [run('it', T0 + 20, 'failed')] });
    expect(decision(it, T0 + 25, seen(answered(T0 + 25, false))).kind).toBe('hold');
    expect(move(it, T0 + 31, seen(answered(T0 + 31, false))).hooks).toHaveLength(2);
  });

  test('passing points do not make up for it: it must pass itself', () => {
    const it = at20([load], { hooks: [run('it', T0 + 20, 'failed')] });
    expect(decision(it, BAKED, seen(answered(T0 + 25, false))).kind).toBe('hold');
    expect(move(it, BAKED, seen(answered(BAKED, true)))).toMatchObject({ transition: 'next' });
  });

  test('three failures roll back', () => {
    let it = at20([load]);
    for (let now = T0 + 10; now < T0 + 40; now += 10)
      it = moved(it, move(it, now, seen(answered(now, false))), now);
    expect(move(it, T0 + 40)).toMatchObject({ transition: 'back', verdict: 'fail' });
  });

  test('one that is slow holds, and counts for nothing', () => {
    expect(decision(at20([load]), T0 + 9999, seen({ kind: 'running' }))).toEqual({
      kind: 'hold',
      reason: 'inconclusive: hook it: it runs',
    });
  });

  test.each([
    ['hold', { paused: { reason: expect.stringMatching(/^no conclusive answer/) } }],
    ['back', { transition: 'back', verdict: 'inconclusive' }],
  ] as const)('without an answer for too long follows onInconclusive: %s', (policy, expected) => {
    const of = planned([load], [], { onInconclusive: policy });
    const it = situation({ position: step(AT20), plan: of });
    const shown = seen(unsure(), { unreachableSince: T0 });
    expect(decision(it, T0 + 300, shown)).toEqual({
      kind: 'hold',
      reason: 'inconclusive: hook it: down',
    });
    expect(move(it, T0 + 301, shown)).toMatchObject(expected);
  });
});

describe('a rollback hook', () => {
  const signal = hook('it', 'rollback');
  const yes = seen(answered(T0 + 20, true, 'page'));
  const person: Gate[] = [{ kind: 'person' }];

  test.each<[string, Situation, Seen]>([
    ['in a step', at20([signal]), {}],
    ['paused', at20([signal], { paused: { reason: 'lunch' } }), {}],
    ['edited by hand', { ...at20([signal]), live: new Map() }, {}],
    ['not live', at20([signal]), { live: { kind: 'waiting', reason: 'not synced' } }],
    ['not ready', at20([signal]), { canary: notReady('1 of 2') }],
    ['without a cluster', at20([signal]), { live: { kind: 'unknown', reason: 'down' } }],
    ['waiting at a gate', at20([signal], {}, person), {}],
    ['fast', at20([signal], { fast: { reason: 'full' } }), {}],
  ])('is asked, and rolls back at once: %s', (_, it, more) => {
    expect(decision(it, BAKED, more)).toMatchObject({ kind: 'hold', asks: [askHook('it')] });
    expect(move(it, BAKED, { ...more, ...yes })).toMatchObject({
      transition: 'back',
      verdict: 'fail',
      failed: { step: AT20 },
      reason: 'hook it asks for a rollback: HTTP 200, page',
    });
  });

  test('a no is a no: the rollout goes on', () => {
    const no = seen(answered(BAKED, false));
    expect(move(at20([signal]), BAKED, no)).toMatchObject({ transition: 'next' });
  });

  test('one that cannot tell holds, and follows the inconclusive deadline', () => {
    expect(decision(at20([signal]), BAKED, seen(unsure()))).toEqual({
      kind: 'hold',
      reason: 'inconclusive: hook it: down',
    });
    const shown = seen(unsure(), { unreachableSince: T0 });
    expect(move(at20([signal]), T0 + 301, shown)).toMatchObject({ transition: 'note' });
  });

  test('nothing else is called while it cannot tell: what it would lead to would wait anyway', () => {
    const both = at20([hook('load', 'rollout'), signal]);
    for (const reading of [unsure(), { kind: 'running' } as const])
      expect(decision(both, BAKED, seen(reading))).not.toHaveProperty('asks');
    expect(decision(both, BAKED, seen(answered(BAKED, false)))).toMatchObject({
      asks: [askHook('load')],
    });
  });

  describe('before step 01', () => {
    const of = plan('v2', {
      more: {
        hooks: [signal, hook('gate', 'confirm-rollout')],
        start: [{ kind: 'hook', hook: 'gate' }],
      },
    });
    const waiting = situation({ position: COMPLETE, plan: V1, dist: of });
    const ask = (gate: boolean, back: boolean): Decision =>
      decision(waiting, T0 + 20, {
        hooks: { gate: answered(T0 + 20, gate), it: answered(T0 + 20, back) },
      });

    test('Flagger trap M: it is asked while confirm-rollout is closed, and its yes is never started', () => {
      expect(decision(waiting, T0 + 20)).toMatchObject({
        kind: 'hold',
        asks: [askHook('gate'), askHook('it')],
      });
      const rejected = ask(false, true) as Move;
      expect(rejected).toMatchObject({
        transition: 'note',
        to: COMPLETE as Position,
        failed: { candidate: of.plan.candidate, step: 'start' },
      });
      const after = moved(waiting, rejected, T0 + 20);
      expect(decision(after, T0 + 30)).toMatchObject({
        kind: 'rest',
        reason: expect.stringMatching(/failed in start.*perch retry/),
      });
    });

    test('it wins over a gate that opens in the same moment', () => {
      expect(ask(true, true)).toMatchObject({ transition: 'note', verdict: 'fail' });
      expect(ask(true, false)).toMatchObject({ transition: 'start' });
      expect(ask(false, false)).toMatchObject({ kind: 'hold', asks: [] });
    });
  });
});
