import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  canonical,
  hashOf,
  type Json,
  labelsAt,
  listAt,
  objectAt,
} from '../../../lib/manifest/json.ts';

test('the order of keys does not change the hash, the order of a list does', () => {
  expect(hashOf({ a: 1, b: { c: 2, d: 3 } }, 10)).toBe(hashOf({ b: { d: 3, c: 2 }, a: 1 }, 10));
  expect(hashOf([1, 2], 10)).not.toBe(hashOf([2, 1], 10));
});

test('canonical drops undefined, keeps null, and is its own canonical form', () => {
  expect(JSON.stringify(canonical({ b: undefined, c: null, a: [1] }))).toBe('{"a":[1],"c":null}');
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      // JSON has no -0.
      const data = JSON.parse(JSON.stringify(value)) as Json;
      const once = canonical(data);
      expect(JSON.stringify(canonical(once))).toBe(JSON.stringify(once));
      expect(once).toEqual(data);
    }),
  );
});

test('a key named __proto__ is data', () => {
  const object = JSON.parse('{"__proto__":{"x":1},"a":2}') as Json;
  expect(JSON.stringify(canonical(object))).toBe('{"__proto__":{"x":1},"a":2}');
});

test('paths that lead nowhere are empty', () => {
  expect(objectAt({ a: 'text' }, 'a', 'b')).toEqual({});
  expect(listAt({ a: { b: 'text' } }, 'a', 'b')).toEqual([]);
  expect(listAt({ a: [{ x: 1 }, 'text', null] }, 'a')).toEqual([{ x: 1 }]);
  expect(labelsAt({ labels: { a: 'b', c: 3 } }, 'labels')).toEqual({ a: 'b' });
});
