import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { play } from './play.ts';
import { isFailure, type Result, resultsText } from './results.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { stretchOf } from './stretch.ts';

const KEPT: Outcome = { problems: [], seen: 'all well', longestSeconds: 1 };

function played(scenario: Partial<Scenario>, short = true): Promise<readonly Result[]> {
  const whole = { name: 'a/b', promise: 'it holds', run: async () => KEPT, ...scenario };
  return play([whole], {
    short,
    seed: 1,
    atOnce: 1,
    open: () => Promise.reject(new Error('no world here')),
    progress: () => undefined,
  });
}

describe('the scenarios', () => {
  test('of every family are registered', () => {
    const texts = readdirSync(import.meta.dirname)
      .filter((it) => it.endsWith('.ts') && !it.endsWith('.test.ts') && it !== 'scenarios.ts')
      .map((it) => readFileSync(join(import.meta.dirname, it), 'utf8'));
    const lists = texts.flatMap(
      (it) => /export const (\w+): readonly Scenario\[\]/.exec(it)?.[1] ?? [],
    );
    const registry = readFileSync(join(import.meta.dirname, 'scenarios.ts'), 'utf8');
    expect(lists.length).toBeGreaterThan(8);
    for (const it of lists) expect(registry).toContain(`...${it},`);
  });

  test('have names of their own, in a family, and a promise', () => {
    const names = SCENARIOS.map((it) => it.name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, promise } of SCENARIOS) {
      expect(name).toMatch(/^[a-z]+\/\S/);
      expect(promise.length).toBeGreaterThan(15);
    }
  });

  test('of each family are played in the short form, too', () => {
    const family = (it: Scenario) => it.name.split('/')[0];
    const short = SCENARIOS.filter((it) => it.tries === undefined || it.tries.short > 0);
    expect([...new Set(short.map(family))]).toEqual([...new Set(SCENARIOS.map(family))]);
  });
});

describe('playing a scenario', () => {
  test('tells what was seen, and how often', async () => {
    expect(await played({ tries: { short: 2, long: 5 } })).toMatchObject([
      { scenario: 'a/b', verdict: 'kept', tries: 2, seen: 'all well', longestSeconds: 1 },
    ]);
    expect(await played({ tries: { short: 0, long: 5 } })).toEqual([]);
  });

  test('one bad try of many breaks the promise', async () => {
    let tries = 0;
    const run = async () => ({ ...KEPT, problems: ++tries === 2 ? ['it was late'] : [] });
    const results = await played({ tries: { short: 3, long: 3 }, run });
    expect(results).toMatchObject([{ verdict: 'BROKEN', problems: ['it was late'] }]);
    expect(isFailure(results, false)).toBe(true);
    expect(resultsText(results)).toMatch(/BROKEN: it was late\n\n0 kept, 1 broken, 0 skipped/);
  });

  test('what cannot be played to its end is not kept', async () => {
    const run: Scenario['run'] = async (stage) => {
      await stage.open();
      return KEPT;
    };
    const results = await played({ run });
    expect(results).toMatchObject([
      { verdict: 'BROKEN', problems: [expect.stringContaining('no world here')] },
    ]);
  });

  test('a skip says why, and is a failure only where all must be had', async () => {
    const results = await played({ missing: () => 'no tmpfs' });
    expect(resultsText(results)).toMatch(/a\/b +0 +skipped: no tmpfs +– +SKIPPED/);
    expect([isFailure(results, false), isFailure(results, true)]).toEqual([false, true]);
  });

  test('the same seed draws the same numbers for a try, and others for the next one', async () => {
    const drawn: number[] = [];
    const run: Scenario['run'] = async (_, random) => {
      drawn.push(random.next());
      return KEPT;
    };
    for (let it = 0; it < 2; it++) await played({ tries: { short: 2, long: 2 }, run });
    expect(drawn.slice(0, 2)).toEqual(drawn.slice(2));
    expect(drawn[0]).not.toBe(drawn[1]);
  });
});

test('limits are longer only on a machine that has too much to do', () => {
  expect([0, 6, 12, 1000].map((load) => stretchOf(load, 2))).toEqual([1, 1, 2, 5]);
});
