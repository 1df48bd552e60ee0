import { describe, expect, test } from 'vitest';
import type { Liveness } from '../../../../analyzer/core/cluster/reading.ts';
import { type PlanTree, positionText } from '../../../../analyzer/core/position.ts';
import { nextBack } from '../../../../analyzer/core/rollout.ts';
import type { Situation } from '../../../../analyzer/core/situation.ts';
import { isoTime } from '../../../../analyzer/core/state.ts';
import {
  BAD,
  back,
  COMPLETE,
  decision,
  INIT,
  known,
  liveSince,
  move,
  moved,
  notReady,
  plan,
  rollout,
  type Seen,
  STABLE,
  STEPS,
  situation,
  step,
  T0,
  V1,
  V2,
} from '../fixture.ts';

const WAITING: Liveness = { kind: 'waiting', reason: 'VirtualService test/app is not synced yet' };
const SYNC = V2.plan.analysis.syncSeconds;
const OLD = [{ name: '01-canary-up', at: isoTime(T0 - 100), until: isoTime(T0), failedChecks: 0 }];

function at(name: string, of: PlanTree = V2, failedBefore = 0): Situation {
  const steps = OLD.map((it) => ({ ...it, failedChecks: failedBefore }));
  return situation({ position: step(name), plan: of, state: { steps } });
}

describe('the rollback', () => {
  test.each(STEPS)(
    'from %s is walked to its end, each part once the one before is live',
    (name) => {
      let it = at(name);
      let now = T0 + 40;
      const seen: string[] = [];
      for (
        let next = move(it, now, {
          values: BAD,
          canary: notReady('crash loop', true),
          primary: notReady('crash loop', true),
        });
        ;
        next = move(it, now)
      ) {
        seen.push(positionText(next.to));
        it = moved(it, next, now);
        if (next.to.kind === 'stable') break;
        expect(decision(it, now + 1, { live: WAITING })).toMatchObject({ kind: 'hold' });
        now += SYNC;
      }
      const promoted = STEPS.indexOf(name) >= 3;
      expect(seen).toEqual([
        ...(promoted ? [`back from ${name}: primary`] : []),
        `back from ${name}: routes`,
        'stable',
      ]);
      expect(it.live).toEqual(situation({ position: COMPLETE, plan: V1 }).live);
      expect(it.state).toMatchObject({
        value: { failed: { candidate: V2.plan.candidate, step: name } },
      });
      expect(decision(it, now)).toMatchObject({
        kind: 'rest',
        reason: expect.stringMatching(/Release a fix/),
      });
    },
  );

  const primaryFirst = situation({ position: back('04-promote', 'primary') });
  test('the routes return to a ready primary only', () => {
    expect(
      decision(primaryFirst, T0 + SYNC, { primary: notReady('1 of 2 replicas updated') }),
    ).toEqual({
      kind: 'hold',
      reason: 'rolling back: the primary is not ready: 1 of 2 replicas updated',
    });
    expect(
      decision(primaryFirst, T0 + SYNC, { primary: { kind: 'unknown', reason: 'forbidden' } }).kind,
    ).toBe('hold');
    expect(move(primaryFirst, T0 + SYNC)).toMatchObject({
      transition: 'back',
      to: back('04-promote', 'routes'),
      reason: 'the primary is restored',
      verdict: 'none',
    });
  });

  test('needs no metric store and no ready canary', () => {
    const seen: Seen = {
      values: { unknown: 'down' },
      canary: notReady('crash loop', true),
      unreachableSince: T0,
    };
    expect(
      move(situation({ position: back('02-weight-20', 'routes') }), T0 + SYNC, seen),
    ).toMatchObject({ to: STABLE, reason: 'all traffic is on the primary' });
  });

  test('keeps the canary for debugging where the release says so', () => {
    const patient = plan('v2', { analysis: { rollbackDelaySeconds: 600 } });
    const it = situation({ position: back('02-weight-20', 'routes'), plan: patient });
    const seen: Seen = { live: liveSince(T0 + 20) };
    expect(decision(it, T0 + 619, seen)).toEqual({
      kind: 'hold',
      reason: 'rolling back: the canary is kept for debugging',
      untilSeconds: T0 + 620,
    });
    expect(move(it, T0 + 620, seen)).toMatchObject({ to: STABLE });
    // The primary waits for nobody.
    expect(
      move(situation({ position: back('04-promote', 'primary'), plan: patient }), T0 + 21, seen),
    ).toMatchObject({ to: back('04-promote', 'routes') });
  });

  test('pins nothing, and looks at the newest dist at its end only', () => {
    const newer = plan('v9');
    const it = { ...situation({ position: back('02-weight-20', 'routes') }), dist: known(newer) };
    expect(decision(it, T0, { live: WAITING }).kind).toBe('hold');
    const last = move(it, T0 + SYNC);
    expect(last).toMatchObject({ to: STABLE, pins: false });
    expect(move(moved(it, last, T0 + SYNC), T0 + SYNC)).toMatchObject({
      transition: 'start',
      pins: true,
    });
  });

  test('a position that changes no byte is skipped', () => {
    // Stable's routes carry no marks of a step here: back from 01 changes the primary's routes by nothing.
    const route = '/virtualservice-app.yaml';
    const same = V1.blobs.get(`steps/06-complete${route}`) ?? '';
    const quiet: PlanTree = {
      ...V2,
      blobs: new Map([...V2.blobs].map(([path, oid]) => [path, path.endsWith(route) ? same : oid])),
    };
    const seen = { live: liveSince(T0), ready: {}, shownStep: undefined };
    const of = (it: PlanTree) =>
      nextBack(rollout(situation({ position: step('01-canary-up'), plan: it })), seen);
    expect(of(quiet)).toEqual(back('01-canary-up', 'routes'));
    const service = '/service-app.yaml';
    const noService: PlanTree = {
      ...quiet,
      blobs: new Map(
        [...quiet.blobs].map(([path, oid]) => [
          path,
          path.endsWith(service) ? (V1.blobs.get(`steps/06-complete${service}`) ?? '') : oid,
        ]),
      ),
    };
    expect(of(noService)).toEqual(STABLE);
  });

  test.each([INIT, COMPLETE, STABLE])('there is none from %j', (position) => {
    expect(() => nextBack(rollout(situation({ position })))).toThrow(
      `there is no rollback from ${position.kind}`,
    );
  });
});
