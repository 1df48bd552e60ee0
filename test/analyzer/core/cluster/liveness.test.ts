import { describe, expect, test } from 'vitest';
import {
  appliedAt,
  clusterQuestions,
  isSynced,
  liveness,
  type Question,
  refText,
  shownStep,
  type Target,
  target,
} from '../../../../analyzer/core/cluster/liveness.ts';
import type { Applied, ObjectReading } from '../../../../analyzer/core/cluster/reading.ts';
import type { Position } from '../../../../analyzer/core/position.ts';
import type { Rollout } from '../../../../analyzer/core/situation.ts';
import type { State } from '../../../../analyzer/core/state.ts';
import { back, blobs, rollout, STABLE, situation, step, T0, V2 } from '../fixture.ts';

const ROUTE = 'virtualservice-app.yaml';
const CANARY = 'deployment-app-canary.yaml';
const SYNC = V2.plan.analysis.syncSeconds;
const NOW = T0 + 60;
const UNASKED: Applied = { kind: 'unasked' };

/** An object with what tests look at; the rest is as the file says. */
interface Held {
  metadata: { annotations: Record<string, string>; managedFields: unknown };
  spec: { http: { route: { weight?: number; host: string }[]; match?: unknown }[] };
}

/** A position with its questions, and a cluster that shows just what Git says, applied at T0 + 3. */
function world(position: Position = step('02-weight-20'), state: Partial<State> = {}): World {
  const it = rollout(situation({ position, state: { changed: [ROUTE], ...state } }));
  const targets = [...it.files].map(([name, file]) =>
    target(name, file.info, blobs.get(file.oid) ?? ''),
  );
  const questions = clusterQuestions(it, targets);
  const objects = questions.map((question): ObjectReading => {
    if (question.kind === 'gone') return { kind: 'absent' };
    const file = it.files.get(question.target.file);
    const object = JSON.parse(blobs.get(file?.oid ?? '') ?? '{}') as Held;
    object.metadata.managedFields = [entry(T0 + 3)];
    return { kind: 'found', object };
  });
  return { rollout: it, questions, objects };
}

interface World {
  readonly rollout: Rollout;
  readonly questions: readonly Question[];
  readonly objects: ObjectReading[];
}

const DIGEST = { 'f:metadata': { 'f:annotations': { 'f:perch/digest': {} } } };

function entry(
  seconds: number,
  fieldsV1: unknown = DIGEST,
  manager = 'kustomize-controller',
): unknown {
  return { manager, operation: 'Apply', time: new Date(seconds * 1000).toISOString(), fieldsV1 };
}

function ask({ rollout: it, questions, objects }: World, now = NOW, applied: Applied = UNASKED) {
  return liveness(it, questions, { kind: 'known', value: objects }, applied, now);
}

function edit(it: World, file: string, change: (object: Held) => void): World {
  const index = it.questions.findIndex((one) => one.kind === 'there' && one.target.file === file);
  const reading = it.objects[index];
  if (reading?.kind !== 'found') throw new Error(`${file} is not in the cluster`);
  change(reading.object as Held);
  return it;
}

function replace(it: World, file: string, reading: ObjectReading): World {
  const index = it.questions.findIndex((one) => one.kind === 'there' && one.target.file === file);
  it.objects[index] = reading;
  return it;
}

function firstRoute(object: Held): Held['spec']['http'][number]['route'] {
  return object.spec.http[0]?.route ?? [];
}

test('a position whose objects are all as Git says is live', () => {
  expect(ask(world())).toEqual({ kind: 'live', sinceSeconds: T0 + 3 });
});

describe('not live', () => {
  test.each<[string, World, string]>([
    [
      'an object is being deleted, whatever finalizers keep it',
      edit(world(), CANARY, (it) =>
        Object.assign(it.metadata, { deletionTimestamp: '2026-01-01' }),
      ),
      'Deployment test/app-canary is being deleted',
    ],
    [
      'an object is missing',
      replace(world(), CANARY, { kind: 'absent' }),
      'Deployment test/app-canary does not exist yet',
    ],
    [
      'an object has an earlier digest',
      edit(world(), CANARY, (it) => (it.metadata.annotations['perch/digest'] = 'old')),
      'Deployment test/app-canary is not synced yet',
    ],
    [
      'an object has no digest',
      edit(world(), CANARY, (it) => delete it.metadata.annotations['perch/digest']),
      'Deployment test/app-canary is not synced yet',
    ],
    [
      'an object is as Git says, and is being deleted',
      edit(world(), CANARY, (it) =>
        Object.assign(it.metadata, { deletionTimestamp: '2026-01-05T09:00:00Z' }),
      ),
      'Deployment test/app-canary is being deleted',
    ],
    [
      'a weight was edited by hand',
      edit(world(), ROUTE, (it) => Object.assign(firstRoute(it)[1] ?? {}, { weight: 77 })),
      'VirtualService test/app differs at /spec/http: it was edited by hand, or its sync is under way',
    ],
    [
      'a route was added by hand',
      edit(world(), ROUTE, (it) => firstRoute(it).push({ host: 'evil', weight: 0 })),
      'VirtualService test/app differs at /spec/http: it was edited by hand, or its sync is under way',
    ],
    [
      'a rule was added by hand',
      edit(world(), ROUTE, (it) => it.spec.http.unshift({ route: [] })),
      'VirtualService test/app differs at /spec/http: it was edited by hand, or its sync is under way',
    ],
    [
      'the routes are gone',
      edit(world(), ROUTE, (it) => Object.assign(it, { spec: {} })),
      'VirtualService test/app differs at /spec/http: it was edited by hand, or its sync is under way',
    ],
  ])('%s', (_, it, reason) => expect(ask(it)).toEqual({ kind: 'waiting', reason }));

  test('what a commit removed must be gone', () => {
    const removed = [{ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'test', name: 'app-old' }];
    const it = world(step('02-weight-20'), { removed });
    expect(ask(it).kind).toBe('live');
    it.objects[it.objects.length - 1] = { kind: 'found', object: {} };
    expect(ask(it)).toEqual({ kind: 'waiting', reason: 'ConfigMap test/app-old is still there' });
  });

  test('of many reasons, three are told', () => {
    const it = world();
    it.objects.fill({ kind: 'absent' });
    expect(ask(it)).toMatchObject({
      kind: 'waiting',
      reason: expect.stringMatching(/^(\S+ \S+ does not exist yet; ){3}and 4 more$/),
    });
  });
});

describe('still live', () => {
  test.each<[string, (object: Held) => void]>([
    ['a server dropped a weight of 0', (it) => delete firstRoute(it)[1]?.weight],
    [
      'a server added defaults',
      (it) => Object.assign(it.spec.http[0] ?? {}, { retries: { attempts: 2 } }),
    ],
    ['somebody else keeps annotations', (it) => (it.metadata.annotations['other/tool'] = 'x')],
  ])('%s', (_, change) =>
    expect(ask(edit(world(step('01-canary-up')), ROUTE, change)).kind).toBe('live'),
  );

  test('an object that was removed and is declared again is asked for once, as present', () => {
    const removed = [
      { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'test', name: 'app-canary' },
    ];
    const it = world(step('02-weight-20'), { removed });
    expect(it.questions.filter((one) => one.kind === 'gone')).toEqual([]);
    expect(ask(it).kind).toBe('live');
  });
});

describe('since', () => {
  const sinceOf = (it: World) => {
    const live = ask(it);
    return live.kind === 'live' ? live.sinceSeconds - T0 : live;
  };

  test('the latest of what the commit changed', () => {
    const it = world(step('01-canary-up'), { changed: [ROUTE, CANARY] });
    expect(
      sinceOf(edit(it, CANARY, (object) => (object.metadata.managedFields = [entry(T0 + 9)]))),
    ).toBe(9);
  });

  test('nothing that the commit did not change', () => {
    expect(
      sinceOf(edit(world(), CANARY, (object) => (object.metadata.managedFields = [entry(T0 + 9)]))),
    ).toBe(3);
  });

  test('never before the commit', () => {
    expect(
      sinceOf(
        edit(world(), ROUTE, (object) => (object.metadata.managedFields = [entry(T0 - 500)])),
      ),
    ).toBe(0);
  });

  test.each<[string, unknown]>([
    ['managedFields are absent', undefined],
    ['managedFields are no list', 'none'],
    ['nobody owns the digest', [entry(T0 + 9, { 'f:spec': {} })]],
    ['its owner has no time', [{ manager: 'm', fieldsV1: DIGEST }]],
  ])('the commit, where %s', (_, managedFields) => {
    expect(
      sinceOf(edit(world(), ROUTE, (object) => (object.metadata.managedFields = managedFields))),
    ).toBe(0);
  });

  test('whoever owns the digest, and only they', () => {
    const fields = [
      entry(T0 + 50, { 'f:status': {} }, 'kube-controller-manager'),
      entry(T0 + 4),
      entry(T0 + 7, DIGEST, 'kubectl-annotate'),
    ];
    expect(
      sinceOf(edit(world(), ROUTE, (object) => (object.metadata.managedFields = fields))),
    ).toBe(7);
  });

  test('drift that was corrected starts it again', () => {
    const it = world();
    expect(sinceOf(it)).toBe(3);
    expect(
      sinceOf(edit(it, ROUTE, (object) => (object.metadata.managedFields = [entry(T0 + 40)]))),
    ).toBe(40);
  });
});

describe('a commit that brings earlier digests back', () => {
  test.each<[string, Position, Partial<State>]>([
    ['back: primary', back('04-promote', 'primary'), {}],
    ['back: routes', back('02-weight-20', 'routes'), {}],
    ['stable', STABLE, {}],
    ['a resume', step('02-weight-20'), { kind: 'resume' }],
    ['an adoption', step('02-weight-20'), { kind: 'adopt' }],
  ])('is live one sync interval later: %s', (_, position, state) => {
    const it = world(position, state);
    expect(ask(it, T0 + SYNC - 1)).toMatchObject({ kind: 'waiting', untilSeconds: T0 + SYNC });
    expect(ask(it, T0 + SYNC)).toEqual({ kind: 'live', sinceSeconds: T0 + SYNC });
  });

  test('one that cannot have been there before is live at once', () => {
    expect(ask(world(), T0 + 4)).toMatchObject({ kind: 'live' });
  });
});

describe('unknown', () => {
  test('when the cluster cannot be reached', () => {
    const { rollout: it, questions } = world();
    const answer = { kind: 'unknown', reason: 'connection refused' } as const;
    expect(liveness(it, questions, answer, UNASKED, NOW)).toEqual(answer);
  });

  test('when one object cannot be read, even if another one is surely not live', () => {
    const it = replace(replace(world(), ROUTE, { kind: 'unknown', reason: 'forbidden' }), CANARY, {
      kind: 'absent',
    });
    expect(ask(it)).toEqual({ kind: 'unknown', reason: 'VirtualService test/app: forbidden' });
  });

  test('when an answer is missing', () => {
    const it = world();
    it.objects.pop();
    expect(ask(it)).toMatchObject({
      kind: 'unknown',
      reason: expect.stringMatching(/: no answer$/),
    });
  });
});

describe('the step that the cluster shows', () => {
  const marked = (...marks: string[]): ObjectReading[] =>
    marks.map((it) => ({
      kind: 'found',
      object: { metadata: { annotations: { 'perch/step': it } } },
    }));
  const mine = V2.plan.candidate;
  test.each<[string, ObjectReading[], string | undefined]>([
    [
      'the newest of its own',
      marked(`${mine}/02-weight-20`, `${mine}/01-canary-up`),
      '02-weight-20',
    ],
    ['none of another candidate', marked('0000000000/05-weight-0'), undefined],
    ['none without marks', [{ kind: 'found', object: {} }, { kind: 'absent' }], undefined],
  ])('%s', (_, readings, expected) =>
    expect(shownStep(mine, { kind: 'known', value: readings })).toBe(expected),
  );

  test('none from a cluster that cannot be read', () => {
    expect(shownStep(mine, { kind: 'unknown', reason: 'down' })).toBeUndefined();
  });
});

describe('a target', () => {
  const info = {
    role: 'routing',
    apiVersion: 'v1',
    kind: 'Thing',
    name: 'x',
    asked: true,
    pointers: ['/spec/http', '/spec/none'],
  } as const;
  const text = 'metadata: {annotations: {perch/digest: abc}}\nspec: {http: [1]}\n';

  test('knows its digest and what its pointers declare', () => {
    expect(target('x.yaml', { ...info, pointers: [...info.pointers] }, text)).toMatchObject({
      digest: 'abc',
      declared: [
        { pointer: '/spec/http', value: [1] },
        { pointer: '/spec/none', value: undefined },
      ],
    });
  });

  test.each([['metadata: {}'], [''], ['metadata: {annotations: {perch/digest: 5}}']])(
    'without a digest is refused with the remedy: %j',
    (bad) => {
      expect(() => target('x.yaml', { ...info, pointers: [] }, bad)).toThrow(
        /live file x\.yaml has no perch\/digest.*npm run synth/,
      );
    },
  );

  test('is synced when the cluster shows its digest, or cannot be read', () => {
    const it: Target = {
      file: 'x',
      ref: { apiVersion: 'v1', kind: 'Thing', name: 'x' },
      digest: 'abc',
      declared: [],
    };
    const shows = (digest: string): ObjectReading => ({
      kind: 'found',
      object: { metadata: { annotations: { 'perch/digest': digest } } },
    });
    expect(isSynced(it, shows('abc'))).toBe(true);
    expect(isSynced(it, shows('old'))).toBe(false);
    expect(isSynced(it, { kind: 'unknown', reason: 'down' })).toBe(true);
  });
});

test('an object is named as kubectl would', () => {
  expect(
    refText({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'test', name: 'app' }),
  ).toBe('Deployment test/app');
  expect(refText({ apiVersion: 'v1', kind: 'Namespace', name: 'test' })).toBe('Namespace test');
});

test('nobody has applied what has no managedFields', () => {
  expect(appliedAt({})).toBeUndefined();
  expect(appliedAt(undefined)).toBeUndefined();
});

describe('what the sync object says', () => {
  const routes = back('02-weight-20', 'routes');
  const behind = { kind: 'behind', reason: 'Kustomization x has applied commit abc' } as const;

  test('is taken for a commit that brings digests back, instead of time', () => {
    expect(ask(world(routes), T0 + 4, { kind: 'applied' })).toMatchObject({ kind: 'live' });
    expect(ask(world(routes), T0 + 4)).toMatchObject({ kind: 'waiting', untilSeconds: T0 + SYNC });
  });

  test('holds such a commit until it is applied, however long that takes', () => {
    const late = T0 + 100 * SYNC;
    expect(ask(world(routes), late, behind)).toEqual({ kind: 'waiting', reason: behind.reason });
    const unknown = { kind: 'unknown', reason: 'HTTP 403' } as const;
    expect(ask(world(routes), late, unknown)).toEqual(unknown);
  });

  test('cannot make a step live that the objects do not show, nor hold one that they show', () => {
    const edited = edit(world(), ROUTE, (it) => {
      it.metadata.annotations['perch/digest'] = 'another';
    });
    expect(ask(edited, NOW, { kind: 'applied' })).toMatchObject({ kind: 'waiting' });
    expect(ask(edited, NOW, behind)).toMatchObject({
      kind: 'waiting',
      reason: expect.stringMatching(/not synced yet; Kustomization x has applied commit abc$/),
    });
    expect(ask(world(), NOW, behind)).toMatchObject({ kind: 'live' });
  });
});
