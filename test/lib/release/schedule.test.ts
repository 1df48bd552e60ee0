import { describe, expect, test } from 'vitest';
import { mistakeText } from '../../../lib/mistake.ts';
import { compileSchedule, type HoursProps } from '../../../lib/release/schedule.ts';

const berlin = (more: Partial<HoursProps> = {}): HoursProps => ({
  from: '09:00',
  to: '17:30',
  timeZone: 'Europe/Berlin',
  ...more,
});

function compiled(props: Parameters<typeof compileSchedule>[2]) {
  const { plan, mistakes } = compileSchedule('shop', 'shop', props);
  return { plan, mistakes: mistakes.map(mistakeText).join('\n') };
}

describe('a schedule', () => {
  test('that says nothing is not in the plan', () => {
    const nothing = { hours: [], dependsOn: [], suspend: false, attempt: 1 };
    expect(compiled({})).toEqual({ plan: {}, mistakes: '' });
    expect(compiled(nothing)).toEqual({ plan: {}, mistakes: '' });
  });

  test('is written out: minutes, days from Monday to Friday, phases at rest', () => {
    const { plan, mistakes } = compiled({
      hours: [berlin(), berlin({ days: ['Sat'], from: '00:00', to: '24:00', timeZone: 'UTC' })],
      dependsOn: [{ release: 'db' }, { release: 'cache', phases: ['Promoting', 'Succeeded'] }],
      rollbackWindow: 20,
      suspend: true,
      attempt: 2,
    });
    expect(mistakes).toBe('');
    expect(plan).toEqual({
      hours: [
        {
          days: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri'],
          fromMinute: 540,
          toMinute: 1050,
          timeZone: 'Europe/Berlin',
        },
        { days: ['Sat'], fromMinute: 0, toMinute: 1440, timeZone: 'UTC' },
      ],
      dependsOn: [
        { release: 'db', phases: ['Succeeded', 'Initialized'] },
        { release: 'cache', phases: ['Promoting', 'Succeeded'] },
      ],
      rollbackWindow: 20,
      suspend: true,
      attempt: 2,
    });
  });
});

describe('what is wrong is told with its place, its value and the remedy', () => {
  test.each<[string, Partial<HoursProps>, RegExp]>([
    [
      'over midnight',
      { from: '22:00', to: '02:00' },
      /hours\[0\] must begin before it ends.*22:00 to 02:00.*split/s,
    ],
    ['empty', { from: '09:00', to: '09:00' }, /must begin before it ends/],
    ['no time', { from: '9:00' }, /must begin before it ends, in HH:MM.*9:00 to 17:30/s],
    ['a minute too many', { from: '09:60' }, /must begin before it ends/],
    ['after the end of the day', { to: '24:01' }, /must begin before it ends/],
    ['an hour too many', { to: '25:00' }, /must begin before it ends/],
    ['no days', { days: [] }, /hours\[0\]\.days names no days of the week.*use Mon/s],
    [
      'no zone',
      { timeZone: 'Europe/Atlantis' },
      /timeZone is not a time zone.*Europe\/Atlantis.*IANA/s,
    ],
  ])('hours: %s', (_, more, expected) => {
    const { plan, mistakes } = compiled({ hours: [berlin(more)] });
    expect(mistakes).toMatch(expected);
    expect(plan).not.toHaveProperty('hours');
  });

  test('all at once, each with its own place', () => {
    const hours = [berlin(), berlin({ days: [] }), berlin({ timeZone: 'x' })];
    const { mistakes } = compiled({ hours });
    expect(mistakes).toMatch(/hours\[1\]\.days.*hours\[2\]\.timeZone/s);
    expect(mistakes).not.toMatch(/hours\[0\]/);
  });

  test.each<[string, object, RegExp]>([
    ['on itself', { release: 'shop' }, /depends on itself/],
    ['on no name', { release: 'Not A Label' }, /dependsOn release/],
    ['on no phase', { release: 'db', phases: [] }, /dependsOn db names no phase/],
  ])('dependsOn: %s', (_, it, expected) => {
    expect(compiled({ dependsOn: [it as { release: string }] }).mistakes).toMatch(expected);
  });

  test.each([0, -1, 1.5, 21, Number.NaN])('rollbackWindow: %d', (rollbackWindow) => {
    expect(compiled({ rollbackWindow }).mistakes).toMatch(
      /rollbackWindow must be a number of candidates.*use 1 to 20/s,
    );
  });

  test.each([0, -1, 1.5, Number.NaN])('attempt: %d', (attempt) => {
    expect(compiled({ attempt }).mistakes).toMatch(
      /attempt must be a whole number from 1 on.*use 2 for the second/s,
    );
  });
});
