import { describe, expect, test } from 'vitest';
import { illegal } from '../../../analyzer/core/legal.ts';
import {
  abort,
  gates,
  isHeld,
  pause,
  promote,
  promoteFull,
  type Request,
  remove,
  resume,
  retry,
  undo,
} from '../../../analyzer/core/person.ts';
import type { PlanTree } from '../../../analyzer/core/position.ts';
import { withRollout } from '../../../analyzer/core/rollout.ts';
import type { Move } from '../../../analyzer/core/rules/decision.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import { isoTime } from '../../../analyzer/core/state.ts';
import { messageText } from '../../../analyzer/git/message.ts';
import type { Gate } from '../../../lib/plan/plan.ts';
import {
  BAD,
  back,
  backFromNothing,
  COMPLETE,
  decision,
  INIT,
  liveSince,
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
const BROKEN = withRollout({ ...AT20, state: { kind: 'broken', reason: 'no YAML' } });

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
    const to = {
      // A terminal has no cluster to ask: what is sure to be there is what the step before left.
      '01-canary-up': backFromNothing(name, 'routes'),
      '02-weight-20': back(name, 'routes'),
      '03-weight-50': back(name, 'routes'),
      '04-promote': back(name, 'primary', '03-weight-50'),
      '05-weight-0': back(name, 'primary', '04-promote'),
    }[name];
    expect(abort(it, ROBIN)).toMatchObject({
      transition: 'back',
      to,
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

/** The plan with a person's gate at the end of these steps, and before step 01 if it is named. */
function gated(of: PlanTree, ...names: readonly string[]): PlanTree {
  const gates: Gate[] = [{ kind: 'person' }];
  const steps = of.plan.steps.map((it) => (names.includes(it.name) ? { ...it, gates } : it));
  const start = names.includes('start') ? { start: gates } : {};
  return { ...of, plan: { ...of.plan, steps, ...start } };
}

describe('promote', () => {
  const both = gated(V2, '02-weight-20', '04-promote');
  const first = situation({ position: step('02-weight-20'), plan: both });
  const candidate = V2.plan.candidate;

  test('opens the gate of the step, and a second time says that it is open and changes nothing', () => {
    const once = moved(first, promote(first, ROBIN), T0);
    expect(stateOf(once)).toMatchObject({
      kind: 'note',
      approved: [{ candidate, step: '02-weight-20', ...ROBIN }],
    });
    const said = `app: the gate of 02-weight-20 is open already, ${ROBIN.by} opened it (${ROBIN.reason}). In all, 02-weight-20 needs: live`;
    expect(() => promote(once, ROBIN)).toThrow(said);
    expect(() => promote(once, ROBIN)).toThrow(
      /\. The next closed gate is that of 04-promote: `perch promote app --step 04-promote` opens it now$/,
    );
  });

  test('opens a gate ahead only where its step is named, and keeps what stood', () => {
    const once = moved(first, promote(first, ROBIN), T0);
    const twice = moved(once, promote(once, ROBIN, '04-promote'), T0);
    expect(stateOf(twice).approved?.map((it) => it.step)).toEqual(['02-weight-20', '04-promote']);
    expect(gates(twice)).toEqual([
      { step: '02-weight-20', isOpen: true },
      { step: '04-promote', isOpen: true },
    ]);
    expect(() => promote(twice, ROBIN, '04-promote')).toThrow(
      /^app: the gate of 04-promote is open already, .*In all, 04-promote needs: live; [^`]*$/,
    );
  });

  test('in a step without a gate names the next one, and opens nothing', () => {
    const before = situation({ position: step('01-canary-up'), plan: both });
    expect(() => promote(before, ROBIN)).toThrow(
      /^app: 01-canary-up has no gate, it needs: live.*`perch promote app --step 02-weight-20` opens it now$/,
    );
  });

  test('before step 01 says what the release still waits for when the gate is open', () => {
    const waiting = situation({ position: COMPLETE, plan: V1, dist: gated(V2, 'start') });
    const once = moved(waiting, promote(waiting, ROBIN), T0);
    expect(() => promote(once, ROBIN)).toThrow(
      /^app: the gate of start is open already, .*\. The release waits for: /,
    );
  });

  test('opens nothing that lies behind', () => {
    expect(gates(situation({ position: step('05-weight-0'), plan: both }))).toEqual([]);
  });

  test('takes a hook that nobody can tell of as passed', () => {
    const startedAt = isoTime(T0);
    const hooks = [{ hook: 'load', step: '03-weight-50', startedAt, outcome: 'unknown' as const }];
    const it = situation({ position: step('03-weight-50'), state: { hooks } });
    expect(promote(it, ROBIN).approved).toMatchObject([{ step: '03-weight-50' }]);
  });

  test('--full lets the whole rollout wait for nothing', () => {
    expect(promoteFull(first, ROBIN)).toMatchObject({
      transition: 'note',
      fast: { reason: `promoted by ${ROBIN.by}`, by: ROBIN.by },
    });
  });

  test('--full ends a pause that the analyzer asked for, and it does not pause again at once', () => {
    const paused = { reason: 'the primary broke during the rollout' };
    const it = situation({ position: step('02-weight-20'), state: { paused } });
    const late = T0 + 86_400;
    const after = moved(it, promoteFull(it, ROBIN), late);
    expect(stateOf(after)).toMatchObject({
      kind: 'resume',
      at: isoTime(late),
      fast: { by: ROBIN.by },
    });
    expect(stateOf(after).paused).toBeUndefined();
    expect(illegal(it, after)).toBeUndefined();
  });

  test.each<[string, Situation, string | undefined]>([
    [
      'a candidate waits',
      situation({ position: COMPLETE, plan: V1, dist: gated(V2, 'start') }),
      'start',
    ],
    [
      'it failed',
      situation({ position: STABLE, dist: gated(V2, 'start'), state: failed }),
      undefined,
    ],
    ['it runs', situation({ position: COMPLETE, plan: gated(V2, 'start') }), undefined],
    ['it has no such gate', situation({ position: COMPLETE, plan: V1, dist: V2 }), undefined],
    ['there is none', situation({ position: COMPLETE, dist: 'absent' }), undefined],
  ])('opens the gate before step 01 where %s', (_, it, expected) => {
    expect(gates(it)[0]?.step).toBe(expected);
  });
});

describe('undo', () => {
  const complete = situation({ position: COMPLETE });

  test('rolls back from the last step to the earlier plan, and blames the present candidate', () => {
    const it = undo(complete, ROBIN, () => V1);
    expect(it).toMatchObject({
      transition: 'undo',
      to: back('06-complete', 'primary'),
      verdict: 'fail',
      failed: { candidate: V2.plan.candidate, step: '06-complete', reason: 'undone: lunch' },
    });
    const next = moved(complete, it, T0);
    expect(stateOf(next).stable).toBe(V1.tree);
    expect(illegal(complete, next)).toBeUndefined();
    expect(move(next, T0 + 60)).toMatchObject({ to: back('06-complete', 'routes') });
  });

  test('names the candidate that is left to whoever looks for an earlier one', () => {
    undo(complete, ROBIN, (present) => {
      expect(present).toBe(V2.plan.candidate);
      return V1;
    });
    expect.assertions(1);
  });

  test('is refused where the present pods could not be turned into the earlier ones', () => {
    const hpa = plan('v1', { shape: { autoscaled: true } });
    expect(() => undo(complete, ROBIN, () => hpa)).toThrow(
      /^app cannot go straight back to [0-9a-f]{10}: the primary gains an HPA/,
    );
    // Routes that came since go, as on every rollback.
    const fewer = plan('v1', { shape: { routes: [] } });
    expect(undo(complete, ROBIN, () => fewer).stable).toBe(fewer);
  });
});

test.each<[string, Situation, boolean]>([
  ['paused', PAUSED, true],
  ['edited', EDITED, true],
  ['broken', BROKEN, true],
  ['as it should be', AT20, false],
  ['not started', unstarted(V2), false],
])('there is something to resume: %s', (_, it, expected) => expect(isHeld(it)).toBe(expected));

describe('remove', () => {
  const orphan = situation({ position: COMPLETE, dist: 'absent' });
  test('deletes both folders in one commit that says who and why', () => {
    expect(remove(orphan, ROBIN, T0 + 0.5)).toEqual({
      release: 'app',
      at: T0,
      message: {
        topic: 'app',
        headline: 'removed',
        body: [['lunch', 'By Robin <robin@example.com>.']],
        trailers: [
          [
            { name: 'Perch-Release', value: 'app' },
            { name: 'Perch-Step', value: 'removed' },
          ],
        ],
      },
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
    expect(messageText(message).match(/^Perch-Step:.*$/gm)).toEqual(['Perch-Step: removed']);
  });
});

type Ask = (it: Situation) => Move | object;
const asked: Readonly<Record<string, Ask>> = {
  pause: (it) => pause(it, ROBIN),
  resume: (it) => resume(it, ROBIN),
  retry: (it) => retry(it, ROBIN),
  abort: (it) => abort(it, ROBIN),
  promote: (it) => promote(it, ROBIN),
  full: (it) => promoteFull(it, ROBIN),
  undo: (it) => undo(it, ROBIN, () => V1),
  same: (it) => undo(it, ROBIN, () => V2),
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
    ['pause', 'a rollback', going, /^app is rolling back \(back from 02-weight-20: routes\)/],
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
      /^app has not started: there is nothing to pause yet\. suspend: true in apps\/ keeps it from starting$/,
    ],
    ['pause', 'a broken state', BROKEN, /^no YAML$/],
    ['resume', 'a running release', AT20, /^app is neither paused nor edited: nothing to resume$/],
    ['resume', 'nothing', unstarted(V2), /^app has not started/],
    ['retry', 'no failure', AT20, /^app: no candidate failed, there is nothing to retry$/],
    [
      'retry',
      'a rollback',
      going,
      /^app is still under way \(back from 02-weight-20: routes\): retry it after its rollback/,
    ],
    [
      'retry',
      'an edited release',
      { ...FAILED, live: new Map([['x', sha('x')]]) },
      /edited by hand/,
    ],
    ['abort', 'a rollback', going, /^app is rolling back already: back from 02-weight-20: routes$/],
    [
      'abort',
      'rest',
      situation({ position: COMPLETE }),
      /^app has no rollout to abort: it is complete$/,
    ],
    ['abort', 'init', situation({ position: INIT }), /^app has no rollout to abort: it is init$/],
    [
      'promote',
      'no gate ahead',
      AT20,
      /^app has no closed gate in 02-weight-20 or ahead\. 02-weight-20 waits for: live; primary and canary ready; 3 passing points of success-rate\. `perch promote --full` waits for no check$/,
    ],
    [
      'promote',
      'a rollback',
      going,
      /^app is rolling back \(back from 02-weight-20: routes\): there is nothing to promote$/,
    ],
    ['promote', 'a pause', PAUSED, /^app is paused: lunch\. `perch resume` it first$/],
    [
      'promote',
      'a failed candidate',
      FAILED,
      /^app is stable, and no candidate waits at a gate before step 01: candidate \w+ failed in .* `perch retry`$/,
    ],
    ['promote', 'init', situation({ position: INIT }), /^app is init, and no candidate waits/],
    ['full', "a person's pause", PAUSED, /^app is paused: lunch\. `perch resume` it first$/],
    ['full', 'rest', situation({ position: COMPLETE }), /^app has no rollout under way \(/],
    [
      'full',
      'a rollout that waits for nothing',
      situation({ position: step('02-weight-20'), state: { fast: { reason: 'urgent' } } }),
      /^app waits for no check and no gate already: urgent$/,
    ],
    ['undo', 'a rollout', AT20, /^app is not complete \(02-weight-20\): `perch abort`/],
    ['undo', 'a rollback', going, /^app is not complete \(back from .*\): `perch abort`/],
    [
      'undo',
      'the stable set',
      FAILED,
      /^app is not complete \(stable\): it was rolled back already$/,
    ],
    [
      'undo',
      'an edited release',
      { ...situation({ position: COMPLETE }), live: new Map() },
      /edited by hand/,
    ],
    [
      'same',
      'what runs',
      situation({ position: COMPLETE }),
      /^app runs \w+ already: name an earlier/,
    ],
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
      /^app is under way \(02-weight-20\): let it roll back first$/,
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
