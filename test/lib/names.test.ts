import { expect, test } from 'vitest';
import { labelMistakes, lengthMistakes, namesOf, serviceNameMistakes } from '../../lib/names.ts';

test('the names of a release', () => {
  expect(namesOf({ name: 'shop', namespace: 'prod' })).toEqual({
    apex: 'shop',
    primary: 'shop-primary',
    canary: 'shop-canary',
    baseline: 'shop-baseline',
    namespace: 'prod',
    workloads: { primary: 'shop-primary', canary: 'shop-canary', baseline: 'shop-baseline' },
  });
});

test.each(['', 'Shop', 'a_b', '-a', 'a-', 'a.b', 'a'.repeat(64), 'é'])(
  '%j is no DNS label',
  (name) => {
    expect(labelMistakes('shop', 'id', name)).toHaveLength(1);
  },
);

test.each(['a', '0', 'a-b', 'a'.repeat(63)])('%j is a DNS label', (name) => {
  expect(labelMistakes('shop', 'id', name)).toEqual([]);
});

test('a Service begins with a letter', () => {
  expect(serviceNameMistakes('shop', 'name', '1a')).toHaveLength(1);
});

test('how much a long name must lose', () => {
  expect(lengthMistakes('shop', 'name', 'a'.repeat(63))).toEqual([]);
  expect(lengthMistakes('shop', 'name', 'a'.repeat(70))[0]?.remedy).toBe('shorten it by 7');
});
