import { describe, expect, test } from 'vitest';
import { arrived, type Evidence, type Expectation, judge } from './oracle.ts';
import type { Entry } from './record.ts';

const GOOD = 'example/app:good-1';
const BAD = 'example/app:bad-2';
const back: Expectation = {
  release: 'alpha',
  serves: { temper: 'good', number: 1 },
  failed: { temper: 'bad', number: 2 },
};

type Change = Partial<Omit<Entry, 'state'>> & { readonly state?: Partial<Entry['state']> };

/** A rollback as it ought to be, with something else in one of its commits. */
function record(changes: Readonly<Record<number, Change>> = {}): readonly Entry[] {
  const positions = [
    { kind: 'complete' },
    { kind: 'step', step: '01-canary-up' },
    { kind: 'step', step: '02-weight-20' },
    { kind: 'back', step: '02-weight-20' },
    { kind: 'stable' },
  ];
  return positions.map((position, index): Entry => {
    const { state, ...change } = changes[index] ?? {};
    const share = index === 2 ? 20 : 0;
    return {
      commit: `${index}`.repeat(40),
      at: 1000 + index,
      release: 'alpha',
      image: index === 0 ? GOOD : BAD,
      exposure: new Map([[GOOD, 100 - share], ...(share > 0 ? [[BAD, share] as const] : [])]),
      isStable: position.kind === 'stable' || position.kind === 'complete',
      ...change,
      state: {
        transition: index + 1,
        kind: 'next',
        position,
        candidate: 'c',
        ...(index < 3 ? {} : { failed: { candidate: 'c' } }),
        ...state,
      },
    };
  });
}

function evidence(entries: readonly Entry[], more: Partial<Evidence> = {}): Evidence {
  return { entries, served: () => new Map([[GOOD, 100]]), most: () => 20, ...more };
}

describe('the oracle of the faults', () => {
  test('finds nothing in a rollback as it ought to be', () => {
    expect(judge(evidence(record()), [back])).toEqual([]);
    expect(arrived(evidence(record()), [back])).toBe(true);
  });

  test.each<[string, Evidence, RegExp]>([
    ['a transition twice', evidence(record({ 2: { state: { transition: 2 } } })), /twice/],
    ['a transition left out', evidence(record({ 4: { state: { transition: 6 } } })), /left out/],
    [
      'more traffic for a bad candidate',
      evidence(record({ 3: { exposure: new Map([[BAD, 50]]) } })),
      /was given 50 %/,
    ],
    ['more of it in the cluster alone', evidence(record(), { most: () => 50 }), /got 50 %/],
    [
      'an end in the middle of a rollout',
      evidence(record().slice(0, 3)),
      /ended at step instead of stable/,
    ],
    ['other files than the stable set', evidence(record({ 4: { isStable: false } })), /stable set/],
    [
      'a cluster that shows something else',
      evidence(record(), { served: () => new Map([[BAD, 100]]) }),
      /the cluster gives/,
    ],
    ['a state that cannot be read', evidence([]), /no state/],
  ])('tells of %s', (_, found, expected) => {
    expect(judge(found, [back]).join('\n')).toMatch(expected);
  });

  test('a candidate that failed and is not remembered would be tried again', () => {
    const forgotten = record().map((it): Entry => {
      if (it.state === undefined) return it;
      const { failed: _, ...state } = it.state;
      return { ...it, state };
    });
    expect(judge(evidence(forgotten), [back])).toEqual([
      'alpha: the failed candidate is not remembered',
    ]);
  });
});
