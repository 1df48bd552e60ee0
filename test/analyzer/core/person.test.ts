import { describe, expect, test } from 'vitest';
import type { Move } from '../../../analyzer/core/decision.ts';
import type { Situation } from '../../../analyzer/core/observation.ts';
import {
  abort,
  pause,
  type Request,
  remove,
  resume,
  retry,
} from '../../../analyzer/core/person.ts';
import {
  BAD,
  back,
  COMPLETE,
  decision,
  INIT,
  liveSince,
  move,
  moved,
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
} from './fixture.ts';

const ROBIN: Request = { by: 'Robin <robin@example.com>', reason: 'lunch' };
const AT20 = situation({ position: step('02-weight-20') });
const EDITED: Situation = { ...AT20, live: new Map() };
const failed = { failed: { candidate: V2.plan.candidate, step: '02-weight-20', reason: 'bad' } };
const FAILED = situation({ position: STABLE, state: failed });
const PAUSED = situation({
  position: step('02-weight-20'),
  state: { paused: { reason: 'lunch', by: ROBIN.by } },
});
const BROKEN: Situation = { ...AT20, state: { kind: 'broken', reason: 'no YAML' } };

describe('pause', () => {
  test('holds a rollout, and says who and why', () => {
    const it = pause(AT20, ROBIN);
    expect(it).toMatchObject({ transition: 'note', to: step('02-weight-20'), paused: ROBIN });
    const next = moved(AT20, it, T0 + 60);
    expect(decision(next, T0 + 60)).toEqual({
      kind: 'hold',
      reason: 'paused by Robin <robin@example.com>: lunch',
    });
  });

  test('holds what is at rest, too: nothing starts', () => {
    const rest = situation({ position: COMPLETE, plan: V1, dist: V2 });
    expect(decision(moved(rest, pause(rest, ROBIN), T0), T0).kind).toBe('rest');
  });

  test('keeps the failed candidate', () => {
    expect(pause(FAILED, ROBIN)).toMatchObject(failed);
  });
});

describe('resume', () => {
  test('goes on where a person paused, and the time in the step counts', () => {
    const it = resume(PAUSED, ROBIN);
    expect(it).toMatchObject({ transition: 'note', to: step('02-weight-20') });
    const next = moved(PAUSED, it, T0 + 60);
    expect(stateOf(next).at).toBe(stateOf(PAUSED).at);
    expect(decision(next, T0 + 60)).toMatchObject({ kind: 'move', transition: 'next' });
  });

  test('begins the step anew after a pause that the analyzer asked for', () => {
    const reason = 'no conclusive answer';
    const it = situation({ position: step('02-weight-20'), state: { paused: { reason } } });
    const next = moved(it, resume(it, ROBIN), T0 + 9999);
    expect(stateOf(next)).toMatchObject({ kind: 'resume', position: step('02-weight-20') });
    const silent = { values: () => undefined, live: liveSince(T0 + 9999) };
    expect(decision(next, T0 + 10_100, silent).kind).toBe('hold');
  });

  test('accepts an edit by hand at the same position', () => {
    expect(resume(EDITED, ROBIN)).toMatchObject({ transition: 'resume', to: step('02-weight-20') });
  });
});

describe('retry', () => {
  test('gives a failed candidate another chance', () => {
    const it = retry(FAILED, ROBIN);
    expect(it).toMatchObject({ transition: 'note', failed: undefined });
    expect(move(moved(FAILED, it, T0), T0)).toMatchObject({
      transition: 'start',
      to: step('01-canary-up'),
    });
  });
});

describe('abort', () => {
  test.each(STEPS)('takes a candidate back from %s and remembers it', (name) => {
    const it = situation({ position: step(name) });
    const part = STEPS.indexOf(name) >= 3 ? 'primary' : 'routes';
    expect(abort(it, ROBIN)).toMatchObject({
      transition: 'back',
      to: back(name, part),
      verdict: 'fail',
      reason: 'aborted by Robin <robin@example.com>: lunch',
      failed: { candidate: V2.plan.candidate, step: name, reason: 'aborted: lunch' },
    });
  });

  test('ends a pause', () => {
    expect(stateOf(moved(PAUSED, abort(PAUSED, ROBIN), T0)).paused).toBeUndefined();
  });

  test('leaves a candidate that stays failed', () => {
    let it = moved(AT20, abort(AT20, ROBIN), T0);
    it = moved(it, move(it, T0 + 60, { values: BAD }), T0 + 60);
    expect(decision(it, T0 + 90)).toMatchObject({
      kind: 'rest',
      reason: expect.stringMatching(/failed in 02-weight-20: aborted: lunch\. Release a fix/),
    });
  });
});

describe('remove', () => {
  const orphan = situation({ position: COMPLETE, dist: 'absent' });
  test('deletes both folders in one commit that says who and why', () => {
    expect(remove(orphan, ROBIN, T0 + 0.5)).toEqual({
      release: 'app',
      at: T0,
      message:
        'app: removed\n\nlunch\nBy Robin <robin@example.com>.\n\nPerch-Release: app\nPerch-Step: removed\n',
      writes: [
        { kind: 'delete', path: 'live/app' },
        { kind: 'delete', path: 'rollouts/app' },
      ],
    });
  });

  test.each<[string, Situation]>([
    ['after a rollback', situation({ position: STABLE, dist: 'absent' })],
    ['that never got ready', situation({ position: INIT, dist: 'absent' })],
    ['whose state cannot be read', { ...BROKEN, dist: { kind: 'absent' } }],
  ])('also a release %s', (_, it) => expect(remove(it, ROBIN, T0).writes).toHaveLength(2));

  test('a reason with line breaks forges no trailer', () => {
    const { message } = remove(orphan, { ...ROBIN, reason: 'x\n\nPerch-Step: complete' }, T0);
    expect(message.match(/^Perch-Step:.*$/gm)).toEqual(['Perch-Step: removed']);
  });
});

type Ask = (it: Situation) => Move | object;
const asked: Readonly<Record<string, Ask>> = {
  pause: (it) => pause(it, ROBIN),
  resume: (it) => resume(it, ROBIN),
  retry: (it) => retry(it, ROBIN),
  abort: (it) => abort(it, ROBIN),
  remove: (it) => remove(it, ROBIN, T0),
};

describe('refused, with what to do instead', () => {
  const going = situation({ position: back('02-weight-20', 'routes'), state: failed });
  test.each<[string, string, Situation, RegExp]>([
    [
      'pause',
      'a paused release',
      PAUSED,
      /^app is paused already: lunch\. `perch resume` goes on$/,
    ],
    ['pause', 'a way back', going, /^app is going back \(back from 02-weight-20: routes\)/],
    [
      'pause',
      'an edited release',
      EDITED,
      /^app was edited by hand: live\/app differs in .*`perch resume` it first$/,
    ],
    [
      'pause',
      'nothing',
      unstarted(V2),
      /^app has not started: there is no rollouts\/app\/state\.yaml$/,
    ],
    ['pause', 'a broken state', BROKEN, /^no YAML$/],
    ['resume', 'a running release', AT20, /^app is neither paused nor edited: nothing to resume$/],
    ['resume', 'nothing', unstarted(V2), /^app has not started/],
    ['retry', 'no failure', AT20, /^app: no candidate failed, there is nothing to retry$/],
    [
      'retry',
      'a way back',
      going,
      /^app is still on its way \(back from 02-weight-20: routes\): retry when it is back$/,
    ],
    [
      'retry',
      'an edited release',
      { ...FAILED, live: new Map([['x', sha('x')]]) },
      /edited by hand/,
    ],
    ['abort', 'a way back', going, /^app is going back already: back from 02-weight-20: routes$/],
    [
      'abort',
      'rest',
      situation({ position: COMPLETE }),
      /^app has no rollout to abort: it is complete$/,
    ],
    ['abort', 'init', situation({ position: INIT }), /^app has no rollout to abort: it is init$/],
    [
      'remove',
      'a release in dist/',
      situation({ position: COMPLETE }),
      /^app is still in dist\/: delete it from apps\/, run `npm run synth`, merge, then remove it$/,
    ],
    [
      'remove',
      'a running release',
      situation({ position: step('02-weight-20'), dist: 'absent' }),
      /^app is under way \(02-weight-20\): let it go back first$/,
    ],
    ['remove', 'nothing', unstarted('absent'), /^app is not on the run branch: nothing to remove$/],
  ])('%s: %s', (verb, _, it, expected) => {
    expect(() => asked[verb]?.(it)).toThrow(expected);
  });

  test('remove, while nobody knows what dist/ holds', () => {
    const dist = {
      kind: 'broken',
      reason: 'the source with dist/ cannot be read: timeout',
    } as const;
    expect(() => remove({ ...situation({ position: COMPLETE }), dist }, ROBIN, T0)).toThrow(
      /^the source with dist\/ cannot be read: timeout/,
    );
  });
});
