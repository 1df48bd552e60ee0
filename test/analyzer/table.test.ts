import { expect, test } from 'vitest';
import { age, folded, table } from '../../analyzer/table.ts';

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

test('a table that is wider than the terminal wraps the widest columns between words', () => {
  const rows = [
    ['shop', 'success-rate 69.17 % < 99 % (failed check 3 of 10)'],
    ['podinfo', 'ready'],
  ];
  const text = table(['NAME', 'REASON'], rows, 40);
  expect(text).toBe(
    [
      'NAME     REASON',
      'shop     success-rate 69.17 % < 99 %',
      '         (failed check 3 of 10)',
      'podinfo  ready',
    ].join('\n'),
  );
});

test('every column gives what it has too much, and a long word is broken', () => {
  const row = ['a'.repeat(100), 'word '.repeat(30).trim(), '1'];
  for (const width of [80, 60, 40]) {
    const lines = table(['A', 'B', 'C'], [row], width).split('\n');
    expect(Math.max(...lines.map((it) => it.length))).toBeLessThanOrEqual(width);
    const cells = lines
      .slice(1)
      .map((it) => it.replaceAll(/[^a]/g, ''))
      .join('');
    expect(cells).toBe('a'.repeat(100));
  }
});

test('no terminal is so narrow that a column disappears', () => {
  expect(
    table(['STEP', 'REASON'], [['02-weight-20', 'waits for a person']], 5).split('\n')[0],
  ).toBe('STEP      REASON');
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

test('lines that are wider than the terminal continue further in, and no word is lost', () => {
  const lines = [
    'short',
    '  wrong  Deployment shop/shop-canary does not exist yet',
    'x'.repeat(30),
  ];
  expect(folded(lines, 24)).toEqual([
    'short',
    '  wrong  Deployment',
    '    shop/shop-canary',
    '    does not exist yet',
    'x'.repeat(22),
    `  ${'x'.repeat(8)}`,
  ]);
  expect(folded(lines, Number.POSITIVE_INFINITY)).toEqual(lines);
});
