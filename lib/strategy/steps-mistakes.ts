import type { Mistake } from '../mistake.ts';
import { reachesCanary } from '../traffic/traffic.ts';
import { durationMistakes, matchMistakes, ownCheckMistakes } from './judged.ts';
import { countMistakes } from './stages.ts';
import type { Baseline, MirrorRoute, SetCanaryScale, StepItem } from './steps-props.ts';
import type { StepDraft } from './strategy.ts';
import { isWeight, percentMistakes } from './weights.ts';

/** What is wrong with one item by itself. */
export function itemMistakes(path: string, item: StepItem, index: number): Mistake[] {
  const field = `steps[${index}]`;
  if ('setWeight' in item)
    // Back to 0 is a weight as well.
    return item.setWeight === 0
      ? []
      : percentMistakes(path, { [`${field}.setWeight`]: item.setWeight });
  if ('pause' in item)
    return item.pause === 'until-approved'
      ? []
      : durationMistakes(path, `${field}.pause`, item.pause);
  if ('setCanaryScale' in item) return scaleMistakes(path, field, item);
  if ('analysis' in item) return ownCheckMistakes(path, `${field}.analysis`, item.analysis);
  if ('headerRoute' in item) {
    const { headerRoute: route } = item;
    const names = labelMistakes(path, `${field}.headerRoute.name`, route.name);
    return 'remove' in route
      ? names
      : [...names, ...matchMistakes(path, `${field}.headerRoute.match`, route.match)];
  }
  if ('mirrorRoute' in item) return mirrorMistakes(path, field, item);
  return 'baseline' in item ? baselineMistakes(path, field, item) : [];
}

function labelMistakes(path: string, field: string, got: string): Mistake[] {
  if (/^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/.test(got)) return [];
  const remedy = 'use at most 42 lower-case letters, digits and dashes';
  return [{ path, problem: `strategy.${field} must be a DNS label`, got, remedy }];
}

function scaleMistakes(
  path: string,
  field: string,
  { setCanaryScale: scale }: SetCanaryScale,
): Mistake[] {
  if (scale === 'match-weight') return [];
  if ('percent' in scale)
    return percentMistakes(path, { [`${field}.setCanaryScale.percent`]: scale.percent });
  if (Number.isInteger(scale.replicas) && scale.replicas >= 0) return [];
  const problem = `strategy.${field}.setCanaryScale.replicas must be a whole number of pods`;
  return [{ path, problem, got: scale.replicas, remedy: 'use 0 or more' }];
}

function mirrorMistakes(path: string, field: string, { mirrorRoute: it }: MirrorRoute): Mistake[] {
  const names = labelMistakes(path, `${field}.mirrorRoute.name`, it.name);
  if ('remove' in it) return names;
  return [
    ...names,
    ...percentMistakes(path, { [`${field}.mirrorRoute.percent`]: it.percent }),
    ...(it.match === undefined ? [] : matchMistakes(path, `${field}.mirrorRoute.match`, it.match)),
  ];
}

function baselineMistakes(path: string, field: string, { baseline, weight }: Baseline): Mistake[] {
  if (weight === undefined || (baseline && isWeight(weight))) return [];
  if (baseline) return percentMistakes(path, { [`${field}.weight`]: weight });
  const problem = `strategy.${field}.weight has no effect beside baseline: false`;
  return [{ path, problem, got: weight, remedy: 'leave it out' }];
}

/**
 * What is wrong with items that are right by themselves.
 *
 * @param compiled the drafts that the items lead to
 */
export function listMistakes(
  path: string,
  items: readonly StepItem[],
  compiled: readonly (readonly StepDraft[])[],
): Mistake[] {
  if (items.length === 0) {
    const remedy = 'give at least one item, or use ramped()';
    return [{ path, problem: 'strategy.steps is empty', got: items, remedy }];
  }
  const drafts = compiled.flat();
  return [
    ...countMistakes(path, drafts, 'use fewer items'),
    ...removalMistakes(path, items),
    ...podMistakes(path, drafts),
    ...sumMistakes(path, drafts),
  ];
}

/** What is taken away must stand. */
function removalMistakes(path: string, items: readonly StepItem[]): Mistake[] {
  const standing = new Set<string>();
  return items.flatMap((item, index) => {
    const asked = changeOf(item);
    if (asked === undefined) return [];
    const { key, isRemoved } = asked;
    const known = standing.has(key);
    if (isRemoved) standing.delete(key);
    else standing.add(key);
    if (known || !isRemoved) return [];
    const problem = `strategy.steps[${index}] takes away what does not stand`;
    return [{ path, problem, got: key, remedy: 'leave it out, or let an item before it set it' }];
  });
}

function changeOf(
  item: StepItem,
): { readonly key: string; readonly isRemoved: boolean } | undefined {
  if ('headerRoute' in item)
    return {
      key: `headerRoute ${item.headerRoute.name}`,
      isRemoved: 'remove' in item.headerRoute,
    };
  if ('mirrorRoute' in item)
    return {
      key: `mirrorRoute ${item.mirrorRoute.name}`,
      isRemoved: 'remove' in item.mirrorRoute,
    };
  return 'baseline' in item ? { key: 'baseline', isRemoved: !item.baseline } : undefined;
}

/** Requests need pods. */
function podMistakes(path: string, drafts: readonly StepDraft[]): Mistake[] {
  const empty = drafts.find((it) => it.canary.kind === 'none' && reachesCanary(it.traffic));
  if (empty === undefined) return [];
  const problem = `strategy.steps: step ${empty.name} sends requests to a canary without pods`;
  const remedy = 'put a setCanaryScale of 1 or more before it';
  return [{ path, problem, got: empty.canary, remedy }];
}

function sumMistakes(path: string, drafts: readonly StepDraft[]): Mistake[] {
  const wrong = drafts.find((it) => it.traffic.weights.primary < 0);
  if (wrong === undefined) return [];
  const problem = `strategy.steps: step ${wrong.name} gives canary and baseline more than 100 %`;
  const remedy = 'give the baseline a weight of its own, or end it before: { baseline: false }';
  return [{ path, problem, got: wrong.traffic.weights, remedy }];
}
