import { expect, test } from 'vitest';
import { carryOut } from '../../../analyzer/core/change.ts';
import type { PushResult } from '../../../analyzer/git/repository.ts';
import { pushing } from '../../../analyzer/tick/delivery.ts';
import type { Unit } from '../../../analyzer/tick/planned.ts';
import { move, situation, step, T0 } from '../core/fixture.ts';
import { outcomeOf } from '../telemetry/outcome.ts';

const NOW = T0 + 500;

function unit(id: string): Unit {
  const it = { ...situation({ position: step('02-weight-20') }), id };
  const { change } = carryOut(it, move(it, NOW), NOW);
  const none = { dist: undefined, plan: undefined, stable: undefined, state: undefined };
  const trees = { id, ...none, live: undefined, complete: undefined };
  return { planned: [{ trees, outcome: outcomeOf(it, NOW), change }], change };
}

/** A repository whose server gives this answer, and in which commits of `broken` cannot be made. */
function repository(answer: PushResult, broken?: string) {
  const pushed: string[] = [];
  return {
    pushed,
    commit: async (parent: string | undefined, changes: readonly Unit['change'][]) => {
      if (changes.some((it) => it.release === broken && it.writes.length > 0))
        throw new Error('no such tree');
      return changes.map((it) => `${it.release} on ${parent}`);
    },
    push: async (commit: string) => {
      pushed.push(commit);
      return answer;
    },
  };
}

const UNITS = [unit('app'), unit('web')];

test.each([
  ['pushed', true],
  ['alreadyThere', false],
] as const)('what is %s is there, and says whose push it was', async (kind, isOurs) => {
  const it = repository({ kind });
  const done = await pushing.deliver(it, 'tip', UNITS);
  expect(done).toMatchObject({ kind: 'there', tip: 'web on tip', isOurs });
  expect(done.kind === 'there' && done.made.map((one) => one.unit)).toEqual(UNITS);
  expect(it.pushed).toEqual(['web on tip']);
});

test('a refusal says why, and what would have been there', async () => {
  const it = repository({ kind: 'refused', reason: 'protected branch' });
  expect(await pushing.deliver(it, 'tip', UNITS)).toMatchObject({
    kind: 'refused',
    reason: 'protected branch',
    units: UNITS,
  });
});

test('nothing is pushed where somebody else is ahead, or nothing moves', async () => {
  expect(await pushing.deliver(repository({ kind: 'moved' }), 'tip', UNITS)).toMatchObject({
    kind: 'moved',
  });
  const idle = repository({ kind: 'pushed' });
  expect(await pushing.deliver(idle, 'tip', [])).toMatchObject({ kind: 'nothing' });
  expect(idle.pushed).toEqual([]);
});

test('one that cannot be committed stays, and keeps no other from being pushed', async () => {
  const it = repository({ kind: 'pushed' }, 'app');
  const done = await pushing.deliver(it, 'tip', UNITS);
  expect(done).toMatchObject({ kind: 'there', tip: 'web on tip' });
  expect([...done.failed.keys()]).toEqual(['app']);
  expect(done.failed.get('app')?.outcome.decision.reason).toContain('no such tree');
});
