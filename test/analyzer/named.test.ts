import { describe, expect, test } from 'vitest';
import { oneNamed } from '../../analyzer/named.ts';
import { UsageError } from '../../analyzer/usage-error.ts';

const ALL = [
  ['02-weight-5'],
  ['03-weight-50', 'half'],
  ['03-weight-500'],
  ['06-complete', 'complete'],
];
const meant = (given: string, all: readonly (readonly string[])[] = ALL) =>
  oneNamed({ given, all, namesOf: (it) => it, none: `nothing is called ${given}` })[0];

describe('what a person named', () => {
  test.each([
    ['06-complete', '06-complete'],
    ['02', '02-weight-5'],
    ['ha', '03-weight-50'],
    ['comp', '06-complete'],
    // A whole name, though another begins so too.
    ['03-weight-50', '03-weight-50'],
  ])('"%s" is %s', (given, expected) => expect(meant(given)).toBe(expected));

  test.each(['weight', '7', ''])('"%s" is nothing', (given) => {
    expect(() => meant(given)).toThrow(new UsageError(`nothing is called ${given}`));
  });

  test('that can be several lists them', () => {
    expect(() => meant('03')).toThrow(
      new UsageError(
        '"03" is how several names begin, 03-weight-50, 03-weight-500: give more of the one that is meant',
      ),
    );
    const many = Array.from({ length: 12 }, (_, index) => [`a${index}`]);
    expect(() => meant('a', many)).toThrow(/begin, a0, a1, a2, a3, a4 and 7 more: give more/);
  });
});
