import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fill } from '../../../lib/metrics/promql.ts';

function filled(query: string, variables: Readonly<Record<string, string>>): string {
  const result = fill(query, variables);
  if (result.kind === 'wrong') throw new Error(JSON.stringify(result.problems));
  return result.query;
}

function problems(
  query: string,
  variables: Readonly<Record<string, string>> = {},
): readonly string[] {
  const result = fill(query, variables);
  return result.kind === 'wrong' ? result.problems.map((it) => it.problem) : [];
}

describe('values', () => {
  test('stand in strings, in brackets and as numbers, and not in comments', () => {
    const query = 'topk({{n}}, rate(x{a="{{ a }}",b=\'{{a}}\',c=`{{a}}`}[{{interval}}])) # {{n}}';
    expect(filled(query, { n: '3', a: 'v', interval: '1m30s' })).toBe(
      'topk(3, rate(x{a="v",b=\'v\',c=`v`}[1m30s])) # {{n}}',
    );
  });

  test('replacement patterns of JavaScript are plain text', () => {
    expect(filled('x{a="{{a}}"}', { a: '$& $1 $$ $`' })).toBe('x{a="$& $1 $$ $`"}');
  });

  test('quotes, backslashes and line breaks are escaped for their string', () => {
    const value = 'a"b\'c\\d\ne`';
    expect(filled('x{a="{{a}}"}', { a: value })).toBe('x{a="a\\"b\'c\\\\d\\ne`"}');
    expect(filled("x{a='{{a}}'}", { a: value })).toBe("x{a='a\"b\\'c\\\\d\\ne`'}");
  });

  test('a hostile value never ends its string', () => {
    const hostile = fc.string({
      unit: fc.constantFrom('"', "'", '\\', '}', '\n', '$', '&', 'u', 'x', '{', '#'),
    });
    fc.assert(
      fc.property(hostile, fc.constantFrom('"', "'"), (value, quote) => {
        const query = filled(`x{a=${quote}{{a}}${quote}}`, { a: value });
        const inside = query.slice('x{a='.length + 1, -2);
        expect(query.startsWith(`x{a=${quote}`) && query.endsWith(`${quote}}`)).toBe(true);
        // Undo Go's escapes: nothing but the value was inside, and no bare quote or line break.
        expect(inside.replace(/\\u([0-9a-f]{4})|\\(.)/g, '')).not.toMatch(
          new RegExp(`[${quote}\\n\\\\]`),
        );
        const read = inside.replace(/\\(.)/g, (_, it: string) => (it === 'n' ? '\n' : it));
        expect(read).toBe(value);
      }),
    );
  });

  test.each(['a"b', 'a b', '1) or vector(1', 'a\nb', '', '1m]'])(
    '%j cannot stand outside of quotes',
    (a) => {
      expect(problems('x[{{a}}]', { a })).toEqual([
        'variable a stands outside of quotes and is not a number, duration or identifier',
      ]);
    },
  );

  test('a backquote cannot stand between backquotes', () => {
    expect(problems('x{a=`{{a}}`}', { a: '`' })).toEqual([
      'variable a cannot stand between backquotes',
    ]);
  });
});

describe('mistakes', () => {
  test('an unknown variable, and one that only looks known', () => {
    expect(problems('x{a="{{nope}}"} + {{toString}}', { a: '1' })).toEqual([
      'unknown PromQL variable',
      'unknown PromQL variable',
    ]);
    const result = fill('{{nope}}', { b: '1', a: '2' });
    expect(result.kind === 'wrong' && result.problems[0]?.remedy).toContain('a, b');
  });

  test('a variable that has no value here, with the reason and its own remedy', () => {
    const port = { because: 'there is none', remedy: 'name the pods' };
    const result = fill('up{a="{{ port }}"} + {{b}}', { b: '1' }, { port });
    expect(result.kind === 'wrong' && result.problems).toEqual([
      {
        problem: 'variable port has no value: there is none',
        got: 'up{a="{{ port }}"} + {{b}}',
        remedy: 'name the pods',
      },
    ]);
  });

  test('a variable or a string that is not closed', () => {
    expect(problems('x{a="b"} + {{a', { a: '1' })).toEqual(['a variable is not closed']);
    expect(problems('x{a="b}', {})).toEqual(['a string in the query is not closed']);
  });

  test('quotes in comments and in other strings open nothing', () => {
    expect(filled(`x{a="it's"} # don't "\n+ {{b}}`, { b: '1' })).toBe(`x{a="it's"} # don't "\n+ 1`);
  });
});
