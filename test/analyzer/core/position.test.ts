import { describe, expect, test } from 'vitest';
import {
  atRest,
  canaryWeight,
  difference,
  type FileSet,
  files,
  hasPromoted,
  nextPosition,
  type PlanTree,
  type Position,
  positionText,
  samePosition,
  stepIndex,
  stepOf,
  undoPosition,
  wayBack,
} from '../../../analyzer/core/position.ts';
import type { Role } from '../../../lib/plan/plan.ts';
import {
  BASELINE_FILE,
  back,
  COMPLETE,
  INIT,
  plan,
  STABLE,
  STEPS,
  step,
  V1,
  V2,
} from './fixture.ts';

/** Where each file comes from: `v1`, or the folder of v2 whose bytes it has. */
function origins(set: FileSet, plan: PlanTree = V2, stable: PlanTree = V1): Record<string, string> {
  const last = stable.plan.steps.at(-1)?.name ?? '';
  return Object.fromEntries(
    [...set].map(([name, file]): [string, string] => {
      if (stable.blobs.get(`steps/${last}/${name}`) === file.oid) return [name, 'v1'];
      const found = plan.plan.steps.find(
        (it) => plan.blobs.get(`steps/${it.name}/${name}`) === file.oid,
      );
      return [name, found?.name ?? 'nowhere'];
    }),
  );
}

const config = (of: PlanTree) => `configmap-app-${of.plan.candidate.slice(0, 6)}.yaml`;
const PRIMARY = 'deployment-app-primary.yaml';
const CANARY = 'deployment-app-canary.yaml';
const HPA = 'horizontalpodautoscaler-app-canary.yaml';
const SERVICE = 'service-app.yaml';
const ROUTE = 'virtualservice-app.yaml';

const STABLE_SET = {
  [PRIMARY]: 'v1',
  [CANARY]: 'v1',
  [config(V1)]: 'v1',
  [SERVICE]: 'v1',
  [ROUTE]: 'v1',
};
/** The canary beside the primary; on the rollback, too. */
const BESIDE = {
  ...STABLE_SET,
  [CANARY]: '01-canary-up',
  [HPA]: '01-canary-up',
  [config(V2)]: '00-init',
};
const CANARY_UP = { ...BESIDE, [SERVICE]: '01-canary-up' };

describe('files', () => {
  test.each<[string, Position, Record<string, string>]>([
    [
      'init: the files of 00-init, exactly',
      INIT,
      { [PRIMARY]: '00-init', [CANARY]: '00-init', [config(V2)]: '00-init' },
    ],
    [
      'step 01: stable and what 01 writes',
      step('01-canary-up'),
      { ...CANARY_UP, [ROUTE]: '01-canary-up' },
    ],
    [
      'step 03: stable and every step up to it',
      step('03-weight-50'),
      { ...CANARY_UP, [ROUTE]: '03-weight-50' },
    ],
    [
      'step 04: the primary too',
      step('04-promote'),
      { ...CANARY_UP, [PRIMARY]: '00-init', [ROUTE]: '04-promote' },
    ],
    [
      'complete: the complete set, exactly',
      COMPLETE,
      {
        [PRIMARY]: '00-init',
        [CANARY]: '00-init',
        [config(V2)]: '00-init',
        [SERVICE]: '01-canary-up',
        [ROUTE]: '06-complete',
      },
    ],
    [
      'back from 03, primary: canary and routes stand, configuration is restored',
      back('03-weight-50', 'primary'),
      { ...BESIDE, [ROUTE]: '03-weight-50' },
    ],
    ['back from 03, routes: the canary stands', back('03-weight-50', 'routes'), BESIDE],
    [
      'back from 04, primary: only the primary is restored',
      back('04-promote', 'primary'),
      { ...BESIDE, [ROUTE]: '04-promote' },
    ],
    ['back from 04, routes', back('04-promote', 'routes'), BESIDE],
    ['stable: the stable set, exactly', STABLE, STABLE_SET],
  ])('%s', (_, position, expected) => {
    expect(origins(files(position, V2, V1))).toEqual(expected);
  });

  test.each<[Role, 'primary' | 'routes', 'absent' | 'kept']>([
    ['primary', 'primary', 'absent'],
    ['primary', 'routes', 'absent'],
    ['canary', 'primary', 'kept'],
    ['canary', 'routes', 'kept'],
    ['routing', 'primary', 'kept'],
    ['routing', 'routes', 'absent'],
    ['versioned', 'primary', 'kept'],
    ['versioned', 'routes', 'kept'],
    ['configuration', 'primary', 'kept'],
    ['configuration', 'routes', 'kept'],
  ])('a %s file that stable lacks is, on the rollback: %s, %s', (role, part, expected) => {
    const set = files(back('04-promote', part), withFile(V2, 'extra.yaml', role), V1);
    expect(set.has('extra.yaml') ? 'kept' : 'absent').toBe(expected);
  });

  test.each<[Role, 'primary' | 'routes', 'v1' | 'v2']>([
    ['primary', 'primary', 'v1'],
    ['canary', 'primary', 'v2'],
    ['canary', 'routes', 'v2'],
    ['routing', 'primary', 'v2'],
    ['routing', 'routes', 'v1'],
    ['versioned', 'primary', 'v1'],
    ['configuration', 'primary', 'v1'],
  ])('a %s file that both have is, on the rollback (%s), of %s', (role, part, expected) => {
    const [next, old] = [withFile(V2, 'both.yaml', role), withFile(V1, 'both.yaml', role)];
    const oid = files(back('04-promote', part), next, old).get('both.yaml')?.oid;
    expect(oid).toBe(expected === 'v1' ? blobOf(V1, 'both.yaml') : blobOf(V2, 'both.yaml'));
  });

  test.each<Position>([step('02-weight-20'), back('02-weight-20', 'routes'), STABLE])(
    'a position that needs a stable set refuses to be without: %j',
    (position) =>
      expect(() => files(position, V2, undefined)).toThrow(
        'release app: this position needs a stable set',
      ),
  );

  test('an unknown step is refused with the known ones', () => {
    expect(() => files(step('02-weight-99'), V2, V1)).toThrow(
      /no step "02-weight-99"; it has 00-init, 01-canary-up/,
    );
  });

  test('a file that plan.yaml lists and the folder lacks is refused', () => {
    const gone = {
      ...V2,
      blobs: new Map([...V2.blobs].filter(([path]) => path !== `steps/02-weight-20/${ROUTE}`)),
    };
    expect(() => files(step('02-weight-20'), gone, V1)).toThrow(
      `plan lists steps/02-weight-20/${ROUTE}, it is missing`,
    );
  });

  test.each(['00-init', '06-complete'])(
    'nobody stands in the step %s: it has a position of its own',
    (name) => {
      expect(() => files(step(name), V2, V1)).toThrow(`"${name}" is not a step to stand in`);
    },
  );

  test('nothing rolls back from init, and what is complete rolls back as any step does', () => {
    expect(() => files(back('00-init', 'routes'), V2, V1)).toThrow(
      '"00-init" is not a step to stand in',
    );
    const complete = files({ kind: 'complete' }, V2, V2);
    const undone = files(back('06-complete', 'primary'), V2, V1);
    const stable = files({ kind: 'stable' }, V2, V1);
    for (const [name, file] of undone) {
      // At rest neither version has a canary: stable's own is there at once.
      const own = file.info.role === 'routing';
      const before = complete.get(name);
      expect(file.oid).toBe((own ? before : (stable.get(name) ?? before))?.oid);
    }
  });
});

function blobOf(plan: PlanTree, name: string): string {
  return `${plan.plan.candidate}-${name}`;
}

/** The plan with one more file, written by the promotion and part of the complete set. */
function withFile(plan: PlanTree, name: string, role: Role): PlanTree {
  const info = { role, apiVersion: 'v1', kind: 'Thing', name: 'extra', asked: true };
  const writes = ['04-promote', '06-complete'];
  const steps = plan.plan.steps.map((it) =>
    writes.includes(it.name) ? { ...it, files: [...it.files, name] } : it,
  );
  const added = writes.map((it): [string, string] => [`steps/${it}/${name}`, blobOf(plan, name)]);
  return {
    ...plan,
    plan: { ...plan.plan, steps, files: { ...plan.plan.files, [name]: info } },
    blobs: new Map([...plan.blobs, ...added]),
  };
}

describe('the order of positions', () => {
  test('forward, from 01 to complete, without a gap', () => {
    const way: string[] = [];
    for (
      let at: Position | undefined = step('01-canary-up');
      at !== undefined;
      at = nextPosition(V2.plan, at)
    )
      way.push(positionText(at));
    expect(way).toEqual([...STEPS, 'complete']);
  });

  test.each<[Position, Position | undefined]>([
    [INIT, COMPLETE],
    [COMPLETE, undefined],
    [STABLE, undefined],
    [back('02-weight-20', 'routes'), undefined],
  ])('after %j comes %j', (position, expected) =>
    expect(nextPosition(V2.plan, position)).toEqual(expected),
  );

  test.each(STEPS.map((name, index): [string, boolean] => [name, index >= 3]))(
    'the rollback from %s starts with the primary: %s',
    (name, promoted) => {
      const routes = [back(name, 'routes'), STABLE];
      expect(wayBack(V2.plan, name, name)).toEqual(
        promoted ? [back(name, 'primary'), ...routes] : routes,
      );
      expect(hasPromoted(V2.plan, name)).toBe(promoted);
    },
  );
});

test.each<[Position, number]>([
  [INIT, 0],
  [step('01-canary-up'), 0],
  [step('02-weight-20'), 20],
  [step('04-promote'), 50],
  [step('05-weight-0'), 0],
  [back('03-weight-50', 'primary'), 50],
  [back('03-weight-50', 'routes'), 0],
  [STABLE, 0],
  [COMPLETE, 0],
])('the committed weight of the canary in %j is %i', (position, weight) => {
  expect(canaryWeight(V2.plan, position)).toBe(weight);
});

test.each<[Position, string, boolean, string | undefined]>([
  [INIT, 'init', false, '00-init'],
  [step('02-weight-20'), '02-weight-20', false, '02-weight-20'],
  [back('02-weight-20', 'routes'), 'back from 02-weight-20: routes', false, '02-weight-20'],
  [COMPLETE, 'complete', true, '06-complete'],
  [STABLE, 'stable', true, undefined],
])('%j reads "%s", at rest: %s, and belongs to %s', (position, text, rest, name) => {
  expect(positionText(position)).toBe(text);
  expect(atRest(position)).toBe(rest);
  expect(stepOf(V2.plan, position)?.name).toBe(name);
});

test('positions are the same when all their parts are', () => {
  expect(samePosition(back('02-weight-20', 'routes'), back('02-weight-20', 'routes'))).toBe(true);
  expect(samePosition(back('02-weight-20', 'routes'), back('02-weight-20', 'primary'))).toBe(false);
  expect(samePosition(step('02-weight-20'), step('03-weight-50'))).toBe(false);
  expect(samePosition(COMPLETE, STABLE)).toBe(false);
});

test('the difference of two sets names written and removed files, sorted', () => {
  const from = files(step('05-weight-0'), V2, V1);
  expect(difference(from, files(COMPLETE, V2, V1))).toEqual({
    changed: [CANARY, ROUTE].sort(),
    removed: [config(V1), HPA].sort(),
  });
  expect(difference(from, from)).toEqual({ changed: [], removed: [] });
});

test('a step is found by its name only', () => {
  expect(stepIndex(V2.plan, '03-weight-50')).toBe(3);
  expect(() => stepIndex(V2.plan, 'weight-50')).toThrow('its plan has no step "weight-50"');
});

test('where Services exist already nothing of the release is restored: a rollback begins with the routes', () => {
  const { workloads: _, ...rest } = V2.plan;
  const existing = { ...rest, workloads: {} };
  for (const shown of ['03-weight-50', '04-promote'])
    expect(wayBack(existing, '04-promote', shown)).toEqual([
      { kind: 'back', step: '04-promote', part: 'routes', shown },
      STABLE,
    ]);
});

describe('a baseline', () => {
  const of = plan('v2', { baseline: ['02-weight-20'] });
  const stable = plan('v1', { baseline: [] });
  const oid = stable.blobs.get(`as-stable/baseline/${BASELINE_FILE}`);

  test('comes from the stable plan, in the steps that say so, and is in no other position', () => {
    const where = [...STEPS.map(step), INIT, COMPLETE, STABLE].filter((it) =>
      files(it, of, stable).has(BASELINE_FILE),
    );
    expect(where).toEqual([step('02-weight-20')]);
    expect(files(step('02-weight-20'), of, stable).get(BASELINE_FILE)?.oid).toBe(oid);
  });

  test('stays while the routes go back, and is gone at the end of the way', () => {
    expect(files(back('02-weight-20', 'routes'), of, stable).has(BASELINE_FILE)).toBe(true);
    expect(files(STABLE, of, stable).has(BASELINE_FILE)).toBe(false);
  });

  test('that the stable plan does not have runs nowhere', () => {
    expect(files(step('02-weight-20'), of, V1).has(BASELINE_FILE)).toBe(false);
  });
});

describe('an undone release', () => {
  const at = undoPosition(V2.plan);

  test('begins where the last step left it, with its primary', () => {
    expect(at).toEqual(back('06-complete', 'primary'));
    expect(wayBack(V2.plan, '06-complete', '06-complete')).toEqual([
      at,
      back('06-complete', 'routes'),
      STABLE,
    ]);
  });

  test('gets the primary first, then the routes, then all', () => {
    const primary = origins(files(at, V2, V1));
    expect(primary['deployment-app-primary.yaml']).toBe('v1');
    expect(primary['virtualservice-app.yaml']).toBe('06-complete');
    const routes = origins(files(back('06-complete', 'routes'), V2, V1));
    expect(routes['virtualservice-app.yaml']).toBe('v1');
    // What pods of both versions may use stays until the end.
    expect(Object.keys(routes)).toEqual(expect.arrayContaining([config(V1), config(V2)]));
    expect(files(STABLE, V2, V1)).toEqual(files(COMPLETE, V1, undefined));
  });
});
