import { describe, expect, test } from 'vitest';
import type { HookAnswer } from '../../../analyzer/core/observation.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import { isoTime, type State } from '../../../analyzer/core/state.ts';
import { hookCalls } from '../../../analyzer/hooks/calls.ts';
import { newMemory } from '../../../analyzer/tick/analyzer.ts';
import { type Asker, decideAsking } from '../../../analyzer/tick/asking.ts';
import type { Hook } from '../../../lib/plan/plan.ts';
import { COMPLETE, hook, observation, plan, situation, step, T0, V1 } from '../core/fixture.ts';

const BAKED = T0 + 30 + 5 + 2 * 10 + 5;
const NO: HookAnswer = { kind: 'answered', passed: false, status: 500, text: '' };
const YES: HookAnswer = { kind: 'answered', passed: true, status: 200, text: '' };
const DOWN: HookAnswer = { kind: 'unknown', reason: 'down' };
const UNSENT: HookAnswer = { kind: 'unsent', reason: 'no key' };

/** Hooks that answer at once, and the names of those that were called, in their order. */
function asking(answers: Readonly<Record<string, HookAnswer>> | undefined) {
  const called: string[] = [];
  const client = {
    call: async ({ name }: Hook, { phase }: { phase: string }) => {
      called.push(`${name} ${phase}`);
      return answers?.[name] ?? NO;
    },
  };
  const clock = () => now;
  const hooks = answers === undefined ? undefined : hookCalls(client, clock);
  const asker: Asker = { world: { clock, hooks }, memory: newMemory() };
  let now = BAKED;
  return {
    called,
    asker,
    at: (of: Situation, seconds = BAKED) => {
      now = seconds;
      const { unreachableSince: _, answers: __, ...seen } = observation(of, seconds);
      return decideAsking(asker, seen, seconds);
    },
  };
}

const HOOKS = [
  hook('signal', 'rollback'),
  hook('load-1', 'rollout'),
  hook('load-2', 'rollout'),
  hook('load-3', 'rollout'),
  hook('gate-1', 'confirm-traffic-increase'),
  hook('gate-2', 'confirm-promotion'),
];
const of = plan('v2', {
  more: { hooks: HOOKS, start: [{ kind: 'hook', hook: 'gate-1' }] },
  steps: {
    '02-weight-20': {
      hooks: ['signal', 'load-1', 'load-2', 'load-3'],
      gates: [
        { kind: 'hook', hook: 'gate-1' },
        { kind: 'hook', hook: 'gate-2' },
      ],
    },
  },
});
const at20 = (state: Partial<State> = {}) =>
  situation({ position: step('02-weight-20'), plan: of, state });
const GOOD = { 'load-1': YES, 'load-2': YES, 'load-3': YES, 'gate-1': YES, 'gate-2': YES };

describe('one pass', () => {
  test('asks as many hooks as the decision depends on, one after the other, however many', async () => {
    const it = asking(GOOD);
    expect((await it.at(at20())).decision).toMatchObject({ kind: 'move', transition: 'next' });
    expect(it.called.map((one) => one.split(' ')[0])).toEqual(HOOKS.map((one) => one.name));
  });

  test('asks none that nothing depends on: a failure stops it, gates come last', async () => {
    const it = asking({ ...GOOD, 'load-2': NO });
    expect((await it.at(at20())).decision).toMatchObject({ transition: 'note', verdict: 'fail' });
    expect(it.called).toHaveLength(3);
    const early = asking(GOOD);
    expect((await early.at(at20(), T0 + 10)).decision.kind).toBe('hold');
    expect(early.called).toHaveLength(4);
    const closed = asking({ ...GOOD, 'gate-1': NO });
    expect((await closed.at(at20())).decision.reason).toBe('waits for hook gate-1: HTTP 500');
    expect(closed.called).toHaveLength(5);
  });

  test('a yes of a rollback hook rolls back in the same pass, and nobody else is asked', async () => {
    const it = asking({ ...GOOD, signal: YES });
    expect((await it.at(at20())).decision).toMatchObject({ transition: 'back', verdict: 'fail' });
    expect(it.called).toEqual(['signal Progressing']);
  });

  test('before step 01 the newest plan is asked, in the phase Waiting', async () => {
    const rest = situation({ position: COMPLETE, plan: V1, dist: of });
    const it = asking({ ...GOOD, 'gate-1': NO });
    const asked = await it.at(rest);
    expect(asked.decision.reason).toBe('before step 01: waits for hook gate-1: HTTP 500');
    expect(it.called).toEqual(['gate-1 Waiting', 'signal Waiting']);
    expect((await asking(GOOD).at(rest)).decision).toMatchObject({ transition: 'start' });
  });

  test('at rest nobody is asked', async () => {
    const it = asking(GOOD);
    expect((await it.at(situation({ position: COMPLETE, plan: of }))).decision.kind).toBe('rest');
    expect(it.called).toEqual([]);
  });
});

describe('a source that gives no answer', () => {
  const policy = (onInconclusive: 'hold' | 'back') => {
    const own = plan('v2', {
      analysis: { onInconclusive },
      more: { hooks: HOOKS },
      steps: of.plan.steps[2] === undefined ? {} : { '02-weight-20': of.plan.steps[2] },
    });
    return situation({ position: step('02-weight-20'), plan: own });
  };

  test.each([
    ['hold', { transition: 'note', verdict: 'inconclusive' }],
    ['back', { transition: 'back', verdict: 'inconclusive' }],
  ] as const)(
    'a rollout hook: its time counts, then onInconclusive %s decides',
    async (on, expected) => {
      const it = asking({ ...GOOD, 'load-1': DOWN });
      expect((await it.at(policy(on), BAKED)).decision.reason).toBe(
        'inconclusive: hook load-1: down',
      );
      expect((await it.at(policy(on), BAKED + 300)).decision.kind).toBe('hold');
      expect((await it.at(policy(on), BAKED + 301)).decision).toMatchObject(expected);
    },
  );

  test.each([DOWN, UNSENT])('a rollback hook is one, too: $kind', async (signal) => {
    const it = asking({ ...GOOD, signal });
    await it.at(policy('back'), BAKED);
    expect((await it.at(policy('back'), BAKED + 301)).decision).toMatchObject({
      transition: 'back',
    });
  });

  test('an answer in between begins the time anew', async () => {
    const answers: Record<string, HookAnswer> = { ...GOOD, 'load-1': DOWN, 'gate-1': NO };
    const it = asking(answers);
    await it.at(policy('back'), BAKED);
    answers['load-1'] = YES;
    await it.at(policy('back'), BAKED + 200);
    answers['load-1'] = DOWN;
    expect((await it.at(policy('back'), BAKED + 301)).decision.kind).toBe('hold');
    expect((await it.at(policy('back'), BAKED + 602)).decision.kind).toBe('move');
  });

  test('a gate is none: it is closed', async () => {
    const it = asking({ ...GOOD, 'gate-1': DOWN });
    for (const now of [BAKED, BAKED + 301, BAKED + 9999])
      expect((await it.at(policy('back'), now)).decision.reason).toBe(
        'waits for hook gate-1: down',
      );
  });

  test('without anything that calls hooks nothing is known of them', async () => {
    expect((await asking(undefined).at(at20())).decision).toEqual({
      kind: 'hold',
      reason: 'inconclusive: hook signal: hooks are not called here',
    });
  });
});

test('a run that this process did not start is lost, and called by nobody', async () => {
  const smoke = plan('v2', {
    more: { hooks: [hook('smoke', 'pre-rollout')] },
    steps: { '02-weight-20': { hooks: ['smoke'] } },
  });
  const hooks = [{ hook: 'smoke', step: '02-weight-20', startedAt: isoTime(T0) }];
  const it = asking({ smoke: YES });
  const state = { hooks };
  const held = situation({ position: step('02-weight-20'), plan: smoke, state });
  expect((await it.at(held)).decision.reason).toMatch(/nobody can tell whether it passed/);
  expect(it.called).toEqual([]);
});
