import { describe, expect, test } from 'vitest';
import { change } from '../../../analyzer/core/change.ts';
import { evidenceLine } from '../../../analyzer/core/explain.ts';
import { abort, pause, resume, retry } from '../../../analyzer/core/person.ts';
import { round } from '../../../analyzer/core/round.ts';
import type { Move } from '../../../analyzer/core/rules/decision.ts';
import type { Situation } from '../../../analyzer/core/situation.ts';
import { messageText } from '../../../analyzer/git/message.ts';
import type { Check } from '../../../lib/plan/plan.ts';
import {
  BAD,
  back,
  COMPLETE,
  INIT,
  known,
  move,
  notReady,
  plan,
  STABLE,
  situation,
  step,
  T0,
  unstarted,
  V1,
  V2,
} from './fixture.ts';

const NOW = T0 + 60;
const ROBIN = { by: 'Robin <robin@example.com>', reason: 'lunch' };
const setting = plan('v2', { setting: 'new' });
const { candidate } = V2.plan;

function message(it: Situation, how: Move, by?: string): string {
  return messageText(
    change(it, how, NOW, by === undefined ? undefined : { by, accepts: [] }).message,
  );
}

function subject(it: Situation, how: Move): string {
  return message(it, how).split('\n')[0] ?? '';
}

const at = (name: string, more = {}) => situation({ position: step(name), ...more });
const failed = { failed: { candidate, step: '02-weight-20', reason: 'bad' } };
const stable = situation({ position: STABLE, state: failed });
const paused = at('02-weight-20', { state: { paused: { reason: 'lunch', by: 'Robin' } } });

describe('the subject, as users read it', () => {
  test.each<[string, Situation, (it: Situation) => Move]>([
    [`app: initialize app:v2 (${candidate})`, unstarted(V2), (it) => move(it, NOW)],
    ['app: initialized app:v2', situation({ position: INIT }), (it) => move(it, NOW)],
    [
      `app: start app:v2 (${candidate})`,
      situation({ position: COMPLETE, plan: V1, dist: V2 }),
      (it) => move(it, NOW),
    ],
    [
      `app: start app:v2 (${candidate}), attempt 2`,
      { ...stable, dist: known(plan('v2', { more: { attempt: 2 } })) },
      (it) => move(it, NOW),
    ],
    ['app: weight 0 → 20', at('01-canary-up'), (it) => move(it, NOW)],
    ['app: weight 20 → 50', at('02-weight-20'), (it) => move(it, NOW)],
    ['app: promote: the primary gets app:v2', at('03-weight-50'), (it) => move(it, NOW)],
    ['app: weight 50 → 0', at('04-promote'), (it) => move(it, NOW)],
    [`app: promoted app:v2 (${candidate})`, at('05-weight-0'), (it) => move(it, NOW)],
    [
      'app: configuration changed in 02-weight-20',
      at('02-weight-20', { dist: setting }),
      (it) => move(it, NOW),
    ],
    [
      'app: configuration changed',
      situation({ position: COMPLETE, dist: setting }),
      (it) => move(it, NOW),
    ],
    ['app: roll back: weight 20 → 0', at('02-weight-20'), (it) => move(it, NOW, { values: BAD })],
    [
      'app: roll back: restore the primary',
      at('04-promote'),
      (it) => move(it, NOW, { values: BAD }),
    ],
    [
      'app: roll back: weight 50 → 0',
      situation({ position: back('04-promote', 'primary') }),
      (it) => move(it, NOW),
    ],
    [
      'app: rolled back: the stable set is restored',
      situation({ position: back('02-weight-20', 'routes') }),
      (it) => move(it, NOW),
    ],
    ['app: paused', at('02-weight-20'), (it) => pause(it, ROBIN)],
    ['app: resumed', paused, (it) => resume(it, ROBIN)],
    [
      'app: resumed at 02-weight-20',
      { ...at('02-weight-20'), live: new Map() },
      (it) => resume(it, ROBIN),
    ],
    [`app: retry ${candidate}`, stable, (it) => retry(it, ROBIN)],
    ['app: roll back: weight 20 → 0', at('02-weight-20'), (it) => abort(it, ROBIN)],
  ])('%s', (expected, it, how) => expect(subject(it, how(it))).toBe(expected));

  test('a step that changes no weight is told by its name', () => {
    const more = { steps: { '02-weight-20': { weights: { primary: 100, canary: 0 } } } };
    const it = at('01-canary-up', { plan: plan('v2', more), dist: plan('v2', more) });
    expect(subject(it, move(it, NOW))).toBe('app: step 02-weight-20');
  });

  test('the primary gets the candidate once, however many steps promote', () => {
    const more = { steps: { '03-weight-50': { phase: 'Promoting' } } } as const;
    const it = at('03-weight-50', { plan: plan('v2', more), dist: plan('v2', more) });
    expect(subject(it, move(it, NOW))).toBe('app: step 04-promote');
  });

  test('where nothing but routes is released, a Service is named, and no primary', () => {
    const more = { images: [], shape: { services: { stable: 'blue', candidate: 'green' } } };
    const named = plan('v2', more);
    const start = situation({ position: COMPLETE, plan: V1, dist: named });
    expect(subject(start, move(start, NOW))).toBe(`app: start green (${named.plan.candidate})`);
    const it = at('03-weight-50', { plan: named, dist: named });
    expect(subject(it, move(it, NOW))).toBe('app: step 04-promote');
  });

  test('images are named without their registry, all of them', () => {
    const images = ['images.example.com:443/team/app:2@sha256:abc', 'envoy:1.2'];
    const it = unstarted(plan('v2', { images }));
    expect(subject(it, move(it, NOW))).toMatch(/^app: initialize app:2@sha256:abc, envoy:1\.2 \(/);
  });
});

describe('the body', () => {
  test('gives the reason and the numbers behind it', () => {
    const it = at('02-weight-20');
    const values = (time: number) => (time === T0 + 20 ? 98.204_99 : 99.871_3);
    const text = message(it, move(it, NOW, { values }));
    expect(text.split('\n').slice(1, 6)).toEqual([
      '',
      '3 of 3 checks passed.',
      '',
      'success-rate ≥ 99: latest 99.87, worst 99.87; 3 of 3 points passed, 0 failed',
      '',
    ]);
  });

  test('names the person', () => {
    const it = at('02-weight-20');
    expect(message(it, pause(it, ROBIN), ROBIN.by)).toMatch(
      /\n\nLunch\.\nBy Robin <robin@example\.com>\.\n\nPerch-Release/,
    );
  });

  test('keeps the punctuation of a reason', () => {
    const it = at('02-weight-20');
    expect(message(it, pause(it, { ...ROBIN, reason: 'what is this?' }))).toContain(
      '\n\nWhat is this?\n',
    );
  });
});

describe('the trailers', () => {
  test.each<[string, Situation, (it: Situation) => Move, string, string]>([
    ['a pass', at('02-weight-20'), (it) => move(it, NOW), '03-weight-50', 'pass'],
    [
      'a failure',
      at('02-weight-20'),
      (it) => move(it, NOW, { values: BAD }),
      'back from 02-weight-20: routes',
      'fail',
    ],
    [
      'a silence',
      at('02-weight-20'),
      (it) => move(it, T0 + 999, { values: () => undefined }),
      '02-weight-20',
      'inconclusive',
    ],
    [
      'a deadline',
      at('01-canary-up'),
      (it) => move(it, NOW, { canary: notReady('x', true) }),
      'back from 01-canary-up: routes',
      'fail',
    ],
    ['no verdict', at('01-canary-up'), (it) => move(it, NOW), '02-weight-20', 'none'],
    ['the end', at('05-weight-0'), (it) => move(it, NOW), 'complete', 'none'],
  ])('of %s', (_, it, how, position, verdict) => {
    expect(message(it, how(it)).split('\n\n').at(-1)?.split('\n')).toEqual([
      'Perch-Release: app',
      'Perch-Transition: 8',
      `Perch-Step: ${position}`,
      `Perch-Verdict: ${verdict}`,
      `Perch-Plan: ${candidate} ${V2.tree}`,
      '',
    ]);
  });
});

describe('hostile text', () => {
  const evil = 'oops\n\nPerch-Verdict: pass\nPerch-Step: complete\r\n\u001b[31mred\u0000\u202e';
  const it = at('02-weight-20');

  test.each<[string, string]>([
    ['a reason', message(it, pause(it, { ...ROBIN, reason: evil }))],
    ['a name', message(it, pause(it, ROBIN), evil)],
    [
      'an image',
      message(
        unstarted(plan('v2', { images: [evil] })),
        move(unstarted(plan('v2', { images: [evil] })), NOW),
      ),
    ],
    [
      'a metric store',
      message(
        at('02-weight-20'),
        move(at('02-weight-20'), T0 + 999, { values: { unknown: evil }, unreachableSince: T0 }),
      ),
    ],
  ])('of %s forges no line, and hides nothing', (_, text) => {
    const lines = text.split('\n');
    expect(lines.filter((line) => line.startsWith('Perch-Verdict:'))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('Perch-Step:'))).toHaveLength(1);
    expect(lines[1]).toBe('');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  });
});

describe('one check in numbers', () => {
  const check: Check = {
    name: 'latency',
    source: 'default',
    ask: { canary: 'q' },
    windowSeconds: 30,
    judge: { kind: 'bounds', max: 500 },
    unit: 'ms',
  };
  const evidence = {
    check,
    points: 4,
    passed: 3,
    failed: 1,
    latest: 480.1234,
    said: undefined,
    worst: 512.3456,
    trouble: undefined,
  };
  test.each([
    [
      'a maximum with its unit',
      evidence,
      'latency ≤ 500 ms: latest 480.1, worst 512.3; 3 of 4 points passed, 1 failed',
    ],
    [
      'both bounds',
      { ...evidence, check: { ...check, judge: { kind: 'bounds', min: 1, max: 500 } as const } },
      'latency 1 to 500 ms: latest 480.1, worst 512.3; 3 of 4 points passed, 1 failed',
    ],
    [
      'no data',
      { ...evidence, latest: undefined, worst: undefined, passed: 0, failed: 0 },
      'latency ≤ 500 ms: no data; 0 of 4 points passed, 0 failed',
    ],
    [
      'trouble',
      { ...evidence, trouble: 'latency: timeout' },
      'latency ≤ 500 ms: latency: timeout; 3 of 4 points passed, 1 failed',
    ],
  ])('%s', (_, it, expected) => expect(evidenceLine(it)).toBe(expected));

  test.each([
    [99.871_3, '99.87'],
    [100, '100'],
    [0.000_123_456, '0.0001235'],
    [1234.5, '1235'],
    [0, '0'],
    [Number.NaN, 'NaN'],
    [Infinity, 'Infinity'],
  ])('%d reads %s', (value, text) => expect(round(value)).toBe(text));
});

test('the same move has the same message, byte for byte', () => {
  const it = { ...at('02-weight-20'), dist: known(V2) };
  expect(message(it, move(it, NOW))).toBe(message(it, move(it, NOW)));
});
