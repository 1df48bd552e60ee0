import { Duration } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import {
  confirmPromotion,
  confirmRollout,
  confirmTrafficIncrease,
  event,
  type HookDefinition,
  type HookProps,
  postRollout,
  preRollout,
  rollback,
  rollout,
} from '../../../lib/analysis/hooks.ts';
import { mistakeText } from '../../../lib/mistake.ts';
import { planSchema } from '../../../lib/plan/plan.ts';
import { placeHooks } from '../../../lib/render/hook-places.ts';
import type { StepDraft } from '../../../lib/strategy/strategy.ts';

const at = (name: string, more: Partial<HookProps> = {}): HookProps => ({
  name,
  url: 'http://gates.test/gate/check',
  ...more,
});

const split = (canary: number) => ({ weights: { primary: 100 - canary, canary } });

function draft(name: string, phase: StepDraft['phase'], more: Partial<StepDraft> = {}): StepDraft {
  return {
    name,
    phase,
    traffic: split(0),
    primary: 'stable',
    canary: { kind: 'full' },
    ready: ['primary'],
    checks: 'none',
    ...more,
  };
}

const INIT = draft('init', 'Initializing', { canary: { kind: 'none' } });
const COMPLETE = draft('complete', 'Succeeded', { primary: 'candidate', canary: { kind: 'none' } });
const weight = (percent: number, more: Partial<StepDraft> = {}) =>
  draft(`weight-${percent}`, 'Progressing', { traffic: split(percent), checks: 'bake', ...more });
const promote = (canary = 50) =>
  draft('promote', 'Promoting', { traffic: split(canary), primary: 'candidate', checks: 'guard' });

const CANARY: readonly StepDraft[] = [
  INIT,
  draft('canary-up', 'Progressing'),
  weight(10),
  weight(50),
  promote(),
  draft('weight-0', 'Finalising', { primary: 'candidate' }),
  COMPLETE,
];

const header = { name: 'beta', match: [{ headers: { 'x-beta': { exact: 'yes' } } }] as const };
const AB_TEST: readonly StepDraft[] = [
  INIT,
  draft('canary-up', 'Progressing'),
  draft('ab-test', 'Progressing', { traffic: { ...split(0), routes: [header] }, checks: 'bake' }),
  promote(0),
  draft('end', 'Finalising', { primary: 'candidate' }),
  COMPLETE,
];

const BLUE_GREEN: readonly StepDraft[] = [
  INIT,
  draft('canary-up', 'Progressing'),
  draft('verify', 'Progressing', { checks: 'bake' }),
  draft('switch', 'Progressing', { traffic: split(100) }),
  promote(100),
  COMPLETE,
];

const RECREATE: readonly StepDraft[] = [INIT, { ...promote(0), name: 'recreate' }, COMPLETE];

interface Places {
  /** Whether the start asks it. */
  readonly start: boolean;
  /** Numbers of the steps that ask it before they are left. */
  readonly gates: readonly number[];
  /** Numbers of the steps that call it. */
  readonly calls: readonly number[];
  readonly mistakes: readonly string[];
}

function places(it: HookDefinition, drafts: readonly StepDraft[]): Places {
  const { start, steps, mistakes } = placeHooks('shop', [it], drafts);
  const { name } = it.hook;
  const numbers = (all: readonly boolean[]) => all.flatMap((is, index) => (is ? [index] : []));
  const asks = (gates: typeof start) =>
    gates.some((gate) => gate.kind === 'hook' && gate.hook === name);
  return {
    start: asks(start),
    gates: numbers(steps.map((one) => asks(one.gates))),
    calls: numbers(steps.map((one) => one.hooks.includes(name))),
    mistakes: mistakes.map(mistakeText),
  };
}

const NOWHERE: Places = { start: false, gates: [], calls: [], mistakes: [] };

describe('a hook of the release', () => {
  test.each<[string, (props: HookProps) => HookDefinition, readonly Partial<Places>[]]>([
    ['confirm-rollout', confirmRollout, [{ start: true }, { start: true }, { start: true }]],
    ['pre-rollout', preRollout, [{ calls: [1] }, { calls: [1] }, { calls: [2] }]],
    ['rollout', rollout, [{ calls: [2, 3] }, { calls: [2] }, { calls: [2, 3] }]],
    ['confirm-promotion', confirmPromotion, [{ gates: [3] }, { gates: [2] }, { gates: [3] }]],
    [
      'rollback',
      rollback,
      [{ calls: [1, 2, 3, 4, 5] }, { calls: [1, 2, 3, 4] }, { calls: [1, 2, 3, 4] }],
    ],
    ['post-rollout', postRollout, [{}, {}, {}]],
    ['event', event, [{}, {}, {}]],
  ])('%s is placed in canary, A/B test and blue/green', (type, make, wanted) => {
    expect(make(at('it')).hook.type).toBe(type);
    const found = [CANARY, AB_TEST, BLUE_GREEN].map((it) => places(make(at('it')), it));
    expect(found).toEqual(wanted.map((it) => ({ ...NOWHERE, ...it })));
  });

  test('confirm-traffic-increase opens each rise, and neither promotion nor what follows it', () => {
    const it = confirmTrafficIncrease(at('it'));
    expect(places(it, CANARY)).toEqual({ ...NOWHERE, gates: [1, 2] });
    expect(places(it, BLUE_GREEN)).toEqual({ ...NOWHERE, gates: [2] });
    expect(places(it, AB_TEST).mistakes).toEqual([
      expect.stringMatching(
        /^shop: hooks\[0\] \(it\): no step of this strategy raises .*; use confirmPromotion/,
      ),
    ]);
  });

  test('pre-rollout runs before a copy of a request reaches the canary', () => {
    const mirror = draft('mirror', 'Progressing', {
      traffic: { ...split(0), mirrors: [{ percent: 100 }] },
    });
    const drafts = [...CANARY.slice(0, 2), mirror, ...CANARY.slice(2)];
    expect(places(preRollout(at('it')), drafts).calls).toEqual([1]);
    expect(places(rollout(at('it')), drafts).calls).toEqual([2, 3, 4]);
  });

  test('what cannot be asked before step 01 is asked before the start', () => {
    expect(places(confirmPromotion(at('it')), RECREATE)).toEqual({ ...NOWHERE, start: true });
    const atOnce = [INIT, weight(10), promote(10), COMPLETE];
    expect(places(confirmTrafficIncrease(at('it')), atOnce)).toEqual({ ...NOWHERE, start: true });
  });

  test('with one track, nothing runs before traffic or beside it: that is refused, not forgotten', () => {
    expect(places(preRollout(at('it')), RECREATE)).toEqual({
      ...NOWHERE,
      mistakes: [
        'shop: hooks[0] (it): no step of this strategy runs the candidate before it gets traffic, got "pre-rollout"; ' +
          'use confirmRollout, which is asked before anything is touched',
      ],
    });
    expect(places(rollout(at('it')), RECREATE).mistakes).toHaveLength(1);
    expect(places(rollback(at('it')), RECREATE)).toEqual({ ...NOWHERE, calls: [1] });
  });
});

describe('a hook of a single step', () => {
  const placed = (hooks: readonly HookDefinition[], more: Partial<StepDraft> = {}) =>
    placeHooks(
      'shop',
      [],
      [...CANARY.slice(0, 3), weight(50, { hooks, ...more }), ...CANARY.slice(4)],
    );

  test('is asked or called there alone', () => {
    const hooks = [
      confirmPromotion(at('open')),
      preRollout(at('before')),
      rollout(at('load')),
      rollback(at('stop')),
    ];
    const { steps, mistakes, ...rest } = placed(hooks, { gate: 'person' });
    expect(mistakes).toEqual([]);
    expect(rest.start).toEqual([]);
    expect(rest.hooks.map((it) => it.name)).toEqual(['open', 'before', 'load', 'stop']);
    expect(steps[3]).toEqual({
      gates: [{ kind: 'person' }, { kind: 'hook', hook: 'open' }],
      hooks: ['before', 'load', 'stop'],
    });
    expect(steps.filter((_, index) => index !== 3)).toEqual(
      Array.from({ length: 6 }, () => ({ gates: [], hooks: [] })),
    );
  });

  test('may stand in several, and in the release', () => {
    const load = rollout(at('load'));
    const own = CANARY.map((it) => (it.name === 'canary-up' ? { ...it, hooks: [load] } : it));
    const { hooks, steps, mistakes } = placeHooks('shop', [load], own);
    expect(mistakes).toEqual([]);
    expect(hooks).toHaveLength(1);
    expect(steps.map((it) => it.hooks)).toEqual([[], ['load'], ['load'], ['load'], [], [], []]);
    const twice = CANARY.map((it) => (it.name === 'weight-10' ? { ...it, hooks: [load] } : it));
    expect(placeHooks('shop', [load], twice).steps[2]?.hooks).toEqual(['load']);
  });

  test.each([
    ['post-rollout', postRollout],
    ['event', event],
    ['confirm-rollout', confirmRollout],
  ])('is no %s hook', (type, make) => {
    expect(placed([make(at('it'))]).mistakes.map(mistakeText)).toEqual([
      `shop: step weight-50, hooks[0] (it): a single step has no ${type} hook; put it into the hooks of the release`,
    ]);
  });

  test('the first and the last step have none', () => {
    const hooks = [rollback(at('it'))];
    for (const index of [0, CANARY.length - 1]) {
      const drafts = CANARY.map((it, one) => (one === index ? { ...it, hooks } : it));
      const { steps, mistakes } = placeHooks('shop', [], drafts);
      expect(steps.every((it) => it.hooks.length === 0)).toBe(true);
      expect(mistakes.map(mistakeText)).toEqual([
        expect.stringMatching(/no step of this strategy calls it, got "rollback"; leave it out$/),
      ]);
    }
  });
});

test('a person at a gate needs no hooks', () => {
  const drafts = CANARY.map((it) =>
    it.name === 'weight-10' ? { ...it, gate: 'person' as const } : it,
  );
  expect(placeHooks('shop', [], drafts)).toEqual({
    hooks: [],
    start: [],
    steps: CANARY.map((it) => ({
      gates: it.name === 'weight-10' ? [{ kind: 'person' }] : [],
      hooks: [],
    })),
    mistakes: [],
  });
});

describe('the hooks of the plan', () => {
  const schema = planSchema.shape.hooks.unwrap();

  test('have their defaults, and every prop', () => {
    const full = rollout({
      ...at('load', { url: 'https://load.test/run', timeout: Duration.minutes(5), retries: 2 }),
      metadata: { type: 'bash', cmd: 'k6 run test.js' },
      key: 'load-key',
      authority: 'inner',
      await: true,
      repeatable: true,
    });
    const { hooks, mistakes } = placeHooks('shop', [event(at('chat')), full], CANARY);
    expect(mistakes).toEqual([]);
    expect(schema.parse(hooks)).toEqual([
      {
        name: 'chat',
        type: 'event',
        url: 'http://gates.test/gate/check',
        timeoutSeconds: 10,
        retries: 0,
      },
      {
        name: 'load',
        type: 'rollout',
        url: 'https://load.test/run',
        timeoutSeconds: 300,
        retries: 2,
        metadata: { type: 'bash', cmd: 'k6 run test.js' },
        key: 'load-key',
        authority: 'inner',
        once: true,
        repeatable: true,
      },
    ]);
    expect(preRollout({ ...at('it'), repeatable: true }).hook).toMatchObject({ repeatable: true });
    expect(rollout({ ...at('it'), await: false }).hook).not.toHaveProperty('once');
  });
});

describe('mistakes', () => {
  const mistakes = (...hooks: readonly HookDefinition[]) =>
    placeHooks('shop', hooks, CANARY).mistakes.map(mistakeText);

  test.each<[string, HookProps, RegExp]>([
    ['a name', at('Start gate'), /^shop: hooks\[0\] \(Start gate\): name must be a DNS label/],
    ['no address', at('it', { url: 'gate' }), /url is not a valid URL, got "gate"; use http:/],
    ['another scheme', at('it', { url: 'ftp://gate.test/' }), /url is not a valid URL, got "ftp:/],
    ['a fragment', at('it', { url: 'http://gate.test/#a' }), /has a fragment, which is never sent/],
    ['an authority of http', at('it', { authority: 'inner' }), /authority is of use with https/],
    [
      'half a second',
      at('it', { timeout: Duration.millis(500) }),
      /timeout .* got "0.5 s"; use 1 to 60/,
    ],
    ['no time', at('it', { timeout: Duration.seconds(0) }), /timeout .* got "0 s"/],
    ['an hour for a gate', at('it', { timeout: Duration.hours(1) }), /got "3600 s"; use 1 to 60$/],
    ['retries', at('it', { retries: 11 }), /retries must be a whole number, got 11; use 0 to 10/],
    ['half a retry', at('it', { retries: 0.5 }), /retries must be a whole number, got 0.5/],
    ['a key', at('it', { key: '../token' }), /key must be a DNS label, got "..\/token"/],
    [
      'a file with an ending',
      at('it', { url: 'https://gate.test', authority: 'ca.crt' }),
      /authority must be a DNS label/,
    ],
  ])('%s', (_, props, wanted) => {
    expect(mistakes(confirmPromotion(props))).toEqual([expect.stringMatching(wanted)]);
  });

  test('a test may take an hour, and no longer', () => {
    for (const make of [preRollout, rollout]) {
      expect(mistakes(make(at('it', { timeout: Duration.hours(1) })))).toEqual([]);
      const long = make(at('it', { timeout: Duration.seconds(3601) }));
      expect(mistakes(long)).toEqual([expect.stringMatching(/got "3601 s"; use 1 to 3600$/)]);
    }
  });

  test('a credential in an address, which is not shown', () => {
    const [text, ...others] = mistakes(event(at('it', { url: 'https://ann:s3cret@chat.test/' })));
    expect(others).toEqual([]);
    expect(text).toMatch(/url has a credential in it, which Git would show to every reader/);
    expect(text).not.toContain('s3cret');
  });

  test('repeatable without await', () => {
    expect(mistakes(rollout({ ...at('it'), repeatable: true }))).toEqual([
      expect.stringMatching(/repeatable is of use with await alone/),
    ]);
  });

  test('one name twice, in the release and in a step', () => {
    expect(mistakes(event(at('it')), rollback(at('it')))).toEqual([
      'shop: two hooks have one name, got "it"; give one of them another name',
    ]);
    const own = CANARY.map((it) =>
      it.name === 'weight-10' ? { ...it, hooks: [rollout(at('it'))] } : it,
    );
    expect(placeHooks('shop', [event(at('it'))], own).mistakes).toHaveLength(1);
  });

  test('all at once', () => {
    const it = confirmRollout(at('A', { url: 'x', retries: -1, timeout: Duration.hours(2) }));
    expect(mistakes(it)).toHaveLength(4);
  });
});
