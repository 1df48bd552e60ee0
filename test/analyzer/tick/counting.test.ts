import { describe, expect, test } from 'vitest';
import type { PlanTree } from '../../../analyzer/core/position.ts';
import { newMemory } from '../../../analyzer/tick/analyzer.ts';
import { lookAt } from '../../../analyzer/tick/look.ts';
import { tick } from '../../../analyzer/tick/tick.ts';
import type { Counters } from '../../../lib/plan/evidence.ts';
import { counterStore } from '../../embedded/counter-store.ts';
import type { EmbeddedCounter } from '../../embedded/growth.ts';
import { oneStore } from '../../one-store.ts';
import { plan, T0 } from '../core/fixture.ts';
import { errorTest, evidence, tested } from '../core/judge/counted.ts';
import { type Field, openMemoryField, untilRest } from '../field.ts';

const STEP = '02-weight-20';
const HOUR = 3600;

/** A plan whose only test counts the requests of this release. */
function planOf(id: string): PlanTree {
  const errors = (track: string): Counters => {
    const matchers = [['app', '=', id] as const, ['track', '=', track] as const];
    const requests = { metric: 'requests_total', matchers };
    const bad = {
      metric: 'requests_total',
      matchers: [...matchers, ['code', '=~', '5..'] as const],
    };
    return { kind: 'errors', requests, failures: { kind: 'sum', bad: [bad] } };
  };
  const counts = { canary: errors('canary'), primary: errors('primary') };
  return tested(evidence([errorTest({ counts, capped: true })]), [STEP]);
}

/** 20 requests a second, a fifth of them to the canary, from before the rollout on. */
function countersOf(id: string, canaryFails: number): EmbeddedCounter[] {
  const rates = { canary: 4, primary: 16 };
  return (['canary', 'primary'] as const).flatMap((track) =>
    ['200', '503'].map((code) => {
      const failing = track === 'canary' ? canaryFails : 0.001;
      const rate = rates[track] * (code === '503' ? failing : 1 - failing);
      return {
        metric: 'requests_total',
        labels: { app: id, track, code },
        samples: Array.from({ length: (4 * HOUR) / 15 }, (_, it) => ({
          at: T0 - HOUR + it * 15,
          value: Math.floor(it * 15 * rate),
        })),
      };
    }),
  );
}

const nameOf = (index: number) => `app-${index}`;

/** A field whose releases all stand in the step, and an analyzer that has just started. */
async function underWay(count: number, failing: number) {
  const ids = Array.from({ length: count }, (_, it) => nameOf(it));
  const field: Field = openMemoryField();
  const analyzer = await field.analyzer();
  await field.release(Object.fromEntries(ids.map((id) => [id, plan('v1')])));
  await untilRest(field, analyzer);
  await field.release(Object.fromEntries(ids.map((id) => [id, planOf(id)])));
  const isThere = () =>
    ids.every((id) => field.read(`rollouts/${id}/state.yaml`).includes(`step: ${STEP}`));
  for (let ticks = 0; ticks < 20 && !isThere(); ticks++) {
    field.now += 70;
    await tick(analyzer);
    await field.world.sync();
  }
  expect(isThere()).toBe(true);
  const store = counterStore(
    ids.flatMap((id, index) => countersOf(id, index === failing ? 0.1 : 0.001)),
  );
  return { field, store, analyzer: { ...analyzer, metrics: oneStore(store), memory: newMemory() } };
}

describe('releases under way', () => {
  test('are judged by their own counters, which all of them ask for together', async () => {
    const { field, store, analyzer } = await underWay(12, 7);
    field.now += 240;
    const report = await tick(analyzer);
    expect(store.asked).toHaveLength(2);
    const moved = report.outcomes.filter((it) => it.decision.kind === 'move');
    expect(moved.map((it) => it.release)).toEqual([nameOf(7)]);
    expect(moved[0]?.decision).toMatchObject({ transition: 'back', verdict: 'fail' });
    field.now += 15;
    await tick(analyzer);
    expect(store.asked.slice(2).map(({ points: { start, end } }) => end - start)).toEqual([15, 15]);
  });

  test('are judged the same by an analyzer that has just started, and by who explains one', async () => {
    const { field, analyzer } = await underWay(3, 1);
    for (let ticks = 0; ticks < 4; ticks++) {
      field.now += 20;
      await tick(analyzer);
    }
    field.now += 700;
    const { repository } = analyzer;
    const snapshot = await repository.fetch();
    const all = await repository.list(snapshot);
    const fresh = { ...analyzer, memory: newMemory() };
    for (const trees of all) {
      const kept = await lookAt(analyzer, { snapshot, all }, trees);
      const alone = await lookAt(fresh, { snapshot, all }, trees);
      // What was weighed holds functions, which are nobody else's.
      expect(JSON.stringify(alone.decision)).toEqual(JSON.stringify(kept.decision));
      expect(alone.observation.counts).toEqual(kept.observation.counts);
      if (trees.id === nameOf(0)) expect(alone.observation.counts).toHaveLength(1);
    }
  });

  test('of a store that gives no answer wait, and say why', async () => {
    const { field, analyzer } = await underWay(3, 1);
    field.now += 240;
    const down = {
      kind: 'unknown',
      reason: 'prometheus took over 10 s',
      late: 'prometheus',
    } as const;
    const store = counterStore([], () => down);
    const report = await tick({ ...analyzer, metrics: oneStore(store) });
    expect(report.outcomes).toHaveLength(3);
    for (const { decision } of report.outcomes)
      expect(decision).toMatchObject({
        kind: 'hold',
        reason: expect.stringMatching(/error-rate: prometheus (took over 10 s|gave no answer)/),
      });
    // The joined questions, and then one of each release at most until it is given up.
    expect(store.asked.length).toBeLessThan(16);
  });
});
