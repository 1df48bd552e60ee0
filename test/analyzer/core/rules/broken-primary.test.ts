import { describe, expect, test } from 'vitest';
import { type PlanTree, positionText } from '../../../../analyzer/core/position.ts';
import type { Move } from '../../../../analyzer/core/rules/decision.ts';
import { isoTime } from '../../../../analyzer/core/state.ts';
import {
  BAD,
  back,
  COMPLETE,
  decision,
  move,
  moved,
  notReady,
  plan,
  type Seen,
  STABLE,
  situation,
  stateOf,
  step,
  T0,
  V1,
  V2,
  V3,
} from '../fixture.ts';

const DOWN: Seen = { primary: notReady('0 of 2 replicas available') };
const SHORT: Seen = { primary: notReady('1 of 2 replicas available', false, 1) };
const SILENT: Seen = { ...DOWN, values: () => undefined };

const atRest = (dist: PlanTree = V2) => situation({ position: COMPLETE, plan: V1, dist });
const skipped = plan('v2', {
  steps: Object.fromEntries(
    V2.plan.steps.map(
      (it) => [it.name, { checks: [], stay: { kind: 'wait', seconds: 0 } }] as const,
    ),
  ),
});

/** Positions that a rollout takes while the world stays as it is; the primary is well once it runs the candidate. */
function walk(from: ReturnType<typeof atRest>, seen: Seen, minutes = 10): readonly string[] {
  const taken: string[] = [];
  let it = from;
  for (let now = T0; now < T0 + minutes * 60; now += 5) {
    const { position } = stateOf(it);
    const isPromoted = position.kind === 'step' && position.step >= '04-promote';
    const next = decision(it, now, isPromoted ? { values: seen.values ?? (() => 99.9) } : seen);
    if (next.kind !== 'move') continue;
    taken.push(positionText(next.to));
    it = moved(it, next, now);
    if (next.to.kind === 'complete' || next.to.kind === 'stable') break;
  }
  return taken;
}

const WAY = [
  '01-canary-up',
  '02-weight-20',
  '03-weight-50',
  '04-promote',
  '05-weight-0',
  'complete',
];

describe('a primary that was down before the rollout began', () => {
  test('is written down by the start, in state and reason', () => {
    const start = move(atRest(), T0, DOWN);
    expect(start).toMatchObject({
      transition: 'start',
      broken: { reason: '0 of 2 replicas available', serves: false },
      reason: expect.stringMatching(/; the primary is not ready, so it holds nothing: 0 of 2/),
    });
    expect(stateOf(moved(atRest(), start, T0)).broken).toEqual(start.broken);
    expect(move(atRest(), T0).broken).toBeUndefined();
  });

  test('lets its fix out, though nobody sends requests that could be judged', () => {
    expect(walk(atRest(), { ...DOWN, values: (at) => (at > T0 + 60 ? 99.9 : undefined) })).toEqual(
      WAY,
    );
  });

  test('lets a fix out that skips its analysis', () => {
    expect(walk(atRest(skipped), SILENT)).toEqual(WAY);
    const held = (it: ReturnType<typeof atRest>) => move(it, T0, SILENT);
    expect(held(atRest(skipped)).to).toEqual(step('01-canary-up'));
  });

  test('says in each commit why no check was waited for', () => {
    const it = moved(atRest(), move(atRest(), T0, SILENT), T0);
    expect(move(it, T0 + 1, SILENT)).toMatchObject({
      to: step('02-weight-20'),
      verdict: 'none',
      reason: expect.stringMatching(/the primary serves nobody: 0 of 2 .* no check is waited for/),
    });
  });

  test('still waits for the canary, for live, for gates and for hours', () => {
    const gated = plan('v2', { steps: { '02-weight-20': { gates: [{ kind: 'person' }] } } });
    const at20 = situation({
      position: step('02-weight-20'),
      plan: gated,
      state: { broken: { reason: 'down', serves: false } },
    });
    expect(decision(at20, T0 + 1, SILENT)).toMatchObject({
      reason: expect.stringMatching(/waits for a person/),
    });
    const noCanary = { ...SILENT, canary: notReady('0 of 2 replicas available') };
    expect(decision(at20, T0 + 1, noCanary)).toMatchObject({
      reason: expect.stringMatching(/the canary is not ready/),
    });
    const dark = { ...SILENT, live: { kind: 'waiting', reason: 'not synced' } } as const;
    expect(decision(at20, T0 + 1, dark)).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(/not live yet/),
    });
  });

  test('does not save a candidate that is bad as well', () => {
    const at20 = situation({
      position: step('02-weight-20'),
      state: { broken: { reason: 'down', serves: false } },
    });
    expect(move(at20, T0 + 60, { ...DOWN, values: BAD })).toMatchObject({ transition: 'back' });
  });

  test('that comes back gets its ladder back', () => {
    const at20 = situation({
      position: step('02-weight-20'),
      state: { broken: { reason: 'down', serves: false } },
    });
    expect(decision(at20, T0 + 1)).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(/of 3 checks passed/),
    });
  });

  test('that cannot be asked holds the start: whether it was ready is known then or never', () => {
    const unknown: Seen = { primary: { kind: 'unknown', reason: 'HTTP 403' } };
    expect(decision(atRest(), T0, unknown)).toMatchObject({
      kind: 'hold',
      reason: 'before step 01: the cluster cannot be read: HTTP 403',
    });
  });

  test('is forgotten when the rollout is over', () => {
    const last = situation({
      position: step('05-weight-0'),
      state: { broken: { reason: 'down', serves: false } },
    });
    expect(stateOf(moved(last, move(last, T0 + 1), T0 + 1)).broken).toBeUndefined();
  });
});

describe('a primary that was short of pods before the rollout began', () => {
  const broken = { reason: '1 of 2 replicas available', serves: true };
  const at20 = situation({ position: step('02-weight-20'), state: { broken } });

  test('is waited for until its progress deadline, and no longer', () => {
    expect(move(atRest(), T0, SHORT).broken).toEqual(broken);
    expect(decision(at20, T0 + 60, SHORT)).toMatchObject({
      reason: expect.stringMatching(/the primary is not ready/),
    });
    const late: Seen = { primary: notReady('1 of 2 replicas available', true, 1) };
    expect(move(at20, T0 + 60, late)).toMatchObject({ to: step('03-weight-50'), verdict: 'pass' });
  });

  test('keeps the ladder: the candidate is judged as ever', () => {
    const late: Seen = { primary: notReady('1 of 2', true, 1), values: () => undefined };
    expect(decision(at20, T0 + 1, late).kind).toBe('hold');
  });
});

describe('a primary that breaks during the rollout', () => {
  const at20 = (analysis = {}) =>
    situation({ position: step('02-weight-20'), plan: plan('v2', { analysis }) });
  const late: Seen = { primary: notReady('0 of 2 replicas available', true) };

  test('holds until its progress deadline', () => {
    expect(decision(at20(), T0 + 60, DOWN)).toMatchObject({
      kind: 'hold',
      reason: 'the primary is not ready: 0 of 2 replicas available',
    });
  });

  test('then asks a person, or rolls back, as its author wants', () => {
    expect(move(at20({ onInconclusive: 'hold' }), T0 + 60, late)).toMatchObject({
      transition: 'note',
      paused: {
        reason: expect.stringMatching(
          /^the primary broke during the rollout and is not ready after 120 s/,
        ),
      },
    });
    const few: Seen = { primary: notReady('1 of 2 replicas available', true, 1) };
    expect(move(at20({ onInconclusive: 'back' }), T0 + 60, few)).toMatchObject({
      transition: 'back',
      verdict: 'inconclusive',
    });
  });

  test('gets no traffic back without a pod, while the candidate serves: a person is asked', () => {
    const back = at20({ onInconclusive: 'back' });
    expect(move(back, T0 + 60, late)).toMatchObject({
      transition: 'note',
      paused: { reason: expect.stringMatching(/0 of 2 replicas available$/) },
    });
    const both = { ...late, canary: notReady('crash loop') };
    expect(move(back, T0 + 60, both)).toMatchObject({ transition: 'back' });
    // As for any other answer that is missing.
    const silent = { ...DOWN, values: () => undefined };
    expect(move(back, T0 + 301, silent)).toHaveProperty('paused');
  });

  test('is passed by a person who promotes in full', () => {
    const fast = { reason: 'promoted by Robin', by: 'Robin' };
    const it = situation({ position: step('02-weight-20'), state: { fast } });
    for (const seen of [DOWN, late])
      expect(move(it, T0 + 1, seen)).toMatchObject({
        to: step('03-weight-50'),
        reason: expect.stringMatching(/promoted by Robin; the primary is not ready: 0 of 2/),
      });
    // A rollback window is nobody's word.
    const own = situation({
      position: step('02-weight-20'),
      state: { fast: { reason: 'promoted before' } },
    });
    expect(decision(own, T0 + 1, DOWN).kind).toBe('hold');
  });

  test('keeps the candidate that serves, whatever newer one is merged', () => {
    const newer = situation({ position: step('02-weight-20'), dist: V3 });
    expect(decision(newer, T0 + 1, DOWN)).toMatchObject({ kind: 'hold' });
    expect(move(newer, T0 + 1)).toMatchObject({ transition: 'back' });
    // Nobody loses anything where the candidate is down, too.
    const both = { ...DOWN, canary: notReady('crash loop') };
    expect(move(newer, T0 + 1, both)).toMatchObject({ transition: 'back' });
    // What keeps the pods is adopted as ever.
    const configured = plan('v2', { setting: 'other' });
    const same = situation({ position: step('02-weight-20'), dist: configured });
    expect(move(same, T0 + 1, DOWN)).toMatchObject({ transition: 'adopt' });
    const reverted = situation({ position: step('02-weight-20'), dist: V1 });
    expect(move(reverted, T0 + 1, DOWN)).toMatchObject({ transition: 'back' });
  });
});

describe('a rollback that does not arrive', () => {
  const routes = situation({ position: back('02-weight-20', 'routes') });
  const primary = situation({ position: back('04-promote', 'primary') });
  const waiting = { live: { kind: 'waiting', reason: 'Kustomization shop: stopped' } } as const;
  const refused = {
    live: { kind: 'waiting', reason: 'not synced yet', refused: 'no kind ServiceMonitor' },
  } as const;
  const later = (it: typeof routes, seconds: number, seen: Seen) =>
    decision(it, T0 + seconds, seen);

  test('goes on to the stable set after the progress deadline', () => {
    expect(later(routes, 120, waiting)).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(/stopped/),
    });
    expect(later(routes, 121, waiting)).toMatchObject({
      kind: 'move',
      transition: 'back',
      to: STABLE,
      reason:
        'back from 02-weight-20: routes has not arrived after 121 s: back is not live yet: Kustomization shop: stopped',
    });
  });

  test('goes on sooner where the sync tool says that the cluster refuses it', () => {
    expect(later(routes, 20, refused).kind).toBe('hold');
    expect(later(routes, 21, refused)).toMatchObject({ to: STABLE });
  });

  test('waits where the cluster cannot be read, and says that it is overdue', () => {
    const dark = { live: { kind: 'unknown', reason: 'refused' } } as const;
    expect(later(routes, 120, dark)).not.toHaveProperty('overdue');
    expect(later(routes, 121, dark)).toMatchObject({ kind: 'hold', overdue: true });
  });

  test('takes the routes to what is left of the primary, never from pods that serve to none', () => {
    const down = notReady('0 of 2 replicas available', true);
    const few = notReady('1 of 2 replicas available', true, 1);
    expect(later(primary, 121, { primary: down })).toMatchObject({ kind: 'hold', overdue: true });
    expect(later(primary, 121, { primary: few })).toMatchObject({
      to: back('04-promote', 'routes'),
    });
    const none = { primary: down, canary: notReady('crash loop') };
    expect(later(primary, 121, none)).toMatchObject({ to: back('04-promote', 'routes') });
    // A commit that the cluster does not take holds the primary up as well.
    expect(later(primary, 121, { ...refused, primary: few })).toMatchObject({
      to: back('04-promote', 'routes'),
    });
    expect(later(primary, 121, { ...refused, primary: down }).kind).toBe('hold');
  });

  test('takes requests from the canary before its pods, also where a part is refused', () => {
    const routes = situation({ position: back('04-promote', 'routes', '02-weight-20') });
    const shown = situation({ position: back('04-promote', 'primary', '02-weight-20') });
    expect(later(shown, 61, refused)).toMatchObject({
      to: back('04-promote', 'routes', '02-weight-20'),
    });
    expect(later(routes, 61, refused)).toMatchObject({ to: STABLE });
  });

  test('does not wait for a primary that never comes where there is no canary', () => {
    const { primary: own } = V2.plan.workloads;
    const alone = plan('v2', { more: { workloads: own === undefined ? {} : { primary: own } } });
    const it = situation({ position: back('04-promote', 'primary'), plan: alone });
    const down: Seen = {
      primary: notReady('0 of 2 replicas available', true),
      canary: { kind: 'unknown', reason: 'no plan has it' },
    };
    expect(later(it, 120, down).kind).toBe('hold');
    expect(later(it, 121, down)).toMatchObject({ kind: 'move', transition: 'back' });
  });

  test('waits for no primary that was broken before the rollout, unless users would lose their pods', () => {
    const broken = { reason: 'down', serves: false };
    const it = situation({ position: back('04-promote', 'primary'), state: { broken } });
    const none: Seen = { ...DOWN, canary: notReady('crash loop') };
    expect(later(it, 5, none)).toMatchObject({ kind: 'move', to: back('04-promote', 'routes') });
    expect(later(it, 5, DOWN).kind).toBe('hold');
  });

  test('is watched until the cluster shows its end', () => {
    const failed = { candidate: V2.plan.candidate, step: '02-weight-20', reason: 'bad' };
    const end = situation({ position: STABLE, state: { failed } });
    expect(later(end, 60, waiting)).toMatchObject({
      kind: 'hold',
      reason: expect.stringMatching(
        /^the stable set is not live yet: Kustomization.*Release a fix/,
      ),
    });
    expect(later(end, 121, waiting)).toMatchObject({ kind: 'hold', overdue: true });
    expect(later(end, 121, {}).kind).toBe('rest');
    // Whatever has not arrived, a fix starts.
    const fix = situation({ position: STABLE, dist: V3, state: { failed } });
    expect(later(fix, 60, waiting)).toMatchObject({ kind: 'move', transition: 'start' });
  });
});

describe('a step that never comes', () => {
  const at20 = (analysis = {}) =>
    situation({ position: step('02-weight-20'), plan: plan('v2', { analysis }) });
  const seen = (refused?: string): Seen => ({
    live: { kind: 'waiting', reason: 'VirtualService test/app is not synced yet', refused },
    stuckSince: T0,
    values: () => undefined,
  });
  const moveAfter = (it: ReturnType<typeof at20>, seconds: number, of: Seen): Move =>
    move(it, T0 + seconds, of);

  test('because the cluster refuses it rolls back after the progress deadline', () => {
    expect(decision(at20(), T0 + 120, seen('denied by policy')).kind).toBe('hold');
    expect(moveAfter(at20(), 121, seen('denied by policy'))).toMatchObject({
      transition: 'back',
      to: back('02-weight-20', 'routes'),
      failed: { candidate: V2.plan.candidate, step: '02-weight-20' },
      reason: 'the cluster refuses 02-weight-20, for 121 s (deadline 120 s): denied by policy',
    });
  });

  test('for no reason that anybody says is up to its author after the inconclusive deadline', () => {
    const silent = at20({ onInconclusive: 'hold' });
    expect(decision(silent, T0 + 300, seen()).kind).toBe('hold');
    expect(moveAfter(silent, 301, seen())).toMatchObject({
      paused: {
        reason: expect.stringMatching(/^nothing has come of 02-weight-20 for 301 s/),
      },
    });
    expect(moveAfter(at20({ onInconclusive: 'back' }), 301, seen())).toMatchObject({
      transition: 'back',
      verdict: 'inconclusive',
    });
  });

  test('counts from when this step was taken, not from the one before', () => {
    const taken = situation({
      position: step('02-weight-20'),
      state: { at: isoTime(T0 + 200) },
    });
    expect(decision(taken, T0 + 320, seen('denied')).kind).toBe('hold');
    expect(decision(taken, T0 + 321, seen('denied')).kind).toBe('move');
  });
});
