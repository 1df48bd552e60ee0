import { expect, test } from 'vitest';
import { at, escapePointer } from '../../../lib/plan/pointer.ts';

test.each<[string, unknown]>([
  ['/a/b', 1],
  ['/a/c~1d', 2],
  ['/a/e~0f', 3],
  ['/list/1', 'y'],
  ['/list/2', undefined],
  ['/a/b/c', undefined],
  ['/constructor', undefined],
  ['/a/__proto__', undefined],
])('the value at %s is %j', (pointer, expected) => {
  expect(at({ a: { b: 1, 'c/d': 2, 'e~f': 3 }, list: ['x', 'y'] }, pointer)).toEqual(expected);
});

test('an escaped key is one part of a pointer', () => {
  expect(at({ 'a/b~c': 1 }, `/${escapePointer('a/b~c')}`)).toBe(1);
});
