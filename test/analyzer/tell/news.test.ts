import { describe, expect, test } from 'vitest';
import { carryOut } from '../../../analyzer/core/change.ts';
import { pause, undo } from '../../../analyzer/core/person.ts';
import { status } from '../../../analyzer/core/phase.ts';
import type { Move } from '../../../analyzer/core/rules/decision.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import { newsOf } from '../../../analyzer/tell/news.ts';
import type { Outcome } from '../../../analyzer/tick/outcome.ts';
import {
  BAD,
  back,
  COMPLETE,
  decision,
  INIT,
  move,
  observation,
  STABLE,
  situation,
  step,
  T0,
  unstarted,
  V1,
  V2,
  V3,
} from '../core/fixture.ts';

const NOW = T0 + 60;
const ROBIN = { by: 'Robin', reason: 'lunch' };

/** What a pass did about a release, as it is told after the push. */
function done(it: Situation, next: Move, commit: string | undefined = 'c'.repeat(40)): Outcome {
  const { change, after } = carryOut(it, next, NOW);
  return {
    release: it.id,
    decision: next,
    at: NOW,
    status: status(it),
    observation: observation(it, NOW),
    commit,
    message: change.message,
    after,
  };
}

const at = (name: string) => situation({ position: step(name) });
const story = (it: Situation, next = move(it, NOW)) => newsOf([done(it, next)], [])[0];

describe('what hooks are told', () => {
  test.each<[string, Situation, Move | undefined, object]>([
    [
      'a start',
      situation({ position: COMPLETE, plan: V1, dist: V2 }),
      undefined,
      { plan: V2.plan, phase: 'Progressing', type: 'Normal', ends: false },
    ],
    [
      'a step',
      at('02-weight-20'),
      undefined,
      { plan: V2.plan, phase: 'Progressing', type: 'Normal', ends: false },
    ],
    [
      'a promotion',
      at('03-weight-50'),
      undefined,
      { phase: 'Promoting', type: 'Normal', ends: false },
    ],
    ['the end', at('05-weight-0'), undefined, { phase: 'Succeeded', type: 'Normal', ends: true }],
    [
      'the first release',
      situation({ position: INIT }),
      undefined,
      { phase: 'Initialized', type: 'Normal', ends: true },
    ],
    [
      'a rollback',
      at('02-weight-20'),
      move(at('02-weight-20'), NOW, { values: BAD }),
      { phase: 'RollingBack', type: 'Warning', ends: false },
    ],
    [
      'its end',
      situation({ position: back('02-weight-20', 'routes'), dist: V3 }),
      undefined,
      { plan: V2.plan, phase: 'Initialized', type: 'Warning', ends: true },
    ],
    [
      'a pause',
      at('02-weight-20'),
      pause(at('02-weight-20'), ROBIN),
      { phase: 'Paused', type: 'Warning', ends: false },
    ],
    [
      'a pause at rest',
      situation({ position: STABLE }),
      pause(situation({ position: STABLE }), ROBIN),
      { phase: 'Paused', ends: false },
    ],
    [
      'an undo',
      situation({ position: COMPLETE }),
      undo(situation({ position: COMPLETE }), ROBIN, () => V1),
      { phase: 'RollingBack', type: 'Warning', ends: false },
    ],
    [
      'configuration',
      situation({ position: COMPLETE, plan: V1, dist: { ...V1, tree: 'a'.repeat(40) } }),
      undefined,
      { phase: 'Initialized', type: 'Normal', ends: false },
    ],
  ])('%s', (_, it, next, expected) => {
    expect(story(it, next)).toMatchObject({ ...expected, at: NOW });
  });

  test('the subject is that of the commit', () => {
    expect(story(at('02-weight-20'))?.subject).toBe('app: weight 20 → 50');
  });

  test('nothing of what nobody pushed, of what waits, and of what has no plan', () => {
    const it = at('02-weight-20');
    const pushed = done(it, move(it, NOW));
    expect(newsOf([{ ...pushed, commit: undefined }], [])).toEqual([]);
    expect(newsOf([{ ...pushed, decision: decision(it, T0) }], [])).toEqual([]);
    const first = unstarted(V1);
    const start = done(first, move(first, NOW));
    expect(newsOf([start], [])).toHaveLength(1);
    expect(newsOf([{ ...start, after: unstarted('broken') }], [])).toEqual([]);
  });
});
