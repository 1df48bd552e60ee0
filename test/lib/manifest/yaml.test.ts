import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { canonical, type Json } from '../../../lib/manifest/json.ts';
import { toYaml } from '../../../lib/manifest/yaml.ts';
import { tries } from '../../tries.ts';

const VERSIONS = ['1.1', '1.2'] as const;

function bothReaders(value: Json): unknown[] {
  return VERSIONS.map((version) => parse(toYaml(value), { version, maxAliasCount: 0 }));
}

describe('strings that a reader could take for something else', () => {
  const tricky = [
    'y',
    'Y',
    'n',
    'yes',
    'No',
    'on',
    'ON',
    'off',
    'true',
    'True',
    'FALSE',
    'null',
    'Null',
    '~',
    '',
    ' ',
    '0777',
    '0o17',
    '1:30',
    '190:20:30',
    '1_000',
    '.5',
    '5.',
    '+1',
    '-1',
    '0x1f',
    '0b1',
    '1e3',
    '1E+3',
    '.inf',
    '-.INF',
    '.nan',
    '2024-01-01',
    '2001-12-14t21:59:43.10-05:00',
    '=',
    '<<',
    '!!str',
    '&a',
    '*a',
    '- a',
    '? a',
    ': a',
    'a: b',
    'a:',
    'a #b',
    '#a',
    '@a',
    '`a',
    '%a',
    '{',
    '}',
    '[',
    ']',
    ',',
    '|',
    '>',
    "'",
    '"',
    '---',
    '...',
    '--- a',
    'a\tb',
    '\t',
    ' a',
    'a ',
    'a\nb',
    'a\n',
    '\na',
    'a\n\nb\n',
    'a\n\n',
    'a\n \nb',
    ' a\nb',
    '\ta\nb',
    'a\r\nb',
    'a\u0085b',
    'a\u2028b\nc',
    '\ufeff',
    '\u0000',
    '\u007f',
    '\ud800',
    '💡',
    'a: b\n# c\n--- d\n',
    'key: |\n  text\n',
    '-',
    '--',
    '/',
    'http://a:80/b',
    'a::b',
    '@:',
  ];
  test.each(tricky)('%j stays a string in a value, a list and a key', (it) => {
    const value = { a: it, list: [it, [it]], [`k${it}`]: 1, nested: { [it]: { b: it } } };
    for (const read of bothReaders(value)) expect(read).toEqual(value);
  });

  test('a digit first means quotes, so that a digest never reads as a number', () => {
    expect(toYaml({ digest: '12345678' })).toBe('digest: "12345678"\n');
    expect(toYaml({ digest: '1234e567' })).toBe('digest: "1234e567"\n');
  });
});

test('a document of one string is not cut off by a line that looks like its end', () => {
  for (const read of bothReaders('a\n---\nb')) expect(read).toBe('a\n---\nb');
});

test('any JSON is read back by both versions', () => {
  const key = fc.string({ maxLength: 40, unit: 'binary' }).filter((it) => it !== '__proto__');
  const leaf = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom('a', ' ', '\n', '\t', ':', '#', '-', '"', "'", '1', 'é', '\\'),
    }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
  );
  const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      const data = JSON.parse(JSON.stringify(value)) as Json;
      for (const read of bothReaders(data)) expect(read).toEqual(data);
    }),
    { numRuns: tries(1000) },
  );
});

test('keys are written in the order of canonical, whatever the order was', () => {
  expect(toYaml(canonical({ b: { d: 1, c: [{ z: 1, y: 2 }] }, a: true, B: null }))).toBe(
    'B: null\na: true\nb:\n  c:\n    - "y": 2\n      z: 1\n  d: 1\n',
  );
});

test('text of several lines is a block that people can read', () => {
  expect(toYaml({ data: { conf: 'a: b\n\n  c\n' }, list: ['x\ny'] })).toBe(
    'data:\n  conf: |\n    a: b\n\n      c\nlist:\n  - |-\n    x\n    y\n',
  );
});

test('no anchors for an object that stands in two places', () => {
  const shared = { a: 1 };
  expect(toYaml({ one: shared, two: shared })).toBe('one:\n  a: 1\ntwo:\n  a: 1\n');
});

test('a number without a JSON form is our own bug', () => {
  expect(() => toYaml({ a: Number.NaN })).toThrow('NaN has no JSON form');
});
