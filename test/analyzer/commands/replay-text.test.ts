import { expect, test } from 'vitest';
import { replaysTable, replayText } from '../../../analyzer/commands/replay-text.ts';
import { untold } from '../../../analyzer/core/replay.ts';
import type { Replayed } from '../../../analyzer/history/replays.ts';
import type { Transition } from '../../../analyzer/history/transitions.ts';
import { rollout, situation, stateOf, step, T0 } from '../core/fixture.ts';

const BEFORE = situation({ position: step('02-weight-20') });
const REASON = 'the canary is not ready after its progress deadline of 120 s: 0 of 2 replicas';

const TRANSITION: Transition = {
  ...{ commit: 'c'.repeat(40), at: T0, transition: 8, kind: 'back', position: '02-weight-20' },
  ...{ candidate: '0123456789', verdict: 'fail', by: 'analyzer', reason: REASON, problems: [] },
};

const REPLAYED: Replayed = {
  ...untold('unjudged', `not judged by metrics: ${REASON}`, undefined),
  decision: {
    ...{ release: 'app', transition: TRANSITION, step: '02-weight-20' },
    decided: {
      ...{ before: BEFORE, rollout: rollout(BEFORE), after: stateOf(BEFORE) },
      ...{ verdict: 'fail', reason: REASON, at: T0 },
    },
  },
};

const LOST = { kind: 'lost', lost: [`success-rate: the store has nothing of 08:00`] } as const;

test.each([
  ['the table', replaysTable],
  [
    'one decision',
    ([it = REPLAYED]: readonly Replayed[], columns: number) => replayText(it, columns),
  ],
])('%s fits the terminal', (_, text) => {
  const wide = text([REPLAYED], Number.POSITIVE_INFINITY);
  expect(wide).toContain(`not judged by metrics: ${REASON}`);
  const lines = text([REPLAYED, { ...REPLAYED, ...LOST }], 80).split('\n');
  expect(Math.max(...lines.map((it) => it.length))).toBeLessThanOrEqual(80);
  expect(lines.length).toBeGreaterThan(wide.split('\n').length);
});

test('what is lost stands in the table', () => {
  const [, row = ''] = replaysTable([{ ...REPLAYED, ...LOST }], Infinity).split('\n');
  expect(row).toMatch(/ fail +lost +success-rate: the store has nothing of 08:00$/);
});

test('what others wrote forges no line', () => {
  const reason = 'one\nshop 03: holds';
  const text = replayText({ ...REPLAYED, reason }, Infinity);
  expect(text.split('\n')).toHaveLength(2);
});
