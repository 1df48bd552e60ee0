import { type Judge, LEAST_POINTS } from '../../../lib/plan/judge.ts';
import { round } from '../round.ts';
import type { Heard, JudgeKind, Saying } from './kind.ts';
import { type Classification, classified } from './mann-whitney.ts';

type Ranks = Extract<Judge, { readonly kind: 'ranks' }>;

/** So many points are looked back at, the newest: what sets in late is not buried under what came before. */
const MOST_POINTS = 60;

/**
 * The points of canary and primary, or baseline, are compared by their ranks, at each point those of its grid so far. All
 * such checks of a step have one score, as Kayenta's; it says what becomes of those that differ. A comparison needs no
 * excuse, as what both tracks suffer tells them not apart.
 */
export const ranks: JudgeKind<Ranks> = {
  asks: ['canary', 'primary', 'baseline'],
  excuses: [],
  says(all) {
    const metrics = all.map(metricOf);
    return (at) => {
      const looks = metrics.map((it) => lookAt(it, at));
      // What decides nothing has a score of its own.
      const deciding = looks.filter((it) => it.metric.check.dryRun !== true);
      return looks.map((it) => sayingOf(it, deciding.includes(it) ? deciding : [it]));
    };
  },
  isShared: () => false,
  isMuchWorse: () => false,
  // By itself a value is neither good nor bad.
  margin: () => undefined,
};

/** A metric's points: times at which both tracks have a value. */
interface Metric extends Heard<Ranks> {
  readonly points: readonly {
    readonly at: number;
    readonly canary: number;
    readonly other: number;
  }[];
  /** Of the points, by their times. */
  readonly indexes: ReadonlyMap<number, number>;
  /** Which track the canary is compared with. */
  readonly track: 'primary' | 'baseline';
}

function metricOf(it: Heard<Ranks>): Metric {
  const found = it.times.map((at) => {
    const { canary, primary, baseline } = it.values(at);
    return { at, canary: canary ?? Number.NaN, other: baseline ?? primary ?? Number.NaN };
  });
  const points = found.filter((one) => Number.isFinite(one.canary) && Number.isFinite(one.other));
  const indexes = new Map(points.map((one, index) => [one.at, index]));
  const isBaseline = it.times.some((at) => it.values(at).baseline !== undefined);
  return { ...it, points, indexes, track: isBaseline ? 'baseline' : 'primary' };
}

/** What one metric says at a point. */
interface Look {
  readonly metric: Metric;
  readonly classification: Classification;
  readonly canary: readonly number[];
  readonly other: readonly number[];
}

function lookAt(metric: Metric, at: number): Look {
  // A track that is gone is not judged by what it was.
  const until = (metric.indexes.get(at) ?? -1) + 1;
  const seen = metric.points.slice(Math.max(0, until - MOST_POINTS), until);
  const [canary, other] = [seen.map((it) => it.canary), seen.map((it) => it.other)];
  return { metric, classification: classified(canary, other, metric.judge), canary, other };
}

/** @param group whose score counts */
function sayingOf(look: Look, group: readonly Look[]): Saying {
  const { classification, canary, metric } = look;
  const { length } = canary;
  if (classification === 'no-data')
    return { verdict: 'unknown', ...(length === 0 ? {} : { text: fewText(length) }) };
  const score = scoreOf(group);
  const text = `${seenText(look)}: ${TEXTS[classification]}`;
  if (classification === 'pass')
    return { verdict: 'pass', text: score === undefined ? text : `${text}; ${scoreText(score)}` };
  if (score === undefined)
    return { verdict: 'unknown', text: `${text}; no score: too little is known of the others` };
  const pass = Math.max(...group.map((it) => it.metric.judge.pass));
  const marginal = Math.max(...group.map((it) => it.metric.judge.marginal));
  if (score >= pass) return { verdict: 'pass', text: `${text}; ${scoreText(score)}` };
  const isCritical = metric.judge.critical === true ? ', critical' : '';
  return score >= marginal
    ? { verdict: 'unknown', text: `${text}; ${scoreText(score)} is marginal, below ${pass}` }
    : { verdict: 'fail', text: `${text}${isCritical}; ${scoreText(score)} < ${marginal}` };
}

/**
 * Of 100, the part of the weights whose metrics do not differ; 0 where a critical one differs. Unlike Kayenta's, where half of
 * the metrics have no data, or a critical one has none, there is no score rather than one of 0.
 */
function scoreOf(group: readonly Look[]): number | undefined {
  const isBlind = (it: Look) => it.classification === 'no-data';
  const isDifferent = (it: Look) => it.classification === 'high' || it.classification === 'low';
  const critical = group.filter((it) => it.metric.judge.critical === true);
  if (critical.some(isDifferent)) return 0;
  const blind = group.filter(isBlind);
  if (critical.some(isBlind) || 2 * blind.length >= group.length) return undefined;
  const weightOf = (all: readonly Look[]) =>
    all.reduce((sum, it) => sum + it.metric.judge.weight, 0);
  const known = group.filter((it) => !isBlind(it));
  return (100 * weightOf(known.filter((it) => !isDifferent(it)))) / weightOf(known);
}

const TEXTS = { pass: 'no difference', high: 'high', low: 'low' } as const;

function fewText(count: number): string {
  return `has ${count} of ${LEAST_POINTS} points`;
}

/** `median 512 MiB, 300 MiB of the primary, 12 points each`. */
function seenText({ metric: { check, track }, canary, other }: Look): string {
  const tail = check.unit === undefined ? '' : ` ${check.unit}`;
  const of = (all: readonly number[]) => `${round(median(all))}${tail}`;
  return `median ${of(canary)}, ${of(other)} of the ${track}, ${canary.length} points each`;
}

function scoreText(score: number): string {
  return `score ${round(score)}`;
}

function median(all: readonly number[]): number {
  const it = all.toSorted((a, b) => a - b);
  const [low = Number.NaN, high = low] = [
    it[Math.floor((it.length - 1) / 2)],
    it[Math.floor(it.length / 2)],
  ];
  return (low + high) / 2;
}
