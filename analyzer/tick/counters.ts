import pLimit from 'p-limit';
import { boundOf, type CounterSeries, seriesOf } from '../core/judge/counts.ts';
import type { Folds } from '../core/judge/fold.ts';
import type { Grid } from '../core/judge/grid.ts';
import type { Growth, GrowthQuestion, MetricStore } from '../metrics/store.ts';
import { skew } from './clusters.ts';
import { grouped, type Joint, joinQuestions, shapeOf } from './joint.ts';
import type { AskGrowth, World } from './world.ts';

/** A question about counters, to the store of that name. */
export interface Wanted {
  readonly source: string;
  readonly question: GrowthQuestion;
  readonly points: Grid;
}

/** What a release wants to know of counters. */
export interface Wish {
  /** What tells which others are wanted. */
  readonly first: readonly Wanted[];
  /** @param answers to the first, in their order; undefined where there is none */
  rest(answers: readonly (readonly CounterSeries[] | undefined)[]): readonly Wanted[];
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
interface Table {
  readonly points: Grid;
  readonly rows: readonly Row[];
}

interface Kept extends Table {
  readonly source: string;
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

/** Questions that one joint asks at most, and the samples that fit into one answer of 8 MiB. */
const MOST_PARTS = 1000;
const MOST_SAMPLES = 250_000;
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
 * @param wished by release
 */
export function shareCounters(
  { metrics, clock }: Pick<World, 'metrics' | 'clock'>,
  memory: CounterMemory,
  wished: Promise<ReadonlyMap<string, Wish>>,
  until: AbortSignal,
): SharedCounters {
  const pass = wished.then((wishes) => {
    const stores = new Map<string, Promise<Told>>();
    for (const [source, store] of metrics) {
      const told = askWishes({ store, source, memory, clock, until }, wishes);
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

/** Asks one store what releases want of it. */
async function askWishes(asked: Asked, wishes: ReadonlyMap<string, Wish>): Promise<Told> {
  const { memory, source } = asked;
  const tasksOf = (wantedBy: (release: string, wish: Wish) => readonly Wanted[]) =>
    [...wishes].flatMap(([release, wish]) => {
      const own = wantedBy(release, wish).filter((it) => it.source === source);
      return [...new Map(own.map((it) => [keyOf(it), taskOf(release, it)])).values()];
    });
  const first = tasksOf((_, wish) => wish.first);
  const learned = await askStore(asked, first);
  const answerTo = (release: string, it: Wanted) => {
    const kept = memory.kept.get(release)?.get(keyOf(it));
    return kept && seriesUntil(kept, it.points);
  };
  const rest = tasksOf((release, wish) =>
    wish.rest(wish.first.map((it) => (it.source === source ? answerTo(release, it) : undefined))),
  );
  forget(asked, wishes, [...first, ...rest]);
  const told = await askStore(asked, rest);
  return { ...told, fresh: new Set([...learned.fresh, ...told.fresh]) };
}

function taskOf(release: string, it: Wanted): Task {
  return { ...it.question, release, source: it.source, key: keyOf(it), points: it.points };
}

/** What an earlier step wanted is over. */
function forget(
  { memory: { kept, folds }, source }: Asked,
  wishes: ReadonlyMap<string, Wish>,
  tasks: readonly Task[],
): void {
  const wanted = new Set(tasks.map(nameOf));
  for (const release of wishes.keys()) {
    const own = kept.get(release);
    for (const [key, it] of own ?? [])
      if (it.source === source && !wanted.has(`${release} ${key}`)) own?.delete(key);
    // With nothing left to be counted, nothing is weighed.
    if (own?.size === 0) folds.delete(release);
  }
}

function keyOf({ source, question, points: { start, stepSeconds } }: Wanted): string {
  const { selector, by, intervalSeconds } = question;
  return JSON.stringify([source, selector, by, intervalSeconds, start, stepSeconds]);
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

function save({ kept }: CounterMemory, { release, key, source }: Task, it: Table): void {
  const own = kept.get(release) ?? new Map<string, Kept>();
  kept.set(release, own.set(key, { ...it, source }));
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
  const parts = wanted.map(({ task, points }): Part => {
    const { selector, by, intervalSeconds } = task;
    return { selector, by, intervalSeconds, task, points };
  });
  await Promise.all(
    [...grouped(parts, (it) => `${rangeOf(it)} ${shapeOf(it)}`).values()].flatMap((alike) =>
      chunks(asked, alike).flatMap((some) =>
        joinQuestions(some, some.length).map((it) => limit(() => askJoint(it, rangeAround(some)))),
      ),
    ),
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

/** Points that one question may ask for: the same end, and about as many. Of single ones any. */
function rangeOf({ points, intervalSeconds }: Part): string {
  const { start, end, stepSeconds } = points;
  if (intervalSeconds !== undefined && start === end) return `${stepSeconds}`;
  return [stepSeconds, end, Math.ceil(Math.log2((end - start) / stepSeconds + 1) / 2)].join(' ');
}

function rangeAround(parts: readonly Part[]): Grid {
  const [first] = parts;
  if (first === undefined) throw new Error('nobody asks');
  const start = Math.min(...parts.map((it) => it.points.start));
  return { ...first.points, start, end: Math.max(...parts.map((it) => it.points.end)) };
}

/** Parts of one shape, so many together as one answer has room for. */
function chunks({ memory, source }: Asked, parts: readonly Part[]): readonly (readonly Part[])[] {
  const most = Math.min(MOST_PARTS, memory.sizes.get(source) ?? MOST_PARTS);
  const series = seriesOfPart(parts);
  const all: Part[][] = [];
  let [from, to] = [0, 0];
  for (const it of [...parts].sort((a, b) => a.points.start - b.points.start)) {
    const { start, end, stepSeconds } = it.points;
    const last = all.at(-1);
    const until = Math.max(to, end);
    const samples = ((until - from) / stepSeconds + 1) * series * ((last?.length ?? 0) + 1);
    if (last !== undefined && last.length < most && samples <= MOST_SAMPLES) last.push(it);
    else {
      all.push([it]);
      from = start;
    }
    to = last === all.at(-1) ? until : end;
  }
  return all;
}

/** How many series an answer has for each of these. */
function seriesOfPart(parts: readonly Part[]): number {
  if (!parts.some((it) => it.by.includes('le'))) return 1;
  const matchers = new Set(
    parts.map(({ selector }) => selector.matchers.findLast(([label]) => label === 'le')?.[2]),
  );
  // Ends that are asked for are few, and written in several ways.
  const texts = [...matchers].flatMap((it) => it?.split('|') ?? []);
  const ends = new Set(texts.map((it) => boundOf({ le: it.replaceAll('\\', '') })));
  return matchers.has(undefined) ? USUAL_BUCKETS : Math.min(USUAL_BUCKETS, Math.max(1, ends.size));
}

function labelsText(labels: CounterSeries['labels']): string {
  return JSON.stringify(Object.entries(labels).sort());
}

/** What is known with what was told besides; undefined where the two differ at the point that both have. */
function keep(
  kept: Table | undefined,
  { start, end, stepSeconds }: Grid,
  series: readonly CounterSeries[],
): Table | undefined {
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
    const own = samples.filter(({ at }) => at >= start && at <= end);
    if (own.length === 0) continue;
    const { values } = rowOf(labels);
    for (const { at, value } of own) {
      const index = indexOf(at);
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
function seriesUntil({ points: { start, stepSeconds }, rows }: Table, { end }: Grid) {
  const count = Math.floor((end - start) / stepSeconds + 1e-6) + 1;
  return rows.map(({ labels, values }) =>
    seriesOf(labels, { start, stepSeconds, values: values.subarray(0, count) }),
  );
}
