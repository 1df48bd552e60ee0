import { expect, test } from 'vitest';
import { health } from '../../../analyzer/telemetry/health.ts';

const START = 1_800_000_000;

test.each<[string, number | undefined, number, boolean, string]>([
  ['at the start', undefined, 0, true, 'ok'],
  ['before the first tick ended', undefined, 90, true, 'ok'],
  [
    'long after a start without a tick',
    undefined,
    91,
    false,
    'no tick succeeded in the 91 s since the start (limit 90 s)',
  ],
  ['three intervals and a grace after a tick', 10, 100, true, 'ok'],
  ['later than that', 10, 101, false, 'the last successful tick is 91 s old (limit 90 s)'],
])('%s', (_, last, after, healthy, said) => {
  const lastSuccessAt = last === undefined ? undefined : START + last;
  const it = health({ startedAt: START, lastSuccessAt, trouble: undefined }, 10, START + after);
  expect(it.healthy).toBe(healthy);
  expect(it.body.reason ?? it.body.status).toBe(said);
});

test.each<[string, number, number, number, string]>([
  ['a pass that has been under way for long is slow, not dead', 10, 20, 150, 'slow'],
  ['a pass that is under way for too long is dead', 10, 20, 201, 'failing'],
  [
    'a pass that began long after the last one that went well does not hide that',
    10,
    110,
    115,
    'failing',
  ],
  ['a pass that has just begun', 10, 20, 25, 'ok'],
])('%s', (_, last, began, after, status) => {
  const pulse = { startedAt: START, lastSuccessAt: START + last, trouble: undefined };
  const it = health({ ...pulse, beganAt: START + began }, 10, START + after);
  expect(it.body.status).toBe(status);
  expect(it.healthy).toBe(status !== 'failing');
});

test('says when it last went well, and what ails it', () => {
  const pulse = { startedAt: START, lastSuccessAt: START + 5, trouble: 'no route to git' };
  expect(health(pulse, 10, START + 20)).toEqual({
    healthy: true,
    body: {
      status: 'ok',
      ageSeconds: 15,
      lastSuccess: new Date((START + 5) * 1000).toISOString(),
      lastFailure: 'no route to git',
    },
  });
});

test('a clock that was set back is no reason to restart', () => {
  const pulse = { startedAt: START, lastSuccessAt: START + 500, trouble: undefined };
  expect(health(pulse, 10, START)).toMatchObject({ healthy: true, body: { ageSeconds: 0 } });
});
