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
