import { describe, expect, test } from 'vitest';
import type { Scenario } from '../../../analyzer/simulated/requests.ts';
import { measure } from './cells.ts';
import { rollout } from './gate.ts';
import { OTHERS, OWN } from './rules.ts';

/** A few runs of what `npm run bench:judge` measures in full: what must hold in each of them. */

const RUNS = 20;
const plan = { perSecond: 200, intervalSeconds: 60, runs: RUNS, seed: 100 };
const worse = (canary: number, rest: Partial<Scenario> = {}): Scenario => ({
  name: 'worse',
  primary: 0.001,
  canary,
  ...rest,
});

describe('a rollout that goes on by proof', () => {
  const ends = (primary: number, canary: number) =>
    Array.from({ length: RUNS }, (_, run) => rollout({ primary, canary }, 200, 60, 200 + run));

  test.each([0.001, 0.01])('promotes a canary that is like its primary at a rate of %d', (rate) => {
    expect(ends(rate, rate).map((it) => it.kind)).toEqual(Array(RUNS).fill('promoted'));
  });

  test.each([0.005, 0.01, 0.1, 1])('rolls back one with a rate of %d instead of .001', (canary) => {
    expect(ends(0.001, canary).map((it) => it.kind)).toEqual(Array(RUNS).fill('rolled back'));
  });
});

describe('the judge', () => {
  test.each<[string, Scenario]>([
    ['a canary like its primary', worse(0.001)],
    ['both in the same outage', worse(0.001, { bursts: 500 })],
    ['noise', { ...worse(0.005), primary: 0.005, white: 0.5 }],
  ])('rolls none back for %s, with the robust margin', (_, scenario) => {
    expect(measure(OWN.slice(0, 1), { ...plan, scenario })[0]?.rolledBack).toBe(0);
  });

  test('rolls all back in which one request of a hundred fails, the strict one sooner', () => {
    const [robust, strict] = measure(OWN, { ...plan, scenario: worse(0.01) });
    expect([robust?.rolledBack, strict?.rolledBack]).toEqual([RUNS, RUNS]);
    expect(robust?.medianMinutes).toBeLessThanOrEqual(14);
    expect(strict?.medianMinutes).toBeLessThanOrEqual(7);
  });

  test('needs one interval where everything fails', () => {
    const [robust] = measure(OWN, { ...plan, perSecond: 20, scenario: worse(1) });
    expect(robust).toMatchObject({ rolledBack: RUNS, medianMinutes: 1 });
  });

  test('sees a latency of 1.3 times the usual, which a limit of 500 ms does not', () => {
    const scenario = worse(0.001, { latency: { times: 1.3, late: 0 } });
    const [robust] = measure(OWN, { ...plan, scenario, runs: 5 });
    const [flagger] = measure(OTHERS, { ...plan, scenario, runs: 5 });
    expect(robust?.rolledBack).toBe(5);
    expect(flagger?.rolledBack).toBe(0);
  });
});
