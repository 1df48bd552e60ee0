import { expect, test } from 'vitest';
import { Duration } from '../../../lib/index.ts';
import { shadow } from '../../../lib/strategy/shadow.ts';
import { expectSafe, mistakesIn, outline } from './outline.ts';

test('copies alone, then the promotion', () => {
  const strategy = shadow({ percent: 10, bake: Duration.minutes(5) });
  expectSafe(strategy);
  expect(outline(strategy)).toEqual([
    'init Initializing 100/0 none none',
    'canary-up Progressing 100/0 full none',
    'shadow Progressing 100/0 full bake; copies of 10 % of the requests; 300 s',
    'promote Promoting 100/0 full guard; copies of 10 % of the requests',
    'remove-mirror Finalising 100/0 full none',
    'complete Succeeded 100/0 none none',
  ]);
});

test('mistakes', () => {
  expect(mistakesIn(shadow({ percent: 0, bake: Duration.millis(1) }))).toEqual([
    'shop: strategy.percent must be a percent, got 0; use 0.0001 to 100',
    'shop: strategy.bake must be a whole number of seconds, got "0.001 s"; use 1 or more',
  ]);
});
