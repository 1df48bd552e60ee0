import { describe, expect, test } from 'vitest';
import {
  COMPLETE,
  decision,
  known,
  move,
  moved,
  plan,
  STABLE,
  situation,
  step,
  T0,
  V1,
  V2,
  V3,
} from '../fixture.ts';

describe('at rest', () => {
  const rest = situation({ position: COMPLETE, plan: V1 });
  const failed = { candidate: V2.plan.candidate, step: '02-weight-20', reason: '3 failed checks' };
  const wentBack = situation({ position: STABLE, state: { failed } });
  const setting = plan('v1', { setting: 'new' });

  test('nothing happens while nothing is new', () => {
    expect(decision(rest, T0)).toEqual({ kind: 'rest', reason: 'as the test says' });
  });

  test('a new candidate starts at 01, with its plan', () => {
    expect(move({ ...rest, dist: known(V2) }, T0)).toMatchObject({
      transition: 'start',
      to: step('01-canary-up'),
      pins: true,
      failed: undefined,
    });
  });

  test('new configuration of the same candidate is one commit', () => {
    const it = { ...rest, dist: known(setting) };
    expect(move(it, T0)).toMatchObject({
      transition: 'configure',
      to: COMPLETE,
      pins: true,
      reason: `configuration changed, the candidate is still ${V1.plan.candidate}`,
    });
    const next = moved(it, move(it, T0), T0);
    expect(next).toMatchObject({ plan: known(setting), stable: known(setting) });
  });

  test('a failed candidate stays failed, and says so', () => {
    expect(decision(wentBack, T0)).toEqual({
      kind: 'rest',
      reason: `candidate ${V2.plan.candidate} failed in 02-weight-20: 3 failed checks. Release a fix, or \`perch retry\``,
    });
  });

  test('a failed candidate stays failed in another plan, too', () => {
    const again = plan('v2', { setting: 'new', weights: [50] });
    expect(decision({ ...wentBack, dist: known(again) }, T0)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(/Release a fix/),
    });
  });

  test('a fix starts after a failed candidate, which is then forgotten', () => {
    expect(move({ ...wentBack, dist: known(V3) }, T0)).toMatchObject({
      transition: 'start',
      pins: true,
      failed: undefined,
    });
  });

  test('configuration of the stable candidate leaves the failed one failed', () => {
    const it = move({ ...wentBack, dist: known(setting) }, T0);
    expect(it).toMatchObject({ transition: 'configure', failed });
    const next = moved({ ...wentBack, dist: known(setting) }, it, T0, known(V2));
    expect(decision(next, T0)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(/Release a fix/),
    });
  });

  test('what was superseded may start again', () => {
    const superseded = situation({ position: STABLE });
    expect(move(superseded, T0)).toMatchObject({ transition: 'start', to: step('01-canary-up') });
  });

  test('a release that is gone from apps/ is orphaned, and never deleted', () => {
    const reason = 'orphaned: gone from apps/, still running; `perch remove` deletes it';
    expect(decision({ ...rest, dist: { kind: 'absent' } }, T0)).toEqual({ kind: 'rest', reason });
    expect(decision({ ...wentBack, dist: { kind: 'absent' } }, T0)).toEqual({
      kind: 'rest',
      reason,
    });
  });

  test('a plan that cannot be read changes nothing', () => {
    const dist = {
      kind: 'broken',
      reason: 'the source with dist/ cannot be read: timeout',
    } as const;
    expect(decision({ ...rest, dist }, T0)).toEqual({ kind: 'rest', reason: dist.reason });
  });

  test('a plan that must not start is refused with every reason', () => {
    const renamed = plan('v2', { shape: { apex: 'web', autoscaled: true } });
    expect(decision({ ...rest, dist: known(renamed) }, T0)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(
        /^refused: the apex Service changed .*; the primary gains an HPA/,
      ),
    });
  });

  test('a configuration that the cluster could not take is refused, too', () => {
    const renamed = plan('v1', { shape: { apex: 'web' } });
    expect(decision({ ...rest, dist: known(renamed) }, T0)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(/^refused/),
    });
  });

  test('a paused release starts nothing', () => {
    const paused = situation({
      position: COMPLETE,
      plan: V1,
      dist: V2,
      state: { paused: { reason: 'freeze', by: 'Robin' } },
    });
    expect(decision(paused, T0)).toEqual({ kind: 'rest', reason: 'paused by Robin: freeze' });
  });
});
