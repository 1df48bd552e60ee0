import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { HookAnswer } from '../../../analyzer/core/observation.ts';
import { isoTime, type State } from '../../../analyzer/core/state.ts';
import { type Asked, hookCalls } from '../../../analyzer/hooks/calls.ts';
import type { Hook } from '../../../lib/plan/plan.ts';
import { COMPLETE, hook, plan, situation, stateOf, step, T0 } from '../core/fixture.ts';

beforeEach(() => void vi.useFakeTimers({ now: T0 * 1000 }));
afterEach(() => void vi.useRealTimers());

const YES: HookAnswer = { kind: 'answered', passed: true, status: 200, text: 'fine' };
const NO: HookAnswer = { kind: 'answered', passed: false, status: 500, text: 'no' };

/** A service that takes so many seconds for each answer, and counts its calls. */
function service(seconds: number, answer: HookAnswer | Error = YES) {
  const called: string[] = [];
  const client = {
    call: async (of: Hook, { phase, checksum }: { phase: string; checksum: string }) => {
      called.push(`${of.name} ${phase} ${checksum}`);
      if (seconds > 0) await new Promise((done) => setTimeout(done, seconds * 1000));
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { called, calls: hookCalls(client, () => Date.now() / 1000) };
}

function asked(name = '02-weight-20', state: Partial<State> = {}): Asked {
  const of = situation({ position: step(name), state });
  return { release: 'app', plan: plan('v2').plan, state: stateOf(of), phase: 'Progressing' };
}

/** Reads while time passes, and says how long it took. */
async function read({ calls }: ReturnType<typeof service>, of: Hook, on: Asked = asked()) {
  const start = Date.now();
  const reading = calls.read(on, of);
  await vi.advanceTimersByTimeAsync(2000);
  return { reading: await reading, seconds: (Date.now() - start) / 1000 };
}

const wait = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);
const GATE = hook('gate', 'confirm-promotion');
const LOAD = hook('load', 'rollout');

describe('a hook that is asked', () => {
  test('is sent phase and candidate, and its answer has the time when it came', async () => {
    const it = service(1);
    expect((await read(it, GATE)).reading).toEqual({ ...YES, at: T0 + 1 });
    expect(it.called).toEqual([`gate Progressing ${plan('v2').plan.candidate}`]);
  });

  test.each(['confirm-promotion', 'rollback'] as const)('%s: anew in each pass', async (type) => {
    const it = service(0);
    for (let pass = 1; pass <= 3; pass++) {
      await read(it, hook('gate', type));
      expect(it.called).toHaveLength(pass);
    }
  });

  test('rollout: once each check period, which the passes in between share', async () => {
    const it = service(0, NO);
    const first = await read(it, LOAD);
    await wait(5);
    expect(await read(it, LOAD)).toMatchObject({ reading: first.reading });
    expect(it.called).toHaveLength(1);
    await wait(3);
    expect((await read(it, LOAD)).reading).toMatchObject({ at: T0 + 12 });
    expect(it.called).toHaveLength(2);
  });

  test('another step, or another release, has an answer of its own', async () => {
    const it = service(0);
    await read(it, LOAD);
    await read(it, LOAD, asked('03-weight-50'));
    await read(it, LOAD, { ...asked(), release: 'web' });
    await read(it, LOAD, { ...asked(), plan: plan('v3').plan });
    expect(it.called).toHaveLength(4);
  });

  test('before a rollout it is asked too, with no state at all', async () => {
    const it = service(0);
    const first = { ...asked(), state: undefined, phase: 'Waiting' };
    const rest = { ...first, state: stateOf(situation({ position: COMPLETE })) };
    expect((await read(it, GATE, first)).reading).toMatchObject(YES);
    expect((await read(it, GATE, rest)).reading).toMatchObject(YES);
  });

  test('a bug in the client is an answer that nobody gave', async () => {
    const it = service(0, new TypeError('planted'));
    expect((await read(it, GATE)).reading).toEqual({
      kind: 'unknown',
      reason: 'planted',
      at: T0,
    });
  });
});

describe('a service that is slow', () => {
  test('holds the pass that calls it up for two seconds, those after it not at all, and is called once', async () => {
    const it = service(30);
    for (let pass = 0; pass < 5; pass++) {
      const before = Date.now();
      let done: number | undefined;
      const reading = it.calls.read(asked(), GATE).then((found) => {
        done = Date.now();
        return found;
      });
      await wait(5);
      expect(await reading).toEqual({ kind: 'running' });
      expect((done ?? 0) - before).toBe(pass === 0 ? 2000 : 0);
    }
    expect(it.called).toHaveLength(1);
  });

  test.each([GATE, LOAD])(
    '$type: its late answer is told once, then it is asked anew',
    async (of) => {
      const it = service(5);
      expect((await read(it, of)).reading).toEqual({ kind: 'running' });
      await wait(10);
      expect((await read(it, of)).reading).toEqual({ ...YES, at: T0 + 5 });
      expect(it.called).toHaveLength(1);
      await wait(10);
      expect((await read(it, of)).reading).toEqual({ kind: 'running' });
      expect(it.called).toHaveLength(2);
    },
  );

  test.each([GATE, LOAD])(
    '$type: passes further apart than check points hear it, too',
    async (of) => {
      const it = service(5);
      await read(it, of);
      await wait(40);
      expect((await read(it, of)).reading).toEqual({ ...YES, at: T0 + 5 });
    },
  );

  test.each([GATE, LOAD])(
    '$type: an answer that nobody asked for since long is not used',
    async (of) => {
      const it = service(5);
      await read(it, of);
      await wait(65);
      expect((await read(it, of)).reading).toEqual({ kind: 'running' });
      expect(it.called).toHaveLength(2);
    },
  );
});

describe('a hook that runs once', () => {
  const SMOKE = hook('smoke', 'pre-rollout');
  const run = (seconds = 0) => ({
    hooks: [{ hook: 'smoke', step: '02-weight-20', startedAt: isoTime(T0 + seconds) }],
  });

  test('is called by nobody who reads it: without a start of this process it is lost', async () => {
    const it = service(0);
    expect((await read(it, SMOKE, asked('02-weight-20', run()))).reading).toEqual({ kind: 'lost' });
    expect(it.called).toEqual([]);
  });

  test('runs as long as it runs, and keeps its answer for as long as it takes to be written down', async () => {
    const it = service(60);
    const on = asked('02-weight-20', run());
    it.calls.start(on, SMOKE);
    expect((await read(it, SMOKE, on)).reading).toEqual({ kind: 'running' });
    await wait(9999);
    for (let reads = 0; reads < 3; reads++)
      expect((await read(it, SMOKE, on)).reading).toEqual({ ...YES, at: T0 + 60 });
    expect(it.called).toHaveLength(1);
  });

  test('is unfinished until its answer was told: an analyzer that makes one pass waits for that', async () => {
    const it = service(60);
    const on = asked('02-weight-20', run());
    expect(it.calls.unfinished()).toBe(false);
    it.calls.start(on, SMOKE);
    await read(it, SMOKE, on);
    expect(it.calls.unfinished()).toBe(true);
    await wait(60);
    expect(it.calls.unfinished()).toBe(true);
    await read(it, SMOKE, on);
    expect(it.calls.unfinished()).toBe(false);
  });

  test('a second run has an answer of its own, and a restarted process knows of none', async () => {
    const it = service(0, NO);
    it.calls.start(asked('02-weight-20', run()), SMOKE);
    await wait(1);
    expect((await read(it, SMOKE, asked('02-weight-20', run(10)))).reading).toEqual({
      kind: 'lost',
    });
    const load = hook('smoke', 'rollout', { once: true });
    expect((await read(service(0), load, asked('02-weight-20', run()))).reading).toEqual({
      kind: 'lost',
    });
  });
});

test('what is kept is bounded, and a call that runs is never forgotten', async () => {
  const slow = service(100_000);
  const smoke = hook('smoke', 'pre-rollout');
  const started = { hooks: [{ hook: 'smoke', step: '02-weight-20', startedAt: isoTime(T0) }] };
  slow.calls.start(asked('02-weight-20', started), smoke);
  expect((await read(slow, smoke, asked('02-weight-20', started))).reading).toEqual({
    kind: 'running',
  });
  const it = service(0);
  const base = asked();
  const on = (index: number) => ({ ...base, release: `app-${index}` });
  const reads = Array.from({ length: 1500 }, (_, index) => it.calls.read(on(index), LOAD));
  await wait(2);
  await Promise.all(reads);
  expect(it.called).toHaveLength(1500);
  // The oldest went when newer ones came, and are asked anew within the check period; the newest are still there.
  await read(it, LOAD, on(2000));
  await read(it, LOAD, on(1499));
  expect(it.called).toHaveLength(1501);
  await read(it, LOAD, on(0));
  expect(it.called).toHaveLength(1502);
});
