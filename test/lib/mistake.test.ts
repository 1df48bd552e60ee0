import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { MistakesError, mistakeText } from '../../lib/mistake.ts';

const remedy = 'mend it';

test('a mistake in one line', () => {
  expect(mistakeText({ path: 'a/b', problem: 'is wrong', got: { x: [1] }, remedy })).toBe(
    'a/b: is wrong, got {"x":[1]}; mend it',
  );
  expect(mistakeText({ path: 'a', problem: 'is wrong', remedy })).toBe('a: is wrong; mend it');
  expect(mistakeText({ path: 'a', problem: 'is wrong', got: undefined, remedy })).toBe(
    'a: is wrong, got nothing; mend it',
  );
  expect(
    mistakeText({ path: 'a', problem: 'is wrong', got: 'x'.repeat(999), remedy }),
  ).toHaveLength(227);
});

test('the error lists all of them, and no stack that points elsewhere', () => {
  const error = new MistakesError([{ path: 'a', problem: 'is wrong', remedy }]);
  expect(error.message).toBe('1 mistake, nothing was written:\n\na\n  is wrong; mend it');
  expect(error.mistakes).toHaveLength(1);
  expect(inspect(error)).toBe(`[${error.stack}]`);
  expect(error.stack).not.toMatch(/\n\s+at /);
});

test('an id that is none is no heading', () => {
  const error = new MistakesError([{ path: '(no id)', id: '', problem: 'is wrong', remedy }]);
  expect(error.message).toBe('1 mistake, nothing was written:\n\n(no id)\n  is wrong; mend it');
});
