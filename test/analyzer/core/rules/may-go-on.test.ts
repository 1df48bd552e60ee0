import { describe, expect, test } from 'vitest';
import type { Liveness } from '../../../../analyzer/core/cluster/reading.ts';
import { type Position, positionText } from '../../../../analyzer/core/position.ts';
import type { Situation } from '../../../../analyzer/core/situation.ts';
import { isoTime } from '../../../../analyzer/core/state.ts';
import {
  BAD,
  COMPLETE,
  decision,
  GOOD,
  hook,
  known,
  liveSince,
  move,
  moved,
  notReady,
  plan,
  READY,
  type Seen,
  STEPS,
  situation,
  step,
  T0,
  V1,
  V2,
} from '../fixture.ts';

/** Late enough for three passing points of a step that is live since T0. */
const BAKED = T0 + 30 + 5 + 2 * 10 + 5;
const WAITING: Liveness = { kind: 'waiting', reason: 'VirtualService test/app is not synced yet' };
const UNKNOWN: Liveness = { kind: 'unknown', reason: 'the API server is down' };

const started = (position: Position, state = {}) =>
  situation({
    position,
    state: {
      steps: [{ name: '01-canary-up', at: isoTime(T0 - 100), until: isoTime(T0), failedChecks: 0 }],
      ...state,
    },
  });
const AT20 = started(step('02-weight-20'));

describe('going on', () => {
  test('a good candidate walks every step in order, each after its checks', () => {
    let now = T0;
    let it: Situation = { ...situation({ position: COMPLETE, plan: V1 }), dist: known(V2) };
    const seen: string[] = [];
    while (decision(it, now).kind !== 'rest') {
      const next = decision(it, now, { values: GOOD });
      if (next.kind === 'move') {
        seen.push(positionText(next.to));
        it = moved(it, next, now);
      }
      now += 5;
    }
    expect(seen).toEqual([...STEPS, 'complete']);
    // Two steps of weight are baked for 60 s each; the others wait for nothing but to be live and ready.
    expect(now - T0).toBeGreaterThanOrEqual(2 * (BAKED - T0));
    expect(it.stable).toEqual(known(V2));
  });

  test('a step with checks needs all its points', () => {
    expect(decision(AT20, BAKED - 1)).toMatchObject({
      kind: 'hold',
      reason: '2 of 3 checks passed',
      untilSeconds: BAKED,
    });
    expect(move(AT20, BAKED)).toMatchObject({
      transition: 'next',
      to: step('03-weight-50'),
      verdict: 'pass',
      reason: '3 of 3 checks passed',
      liveSince: T0,
    });
  });

  test('more points than are wanted are not told: never 47 of 3 checks passed', () => {
    const late = move(AT20, BAKED + 440);
    expect(late.judgement?.passed).toBeGreaterThan(3);
    expect(late.reason).toBe('3 of 3 checks passed');
  });

  test.each<[string, Seen, string]>([
    [
      'the step is not live',
      { live: WAITING },
      '02-weight-20 is not live yet: VirtualService test/app is not synced yet',
    ],
    [
      'the cluster cannot be read',
      { live: UNKNOWN },
      '02-weight-20: the cluster cannot be read: the API server is down',
    ],
    ['it was live only now', { live: liveSince(BAKED - 10) }, '0 of 3 checks passed'],
    [
      'the canary is not ready',
      { canary: notReady('1 of 2 replicas available') },
      'the canary is not ready: 1 of 2 replicas available',
    ],
    [
      'the primary is not ready',
      { primary: { kind: 'unknown', reason: 'forbidden' } },
      'the primary is not ready: forbidden',
    ],
    [
      'the store is down',
      { values: { unknown: 'connection refused' } },
      'inconclusive: success-rate: connection refused',
    ],
    [
      'the store has no data',
      { values: () => undefined },
      'inconclusive: success-rate has no data',
    ],
    ['the store says NaN', { values: () => Number.NaN }, 'inconclusive: success-rate has no data'],
    [
      'the newest check failed',
      { values: (at) => (at >= T0 + 55 ? 80 : 99.9) },
      'success-rate 80 < 99 (failed check 1 of 3)',
    ],
    [
      'clocks differ too much',
      { skewSeconds: 6 },
      'inconclusive: success-rate: clocks differ by 6 s, more than the settle time of 5 s',
    ],
  ])('holds while %s', (_, seen, reason) => {
    expect(decision(AT20, BAKED, seen)).toMatchObject({ kind: 'hold', reason });
  });

  test('clocks that differ by the settle time are fine', () => {
    expect(move(AT20, BAKED, { skewSeconds: 5 })).toMatchObject({ transition: 'next' });
  });

  test('missing points extend the step and fail nobody', () => {
    const gap: Seen = { values: (at) => (at < T0 + 60 ? undefined : 99.9) };
    expect(decision(AT20, BAKED, gap)).toMatchObject({ kind: 'hold' });
    expect(move(AT20, BAKED + 30, gap)).toMatchObject({ transition: 'next' });
  });

  test('a step without checks waits for its bake time alone', () => {
    const steps = V2.plan.steps.map((it) =>
      it.name === '02-weight-20'
        ? { ...it, checks: [], stay: { kind: 'wait', seconds: 30 } as const }
        : it,
    );
    const it = situation({
      position: step('02-weight-20'),
      plan: { ...V2, plan: { ...V2.plan, steps } },
    });
    expect(decision(it, T0 + 29)).toMatchObject({
      kind: 'hold',
      reason: 'bakes for 30 s, without checks',
      untilSeconds: T0 + 30,
    });
    expect(move(it, T0 + 30)).toMatchObject({ transition: 'next', verdict: 'none' });
  });

  test('the last step but one completes the rollout', () => {
    const it = situation({ position: step('05-weight-0') });
    expect(move(it, T0 + 10)).toMatchObject({ transition: 'complete', to: COMPLETE });
  });

  test('only tracks that the step names must be ready', () => {
    expect(
      move(situation({ position: step('05-weight-0') }), T0 + 10, { canary: notReady('gone') }),
    ).toMatchObject({ transition: 'complete' });
  });
});

describe('a promotion with checks', () => {
  const promoting = started(step('04-promote'));

  test('is not left before one conclusive passing point', () => {
    // The points before that would pass, too: their windows reach back to what the primary was.
    for (const now of [T0 + 14, T0 + 20, T0 + 39])
      expect(decision(promoting, now)).toEqual({
        kind: 'hold',
        reason: 'no check point of the promotion has passed yet',
        untilSeconds: T0 + 40,
      });
    expect(decision(promoting, T0 + 70, { values: () => undefined })).toMatchObject({
      kind: 'hold',
      reason: 'inconclusive: success-rate has no data',
    });
    expect(decision(promoting, T0 + 20, { values: BAD })).toMatchObject({
      kind: 'hold',
      reason: 'success-rate 80 < 99 (failed check 1 of 3)',
    });
    expect(move(promoting, T0 + 40)).toMatchObject({ to: step('05-weight-0') });
  });

  test('waits for nothing where it has none', () => {
    const bare = plan('v2', {
      steps: { '04-promote': { checks: [], stay: { kind: 'wait', seconds: 0 } } },
    });
    const it = situation({ position: step('04-promote'), plan: bare });
    expect(move(it, T0 + 1)).toMatchObject({ to: step('05-weight-0') });
  });
});

describe('a fast rollout', () => {
  const gated = plan('v2', {
    more: { hooks: [hook('smoke', 'pre-rollout'), hook('gate', 'confirm-promotion')] },
    steps: {
      '02-weight-20': { gates: [{ kind: 'hook', hook: 'gate' }], hooks: ['smoke'] },
      '03-weight-50': { gates: [{ kind: 'person' }] },
    },
  });
  const fast = { fast: { reason: 'promoted by Robin', by: 'Robin' } };

  test('takes each step one by one, and waits for no check, hook and gate', () => {
    let it = situation({ position: step('01-canary-up'), plan: gated, state: fast });
    const seen: string[] = [];
    for (let now = T0; decision(it, now).kind === 'move'; now += 1) {
      const next = move(it, now);
      seen.push(positionText(next.to));
      expect(next).toMatchObject({ verdict: 'none', reason: 'live and ready; promoted by Robin' });
      it = moved(it, next, now);
    }
    expect(seen).toEqual([...STEPS.slice(1), 'complete']);
  });

  test.each<[string, Seen]>([
    ['live', { live: WAITING }],
    ['live for sure', { live: UNKNOWN }],
    ['ready', { canary: notReady('1 of 2') }],
  ])('is not left before it is %s (Argo Rollouts trap #3941)', (_, seen) => {
    for (const name of STEPS.slice(0, 3)) {
      const it = situation({ position: step(name), plan: gated, state: fast });
      expect(decision(it, T0 + 999, seen).kind).toBe('hold');
    }
  });

  test('still rolls back when checks fail', () => {
    const it = situation({ position: step('02-weight-20'), plan: gated, state: fast });
    expect(move(it, T0 + 60, { values: BAD })).toMatchObject({
      transition: 'back',
      verdict: 'fail',
    });
  });
});

describe('a baseline', () => {
  const of = plan('v2', { baseline: ['02-weight-20'] });
  const it = situation({
    position: step('02-weight-20'),
    plan: of,
    stable: plan('v1', { baseline: [] }),
  });

  test.each([notReady('1 of 2'), notReady('1 of 2', true), undefined])(
    'that is not ready holds, and takes the candidate never back: %j',
    (baseline) => {
      const seen = baseline === undefined ? {} : { baseline };
      expect(decision(it, T0 + 9999, seen)).toMatchObject({
        kind: 'hold',
        reason: expect.stringMatching(/^the baseline is not ready: (1 of 2|unknown)$/),
      });
    },
  );

  test('that is ready goes on', () => {
    expect(move(it, T0 + 60, { baseline: READY })).toMatchObject({ to: step('03-weight-50') });
  });
});
