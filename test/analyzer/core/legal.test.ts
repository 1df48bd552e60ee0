import { describe, expect, test } from 'vitest';
import { illegal, violations } from '../../../analyzer/core/legal.ts';
import {
  abort,
  pause,
  promote,
  promoteFull,
  resume,
  retry,
  undo,
} from '../../../analyzer/core/person.ts';
import { withRollout } from '../../../analyzer/core/rollout.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import type { State } from '../../../analyzer/core/state.ts';
import { isoTime } from '../../../analyzer/core/state.ts';
import {
  back,
  COMPLETE,
  decision,
  INIT,
  known,
  move,
  moved,
  plan,
  STABLE,
  STEPS,
  sha,
  situation,
  stateOf,
  step,
  T0,
  unstarted,
  V1,
  V2,
  V3,
} from './fixture.ts';

const NOW = T0 + 60;
const ROBIN = { by: 'Robin', reason: 'lunch' };
const AT20 = situation({ position: step('02-weight-20') });
const setting = (version: string) => plan(version, { setting: 'new' });

/** The same situation with another state: what somebody could forge. */
function forged(it: Situation, state: Partial<State>): Situation {
  return withRollout({ ...it, state: known({ ...stateOf(it), ...state }) });
}

describe('legal', () => {
  test.each<[string, Situation]>([
    ['the first release', unstarted(V2)],
    ['another plan in init', situation({ position: INIT, dist: V3 })],
    ['init → complete', situation({ position: INIT })],
    ['a start', situation({ position: COMPLETE, plan: V1, dist: V2 })],
    ['a start after a rollback', situation({ position: STABLE, dist: V3 })],
    ['a configuration', situation({ position: COMPLETE, plan: V1, dist: setting('v1') })],
    ['a configuration after a rollback', situation({ position: STABLE, dist: setting('v1') })],
    ['an adoption', situation({ position: step('02-weight-20'), dist: setting('v2') })],
    ['a superseded candidate', situation({ position: step('02-weight-20'), dist: V3 })],
    ['a superseded promotion', situation({ position: step('04-promote'), dist: V3 })],
    ...STEPS.map((it): [string, Situation] => [`${it} → next`, situation({ position: step(it) })]),
    ...(['primary', 'routes'] as const).map((it): [string, Situation] => [
      `back ${it} → next`,
      situation({ position: back('04-promote', it) }),
    ]),
  ])('what the analyzer does: %s', (_, it) => {
    const next = moved(it, move(it, NOW), NOW);
    expect(illegal(it, next)).toBeUndefined();
    expect(violations(next)).toEqual([]);
  });

  test('a candidate that failed starts again in a higher attempt, or after a retry', () => {
    const it = situation({ position: STABLE, state: failed });
    const again = { ...it, dist: known(plan('v2', { more: { attempt: 2 } })) };
    expect(illegal(again, moved(again, move(again, NOW), NOW))).toBeUndefined();
    const retried = moved(it, retry(it, ROBIN), NOW);
    expect(illegal(retried, moved(retried, move(retried, NOW), NOW))).toBeUndefined();
    // An analyzer that has forgotten the failure.
    const forgot = forged(it, { failed: undefined });
    expect(illegal(it, moved(forgot, move(forgot, NOW), NOW))).toBe(
      `start of candidate ${V2.plan.candidate}, which failed in 02-weight-20, without a higher attempt`,
    );
  });

  const failed = { failed: { candidate: V2.plan.candidate, step: '02-weight-20', reason: 'x' } };
  const paused = { paused: { reason: 'lunch' } };
  test.each<[string, Situation, (it: Situation) => ReturnType<typeof pause>]>([
    ['pause', AT20, (it) => pause(it, ROBIN)],
    ['abort', AT20, (it) => abort(it, ROBIN)],
    ['retry', situation({ position: STABLE, state: failed }), (it) => retry(it, ROBIN)],
    [
      'resume',
      situation({ position: step('02-weight-20'), state: paused }),
      (it) => resume(it, ROBIN),
    ],
  ])('what a person does: %s', (_, it, how) => {
    expect(illegal(it, moved(it, how(it), NOW))).toBeUndefined();
  });

  test.each([COMPLETE, STABLE, INIT])('a removal from %j', (position) => {
    expect(illegal(situation({ position }), undefined)).toBeUndefined();
    expect(illegal(situation({ position }), unstarted('absent'))).toBeUndefined();
  });

  test('a release that comes back after its removal', () => {
    const it = unstarted(V2);
    expect(illegal(undefined, moved(it, move(it, NOW), NOW))).toBeUndefined();
  });

  test('a transition above the edits that it accepts', () => {
    const next = moved(AT20, move(AT20, NOW), NOW);
    expect(illegal(AT20, forged(next, { transition: 11 }))).toBe('transition went from 7 to 11');
    expect(illegal(AT20, forged(next, { transition: 11, accepts: [sha('edit')] }))).toBeUndefined();
  });
});

describe('illegal', () => {
  const next = moved(AT20, move(AT20, NOW), NOW);
  const at = (name: string, more: Partial<State> = {}, of = V2, dist = V2) =>
    situation({ position: step(name), plan: of, dist, state: { transition: 8, ...more } });
  const rest = situation({ position: COMPLETE, plan: V1 });
  const complete = (of: typeof V2, kind: State['kind']) =>
    situation({ position: COMPLETE, plan: of, state: { transition: 8, kind } });
  const left = { steps: [{ name: 'x', at: isoTime(T0), until: isoTime(T0), failedChecks: 0 }] };

  test.each<[string, Situation | undefined, Situation | undefined, RegExp]>([
    ['nothing changed', AT20, AT20, /^transition went from 7 to 7$/],
    ['a transition that was skipped', AT20, forged(next, { transition: 9 }), /from 7 to 9/],
    [
      'a transition that goes back',
      AT20,
      forged(next, { transition: 6, accepts: [sha('x')] }),
      /from 7 to 6/,
    ],
    [
      'a step that was skipped',
      AT20,
      at('04-promote'),
      /^next from 02-weight-20 to 04-promote is not a legal transition$/,
    ],
    ['a step backwards', AT20, at('01-canary-up'), /is not a legal transition/],
    ['the same step again', AT20, at('02-weight-20'), /is not a legal transition/],
    ['next with another plan', AT20, at('03-weight-50', {}, V3), /is not a legal transition/],
    [
      'next with another stable set',
      AT20,
      forged(at('03-weight-50'), { stable: V3.tree }),
      /is not a legal transition/,
    ],
    [
      'completion from the middle',
      AT20,
      complete(V2, 'complete'),
      /^complete from 02-weight-20 to complete/,
    ],
    [
      'completion with a foreign plan',
      at('05-weight-0', { transition: 7 }),
      complete(V3, 'complete'),
      /is not a legal/,
    ],
    [
      'a start in the middle',
      AT20,
      at('01-canary-up', { kind: 'start' }),
      /^start from 02-weight-20/,
    ],
    [
      'a start beyond 01',
      rest,
      at('02-weight-20', { kind: 'start' }),
      /^start from complete to 02-weight-20/,
    ],
    [
      'a start that changes the stable set',
      rest,
      forged(at('01-canary-up', { kind: 'start' }), { stable: V3.tree }),
      /is not a legal/,
    ],
    [
      'a start from rest to init',
      rest,
      situation({ position: INIT, state: { transition: 8 } }),
      /is not a legal/,
    ],
    [
      'a configuration in the middle',
      AT20,
      complete(V2, 'configure'),
      /^configure from 02-weight-20/,
    ],
    [
      'a configuration with a new candidate',
      rest,
      complete(V2, 'configure'),
      /^configure from complete to complete/,
    ],
    [
      'a configuration that keeps an old stable set',
      rest,
      forged(complete(setting('v1'), 'configure'), { stable: V1.tree }),
      /is not a legal/,
    ],
    ['an adoption elsewhere', AT20, at('03-weight-50', { kind: 'adopt' }), /^adopt from/],
    [
      'an adoption of another candidate',
      AT20,
      at('02-weight-20', { kind: 'adopt' }, V3),
      /is not a legal/,
    ],
    [
      'back without its first part',
      at('04-promote', { transition: 7 }),
      situation({ position: back('04-promote', 'routes'), state: { transition: 8 } }),
      /is not a legal/,
    ],
    [
      'back from another step',
      AT20,
      situation({ position: back('03-weight-50', 'routes'), state: { transition: 8 } }),
      /is not a legal/,
    ],
    [
      'back in one commit',
      AT20,
      situation({ position: STABLE, state: { transition: 8 } }),
      /^back from 02-weight-20 to stable/,
    ],
    [
      'back from rest',
      rest,
      situation({ position: STABLE, state: { transition: 8 } }),
      /is not a legal/,
    ],
    [
      'back to another stable set',
      AT20,
      forged(situation({ position: back('02-weight-20', 'routes'), state: { transition: 8 } }), {
        stable: V3.tree,
      }),
      /is not a legal/,
    ],
    ['a note that moves', AT20, at('03-weight-50', { kind: 'note' }), /^note from/],
    [
      'a note that changes the time',
      AT20,
      at('02-weight-20', { kind: 'note', at: isoTime(NOW) }),
      /is not a legal/,
    ],
    [
      'a note that forgets what was counted',
      at('03-weight-50', { transition: 7, ...left }),
      at('03-weight-50', { kind: 'note' }),
      /is not a legal/,
    ],
    ['a resume that moves', AT20, at('03-weight-50', { kind: 'resume' }), /^resume from/],
    [
      'a resume with another plan',
      AT20,
      at('02-weight-20', { kind: 'resume' }, V3),
      /is not a legal/,
    ],
    [
      'a first transition in the middle',
      undefined,
      at('02-weight-20'),
      /^the first transition is next to 02-weight-20, expected start to init$/,
    ],
    ['a removal in the middle', AT20, undefined, /^removed in the middle of a rollout$/],
    [
      'a state that cannot be read',
      AT20,
      withRollout({ ...AT20, state: { kind: 'broken', reason: 'no YAML' } }),
      /^no YAML$/,
    ],
  ])('%s', (_, before, after, expected) => expect(illegal(before, after)).toMatch(expected));
});

describe('violations of one revision', () => {
  test.each<[string, Situation]>([
    ['nothing started', unstarted(V2)],
    ['a step', AT20],
    ['rest', situation({ position: COMPLETE })],
  ])('none: %s', (_, it) => expect(violations(it)).toEqual([]));

  test.each<[string, Situation, readonly string[]]>([
    [
      'a live file',
      { ...AT20, live: new Map([...AT20.live, ['service-app.yaml', 'x']]) },
      ['live/app/service-app.yaml'],
    ],
    [
      'plan/',
      withRollout({ ...AT20, plan: known({ ...V2, tree: sha('p') }) }),
      [`rollouts/app/plan is ${sha('p')}, its state.yaml names ${V2.tree}`],
    ],
    [
      'stable/',
      withRollout({ ...AT20, stable: known({ ...V1, tree: sha('x') }) }),
      [`rollouts/app/stable is ${sha('x')}, its state.yaml names ${V1.tree}`],
    ],
    [
      'a stable/ that should not be',
      withRollout({ ...situation({ position: INIT }), stable: known(V1) }),
      [`rollouts/app/stable is ${V1.tree}, its state.yaml names none`],
    ],
    [
      'the state of another release',
      forged(AT20, { release: 'web' }),
      ['rollouts/app/state.yaml is of release web'],
    ],
    [
      'another candidate',
      forged(AT20, { candidate: V3.plan.candidate }),
      ['rollouts/app/state.yaml names another candidate than its plan'],
    ],
    [
      'a state that cannot be read',
      withRollout({ ...AT20, state: { kind: 'broken', reason: 'no YAML' } }),
      ['rollouts/app: no YAML'],
    ],
  ])('%s', (_, it, expected) => expect(violations(it)).toEqual(expected));

  test('a plan of another release', () => {
    const foreign = { ...V2, plan: { ...V2.plan, release: 'web' } };
    expect(violations(withRollout({ ...AT20, plan: known(foreign) }))).toEqual([
      'rollouts/app/plan is of release web',
    ]);
  });
});

test('every commit of a whole story is legal', () => {
  let it: Situation = unstarted(V1);
  for (let now = T0; now < T0 + 3000; now += 10) {
    const dist = now < T0 + 100 ? V1 : now < T0 + 300 ? V2 : now < T0 + 400 ? setting('v2') : V3;
    it = { ...it, dist: known(dist) };
    const next = decision(it, now);
    if (next.kind !== 'move') continue;
    const then = moved(it, next, now);
    expect(illegal(it, then)).toBeUndefined();
    expect(violations(then)).toEqual([]);
    it = then;
  }
  expect(stateOf(it)).toMatchObject({ position: COMPLETE, candidate: V3.plan.candidate });
});

describe('an undo', () => {
  const rest = situation({ position: COMPLETE });
  const undone = moved(
    rest,
    undo(rest, ROBIN, () => V1),
    NOW,
  );

  test('is legal, and so is each part of its rollback, until the earlier files stand', () => {
    let it = undone;
    expect(illegal(rest, it)).toBeUndefined();
    expect(violations(it)).toEqual([]);
    for (let now = NOW; stateOf(it).position.kind !== 'stable'; now += 60) {
      const next = moved(it, move(it, now), now);
      expect(illegal(it, next)).toBeUndefined();
      expect(violations(next)).toEqual([]);
      it = next;
    }
    expect(it.live).toEqual(situation({ position: COMPLETE, plan: V1 }).live);
    expect(stateOf(it)).toMatchObject({
      candidate: V2.plan.candidate,
      failed: { candidate: V2.plan.candidate, step: '06-complete' },
    });
    // The plan that was undone is still the newest, and does not start again by itself.
    expect(decision(it, NOW + 999)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(/perch retry/),
    });
    const fixed = { ...it, dist: known(V3) };
    expect(illegal(it, moved(fixed, move(fixed, NOW), NOW))).toBeUndefined();
  });

  test.each<[string, Situation, Situation]>([
    ['that blames nobody', rest, forgedWithout(undone, 'failed')],
    [
      'that blames another',
      rest,
      forged(undone, { failed: { candidate: V1.plan.candidate, step: 'x', reason: 'x' } }),
    ],
    ['to what is there already', rest, forged(undone, { stable: V2.tree })],
    ['without a stable set', rest, forgedWithout(undone, 'stable')],
    ['with another plan', rest, forged(undone, { plan: V3.tree })],
    ['with another candidate', rest, forged(undone, { candidate: V3.plan.candidate })],
    ['at the routes', rest, forged(undone, { position: back('06-complete', 'routes') })],
    ['in one commit', rest, forged(undone, { position: STABLE })],
    ['from a step', AT20, forged(undone, { transition: 8 })],
    ['from a rollback', forged(rest, { position: STABLE }), undone],
  ])('%s is illegal', (_, before, after) => {
    expect(illegal(before, after)).toMatch(/^undo from .* is not a legal transition$/);
  });
});

/** The same situation whose state lacks a key. */
function forgedWithout(it: Situation, key: 'failed' | 'stable'): Situation {
  const { [key]: _, ...rest } = stateOf(it);
  return withRollout({ ...it, state: known(rest) });
}

describe('what hooks and persons note', () => {
  const hooks = [{ hook: 'it', step: '02-weight-20', startedAt: isoTime(T0) }];
  const gated = plan('v2', { steps: { '02-weight-20': { gates: [{ kind: 'person' }] } } });
  const closed = situation({ position: step('02-weight-20'), plan: gated });

  test.each<[string, Situation, Situation]>([
    ['an approval', closed, moved(closed, promote(closed, ROBIN), NOW)],
    ['a promotion of all', AT20, moved(AT20, promoteFull(AT20, ROBIN), NOW)],
    ['a run of a hook', AT20, forged(AT20, { kind: 'note', transition: 8, hooks })],
  ])('%s is legal', (_, before, after) => expect(illegal(before, after)).toBeUndefined());

  test('a note that changes the candidate is not', () => {
    const after = forged(AT20, { kind: 'note', transition: 8, candidate: V3.plan.candidate });
    expect(illegal(AT20, after)).toMatch(/is not a legal transition$/);
  });
});
