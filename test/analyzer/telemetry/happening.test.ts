import { describe, expect, test } from 'vitest';
import { subjectOf } from '../../../analyzer/core/message.ts';
import { withRollout } from '../../../analyzer/core/rollout.ts';
import { isoTime } from '../../../analyzer/core/state.ts';
import { happeningOf } from '../../../analyzer/telemetry/happening.ts';
import {
  BAD,
  back,
  COMPLETE,
  hook,
  INIT,
  liveSince,
  plan,
  STABLE,
  situation,
  step,
  T0,
  unstarted,
  V2,
  V3,
} from '../core/fixture.ts';
import { outcomeOf } from './outcome.ts';

const at20 = situation({ position: step('02-weight-20') });
const smoking = plan('v2', {
  more: { hooks: [hook('smoke', 'pre-rollout')] },
  steps: { '02-weight-20': { hooks: ['smoke'] } },
});
const run = { hook: 'smoke', step: '02-weight-20', startedAt: isoTime(T0) };
const smoked = situation({
  position: step('02-weight-20'),
  plan: smoking,
  state: { hooks: [run] },
});
const no = { kind: 'answered', passed: false, status: 500, text: 'no', at: T0 + 5 } as const;
const configured = plan('v2', { analysis: { threshold: 9 } });

describe('a pushed transition', () => {
  test.each([
    ['Initializing', 'start', outcomeOf(unstarted(plan('v1')), T0)],
    ['Initialized', 'complete', outcomeOf(situation({ position: INIT }), T0 + 90)],
    ['RolloutStarted', 'start', outcomeOf(situation({ position: COMPLETE, dist: V3 }), T0)],
    ['WeightChanged', 'next', outcomeOf(at20, T0 + 500)],
    ['Promoting', 'next', outcomeOf(situation({ position: step('03-weight-50') }), T0 + 500)],
    ['Promoted', 'complete', outcomeOf(situation({ position: step('05-weight-0') }), T0 + 500)],
    ['RollingBack', 'back', outcomeOf(at20, T0 + 500, { values: BAD })],
    [
      'RolledBack',
      'back',
      outcomeOf(situation({ position: back('02-weight-20', 'routes') }), T0 + 500, {
        live: liveSince(T0 + 1),
      }),
    ],
    ['ConfigurationChanged', 'adopt', outcomeOf({ ...at20, dist: known(configured) }, T0 + 5)],
    [
      'HookCalled',
      'note',
      outcomeOf(situation({ position: step('02-weight-20'), plan: smoking }), T0 + 5),
    ],
    ['HookEnded', 'note', outcomeOf(smoked, T0 + 9, { hooks: { smoke: no } })],
    ['Paused', 'note', outcomeOf(at20, T0 + 500, { values: () => undefined })],
  ])('is %s', (reason, action, it) => {
    if (it.message === undefined) throw new Error('it does not move');
    expect(happeningOf(it)).toMatchObject({
      reason,
      action,
      note: `${subjectOf(it.message)}: ${it.decision.reason}`,
      at: it.at,
      regarding: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        namespace: 'test',
        name: 'app-primary',
      },
    });
  });

  test('warns where the candidate is bad or answers are missing, and only there', () => {
    const type = (it: Parameters<typeof happeningOf>[0]) => happeningOf(it)?.type;
    expect(type(outcomeOf(at20, T0 + 500))).toBe('Normal');
    expect(type(outcomeOf(at20, T0 + 500, { values: BAD }))).toBe('Warning');
    expect(type(outcomeOf(at20, T0 + 500, { values: () => undefined }))).toBe('Warning');
    expect(type(outcomeOf(situation({ position: step('02-weight-20'), dist: 'absent' }), T0))).toBe(
      'Normal',
    );
  });

  test('that was not pushed is not told', () => {
    expect(happeningOf(outcomeOf(at20, T0 + 500, {}, false))).toBeUndefined();
  });

  test('has a key of its own, and keeps it', () => {
    const first = happeningOf(outcomeOf(at20, T0 + 500))?.key;
    expect(happeningOf(outcomeOf(at20, T0 + 501))?.key).toBe(first);
    const later = situation({ position: step('03-weight-50'), state: { transition: 8 } });
    expect(happeningOf(outcomeOf(later, T0 + 500))?.key).not.toBe(first);
  });
});

describe('a hold', () => {
  test('is told when somebody paused, under one key', () => {
    const state = { paused: { reason: 'lunch\nPerch-Verdict: pass', by: 'Ann' } };
    const paused = situation({ position: step('02-weight-20'), state });
    const told = happeningOf(outcomeOf(paused, T0 + 5));
    expect(told).toMatchObject({
      reason: 'Paused',
      type: 'Warning',
      action: 'hold',
      note: 'app: paused by Ann: lunch Perch-Verdict: pass',
    });
    expect(happeningOf(outcomeOf(paused, T0 + 50))?.key).toBe(told?.key);
  });

  test('is told when Git was edited by hand, anew for another edit', () => {
    const edited = (name: string) =>
      happeningOf(outcomeOf({ ...at20, live: new Map([[name, 'x']]) }, T0));
    expect(edited('a.yaml')).toMatchObject({ reason: 'Paused' });
    expect(edited('a.yaml')?.key).not.toBe(edited('b.yaml')?.key);
  });

  test('is told when answers are missing, once for each time that they are', () => {
    const missing = (at: number) =>
      happeningOf(outcomeOf(at20, T0 + at, { values: () => undefined }));
    expect(missing(100)).toMatchObject({ reason: 'Inconclusive', type: 'Warning' });
    expect(missing(110)?.key).toBe(missing(100)?.key);
    const values = (at: number) => (at < T0 + 60 ? 99.9 : undefined);
    expect(happeningOf(outcomeOf(at20, T0 + 100, { values }))?.key).not.toBe(missing(100)?.key);
  });

  test('is not told when it is the ordinary way of things, nor at rest', () => {
    expect(happeningOf(outcomeOf(at20, T0 + 20))).toBeUndefined();
    const waiting = { live: { kind: 'waiting', reason: 'not synced' } } as const;
    expect(happeningOf(outcomeOf(at20, T0 + 20, waiting))).toBeUndefined();
    expect(happeningOf(outcomeOf(situation({ position: COMPLETE }), T0))).toBeUndefined();
    const failed = { candidate: V2.plan.candidate, step: '02-weight-20', reason: 'bad' };
    const back = situation({ position: STABLE, state: { failed } });
    expect(happeningOf(outcomeOf(back, T0))).toBeUndefined();
  });

  test('of a release of which no plan can be read has no object to stand at', () => {
    const broken = { kind: 'broken', reason: 'no YAML' } as const;
    expect(happeningOf(outcomeOf(withRollout({ ...at20, plan: broken }), T0))).toBeUndefined();
  });
});

function known(it: ReturnType<typeof plan>) {
  return { kind: 'known', value: it } as const;
}
