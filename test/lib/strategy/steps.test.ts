import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Duration, query } from '../../../lib/index.ts';
import { steps } from '../../../lib/strategy/steps.ts';
import type { StepItem } from '../../../lib/strategy/steps-props.ts';
import { expectSafe, mistakesIn, outline } from './outline.ts';

const errors = query({ name: 'errors', query: 'up', max: 1 });
const beta = { name: 'beta', match: [{ headers: { 'x-beta': { exact: 'yes' } } }] } as const;
const who = 'requests with header x-beta: yes';

function between(items: readonly StepItem[]): readonly string[] {
  return outline(steps(items)).slice(1, -1);
}

test('each item is a step; promotion and the way to rest follow by themselves', () => {
  const items: readonly StepItem[] = [
    { setWeight: 5 },
    { pause: 'until-approved' },
    { setWeight: 20 },
    { pause: Duration.minutes(10) },
    { setWeight: 50 },
    { analysis: { checks: [errors], bake: Duration.minutes(1) } },
    { setWeight: 80 },
    { job: 'acceptance' },
  ];
  expectSafe(steps(items));
  expect(outline(steps(items))).toEqual([
    'init Initializing 100/0 none none',
    'canary-up Progressing 100/0 full none',
    'weight-5 Progressing 95/5 full guard',
    'approve Progressing 95/5 full guard; person',
    'weight-20 Progressing 80/20 full guard',
    'pause Progressing 80/20 full bake; 600 s',
    'weight-50 Progressing 50/50 full guard',
    'analysis Progressing 50/50 full bake; own errors; 60 s',
    // Nothing that follows says how long.
    'weight-80 Progressing 20/80 full bake',
    'job-acceptance Progressing 20/80 full guard; job acceptance',
    'promote Promoting 20/80 full guard',
    'weight-0 Finalising 100/0 full none',
    'complete Succeeded 100/0 none none',
  ]);
});

test('a weight may fall, and be 0 again: then nothing is judged', () => {
  expect(between([{ setWeight: 30 }, { setWeight: 0 }, { pause: Duration.minutes(1) }])).toEqual([
    'canary-up Progressing 100/0 full none',
    'weight-30 Progressing 70/30 full bake',
    'weight-0 Progressing 100/0 full none',
    'pause Progressing 100/0 full none; 60 s',
    'promote Promoting 100/0 full none',
  ]);
});

test('match-weight: more pods before a higher weight, fewer after a lower one', () => {
  const items: readonly StepItem[] = [
    { setCanaryScale: 'match-weight' },
    { setWeight: 10 },
    { setWeight: 40 },
    { setWeight: 20 },
  ];
  expectSafe(steps(items));
  expect(between(items)).toEqual([
    'canary-up Progressing 100/0 10% none',
    'weight-10 Progressing 90/10 10% bake',
    'scale-40-percent Progressing 90/10 40% guard',
    'weight-40 Progressing 60/40 40% bake',
    'weight-20 Progressing 80/20 40% bake',
    'scale-20-percent Progressing 80/20 20% guard',
    'promote Promoting 80/20 20% guard',
    'weight-0 Finalising 100/0 20% none',
  ]);
});

test('a scale stands until another one; as the first item it is that of the start', () => {
  expect(
    between([
      { setCanaryScale: { replicas: 1 } },
      { pause: Duration.minutes(1) },
      { setCanaryScale: { percent: 50 } },
      { setWeight: 50 },
      { setCanaryScale: 'match-weight' },
      { setWeight: 12.5 },
    ]),
  ).toEqual([
    'canary-up Progressing 100/0 1 pods none',
    'pause Progressing 100/0 1 pods none; 60 s',
    'scale-50-percent Progressing 100/0 50% none',
    'weight-50 Progressing 50/50 50% bake',
    'scale-50-percent Progressing 50/50 50% guard',
    'weight-12-5 Progressing 87.5/12.5 50% bake',
    'scale-12-5-percent Progressing 87.5/12.5 12.5% guard',
    'promote Promoting 87.5/12.5 12.5% guard',
    'weight-0 Finalising 100/0 12.5% none',
  ]);
});

test('header and mirror routes stand until they are removed, or to the end', () => {
  expect(
    between([
      { headerRoute: beta },
      { mirrorRoute: { name: 'reads', percent: 50, match: [{ method: 'GET' }] } },
      { pause: Duration.minutes(1) },
      { mirrorRoute: { name: 'reads', remove: true } },
    ]),
  ).toEqual([
    'canary-up Progressing 100/0 full none',
    `route-beta Progressing 100/0 full guard; ${who}`,
    `mirror-reads Progressing 100/0 full guard; ${who}; copies of 50 % of requests with method GET`,
    `pause Progressing 100/0 full bake; ${who}; copies of 50 % of requests with method GET; 60 s`,
    `remove-mirror-reads Progressing 100/0 full guard; ${who}`,
    `promote Promoting 100/0 full guard; ${who}`,
    'weight-0 Finalising 100/0 full none',
  ]);
  expect(steps([{ headerRoute: beta }]).steps()[2]?.traffic.routes).toEqual([beta]);
});

test('a baseline gets its pods before its requests, follows the canary, and is gone before the promotion', () => {
  const items: readonly StepItem[] = [{ setWeight: 10 }, { baseline: true }, { setWeight: 20 }];
  expectSafe(steps(items));
  expect(between(items)).toEqual([
    'canary-up Progressing 100/0 full none',
    'weight-10 Progressing 90/10 full bake',
    'baseline-up Progressing 90/10/0 full guard; baseline',
    'baseline Progressing 80/10/10 full guard; baseline',
    'weight-20 Progressing 60/20/20 full bake; baseline',
    'baseline-weight-0 Progressing 80/20/0 full guard; baseline',
    'baseline-down Progressing 80/20 full guard',
    'promote Promoting 80/20 full guard',
    'weight-0 Finalising 100/0 full none',
  ]);
  expect(between([{ baseline: true, weight: 5 }, { setWeight: 50 }, { baseline: false }])).toEqual([
    'canary-up Progressing 100/0 full none',
    'baseline-up Progressing 100/0/0 full none; baseline',
    'baseline Progressing 95/0/5 full none; baseline',
    'weight-50 Progressing 45/50/5 full bake; baseline',
    'baseline-weight-0 Progressing 50/50/0 full guard; baseline',
    'baseline-down Progressing 50/50 full guard',
    'promote Promoting 50/50 full guard',
    'weight-0 Finalising 100/0 full none',
  ]);
});

test('hooks belong to the step that their item is about', () => {
  const hook = {
    name: 'load',
    type: 'rollout',
    url: 'http://load/',
    timeoutSeconds: 10,
    retries: 0,
  } as const;
  const hooks = [{ hook }];
  const items: readonly StepItem[] = [
    { setCanaryScale: 'match-weight', hooks },
    { setWeight: 10 },
    { setWeight: 40, hooks },
    { setWeight: 20, hooks },
    { baseline: true, hooks },
  ];
  const asked = steps(items).steps();
  expect(asked.filter((it) => it.hooks !== undefined).map((it) => it.name)).toEqual([
    'canary-up',
    'weight-40',
    'weight-20',
    'baseline',
  ]);
});

const weight = fc.integer({ min: 0, max: 400 }).map((it) => it / 10);
const item: fc.Arbitrary<StepItem> = fc.oneof(
  weight.map((setWeight) => ({ setWeight })),
  fc.constantFrom<StepItem>(
    { pause: 'until-approved' },
    { pause: Duration.seconds(30) },
    { setCanaryScale: 'match-weight' },
    { setCanaryScale: { replicas: 3 } },
    { setCanaryScale: { percent: 40 } },
    { analysis: { checks: [errors] } },
    { headerRoute: beta },
    { mirrorRoute: { name: 'all', percent: 10 } },
    { baseline: true },
    { baseline: true, weight: 30 },
    { job: 'acceptance' },
  ),
);

test('any list of right items is safe: pods before requests, requests before pods go', () => {
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 12 }), (items) => {
      expectSafe(steps(items));
    }),
  );
});

describe('mistakes', () => {
  const untyped = (it: object) => it as StepItem;

  test.each<[readonly StepItem[], string]>([
    [[], 'strategy.steps is empty, got []; give at least one item, or use ramped()'],
    [[untyped({})], 'steps[0] of steps must say exactly one thing, got []'],
    [
      [untyped({ setWeight: 5, pause: 'until-approved' })],
      'steps[0] of steps has setWeight beside pause, got ["setWeight","pause"]; keep one of them',
    ],
    [
      [{ setWeight: 10 }, { setWeight: -5 }],
      'strategy.steps[1].setWeight must be a percent, got -5',
    ],
    [[{ setWeight: 100.5 }], 'strategy.steps[0].setWeight must be a percent, got 100.5'],
    [[{ pause: Duration.millis(1) }], 'strategy.steps[0].pause must be a whole number of seconds'],
    [
      [{ setCanaryScale: { replicas: 1.5 } }],
      'strategy.steps[0].setCanaryScale.replicas must be a whole number of pods, got 1.5',
    ],
    [
      [{ setCanaryScale: { percent: 0 } }],
      'strategy.steps[0].setCanaryScale.percent must be a percent, got 0',
    ],
    [[{ analysis: { checks: [] } }], 'strategy.steps[0].analysis.checks is empty, got []'],
    [
      [{ headerRoute: { ...beta, name: 'Beta' } }],
      'strategy.steps[0].headerRoute.name must be a DNS label, got "Beta"',
    ],
    [
      [{ headerRoute: { name: 'all', match: [{}] } }],
      'strategy.steps[0].headerRoute.match[0] matches every request',
    ],
    [
      [{ headerRoute: { name: 'beta', remove: true } }],
      'strategy.steps[0] takes away what does not stand, got "headerRoute beta"',
    ],
    [
      [{ mirrorRoute: { name: 'all', percent: 101 } }],
      'strategy.steps[0].mirrorRoute.percent must be a percent, got 101',
    ],
    [
      [{ mirrorRoute: { name: 'all', remove: true } }],
      'strategy.steps[0] takes away what does not stand, got "mirrorRoute all"',
    ],
    [[{ baseline: false }], 'strategy.steps[0] takes away what does not stand, got "baseline"'],
    [[{ baseline: true, weight: 0 }], 'strategy.steps[0].weight must be a percent, got 0'],
    [
      [{ baseline: true }, { baseline: false, weight: 5 }],
      'strategy.steps[1].weight has no effect beside baseline: false',
    ],
    [
      [{ setWeight: 60 }, { baseline: true }],
      'strategy.steps: step baseline gives canary and baseline more than 100 %',
    ],
    [
      [{ setCanaryScale: { replicas: 0 } }, { headerRoute: beta }],
      'strategy.steps: step route-beta sends requests to a canary without pods',
    ],
    [
      [{ setWeight: 5 }, { setCanaryScale: { replicas: 0 } }],
      'strategy.steps: step scale-0 sends requests to a canary without pods',
    ],
  ])('%#: %j', (items, expected) => {
    expect(mistakesIn(steps(items))).toEqual([expect.stringContaining(expected)]);
    // What is wrong is reported with all other mistakes: nothing throws before.
    expect(steps(items).steps().at(-1)?.name).toBe('complete');
  });

  test('more steps than a plan can number', () => {
    const items = Array.from({ length: 96 }, (): StepItem => ({ pause: 'until-approved' }));
    expect(mistakesIn(steps(items.slice(1)))).toEqual([]);
    expect(mistakesIn(steps([{ setWeight: 5 }, ...items]))).toEqual([
      'shop: strategy makes more than 100 steps, got 102; use fewer items',
    ]);
  });
});
