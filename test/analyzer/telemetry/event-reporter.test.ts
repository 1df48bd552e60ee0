import { expect, test } from 'vitest';
import type { ClusterEvent } from '../../../analyzer/cluster/events.ts';
import { eventReporter } from '../../../analyzer/telemetry/event-reporter.ts';
import { failuresOf, type ToldFailure } from '../../../analyzer/tell/failures.ts';
import type { Failure } from '../../../analyzer/tell/listener.ts';
import type { Outcome } from '../../../analyzer/tick/outcome.ts';
import { situation, step, T0 } from '../core/fixture.ts';
import { outcomeOf } from './outcome.ts';

function reporter(fails: readonly string[] = []) {
  const written: ClusterEvent[] = [];
  const failures: Failure[] = [];
  let now = T0;
  const it = eventReporter({
    writers: [
      {
        write: async (events) => {
          written.push(...events);
          return events.length === 0 ? [] : fails;
        },
      },
    ],
    clock: () => now,
  });
  return {
    written,
    failures,
    tick: async (outcomes: readonly Outcome[], later = 10) => {
      now += later;
      const report = { idle: 0, outcomes, conflicts: 0 };
      failures.push(...(await it.hear({ kind: 'done', report, failures: [], seconds: 1 })));
      return written.splice(0).map((event) => event.reason);
    },
    hear: (outcomes: readonly Outcome[], failures: readonly ToldFailure[]) =>
      it.hear({
        kind: 'done',
        report: { idle: 0, outcomes, conflicts: 0 },
        failures,
        seconds: 1,
      }),
    failed: () => it.hear({ kind: 'failed', error: new Error('x'), seconds: 1 }),
  };
}

const at20 = situation({ position: step('02-weight-20') });
const moved = outcomeOf(at20, T0 + 500);
const silent = outcomeOf(at20, T0 + 100, { values: () => undefined });
const fine = outcomeOf(at20, T0 + 20);
const paused = outcomeOf(
  situation({ position: step('02-weight-20'), state: { paused: { reason: 'lunch' } } }),
  T0 + 20,
);

test('a transition is told each time, a hold once', async () => {
  const { tick } = reporter();
  expect(await tick([moved])).toEqual(['WeightChanged']);
  expect(await tick([silent])).toEqual(['Inconclusive']);
  expect(await tick([silent])).toEqual([]);
  expect(await tick([paused])).toEqual(['Paused']);
  expect(await tick([paused])).toEqual([]);
});

test('a hold that comes again is told again', async () => {
  const { tick } = reporter();
  await tick([paused]);
  await tick([fine]);
  expect(await tick([paused])).toEqual(['Paused']);
  await tick([]);
  expect(await tick([paused])).toEqual(['Paused']);
});

test('what could not be told is said once for each reason, and not tried again', async () => {
  const { tick, failures } = reporter(['HTTP 403', 'HTTP 403']);
  await tick([silent]);
  expect(await tick([silent])).toEqual([]);
  expect(failures).toEqual([{ what: 'an event was not written', reason: 'HTTP 403' }]);
});

test('many at once are cut off, and that is said', async () => {
  const { tick, failures } = reporter();
  const all = Array.from({ length: 60 }, (_, index) => ({ ...moved, release: `app-${index}` }));
  expect(await tick(all)).toHaveLength(50);
  expect(failures).toEqual([{ what: 'too many events at once', reason: '10 were left out' }]);
  expect(await tick(all, 7)).toHaveLength(7);
  expect(await tick(all, 3600)).toHaveLength(50);
});

test('a failing canary is seen: each failed check point is an event whose name is the same in every process', async () => {
  const now = T0 + 36;
  const failing = outcomeOf(at20, now, { values: (at) => (at === T0 + 30 ? 69.17 : 99.9) });
  const told = () => failuresOf({ intervalSeconds: 10, isOnce: false }).fresh([failing]);
  const { written, hear } = reporter();
  await hear([failing], told());
  await hear([failing], told());
  const [first, second] = written;
  expect(first).toMatchObject({
    type: 'Warning',
    reason: 'CheckFailed',
    note: 'app: success-rate 69.17 < 99 (failed check 1 of 3)',
    regarding: { kind: 'Deployment', name: 'app-primary' },
  });
  expect(second?.key).toBe(first?.key);
});

test('a tick that failed has nothing to tell', async () => {
  const { failed, written } = reporter();
  await failed();
  expect(written).toEqual([]);
});
