import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isoTime, parseState, type State, stateText, unix } from '../../../analyzer/core/state.ts';
import { FORMAT } from '../../../lib/plan/versions.ts';
import { tries } from '../../tries.ts';
import { back, COMPLETE, INIT, STABLE, step } from './fixture.ts';

const PLACE = 'rollouts/app/state.yaml';
const REMEDY = '`perch resume` goes back to the last one that can be read';

const STATE: State = {
  transition: 12,
  version: FORMAT,
  release: 'app',
  kind: 'next',
  position: { kind: 'step', step: '03-weight-50' },
  at: '2026-01-05T09:00:00Z',
  reason: '3 of 3 checks passed',
  candidate: '0123456789',
  plan: 'a'.repeat(40),
  stable: 'b'.repeat(64),
  steps: [
    {
      name: '02-weight-20',
      at: '2026-01-05T08:50:00Z',
      since: '2026-01-05T08:50:09Z',
      until: '2026-01-05T09:00:00Z',
      failedChecks: 1,
    },
  ],
  changed: ['virtualservice-app.yaml'],
  removed: [{ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'test', name: 'app-abc' }],
};

const TEXT = stateText(STATE);

describe('a state', () => {
  test('starts with its transition, so that stale changes conflict', () => {
    expect(TEXT.split('\n')[0]).toBe('transition: 12');
  });

  test('has the same bytes whatever the order of its keys', () => {
    const reversed = Object.fromEntries(Object.entries(STATE).reverse()) as unknown as State;
    expect(stateText(reversed)).toBe(TEXT);
  });

  test('comes back from its bytes, whatever is in it', () => {
    const name = fc.string({ minLength: 1, maxLength: 60 });
    const oid = fc.stringMatching(/^[0-9a-f]{40}$/);
    const time = fc.integer({ min: 0, max: 4_000_000_000 }).map(isoTime);
    const candidate = fc.stringMatching(/^[0-9a-f]{10}$/);
    const states: fc.Arbitrary<State> = fc.record(
      {
        transition: fc.integer({ min: 1, max: 1_000_000 }),
        version: fc.constant(FORMAT),
        release: name,
        kind: fc.constantFrom(
          'start',
          'next',
          'complete',
          'adopt',
          'configure',
          'back',
          'note',
          'resume',
        ),
        position: fc.constantFrom(
          INIT,
          COMPLETE,
          STABLE,
          step('02-weight-20'),
          back('04-promote', 'primary'),
        ),
        at: time,
        reason: name,
        by: name,
        candidate,
        plan: oid,
        stable: oid,
        failed: fc.record({ candidate, step: name, reason: name }),
        paused: fc.record({ reason: name, by: name }, { requiredKeys: ['reason'] }),
        steps: fc.array(
          fc.record(
            { name, at: time, since: time, until: time, failedChecks: fc.nat() },
            { requiredKeys: ['name', 'at', 'until', 'failedChecks'] },
          ),
        ),
        changed: fc.array(name),
        removed: fc.array(
          fc.record(
            { apiVersion: name, kind: name, namespace: name, name },
            { requiredKeys: ['apiVersion', 'kind', 'name'] },
          ),
        ),
        accepts: fc.array(oid),
      },
      {
        requiredKeys: [
          'transition',
          'version',
          'release',
          'kind',
          'position',
          'at',
          'reason',
          'candidate',
          'plan',
          'steps',
          'changed',
          'removed',
        ],
      },
    );
    fc.assert(
      fc.property(states, (it) => {
        const text = stateText(it);
        expect(text).toMatch(/^transition: \d+\n/);
        expect(parseState(text, PLACE)).toEqual(it);
      }),
      { numRuns: tries(200) },
    );
  });

  test('a time has whole seconds, cut and not rounded', () => {
    expect(isoTime(1_767_603_600.999)).toBe('2026-01-05T09:00:00Z');
    expect(unix('2026-01-05T09:00:00Z')).toBe(1_767_603_600);
  });
});

/** Levels of aliases, each nine times the one before. */
const BOMB = [
  'a: &a [x, x, x, x, x, x, x, x, x]',
  ...'bcdefghi'
    .split('')
    .map((it, index) => `${it}: &${it} [${Array(9).fill(`*${'abcdefghi'[index]}`).join(', ')}]`),
].join('\n');

describe('what is no state is refused with its place and the remedy', () => {
  test.each<[string, string, RegExp]>([
    ['nothing', '', /expected object/],
    ['no YAML', 'transition: [', /is not YAML/],
    ['binary', '\u0000\u0001\u0002', /YAML|expected object/],
    ['a list', '- 1\n- 2\n', /expected object/],
    ['two documents', `${TEXT}---\n${TEXT}`, /is not YAML/],
    ['a key twice', `${TEXT}transition: 13\n`, /is not YAML.*unique/is],
    ['an alias', TEXT.replace('reason: ', 'reason: &r ').concat('by: *r\n'), /alias/i],
    ['a bomb of aliases', BOMB, /alias/i],
    ['an unknown key', `${TEXT}unknown: 1\n`, /unknown/],
    ['an unknown version', TEXT.replace(`version: ${FORMAT}`, 'version: 0'), /version/],
    ['no transition', TEXT.replace('transition: 12\n', ''), /transition/],
    ['transition 0', TEXT.replace('transition: 12', 'transition: 0'), /transition/],
    ['a broken transition', TEXT.replace('transition: 12', 'transition: 1.5'), /transition/],
    ['transition NaN', TEXT.replace('transition: 12', 'transition: .nan'), /transition/],
    ['transition infinite', TEXT.replace('transition: 12', 'transition: .inf'), /transition/],
    ['a transition in words', TEXT.replace('transition: 12', 'transition: "12"'), /transition/],
    ['a time that is none', TEXT.replace('at: 2026-01-05T09:00:00Z', 'at: yesterday'), /ISO 8601/],
    ['a number as time', TEXT.replace('at: 2026-01-05T09:00:00Z', 'at: 1767603600'), /at at/],
    ['an unknown position', TEXT.replace('kind: step', 'kind: sideways'), /position/],
    ['half a position', TEXT.replace('  step: 03-weight-50\n', ''), /position/],
    ['an unknown transition', TEXT.replace('kind: next', 'kind: jump'), /kind/],
    ['a plan that is no tree', TEXT.replace('a'.repeat(40), 'HEAD'), /Git object id/],
    ['a candidate that is none', TEXT.replace('"0123456789"', 'abc'), /candidate/],
    ['negative failures', TEXT.replace('failedChecks: 1', 'failedChecks: -1'), /failedChecks/],
    ['steps as a map', TEXT.replace(/steps:\n(.|\n)*changed:/, 'steps: {}\nchanged:'), /steps/],
  ])('%s', (_, text, expected) => {
    expect(text).not.toBe(TEXT);
    const parse = () => parseState(text, PLACE);
    expect(parse).toThrow(expected);
    expect(parse).toThrow(PLACE);
    expect(parse).toThrow(REMEDY);
  });

  test('a key such as __proto__ changes nobody', () => {
    expect(() => parseState(`${TEXT}__proto__:\n  polluted: true\n`, PLACE)).toThrow(PLACE);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});

test('a state that breaks its own schema is never written', () => {
  expect(() => stateText({ ...STATE, transition: 0 })).toThrow();
  expect(() => stateText({ ...STATE, at: 'now' })).toThrow();
});
