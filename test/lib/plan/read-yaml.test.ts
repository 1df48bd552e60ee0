import { describe, expect, test } from 'vitest';
import { parsePlan } from '../../../lib/plan/parse.ts';
import { readYaml, YAML_LIMITS } from '../../../lib/plan/read-yaml.ts';

function reasonOf(text: string): string {
  const reading = readYaml(text);
  return reading.kind === 'read' ? 'read' : reading.reason;
}

/** Milliseconds of the processor's time that a call takes, whatever else the machine does. */
function taken(call: () => unknown): number {
  const before = process.cpuUsage();
  call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function keys(count: number): string {
  return Array.from({ length: count }, (_, index) => `key${index}: 1\n`).join('');
}

describe('what is too large is refused before it costs anything', () => {
  // Each took between seconds and minutes, and up to gigabytes, when it was parsed.
  test.each<[string, () => string, RegExp]>([
    ['four megabytes of keys', () => keys(400_000), /characters; at most 1048576 are read/],
    ['more keys than any plan has', () => keys(60_000), /more than the 150000 words and signs/],
    ['lists inside of each other', () => '['.repeat(1_000_000), /nested more than 100 deep/],
    ['maps inside of each other', () => '{a: '.repeat(200_000), /nested more than 100 deep/],
    ['dashes inside of each other', () => '- '.repeat(500_000), /nested more than 100 deep/],
    ['question marks', () => '? '.repeat(500_000), /nested more than 100 deep/],
    [
      'lines that are indented more and more',
      () => Array.from({ length: 1200 }, (_, it) => `${' '.repeat(it)}a:\n`).join(''),
      /nested more than 100 deep/,
    ],
    ['brackets that close nothing', () => ']'.repeat(1_000_000), /is not YAML/],
    ['anchors', () => '&a '.repeat(300_000), /an anchor or an alias/],
    ['empty lines', () => '\n'.repeat(1_000_000), /words and signs/],
    ['directives', () => '%a\n'.repeat(300_000), /directive/],
    ['tags', () => `[${'!!str,'.repeat(150_000)}]`, /has the tag !!str/],
  ])('%s', (_, make, expected) => {
    const text = make();
    let reason = '';
    expect(taken(() => (reason = reasonOf(text)))).toBeLessThan(4000);
    expect(reason).toMatch(expected);
    expect(reason.length).toBeLessThan(500);
    expect(reason).not.toContain('\n');
  });

  test('20,000 keys cost milliseconds, not their square', () => {
    expect(taken(() => readYaml(keys(20_000)))).toBeLessThan(4000);
    expect(reasonOf(keys(20_000))).toBe('read');
  });
});

test.each([
  ['at the top', 'a: 1\nb: 2\na: 3\n', /keys are unique: a stands twice/],
  ['deep inside', 'a:\n  - {b: 1, c: {d: 1, "d": 2}}\n', /d stands twice/],
  ['as a number and as a text', 'a: {1: x, "1": y}\n', /1 stands twice/],
])('a key that stands twice is still refused: %s', (_, text, expected) => {
  expect(reasonOf(text)).toMatch(expected);
});

test.each<[string, string, unknown]>([
  ['an ampersand and a star in words', 'a: x&y *z\n', { a: 'x&y *z' }],
  ['a block text that looks like an anchor', 'a: |\n  &x\n  !y *z\n', { a: '&x\n!y *z\n' }],
  ['quotes', `a: "&x"\nb: '*y'\n`, { a: '&x', b: '*y' }],
  ['a comment', 'a: 1 # &x\n', { a: 1 }],
])('plain data are read: %s', (_, text, expected) => {
  expect(readYaml(text)).toMatchObject({ kind: 'read', value: expected });
});

test('an error names its line and is one line', () => {
  expect(reasonOf('a: 1\nb: [1, 2\nc: 3\n')).toMatch(/^is not YAML: .* \(line \d\)$/);
});

test('a plan with a fault in each of 20,000 fields says the first ones on one line', () => {
  const parse = () => parsePlan(keys(20_000), 'dist/app/plan.yaml');
  expect(parse).toThrow(
    /^(?=.{1,2500}$)dist\/app\/plan\.yaml is not a plan that this version understands: .*and \d+ more/,
  );
});

test('the limits are those of the documentation', () => {
  expect(YAML_LIMITS).toEqual({ characters: 1024 ** 2, tokens: 150_000, depth: 100 });
});
