import { describe, expect, test } from 'vitest';
import { Duration } from '../../../lib/index.ts';
import { type AbTestProps, abTest } from '../../../lib/strategy/ab-test.ts';
import { expectSafe, mistakesIn, outline } from './outline.ts';

const match: AbTestProps['match'] = [
  { headers: { 'x-canary': { exact: 'insider' } } },
  { cookies: { group: { prefix: 'beta' } }, queryParams: { try: { regex: '[0-9]+' } } },
];

test('who matches goes to the canary until the primary runs the candidate; the rest stays', () => {
  const strategy = abTest({ match, iterations: 10 });
  expectSafe(strategy);
  const who =
    'requests with header x-canary: insider, or cookie group: beta… and query parameter try ~ [0-9]+';
  expect(outline(strategy)).toEqual([
    'init Initializing 100/0 none none',
    'canary-up Progressing 100/0 full none',
    `ab-test Progressing 100/0 full bake; ${who}; 10 points`,
    `promote Promoting 100/0 full guard; ${who}`,
    'remove-route Finalising 100/0 full none',
    'complete Succeeded 100/0 none none',
  ]);
});

test('a time instead of iterations, or neither', () => {
  expect(outline(abTest({ match, bake: Duration.minutes(5) }))[2]).toMatch(/; 300 s$/);
  expect(outline(abTest({ match }))[2]).not.toMatch(/ s$|points/);
});

describe('mistakes', () => {
  test.each<[AbTestProps, string[]]>([
    [
      { match, iterations: 0 },
      ['strategy.iterations must be a whole number, got 0; use 1 or more'],
    ],
    [
      { match, iterations: 2, bake: Duration.minutes(1) },
      [
        'strategy has iterations beside bake, got 2; keep one of them: each check period is one iteration',
      ],
    ],
    [
      { match: [{}] },
      [
        'strategy.match[0] matches every request, got {}; name a header, a cookie, a query parameter, a source label, a path or a method',
      ],
    ],
    [
      { match: [{ headers: {} }] },
      [expect.stringContaining('strategy.match[0] matches every request')],
    ],
    [
      { match: [{ headers: { 'X-Canary': { exact: 'yes' } } }] },
      [
        'strategy.match[0].headers must be named in lower case, got "X-Canary"; write x-canary: requests may have it either way',
      ],
    ],
    [
      { match: [] as unknown as AbTestProps['match'] },
      ['match of abTest is empty; give at least one'],
    ],
  ])('%j', (props, expected) => {
    const found = mistakesIn(abTest(props)).map((it) => it.replace(/^shop: /, ''));
    expect(found).toEqual(expected);
  });
});
