import { describe, expect, test } from 'vitest';
import { change, type FileWrite, outcome } from '../../../analyzer/core/change.ts';
import { abort, pause, resume, undo } from '../../../analyzer/core/person.ts';
import { files } from '../../../analyzer/core/position.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import { isoTime, parseState } from '../../../analyzer/core/state.ts';
import {
  BAD,
  back,
  backFromNothing,
  COMPLETE,
  INIT,
  known,
  liveSince,
  move,
  moved,
  notReady,
  plan,
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

const NOW = T0 + 60.7;
const ROBIN = { by: 'Robin <robin@example.com>', reason: 'lunch' };
const AT20 = situation({ position: step('02-weight-20') });
const ROUTE = 'live/app/virtualservice-app.yaml';

function writes(it: Situation, seen = {}): readonly FileWrite[] {
  return change(it, move(it, NOW, seen), NOW).writes;
}

function stateIn(all: readonly FileWrite[]) {
  const found = all.find((it) => it.path === 'rollouts/app/state.yaml');
  if (found?.kind !== 'text') throw new Error('no state was written');
  return parseState(found.text, found.path);
}

describe('what a commit writes', () => {
  test('the next step: its files and the state, no more', () => {
    const all = writes(AT20);
    expect(all.map((it) => `${it.kind} ${it.path}`)).toEqual([
      `blob ${ROUTE}`,
      'text rollouts/app/state.yaml',
    ]);
    const oid = V2.blobs.get('steps/03-weight-50/virtualservice-app.yaml');
    expect(all[0]).toEqual({ kind: 'blob', path: ROUTE, oid });
  });

  test('the first release: its plan by tree, and all of 00-init', () => {
    const all = writes(unstarted(V2));
    expect(all).toContainEqual({ kind: 'tree', path: 'rollouts/app/plan', oid: V2.tree });
    expect(all.filter((it) => it.kind === 'blob')).toHaveLength(files(INIT, V2, undefined).size);
    expect(all.some((it) => it.path === 'rollouts/app/stable')).toBe(false);
  });

  test('a start: the plan, while stable stays as it is', () => {
    const rest = { ...situation({ position: COMPLETE, plan: V1 }), dist: known(V2) };
    const trees = writes(rest).filter((it) => it.kind === 'tree');
    expect(trees).toEqual([{ kind: 'tree', path: 'rollouts/app/plan', oid: V2.tree }]);
  });

  test('a completion: removals first, and the plan becomes the stable one', () => {
    const all = writes(situation({ position: step('05-weight-0') }));
    const gone = all.filter((it) => it.kind === 'delete').map((it) => it.path);
    expect(gone).toEqual([...gone].sort());
    expect(gone).toContain('live/app/horizontalpodautoscaler-app-canary.yaml');
    expect(all).toContainEqual({ kind: 'tree', path: 'rollouts/app/stable', oid: V2.tree });
    expect(all.some((it) => it.path === 'rollouts/app/plan')).toBe(false);
  });

  test('a new configuration at rest: both trees', () => {
    const setting = plan('v1', { setting: 'new' });
    const all = writes({ ...situation({ position: COMPLETE, plan: V1 }), dist: known(setting) });
    expect(all.filter((it) => it.kind === 'tree').map((it) => [it.path, it.oid])).toEqual([
      ['rollouts/app/plan', setting.tree],
      ['rollouts/app/stable', setting.tree],
    ]);
  });

  test('a pause: the state alone', () => {
    const all = change(AT20, pause(AT20, ROBIN), NOW, { by: ROBIN.by, accepts: [] }).writes;
    expect(all.map((it) => it.path)).toEqual(['rollouts/app/state.yaml']);
  });

  const edited: Situation = {
    ...AT20,
    live: new Map([...AT20.live, ['service-app.yaml', sha('x')], ['extra.yaml', sha('y')]]),
  };
  test('a resume over an edit: what differs, and both trees whatever they were', () => {
    const accepts = [sha('edit')];
    const it = change(edited, resume(edited, ROBIN), NOW, { by: ROBIN.by, accepts });
    expect(it.writes.map((one) => `${one.kind} ${one.path}`)).toEqual([
      'delete live/app/extra.yaml',
      'blob live/app/service-app.yaml',
      'tree rollouts/app/plan',
      'tree rollouts/app/stable',
      'text rollouts/app/state.yaml',
    ]);
    expect(stateIn(it.writes)).toMatchObject({ kind: 'resume', by: ROBIN.by, accepts });
  });

  test('a rollback over an edit: the same, as the trees could have been edited, too', () => {
    const it = move(edited, NOW, { values: BAD });
    const all = change(edited, it, NOW, { accepts: [sha('edit')] }).writes;
    expect(all.filter((one) => one.kind === 'tree').map((one) => one.oid)).toEqual([
      V2.tree,
      V1.tree,
    ]);
  });

  test('never the same path twice, and nothing outside the release', () => {
    for (const it of [AT20, unstarted(V2), situation({ position: step('05-weight-0') })]) {
      const paths = writes(it).map((one) => one.path);
      expect(new Set(paths).size).toBe(paths.length);
      for (const path of paths) expect(path).toMatch(/^(live|rollouts)\/app\//);
    }
  });

  test('a plan that cannot be pinned is refused', () => {
    const start = move(unstarted(V2), NOW);
    expect(() => change(unstarted('absent'), start, NOW)).toThrow('dist/app is missing');
    expect(() => change(unstarted('broken'), start, NOW)).toThrow('dist/app/plan.yaml is not');
  });
});

describe('the state after a move', () => {
  test('counts on, says when and why, in whole seconds', () => {
    const it = change(AT20, move(AT20, NOW), NOW);
    expect(it.at).toBe(T0 + 60);
    expect(stateIn(it.writes)).toMatchObject({
      transition: 8,
      kind: 'next',
      position: step('03-weight-50'),
      at: isoTime(T0 + 60),
      reason: '3 of 3 checks passed',
      candidate: V2.plan.candidate,
      plan: V2.tree,
      stable: V1.tree,
      changed: ['virtualservice-app.yaml'],
      removed: [],
    });
  });

  test('counts above the highest transition in history, also after a revert by hand', () => {
    const lastCommit = {
      oid: sha('revert'),
      author: 'Robin',
      transitionBefore: 12,
      transitionAfter: 7,
      accepts: [],
    };
    const reverted = { ...AT20, lastCommit };
    expect(outcome(reverted, resume(reverted, ROBIN), NOW).state.transition).toBe(13);
  });

  test('keeps what each step counted', () => {
    const later = T0 + 90;
    const first = move(AT20, later, {
      live: liveSince(T0 + 5),
      values: (at) => (at === T0 + 40 ? 80 : 99.9),
    });
    const { steps } = outcome(AT20, first, later).state;
    expect(steps).toEqual([
      {
        name: '02-weight-20',
        at: isoTime(T0),
        since: isoTime(T0 + 5),
        until: isoTime(later),
        failedChecks: 1,
      },
    ]);
  });

  test('starts with an empty count', () => {
    const steps = [{ name: 'x', at: isoTime(T0), until: isoTime(T0), failedChecks: 2 }];
    const rest = situation({ position: COMPLETE, plan: V1, dist: V2, state: { steps } });
    expect(outcome(rest, move(rest, NOW), NOW).state.steps).toEqual([]);
  });

  test('names the objects that were removed and can be asked for', () => {
    const it = situation({ position: step('05-weight-0') });
    const { state } = outcome(it, move(it, NOW), NOW);
    expect(state.removed.map((one) => `${one.kind} ${one.namespace}/${one.name}`).sort()).toEqual([
      `ConfigMap test/app-${V1.plan.candidate.slice(0, 6)}`,
      'HorizontalPodAutoscaler test/app-canary',
    ]);
  });

  test('a note leaves position, time, counts and files as they were', () => {
    const { state } = outcome(AT20, pause(AT20, ROBIN), NOW, { by: ROBIN.by, accepts: [] });
    const { transition: _, verdict: __, kind, note, reason, by, paused, ...rest } = state;
    expect(note).toEqual({ kind: 'paused', reason: ROBIN.reason });
    // Why the position was taken stays; why it was paused stands beside it, and in the commit.
    expect([kind, reason, by, paused]).toEqual(['note', stateOf(AT20).reason, ROBIN.by, ROBIN]);
    expect(stateOf(AT20)).toMatchObject(rest);
  });

  test('the candidate that failed stays named until another one starts', () => {
    let it = moved(AT20, move(AT20, NOW, { canary: notReady('crash loop', true) }), NOW);
    const failed = expect.objectContaining({ candidate: V2.plan.candidate });
    expect(stateOf(it).failed).toEqual(failed);
    it = moved(it, move(it, NOW + 60), NOW + 60);
    expect(stateOf(it)).toMatchObject({ position: { kind: 'stable' }, failed });
    it = { ...it, dist: known(V3) };
    expect(stateOf(moved(it, move(it, NOW + 90), NOW + 90)).failed).toBeUndefined();
  });

  test('a person is named when one asked', () => {
    const asked = outcome(AT20, abort(AT20, ROBIN), NOW, { by: ROBIN.by, accepts: [] }).state;
    expect(asked.by).toBe(ROBIN.by);
    expect(asked.accepts).toBeUndefined();
    expect(outcome(AT20, move(AT20, NOW), NOW).state.by).toBeUndefined();
  });
});

describe('what belongs to one rollout', () => {
  const candidate = V2.plan.candidate;
  const own = {
    hooks: [{ hook: 'it', step: '02-weight-20', startedAt: isoTime(T0) }],
    approved: [{ candidate, step: '02-weight-20', by: 'Robin', reason: 'x' }],
    fast: { reason: 'full' },
  };
  const stateAfter = (it: Situation, seen = {}) => stateOf(moved(it, move(it, NOW, seen), NOW));

  test('stays through its steps and its rollback', () => {
    expect(stateAfter(situation({ position: step('02-weight-20'), state: own }))).toMatchObject(
      own,
    );
    const it = situation({ position: step('02-weight-20'), state: own });
    expect(stateAfter(it, { values: BAD })).toMatchObject(own);
  });

  test.each<[string, Situation]>([
    ['complete', situation({ position: step('05-weight-0'), state: own })],
    [
      'taken back',
      situation({ position: { kind: 'back', step: '02-weight-20', part: 'routes' }, state: own }),
    ],
    [
      'replaced',
      situation({ position: COMPLETE, plan: V1, dist: V2, state: { ...own, approved: [] } }),
    ],
  ])('ends when it is %s', (_, it) => {
    const state = stateAfter(it);
    expect([state.hooks, state.approved, state.fast]).toEqual([undefined, undefined, undefined]);
  });
});

describe('promoted candidates', () => {
  const names = (it: Situation) => stateOf(it).promoted;
  const of = (it: string) => plan(it).plan.candidate;
  const ending = (version: string, promoted: readonly string[]) => {
    const state = { promoted: [...promoted] };
    const it = situation({ position: step('05-weight-0'), plan: plan(version), state });
    return moved(it, move(it, NOW), NOW);
  };

  test('are remembered, the newest first, each once', () => {
    expect(names(ending('v2', []))).toEqual([of('v2')]);
    expect(names(ending('v2', [of('v1')]))).toEqual([of('v2'), of('v1')]);
    expect(names(ending('v1', [of('v2'), of('v1')]))).toEqual([of('v1'), of('v2')]);
  });

  test('are no more than a rollback window can ask for', () => {
    const many = Array.from({ length: 20 }, (_, index) => sha(`${index}`).slice(0, 10));
    expect(names(ending('v2', many))).toEqual([of('v2'), ...many.slice(0, 19)]);
  });

  test('do not hold one that was bad: it is judged when it comes again', () => {
    const state = { promoted: [of('v1'), of('v2')] };
    const it = situation({ position: step('02-weight-20'), state });
    expect(names(moved(it, move(it, NOW, { values: BAD }), NOW))).toEqual([of('v1')]);
    const superseded = { ...it, dist: known(V3) };
    expect(names(moved(superseded, move(superseded, NOW), NOW))).toEqual(state.promoted);
  });

  test('do not hold one that a person has undone', () => {
    const rest = situation({ position: COMPLETE, state: { promoted: [of('v2'), of('v1')] } });
    expect(
      names(
        moved(
          rest,
          undo(rest, ROBIN, () => V1),
          NOW,
        ),
      ),
    ).toEqual([of('v1')]);
  });
});

describe('a plan that is adopted', () => {
  const path = 'steps/01-canary-up/deployment-app-canary.yaml';
  const configured = plan('v2', { setting: 'other' });
  /** Its canary is another object, such as one with more memory for a sidecar. */
  const resized = { ...configured, blobs: new Map([...configured.blobs, [path, sha('resized')]]) };
  const adopting = (dist: typeof configured) => {
    const it = { ...AT20, dist: known(dist) };
    return moved(it, move(it, T0 + 1), T0 + 1);
  };

  test('with other pods for the canary is known as such until its step is left', () => {
    const adopted = adopting(resized);
    expect(stateOf(adopted)).toMatchObject({ kind: 'adopt', adopted: '02-weight-20' });
    const noted = moved(adopted, pause(adopted, ROBIN), T0 + 2);
    expect(stateOf(noted).adopted).toBe('02-weight-20');
    const next = moved(adopted, move(adopted, T0 + 200), T0 + 200);
    expect(stateOf(next).position).toEqual(step('03-weight-50'));
    expect(stateOf(next).adopted).toBeUndefined();
    // Nobody knows what of it the cluster has taken.
    expect(abort(adopted, ROBIN).to).toEqual(backFromNothing('02-weight-20', 'routes'));
  });

  test('with the same pods lets a rollback keep them until the routes have left them', () => {
    const adopted = adopting(configured);
    expect(stateOf(adopted)).not.toHaveProperty('adopted');
    const to = back('02-weight-20', 'routes');
    expect(abort(adopted, ROBIN).to).toEqual(to);
    const set = files(to, configured, V1);
    expect(set.get('deployment-app-canary.yaml')?.oid).toBe(V2.blobs.get(path));
  });

  test('after one with other pods changes nothing about these', () => {
    const again = { ...adopting(resized), dist: known(plan('v2', { setting: 'third' })) };
    expect(stateOf(moved(again, move(again, T0 + 2), T0 + 2)).adopted).toBe('02-weight-20');
  });
});
