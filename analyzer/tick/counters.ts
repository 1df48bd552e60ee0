import pLimit from 'p-limit';
import { type CounterSeries, seriesOf } from '../core/judge/counts.ts';
import type { Folds } from '../core/judge/fold.ts';
import type { Grid } from '../core/judge/judge.ts';
import type { Growth, GrowthQuestion, MetricStore } from '../metrics/store.ts';
import { skew } from './clusters.ts';
import { grouped, type Joint, joinQuestions } from './joint.ts';
import type { AskGrowth, World } from './world.ts';

/** A question about counters, to the store of that name. */
export interface Wanted {
  readonly source: string;
  readonly question: GrowthQuestion;
  readonly points: Grid;
}

/** What counters of releases under way grew in intervals that are over, so that a pass asks for the newest ones alone. */
export interface CounterMemory {
  /** By release, then by question. */
  readonly kept: Map<string, Map<string, Kept>>;
  /** How many questions a store answers at once; known of those that could not answer more in time. */
  readonly sizes: Map<string, number>;
  /** By how much a store's clock differed when it was asked last; seconds. */
  readonly skews: Map<string, number>;
  /** What was weighed of them, by release. */
  readonly folds: Map<string, Folds>;
}

/** What a question's counters grew, from the start of its points to the last that was asked. */
interface Kept {
  readonly points: Grid;
  readonly rows: readonly Row[];
}

interface Row {
  /** Of its labels. */
  readonly key: string;
  readonly labels: CounterSeries['labels'];
  /** One for each point; NaN where no counter was there. */
  readonly values: Float64Array;
}

/** The memory of an analyzer that has just started. */
export function newCounterMemory(): CounterMemory {
  return { kept: new Map(), sizes: new Map(), skews: new Map(), folds: new Map() };
}

/** What was weighed of a release's counters. */
export function foldsOf({ folds }: CounterMemory, release: string): Folds {
  const found = folds.get(release) ?? new Map();
  folds.set(release, found);
  return found;
}

/** Questions that one joint asks at most, and the samples that fit into one answer. */
const MOST_PARTS = 500;
const MOST_SAMPLES = 150_000;
/** Buckets that a histogram is supposed to have. */
const USUAL_BUCKETS = 20;
const AT_ONCE = 4;

/** Answers questions about the counters of one release, to those who ask for others as well. */
export type SharedCounters = (release: string, alone: AskGrowth) => AskGrowth;

/**
 * Asks what many releases want in few questions, each of the newest intervals alone, with the last one that is known
 * already: where that reads otherwise, as another replica tells it, all of the release's step is asked again. What could
 * not be had so is left to the release, which asks alone.
 *
 * @param wanted by release
 */
export function shareCounters(
  { metrics, clock }: Pick<World, 'metrics' | 'clock'>,
  memory: CounterMemory,
  wanted: Promise<ReadonlyMap<string, readonly Wanted[]>>,
  until: AbortSignal,
): SharedCounters {
  const pass = wanted.then((all) => {
    const tasks = [...all].flatMap(([release, own]) => tasksOf(memory, release, own));
    const stores = new Map<string, Promise<Told>>();
    for (const [source, some] of grouped(tasks, (it) => it.source)) {
      const store = metrics.get(source);
      if (store === undefined) continue;
      const told = askStore({ store, source, memory, clock, until }, some);
      // A bug in it is that of whoever waits for the answer, and nobody may.
      told.catch(() => undefined);
      stores.set(source, told);
    }
    return stores;
  });
  return (release, alone) => async (source, question, points) => {
    const told = await (await pass).get(source);
    const key = keyOf({ source, question, points });
    const kept = memory.kept.get(release)?.get(key);
    if (told === undefined || kept === undefined || !told.fresh.has(`${release} ${key}`))
      return alone(source, question, points);
    return {
      kind: 'known',
      value: { series: seriesUntil(kept, points), skewSeconds: told.skewSeconds },
    };
  };
}

/** What a store told in this pass. */
interface Told {
  readonly fresh: ReadonlySet<string>;
  readonly skewSeconds: number;
}

/** One question of one release. */
interface Task extends GrowthQuestion {
  readonly release: string;
  readonly source: string;
  readonly key: string;
  /** All that is wanted. */
  readonly points: Grid;
}

function tasksOf(
  memory: CounterMemory,
  release: string,
  wanted: readonly Wanted[],
): readonly Task[] {
  const tasks = new Map(
    wanted.map((it) => {
      const { source, points, question } = it;
      const key = keyOf(it);
      return [key, { ...question, release, source, key, points }] as const;
    }),
  );
  // What an earlier step wanted is over.
  for (const key of memory.kept.get(release)?.keys() ?? [])
    if (!tasks.has(key)) memory.kept.get(release)?.delete(key);
  if (tasks.size === 0) memory.folds.delete(release);
  return [...tasks.values()];
}

function keyOf({ source, question, points: { start, stepSeconds } }: Wanted): string {
  return JSON.stringify([source, question.selector, question.by, start, stepSeconds]);
}

interface Asked {
  readonly store: MetricStore;
  readonly source: string;
  readonly memory: CounterMemory;
  readonly clock: () => number;
  readonly until: AbortSignal;
}

async function askStore(asked: Asked, tasks: readonly Task[]): Promise<Told> {
  const { memory } = asked;
  const keptOf = (it: Task) => memory.kept.get(it.release)?.get(it.key);
  const isNew = (it: Task) => it.points.end > (keptOf(it)?.points.end ?? -Infinity);
  const fresh = new Set(tasks.filter((it) => !isNew(it)).map(nameOf));
  const torn = new Set<string>();
  const newest = tasks.filter(isNew).map((task) => {
    const kept = keptOf(task);
    return {
      task,
      points: kept === undefined ? task.points : { ...task.points, start: kept.points.end },
    };
  });
  await askAll(asked, newest, (task, points, series) => {
    const kept = keptOf(task);
    const next = keep(kept, points, series);
    if (next === undefined) torn.add(task.release);
    else save(memory, task, next);
    fresh.add(nameOf(task));
  });
  const again = tasks.filter((it) => torn.has(it.release));
  for (const it of again) {
    memory.kept.get(it.release)?.delete(it.key);
    fresh.delete(nameOf(it));
  }
  const whole = again.map((task) => ({ task, points: task.points }));
  await askAll(asked, whole, (task, points, series) => {
    const all = keep(undefined, points, series);
    if (all !== undefined) save(memory, task, all);
    fresh.add(nameOf(task));
  });
  return { fresh, skewSeconds: memory.skews.get(asked.source) ?? 0 };
}

function nameOf({ release, key }: Task): string {
  return `${release} ${key}`;
}

function save({ kept }: CounterMemory, { release, key }: Task, it: Kept): void {
  const own = kept.get(release) ?? new Map<string, Kept>();
  kept.set(release, own.set(key, it));
}

/** A part of a joint: what is asked of one task now. */
interface Part extends GrowthQuestion {
  readonly task: Task;
  readonly points: Grid;
}

type Take = (task: Task, points: Grid, series: readonly CounterSeries[]) => void;

/** Asks for all of these in joints, and hands out what they say. */
async function askAll(
  asked: Asked,
  wanted: readonly { readonly task: Task; readonly points: Grid }[],
  take: Take,
): Promise<void> {
  const skews: number[] = [];
  const limit = pLimit(AT_ONCE);
  const parts = wanted.map(
    ({ task, points }): Part => ({ selector: task.selector, by: task.by, task, points }),
  );
  await Promise.all(
    [...grouped(parts, rangeOf).values()].flatMap((some) => {
      const points = rangeAround(some);
      const most = mostParts(asked, some, points);
      return joinQuestions(some, most).map((it) => limit(() => askJoint(it, points)));
    }),
  );
  if (skews.length > 0) asked.memory.skews.set(asked.source, Math.max(...skews));

  async function askJoint(joint: Joint<Part>, points: Grid): Promise<void> {
    if (asked.until.aborted) return;
    const began = asked.clock();
    const answer = await asked.store.growth(joint.question, points, asked.until);
    if (answer.kind === 'known') {
      skews.push(skew(answer.value.serverTime, began, asked.clock()));
      hand(joint, answer.value);
    } else await askLess(joint, points, answer);
  }

  function hand(joint: Joint<Part>, { series }: Growth): void {
    const dealt = joint.dealOut(series);
    for (const [index, { task, points }] of joint.parts.entries())
      take(task, points, dealt[index] ?? []);
  }

  /** What one release asks in vain is no other's trouble; who is late would be so again in this pass. */
  async function askLess(
    joint: Joint<Part>,
    points: Grid,
    { late }: { readonly late?: string | undefined },
  ) {
    const half = Math.ceil(joint.parts.length / 2);
    if (late !== undefined) asked.memory.sizes.set(asked.source, half);
    if (late !== undefined || joint.parts.length === 1) return;
    const halves = joinQuestions(joint.parts, half);
    await Promise.all(halves.map((it) => askJoint(it, points)));
  }
}

/** Points that one question may ask for: the same end, and about as many. */
function rangeOf({ points }: Part): string {
  const { start, end, stepSeconds } = points;
  return [stepSeconds, end, Math.ceil(Math.log2((end - start) / stepSeconds + 1) / 2)].join(' ');
}

function rangeAround(parts: readonly Part[]): Grid {
  const [first] = parts;
  if (first === undefined) throw new Error('nobody asks');
  return { ...first.points, start: Math.min(...parts.map((it) => it.points.start)) };
}

function mostParts({ memory, source }: Asked, parts: readonly Part[], points: Grid): number {
  const count = (points.end - points.start) / points.stepSeconds + 1;
  const series = parts.some((it) => it.by.includes('le')) ? USUAL_BUCKETS : 1;
  const most = Math.min(MOST_PARTS, memory.sizes.get(source) ?? MOST_PARTS);
  return Math.max(1, Math.min(most, Math.floor(MOST_SAMPLES / count / series)));
}

function labelsText(labels: CounterSeries['labels']): string {
  return JSON.stringify(Object.entries(labels).sort());
}

/** What is known with what was told besides; undefined where the two differ at the point that both have. */
function keep(
  kept: Kept | undefined,
  { start, end, stepSeconds }: Grid,
  series: readonly CounterSeries[],
): Kept | undefined {
  const points = { start: kept?.points.start ?? start, end, stepSeconds };
  const indexOf = (at: number) => Math.round((at - points.start) / stepSeconds);
  const rows = new Map<string, Row>();
  const rowOf = (labels: CounterSeries['labels'], key = labelsText(labels)) => {
    const found = rows.get(key) ?? {
      ...{ key, labels },
      values: new Float64Array(indexOf(end) + 1).fill(Number.NaN),
    };
    rows.set(key, found);
    return found;
  };
  for (const { key, labels, values } of kept?.rows ?? []) rowOf(labels, key).values.set(values);
  const overlap = kept === undefined ? -1 : indexOf(kept.points.end);
  const told = new Set<Float64Array>();
  for (const { labels, samples } of series) {
    const { values } = rowOf(labels);
    for (const { at, value } of samples) {
      const index = indexOf(at);
      if (at < start || at > end) continue;
      if (index === overlap) {
        if (values[index] !== value) return undefined;
        told.add(values);
      }
      values[index] = value;
    }
  }
  const isMissing = ({ values }: Row) =>
    !Number.isNaN(values[overlap] ?? Number.NaN) && !told.has(values);
  const all = [...rows.values()];
  return overlap >= 0 && all.some(isMissing) ? undefined : { points, rows: all };
}

/** Of a pass that asks for less than is known, the beginning. */
function seriesUntil({ points: { start, stepSeconds }, rows }: Kept, { end }: Grid) {
  const count = Math.floor((end - start) / stepSeconds + 1e-6) + 1;
  return rows.map(({ labels, values }) =>
    seriesOf(labels, { start, stepSeconds, values: values.subarray(0, count) }),
  );
}
