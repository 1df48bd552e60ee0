import { describe, expect, test } from 'vitest';
import { opensAt } from '../../../../analyzer/core/rules/hours.ts';
import { isoTime } from '../../../../analyzer/core/state.ts';
import type { Hours } from '../../../../lib/plan/hours.ts';
import { THOROUGH } from '../../../tries.ts';
import {
  BAD,
  COMPLETE,
  decision,
  INIT,
  move,
  plan,
  situation,
  step,
  T0,
  unstarted,
  V1,
} from '../fixture.ts';

const WORKDAYS: Hours['days'] = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri'];

function hours(
  from: number,
  to: number,
  timeZone: string,
  days = WORKDAYS as Hours['days'],
): Hours {
  return { days: [...days], fromMinute: from * 60, toMinute: to * 60, timeZone };
}

const BERLIN = hours(9, 17, 'Europe/Berlin');
const NEW_YORK = hours(9, 17, 'America/New_York');

describe('when steps may begin', () => {
  test.each<[string, readonly Hours[], string, string | 'open']>([
    ['no hours: always', [], '2026-11-21T03:00:00Z', 'open'],
    // 2026-11-20 is a Friday. Berlin is an hour ahead of UTC in winter.
    ['a minute before', [BERLIN], '2026-11-20T07:59:59Z', '2026-11-20T08:00:00Z'],
    ['the first second', [BERLIN], '2026-11-20T08:00:00Z', 'open'],
    ['the last second', [BERLIN], '2026-11-20T15:59:59Z', 'open'],
    ['over on Friday: on Monday', [BERLIN], '2026-11-20T16:00:00Z', '2026-11-23T08:00:00Z'],
    ['on Saturday', [BERLIN], '2026-11-21T10:00:30Z', '2026-11-23T08:00:00Z'],
    // 2026-03-29, 02:00 → 03:00 in Berlin; 2026-10-25, 03:00 → 02:00.
    ['summer time in Berlin', [BERLIN], '2026-03-30T07:00:00Z', 'open'],
    ['before summer time in Berlin', [BERLIN], '2026-03-27T07:00:00Z', '2026-03-27T08:00:00Z'],
    ['after summer time in Berlin', [BERLIN], '2026-10-26T07:00:00Z', '2026-10-26T08:00:00Z'],
    // 2026-03-08, 02:00 → 03:00 in New York; 2026-11-01, 02:00 → 01:00.
    ['summer time in New York', [NEW_YORK], '2026-03-09T13:00:00Z', 'open'],
    ['before summer time in New York', [NEW_YORK], '2026-03-06T13:00:00Z', '2026-03-06T14:00:00Z'],
    ['after summer time in New York', [NEW_YORK], '2026-11-02T13:00:00Z', '2026-11-02T14:00:00Z'],
    [
      'an hour that the clocks leave out is none',
      [hours(2, 3, 'Europe/Berlin', ['Sun'])],
      '2026-03-29T01:30:00Z',
      '2026-04-05T00:00:00Z',
    ],
    [
      'an hour that comes twice is open twice',
      [hours(2, 3, 'Europe/Berlin', ['Sun'])],
      '2026-10-25T01:30:00Z',
      'open',
    ],
    [
      'from midnight',
      [hours(0, 1, 'UTC', ['Sat'])],
      '2026-11-20T23:59:10Z',
      '2026-11-21T00:00:00Z',
    ],
    ['at midnight', [hours(0, 1, 'UTC', ['Sat'])], '2026-11-21T00:00:00Z', 'open'],
    ['until 24:00', [hours(22, 24, 'UTC', ['Fri'])], '2026-11-20T23:59:59Z', 'open'],
    ['at 24:00', [hours(22, 24, 'UTC', ['Fri'])], '2026-11-21T00:00:00Z', '2026-11-27T22:00:00Z'],
    [
      'the first of several',
      [BERLIN, hours(18, 19, 'UTC')],
      '2026-11-20T16:30:00Z',
      '2026-11-20T18:00:00Z',
    ],
    ['within one of several', [BERLIN, NEW_YORK], '2026-11-20T20:00:00Z', 'open'],
    [
      'a zone a day ahead',
      [hours(0, 24, 'Pacific/Auckland', ['Sat'])],
      '2026-11-20T12:00:00Z',
      'open',
    ],
    [
      'a zone half an hour off',
      [hours(9, 10, 'Asia/Kolkata')],
      '2026-11-20T03:29:00Z',
      '2026-11-20T03:30:00Z',
    ],
  ])('%s', (_, all, now, expected) => {
    const found = opensAt(all, Date.parse(now) / 1000);
    expect(found === undefined ? 'open' : isoTime(found)).toBe(expected);
  });

  /** So that each minute of an hour has its turn. */
  const EVERY = (THOROUGH ? 3 : 12) * 3600 + 61;

  test('in each minute of a year the answer leads to a time that is open, but for a change of clocks', () => {
    for (const it of [BERLIN, NEW_YORK]) {
      const start = Date.parse('2026-01-01T00:00:00Z') / 1000;
      for (let now = start; now < start + 365 * 86_400; now += EVERY) {
        const next = opensAt([it], now);
        if (next === undefined) continue;
        expect(next).toBeGreaterThan(now);
        // Off by the hour that the clocks were changed by at most: who waits asks again, and is told the rest.
        const again = opensAt([it], next);
        if (again !== undefined) expect(again - next).toBe(3600);
        else expect(opensAt([it], next - 3601)).toBeDefined();
      }
    }
  });
});

describe('outside of the hours', () => {
  /** T0 is a Friday, 08:00 UTC. */
  const closed = plan('v2', { more: { hours: [hours(10, 11, 'UTC')] } });
  const until = T0 + 2 * 3600;
  const BAKED = T0 + 60;
  const at = (name: string, more = {}) =>
    situation({ position: step(name), plan: closed, state: more });

  test('the candidate does not start, and no step gives it more', () => {
    const rest = situation({ position: COMPLETE, plan: V1, dist: closed });
    for (const it of [rest, at('01-canary-up'), at('02-weight-20'), at('03-weight-50')])
      expect(decision(it, BAKED)).toEqual({
        kind: 'hold',
        reason: 'outside of the hours in which steps may begin',
        untilSeconds: until,
      });
    expect(move(rest, until)).toMatchObject({ transition: 'start' });
  });

  test('a rollout that is promoted ends', () => {
    expect(move(at('04-promote'), BAKED)).toMatchObject({ to: step('05-weight-0') });
    expect(move(at('05-weight-0'), BAKED)).toMatchObject({ transition: 'complete' });
  });

  test('fast waits for them, too', () => {
    const fast = { fast: { reason: 'full' } };
    expect(decision(at('02-weight-20', fast), BAKED)).toMatchObject({ untilSeconds: until });
  });

  test('the rollback waits for nothing', () => {
    expect(move(at('02-weight-20'), BAKED, { values: BAD })).toMatchObject({ transition: 'back' });
    const routes = { kind: 'back', step: '02-weight-20', part: 'routes' } as const;
    const going = situation({ position: routes, plan: closed });
    expect(move(going, BAKED)).toMatchObject({ transition: 'back' });
  });

  test('a first release waits for none: nobody has it yet', () => {
    expect(decision({ ...unstarted(closed) }, BAKED)).toMatchObject({ transition: 'start' });
    const init = situation({ position: INIT, plan: closed });
    expect(decision(init, BAKED)).toMatchObject({ transition: 'complete' });
  });
});
