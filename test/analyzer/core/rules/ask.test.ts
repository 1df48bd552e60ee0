import { expect, test } from 'vitest';
import { askHook, askKey, hookReading } from '../../../../analyzer/core/rules/ask.ts';
import { answered, answersOf, T0 } from '../fixture.ts';

test('a reply is found by the key of its question', () => {
  const answers = answersOf({ gate: answered(T0, true) });
  expect(answers?.get(askKey(askHook('gate')))).toEqual({
    kind: 'hook',
    hook: 'gate',
    reading: answered(T0, true),
  });
  expect(hookReading(answers, 'gate')).toEqual(answered(T0, true));
});

test('what was not asked has no reading', () => {
  expect(hookReading(answersOf({}), 'gate')).toBeUndefined();
  expect(hookReading(undefined, 'gate')).toBeUndefined();
});
