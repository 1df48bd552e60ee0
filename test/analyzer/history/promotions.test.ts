import { describe, expect, test } from 'vitest';
import type { PlanTree } from '../../../analyzer/core/position.ts';
import { withRollout } from '../../../analyzer/core/rollout.ts';
import type { State } from '../../../analyzer/core/state.ts';
import type { Visit, Walk } from '../../../analyzer/history/history.ts';
import { earlierPlan, promotions } from '../../../analyzer/history/promotions.ts';
import { back, COMPLETE, plan, STABLE, situation, T0, V1, V2, V3 } from '../core/fixture.ts';

let count = 0;

function visit(of: ReturnType<typeof situation>): Visit {
  count++;
  const commit = {
    oid: String(count).padStart(40, '0'),
    parents: [],
    at: T0 + count,
    author: 'Perch <perch@localhost>',
    message: '',
    trees: { id: 'app' },
  };
  return { commit, situation: of, problems: [], accepted: false };
}

const promoted = (of: PlanTree): Visit => visit(situation({ position: COMPLETE, plan: of }));

const configured = (of: PlanTree): Visit =>
  visit(situation({ position: COMPLETE, plan: of, state: { kind: 'configure' } }));

function failing(of: PlanTree, stable: PlanTree, kind: State['kind']): Visit {
  const failed = { candidate: of.plan.candidate, step: '06-complete', reason: 'bad' };
  return visit(
    situation({
      position: back('06-complete', 'primary'),
      plan: of,
      stable,
      state: { kind, failed },
    }),
  );
}

const walked = (...visits: readonly Visit[]): Walk => ({ visits, complete: true });
const names = (walk: Walk) => promotions(walk).map((it) => [it.candidate, it.failed]);
const [C1, C2, C3] = [V1, V2, V3].map((it) => it.plan.candidate);

describe('promotions', () => {
  test('are the candidates that were complete, the newest first', () => {
    expect(names(walked(promoted(V1), promoted(V2), promoted(V3)))).toEqual([
      [C3, false],
      [C2, false],
      [C1, false],
    ]);
  });

  test('are those of the present life of a release', () => {
    const gone = visit(
      withRollout({ ...situation({ position: COMPLETE, plan: V1 }), state: { kind: 'absent' } }),
    );
    expect(names(walked(promoted(V1), gone, promoted(V2)))).toEqual([[C2, false]]);
  });

  test('what was taken back has failed, until it is promoted again', () => {
    const until = [promoted(V1), promoted(V2), failing(V2, V1, 'undo')];
    expect(names(walked(...until))).toEqual([
      [C2, true],
      [C1, false],
    ]);
    expect(names(walked(...until, promoted(V3), promoted(V2)))[0]).toEqual([C2, false]);
  });

  test('a commit in which something is wrong counts for nothing', () => {
    const wrong = { ...promoted(V2), problems: ['live/app/x'] };
    expect(names(walked(promoted(V1), wrong))).toEqual([[C1, false]]);
  });
});

describe('the earlier plan', () => {
  const asked = { id: 'app', present: C3 ?? '', to: undefined, now: T0 + 100 };

  test('is the newest before that did not fail, with its newest configuration', () => {
    const newer = plan('v1', { setting: 'b' });
    const walk = walked(
      promoted(V1),
      configured(newer),
      promoted(V2),
      failing(V2, newer, 'undo'),
      visit(situation({ position: STABLE, plan: V2, stable: newer })),
      promoted(V3),
    );
    expect(earlierPlan(walk, asked).tree).toBe(newer.tree);
    // Asked for by name, it may be one that failed.
    expect(earlierPlan(walk, { ...asked, to: C2 }).tree).toBe(V2.tree);
  });

  test('that cannot be read is told with the reason', () => {
    const broken: Visit = {
      ...promoted(V1),
      situation: withRollout({
        ...situation({ position: COMPLETE, plan: V1 }),
        plan: { kind: 'broken', reason: 'plan.yaml is from another version' },
      }),
    };
    expect(() => earlierPlan(walked(broken, promoted(V3)), asked)).toThrow(
      `app: the plan of ${C1} cannot be read from history: plan.yaml is from another version`,
    );
  });

  test('needs as many digits as tell candidates apart', () => {
    const twin = { ...V2, plan: { ...V2.plan, candidate: `${C1?.slice(0, 9)}x` } };
    const walk = walked(promoted(V1), promoted(twin), promoted(V3));
    expect(() => earlierPlan(walk, { ...asked, to: C1?.slice(0, 9) })).toThrow(
      /is how several names begin, .*: give more of the one that is meant$/,
    );
    expect(earlierPlan(walk, { ...asked, to: C1 }).tree).toBe(V1.tree);
  });
});
