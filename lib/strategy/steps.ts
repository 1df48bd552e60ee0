import { fields, listOf } from '../props/fields.ts';
import {
  AT_REST,
  type MatchedRoute,
  type Mirror,
  reachesCanary,
  type Traffic,
} from '../traffic/traffic.ts';
import { judging } from './judged.ts';
import { madeStrategy } from './made-strategy.ts';
import {
  COMPLETE,
  canaryUp,
  FULL,
  finalising,
  INIT,
  progressing,
  promote,
  type StageProps,
} from './stages.ts';
import { itemMistakes, listMistakes } from './steps-mistakes.ts';
import {
  type Analysis,
  type Baseline,
  type HeaderRoute,
  type MirrorRoute,
  type Pause,
  type SetCanaryScale,
  type SetWeight,
  type StepItem,
  stepItem,
} from './steps-props.ts';
import type { Scale, StepDraft, Strategy } from './strategy.ts';
import { exact, nameOf, weightName } from './weights.ts';

/** Any way to the promotion, item by item; promotion and the way to rest follow by themselves. */
export function steps(items: readonly StepItem[]): Strategy {
  return madeStrategy('steps', stepsProps, { steps: items }, (given) => stepsOf(given.steps));
}

const stepsProps = fields({ steps: listOf(stepItem) });

function stepsOf(items: readonly StepItem[]): Strategy {
  return {
    kind: 'steps',
    tracks: ['primary', 'canary'],
    mistakes: (path) => {
      const mistakes = items.flatMap((it, index) => itemMistakes(path, it, index));
      return mistakes.length > 0 ? mistakes : listMistakes(path, items, compiled(items));
    },
    steps: () => compiled(items).flat(),
  };
}

/** What stands after the items so far. */
interface Standing {
  readonly weight: number;
  readonly canary: Scale;
  /** Whether the canary's pods follow its weight. */
  readonly matches: boolean;
  readonly routes: readonly MatchedRoute[];
  readonly mirrors: readonly (Mirror & { readonly name: string })[];
  /** It gets requests while it is reached, by the canary's weight where it has none of its own. */
  readonly baseline:
    | { readonly kind: 'coming' | 'going' }
    | { readonly kind: 'reached'; readonly weight: number | undefined }
    | undefined;
}

/** The drafts of each item, between those of the beginning and of the end. */
function compiled(items: readonly StepItem[]): readonly (readonly StepDraft[])[] {
  const first = items[0];
  const sized = first !== undefined && 'setCanaryScale' in first ? first : undefined;
  const start = standing(sized, items);
  const all: (readonly StepDraft[])[] = [[INIT, canaryUp(start.canary, hooksOf(sized))]];
  let now = start;
  for (const [index, item] of items.entries()) {
    if (item === sized) continue;
    const { next, drafts } = taken(item, now, items[index + 1]);
    all.push(drafts);
    now = next;
  }
  const { next, drafts } = now.baseline === undefined ? { next: now, drafts: [] } : ended(now, {});
  return [...all, drafts, ending(next)];
}

function standing(sized: SetCanaryScale | undefined, items: readonly StepItem[]): Standing {
  const rest = { weight: 0, routes: [], mirrors: [], baseline: undefined };
  if (sized === undefined) return { ...rest, canary: FULL, matches: false };
  const weight = items.find((it) => 'setWeight' in it)?.setWeight;
  const canary = scaleOf(sized.setCanaryScale, weight ?? 0, FULL);
  return { ...rest, canary, matches: sized.setCanaryScale === 'match-weight' };
}

function hooksOf(item: StepItem | undefined): StageProps {
  return item?.hooks === undefined ? {} : { hooks: item.hooks };
}

function ending(now: Standing): readonly StepDraft[] {
  const { canary } = now;
  const traffic = trafficOf(now);
  const isReached = reachesCanary(traffic);
  return [
    promote(traffic, { canary, checks: isReached ? 'guard' : 'none' }),
    ...(isReached ? [finalising(weightName(0), AT_REST, { canary })] : []),
    COMPLETE,
  ];
}

/** What an item leads to. */
interface Taken {
  readonly next: Standing;
  readonly drafts: readonly StepDraft[];
}

function taken(item: StepItem, now: Standing, after: StepItem | undefined): Taken {
  const hooks = hooksOf(item);
  if ('setWeight' in item) return weighed(item, now, after);
  if ('pause' in item) return { next: now, drafts: [paused(item, now)] };
  if ('setCanaryScale' in item) return scaled(item, now);
  if ('analysis' in item) return { next: now, drafts: [analysed(item, now)] };
  if ('headerRoute' in item) return routed(item, now);
  if ('mirrorRoute' in item) return copied(item, now);
  if ('baseline' in item) return item.baseline ? compared(item, now) : ended(now, hooks);
  return {
    next: now,
    drafts: [stage(`job-${nameOf(item.job)}`, now, { ...hooks, jobs: [item.job] })],
  };
}

/** More pods come before more requests, and fewer pods after fewer requests. */
function weighed(item: SetWeight, now: Standing, after: StepItem | undefined): Taken {
  const weight = item.setWeight;
  const canary = now.matches ? scaleOf('match-weight', weight, now.canary) : now.canary;
  const isLater = after !== undefined && ('pause' in after || 'analysis' in after);
  const props: StageProps = { ...hooksOf(item), checks: isLater ? 'guard' : 'bake' };
  const next = { ...now, weight, canary };
  if (same(canary, now.canary)) return { next, drafts: [stage(weightName(weight), next, props)] };
  const up = weight > now.weight;
  const resized = stage(scaleName(canary), up ? { ...now, canary } : next);
  const shifted = stage(weightName(weight), up ? next : { ...next, canary: now.canary }, props);
  return { next, drafts: up ? [resized, shifted] : [shifted, resized] };
}

function paused(item: Pause, now: Standing): StepDraft {
  const hooks = hooksOf(item);
  if (item.pause === 'until-approved') return stage('approve', now, { ...hooks, gate: 'person' });
  return stage('pause', now, { ...hooks, checks: 'bake', bake: item.pause });
}

function analysed(item: Analysis, now: Standing): StepDraft {
  return stage('analysis', now, { ...hooksOf(item), checks: 'bake', ...judging(item.analysis) });
}

function scaled(item: SetCanaryScale, now: Standing): Taken {
  const canary = scaleOf(item.setCanaryScale, now.weight, now.canary);
  const next = { ...now, canary, matches: item.setCanaryScale === 'match-weight' };
  return { next, drafts: [stage(scaleName(canary), next, hooksOf(item))] };
}

/** @param otherwise where the weight is 0, and says nothing about pods */
function scaleOf(scale: SetCanaryScale['setCanaryScale'], weight: number, otherwise: Scale): Scale {
  if (scale === 'match-weight')
    return weight > 0 ? { kind: 'percent', percent: weight } : otherwise;
  if ('percent' in scale) return { kind: 'percent', percent: scale.percent };
  return scale.replicas === 0 ? { kind: 'none' } : { kind: 'replicas', replicas: scale.replicas };
}

function scaleName(scale: Scale): string {
  if (scale.kind === 'percent') return `scale-${nameOf(scale.percent)}-percent`;
  if (scale.kind === 'replicas') return `scale-${scale.replicas}`;
  return scale.kind === 'none' ? 'scale-0' : 'scale-full';
}

function routed(item: HeaderRoute, now: Standing): Taken {
  const { headerRoute: route } = item;
  const others = now.routes.filter((it) => it.name !== route.name);
  const isRemoved = 'remove' in route;
  const next = { ...now, routes: isRemoved ? others : [...others, route] };
  const name = isRemoved ? `remove-route-${route.name}` : `route-${route.name}`;
  return { next, drafts: [stage(name, next, hooksOf(item))] };
}

function copied(item: MirrorRoute, now: Standing): Taken {
  const { mirrorRoute: route } = item;
  const others = now.mirrors.filter((it) => it.name !== route.name);
  const isRemoved = 'remove' in route;
  const next = { ...now, mirrors: isRemoved ? others : [...others, route] };
  const name = isRemoved ? `remove-mirror-${route.name}` : `mirror-${route.name}`;
  return { next, drafts: [stage(name, next, hooksOf(item))] };
}

/**
 * The baseline's pods come before its requests, and so does its backend, with weight 0: a gateway may ask by a new
 * route before it knows a backend that was in no route yet, and would answer 503 for its share.
 */
function compared(item: Baseline, now: Standing): Taken {
  const { weight } = item;
  const next: Standing = { ...now, baseline: { kind: 'reached', weight } };
  const up: Standing = { ...now, baseline: { kind: 'coming' } };
  const ups = now.baseline === undefined ? [stage('baseline-up', up)] : [];
  return { next, drafts: [...ups, stage('baseline', next, hooksOf(item))] };
}

/** The baseline's requests go before its pods, for which nobody waits any more, and before its backend. */
function ended(now: Standing, hooks: StageProps): Taken {
  const going: Standing = { ...now, baseline: { kind: 'going' } };
  const next = { ...now, baseline: undefined };
  return {
    next,
    drafts: [stage('baseline-weight-0', going), stage('baseline-down', next, hooks)],
  };
}

/** A step of the analysis; nothing is judged while the canary gets nothing. */
function stage(name: string, now: Standing, props: StageProps = {}): StepDraft {
  const traffic = trafficOf(now);
  const draft = progressing(name, traffic, {
    canary: now.canary,
    ...props,
    ...(reachesCanary(traffic) ? {} : { checks: 'none' }),
  });
  if (now.baseline === undefined) return draft;
  const isAwaited = now.baseline.kind !== 'going';
  return {
    ...draft,
    baseline: true,
    ready: isAwaited ? [...draft.ready, 'baseline'] : draft.ready,
  };
}

function trafficOf({ weight, routes, mirrors, baseline }: Standing): Traffic {
  const share = baseline && (baseline.kind === 'reached' ? (baseline.weight ?? weight) : 0);
  const primary = exact(100 - weight - (share ?? 0));
  const weights = { primary, canary: weight };
  return {
    weights: share === undefined ? weights : { ...weights, baseline: share },
    ...(routes.length === 0 ? {} : { routes }),
    ...(mirrors.length === 0 ? {} : { mirrors: mirrors.map(({ name: _, ...it }) => it) }),
  };
}

function same(a: Scale, b: Scale): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
