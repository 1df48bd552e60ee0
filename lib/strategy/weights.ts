import type { Mistake } from '../mistake.ts';
import type { Traffic } from '../traffic/traffic.ts';
import { MAX_STEPS } from './stages.ts';

/** One in a million. */
const LEAST = 0.0001;

/** Whether the number is a percent that a step can have; which fractions can be written is the router's to say. */
export function isWeight(value: number): boolean {
  return Number.isFinite(value) && value >= LEAST && value <= 100;
}

/** What is wrong with percents, by the names of their fields; those that are not given are right. */
export function percentMistakes(
  path: string,
  fields: Readonly<Record<string, number | undefined>>,
): Mistake[] {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined && !isWeight(value))
    .map(([field, got]) => ({
      path,
      problem: `strategy.${field} must be a percent`,
      got,
      remedy: `use ${LEAST} to 100`,
    }));
}

/** `weight-5`, and `weight-0-5` of half a percent. */
export function weightName(weight: number): string {
  return `weight-${nameOf(weight)}`;
}

/** A number or an object’s name as a part of a step’s name. */
export function nameOf(value: number | string): string {
  return String(value).replace(/[^a-z0-9-]/g, '-');
}

/** Traffic by a weight alone. */
export function split(canary: number): Traffic {
  return { weights: { primary: exact(100 - canary), canary } };
}

/** Tenths are not exact in binary: what is off by less than a millionth is what was meant. */
export function exact(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

/** `by`, twice `by`, … and `top` at last; cut off where there are more than a plan can have. */
export function linear(by: number, top: number): readonly number[] {
  return Array.from({ length: stepCount(by, top) }, (_, index) =>
    Math.min(exact((index + 1) * by), top),
  );
}

/** From `top` down to 0, each time less by `by`; cut off where there are more than a plan can have. */
export function falling(by: number, top: number): readonly number[] {
  return Array.from({ length: stepCount(by, top) }, (_, index) =>
    Math.max(exact(top - (index + 1) * by), 0),
  );
}

function stepCount(by: number, top: number): number {
  const count = Math.ceil(exact(top / by));
  return count > 0 ? Math.min(count, MAX_STEPS) : 0;
}

/**
 * `first`, `first` · `factor`, `first` · `factor`², … and `top` at last, each with as many decimals as `first`; cut
 * off where there are more than a plan can have.
 */
export function exponential(first: number, factor: number, top: number): readonly number[] {
  const decimals = String(first).split('.')[1]?.length ?? 0;
  const weights: number[] = [];
  for (let it = first; it < top && it > 0 && weights.length < MAX_STEPS; it *= factor) {
    const rounded = Number(it.toFixed(decimals));
    // A small factor can round to the weight before.
    if (rounded < top && rounded !== weights.at(-1)) weights.push(rounded);
    if (!(factor > 1)) break;
  }
  return [...weights, top];
}
