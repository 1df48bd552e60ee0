import { expect } from 'vitest';
import { type Mistake, mistakeText, reproofs } from '../../../lib/mistake.ts';
import type { Scale, StepDraft, Strategy } from '../../../lib/strategy/strategy.ts';
import { besides, reachesCanary, type Traffic } from '../../../lib/traffic/traffic.ts';

/** One line for each step: `weight-20 Progressing 80/20 full bake`, and what else there is. */
export function outline(strategy: Strategy): string[] {
  return strategy.steps().map((it) => {
    const { primary, canary, baseline } = it.traffic.weights;
    const weights = [primary, canary, ...(baseline === undefined ? [] : [baseline])].join('/');
    const own = (it.own ?? []).map((one) => one.name);
    return [
      `${it.name} ${it.phase} ${weights} ${scaleText(it.canary)} ${it.checks}`,
      ...besides(it.traffic),
      ...(own.length === 0 ? [] : [`own ${own.join(', ')}`]),
      ...(it.bake === undefined ? [] : [`${it.bake.toSeconds()} s`]),
      ...(it.atLeast === undefined ? [] : [`at least ${it.atLeast.toSeconds()} s`]),
      ...(it.points === undefined ? [] : [`${it.points} points`]),
      ...(it.gate === undefined ? [] : [it.gate]),
      ...(it.jobs ?? []).map((name) => `job ${name}`),
      ...(it.hooks ?? []).map(({ hook }) => `hook ${hook.name}`),
      ...(it.baseline === true ? ['baseline'] : []),
    ].join('; ');
  });
}

function scaleText(scale: Scale): string {
  if (scale.kind === 'percent') return `${scale.percent}%`;
  return scale.kind === 'replicas' ? `${scale.replicas} pods` : scale.kind;
}

/** The mistakes of a strategy as text. */
export function mistakesIn(strategy: Strategy): string[] {
  const noted = reproofs(strategy).map((it) => ({ path: 'shop', ...it }));
  return texts([...noted, ...strategy.mistakes('shop')]);
}

/** Mistakes as people read them. */
export function texts(mistakes: readonly Mistake[]): string[] {
  return mistakes.map(mistakeText);
}

/**
 * What holds for the steps of every strategy with two tracks: each intermediate state serves every request, and no
 * step needs two objects changed in an order that a sync tool does not promise.
 */
export function expectSafe(strategy: Strategy): void {
  expect(mistakesIn(strategy)).toEqual([]);
  const drafts = strategy.steps();
  expect([drafts[0]?.name, drafts.at(-1)?.name]).toEqual(['init', 'complete']);
  expect(drafts.at(-1)).toMatchObject({
    traffic: { weights: { primary: 100, canary: 0 } },
    primary: 'candidate',
    canary: { kind: 'none' },
  });
  for (const [index, draft] of drafts.entries()) {
    const before = drafts[index - 1];
    expectServed(draft);
    if (before !== undefined) expectOrdered(before, draft);
  }
}

function expectServed({ name, phase, traffic, canary, baseline, ready }: StepDraft): void {
  const { weights } = traffic;
  const sum = weights.primary + weights.canary + (weights.baseline ?? 0);
  expect(sum, name).toBeCloseTo(100, 6);
  expect(Math.min(weights.primary, weights.canary, weights.baseline ?? 0), name).toBeGreaterThan(
    -1e-9,
  );
  if (reachesCanary(traffic)) {
    expect(canary.kind, name).not.toBe('none');
    // On the rollback to the primary nothing waits for the canary.
    if (phase !== 'Finalising') expect(ready, name).toContain('canary');
  }
  if ((weights.baseline ?? 0) > 0)
    expect([baseline, ready], name).toEqual([true, expect.arrayContaining(['baseline'])]);
}

/**
 * Pods come before the requests, and go after them; the primary is not changed together with the routes. A backend
 * that gets no request may come with its pods.
 */
function expectOrdered(before: StepDraft, draft: StepDraft): void {
  const changed = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  const rerouted = changed(served(before.traffic), served(draft.traffic));
  const rescaled =
    changed(before.canary, draft.canary) ||
    (before.baseline ?? false) !== (draft.baseline ?? false);
  expect([draft.name, rerouted && rescaled]).toEqual([draft.name, false]);
  if (before.primary !== draft.primary) expect([draft.name, rerouted]).toEqual([draft.name, false]);
  if (before.primary === 'candidate') expect(draft.primary).toBe('candidate');
}

function served({ weights: { baseline = 0, ...weights }, ...traffic }: Traffic): Traffic {
  return { ...traffic, weights: { ...weights, baseline } };
}
