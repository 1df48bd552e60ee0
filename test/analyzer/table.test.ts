import { expect, test } from 'vitest';
import { age, table } from '../../analyzer/table.ts';

test('columns are as wide as their widest cell, and no line ends in blanks', () => {
  expect(
    table(
      ['A', 'LONG', 'C'],
      [
        ['xyz', '1', ''],
        ['', '22', 'end'],
      ],
    ),
  ).toBe(['A    LONG  C', 'xyz  1', '     22    end'].join('\n'));
});

test('a cell stays one line', () => {
  expect(table(['A', 'B'], [['one\ntwo\u001b[31m', 'x']]).split('\n')).toEqual([
    'A             B',
    'one two [31m  x',
  ]);
});

test.each([
  [0, '0s'],
  [-5, '0s'],
  [59.9, '59s'],
  [60, '1m'],
  [190, '3m10s'],
  [3600, '1h0m'],
  [7500, '2h5m'],
  [86_400, '1d'],
  [400_000, '4d'],
])('an age of %d seconds reads %s', (seconds, text) => expect(age(seconds)).toBe(text));
