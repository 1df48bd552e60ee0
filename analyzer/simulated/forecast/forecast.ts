import { OTHER_RULES, type OtherEnded, type PacedRule, playOther } from './other-rules.ts';
import { type Ended, play } from './play.ts';
import { type Regression, regressions, same } from './regressions.ts';
import type { Setting } from './setting.ts';

/** How many rollouts are played, and of which primary. */
export interface ForecastOptions {
  readonly runs: number;
  readonly seed: number;
  /** The primary's share of bad requests. */
  readonly errorRate: number;
  /** Told after each regression. */
  readonly progress: (done: number, of: number) => void;
}

/** What some rollouts of one regression came to. */
export interface Outcomes {
  readonly runs: number;
  readonly promoted: number;
  readonly rolledBack: number;
  /** Neither: a person must look. */
  readonly held: number;
  /** Medians; undefined where there is none. */
  readonly promoteSeconds: number | undefined;
  readonly detectedSeconds: number | undefined;
  /** Bad requests that the candidate answered, on average. */
  readonly bad: number;
  /** When rollbacks were decided, after the first commit, in ascending order. */
  readonly rollbackSeconds: readonly number[];
}

/** One row of a forecast. */
export interface ForecastRow extends Outcomes {
  readonly name: string;
  readonly kind: Regression['kind'];
  /** Why a rollout was held, where one was. */
  readonly heldBecause: string | undefined;
  readonly others: readonly (Outcomes & {
    readonly rule: string;
    readonly pace: PacedRule['pace'];
  })[];
}

/** No two regressions share their traffic; the rules that judge one begin with the same numbers. */
const SEEDS_APART = 1_000_003;

/** Plays rollouts without a regression, and then with each. */
export function forecast(setting: Setting, options: ForecastOptions): readonly ForecastRow[] {
  const { runs, seed, errorRate, progress } = options;
  const innocent = same(errorRate);
  const first = playAll(setting, innocent, runs, seed);
  const usual = middle(first);
  const reached = usual.shares.filter((it) => it.share > 0);
  const seconds = reached.reduce((sum, it) => sum + it.seconds, 0);
  const others = regressions(errorRate, Math.max(1, Math.round(seconds / 120)));
  return [innocent, ...others].map((regression, index) => {
    const from = seed + SEEDS_APART * index;
    const own = index === 0 ? first : playAll(setting, regression, runs, from);
    const row: ForecastRow = {
      name: regression.name,
      kind: regression.kind,
      ...outcomes(own),
      heldBecause: own.find((it) => it.kind === 'held')?.reason,
      others: OTHER_RULES.map((it) => ({
        rule: it.rule.name,
        pace: it.pace,
        ...outcomes(playOthers(it, setting, usual, regression, runs, from)),
      })),
    };
    progress(index + 1, others.length + 1);
    return row;
  });
}

function playAll(setting: Setting, regression: Regression, runs: number, seed: number) {
  return Array.from({ length: runs }, (_, run) => play(setting, regression, seed + run));
}

function playOthers(
  rule: PacedRule,
  setting: Setting,
  { shares }: Ended,
  regression: Regression,
  runs: number,
  seed: number,
): readonly OtherEnded[] {
  return Array.from({ length: runs }, (_, run) =>
    playOther(rule, setting, shares, regression, seed + run),
  );
}

/** The one that took as long as half of them. */
function middle(all: readonly Ended[]): Ended {
  const sorted = [...all].sort((a, b) => a.seconds - b.seconds);
  const found = sorted[Math.floor(sorted.length / 2)];
  if (found === undefined) throw new Error('expected one run or more');
  return found;
}

function outcomes(all: readonly (Ended | OtherEnded)[]): Outcomes {
  const of = (kind: Ended['kind']) => all.filter((it) => it.kind === kind);
  const back = of('rolled back');
  return {
    runs: all.length,
    promoted: of('promoted').length,
    rolledBack: back.length,
    held: of('held').length,
    promoteSeconds: median(of('promoted').map((it) => it.seconds)),
    detectedSeconds: median(back.flatMap((it) => it.detectedSeconds ?? [])),
    bad: all.reduce((sum, it) => sum + it.bad, 0) / all.length,
    rollbackSeconds: back.map((it) => it.seconds).sort((a, b) => a - b),
  };
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
