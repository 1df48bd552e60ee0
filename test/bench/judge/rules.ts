import {
  comparisonIncrements,
  type Margin,
  WORSE_RATIOS,
} from '../../../analyzer/core/judge/evidence/comparison.ts';
import {
  advanced,
  type EProcess,
  logE,
  restarted,
  startProcess,
} from '../../../analyzer/core/judge/evidence/e-process.ts';
import {
  type Bucket,
  chooseBounds,
  marginFor,
  tallyBeyond,
} from '../../../analyzer/core/judge/evidence/latency.ts';
import { type Arms, tallyOf } from '../../../analyzer/core/judge/evidence/tally.ts';
import { totalOf } from '../../../analyzer/core/judge/evidence/total.ts';
import { classified, rankDeviation } from '../../../analyzer/core/judge/mann-whitney.ts';
import {
  ARGO_ROLLOUTS,
  errorRate,
  FLAGGER,
  isFailed,
  type LimitRule,
  type Minute,
  p99,
} from '../../../analyzer/simulated/rules.ts';
import { type Seen, STEP_MINUTES, STEPS } from './traffic.ts';

/** A rule at work in one run: whether it rolls back once it has seen one more interval. */
export type AtWork = (seen: Seen) => boolean;

/** A rule by which a canary is rolled back. */
export interface Rule {
  readonly name: string;
  /** @param primary what was known of its latency before: cumulative buckets */
  start(primary: readonly Bucket[]): AtWork;
  /** How many of the runs are enough, as a part of all: the rank tests take long. @default 1 */
  readonly part?: number;
}

/** Probability of a false rollback in the whole rollout, and what is proof. */
export const ALPHA = 0.01;
const PROOF = Math.log(1 / ALPHA);
const CAP = PROOF / 3;

/** What is never allowed, whatever the cap: 10 % more of the canary's requests fail. */
const CATASTROPHE: Margin = { relative: 1.5, absolute: 0.1 };

/** Of the false alarms, how many each may raise; what latency does not need, errors have. */
const OF_ERRORS = 0.5;
const OF_LATENCY = 0.3;

/** One comparison, which starts anew with half of its wealth, spread over the later steps. */
interface Test {
  readonly share: number;
  readonly margin: Margin;
  readonly cap: number;
  readonly arms: (seen: Seen) => Arms | undefined;
  process: EProcess;
}

function testOf(share: number, margin: Margin, cap: number, arms: Test['arms']): Test {
  return { share, margin, cap, arms, process: startProcess(WORSE_RATIOS.length, 0.5) };
}

function proof(tests: readonly Test[]): AtWork {
  return (seen) => {
    for (const it of tests) {
      const again = seen.isFirst && seen.step > 0;
      const process = again ? restarted(it.process, 0.5 / (STEPS.length - 1)) : it.process;
      const arms = it.arms(seen);
      it.process =
        arms === undefined
          ? process
          : advanced(process, comparisonIncrements(arms, WORSE_RATIOS, it.margin), it.cap);
    }
    return totalOf(tests.map((it) => ({ share: it.share, logE: logE(it.process) }))).logE >= PROOF;
  };
}

/** What a margin allows, and how much of it one interval may prove. */
function perch(name: string, errors: Margin, isRobust: boolean): Rule {
  const cap = isRobust ? CAP : Infinity;
  return {
    name,
    start(primary) {
      const bounds = chooseBounds(primary);
      const ofLatency = bounds.map((bound) => {
        const { requests, bad } = tallyBeyond(primary, bound) ?? { requests: 1, bad: 0 };
        const margin = isRobust ? marginFor(bad / requests) : errors;
        return testOf(OF_LATENCY / bounds.length, margin, cap, (seen) => beyond(seen, bound));
      });
      return proof([
        testOf(
          OF_ERRORS + (bounds.length > 0 ? 0 : OF_LATENCY),
          errors,
          cap,
          (seen) => seen.errors,
        ),
        testOf(1 - OF_ERRORS - OF_LATENCY, CATASTROPHE, Infinity, (seen) => seen.errors),
        ...ofLatency,
      ]);
    },
  };
}

function beyond({ histograms }: Seen, bound: number): Arms | undefined {
  const canary = histograms && tallyBeyond(histograms.canary, bound);
  const primary = histograms && tallyBeyond(histograms.primary, bound);
  return canary && primary && { canary, primary };
}

export const ROBUST: Margin = { relative: 1.5, absolute: 0.001 };
const PERCH = [
  perch('Perch, robust', ROBUST, true),
  perch('Perch, strict', { relative: 1, absolute: 0 }, false),
];

type Sides = Readonly<Record<'canary' | 'primary', Minute>>;

/** Gathers intervals into minutes, and asks the rule once a minute. */
function eachMinute(decide: (minutes: readonly Sides[]) => boolean): AtWork {
  const minutes: Sides[] = [];
  let parts: Seen[] = [];
  return (seen) => {
    parts.push(seen);
    if (!Number.isInteger(seen.minute)) return false;
    const side = (which: 'canary' | 'primary'): Minute => ({
      tally: tallyOf(parts.map((it) => it.errors[which])),
      buckets: added(parts.flatMap((it) => (it.histograms ? [it.histograms[which]] : []))),
    });
    minutes.push({ canary: side('canary'), primary: side('primary') });
    parts = [];
    return decide(minutes);
  };
}

function added(all: readonly (readonly Bucket[])[]): readonly Bucket[] {
  const [first = []] = all;
  return first.map(({ le }, k) => ({
    le,
    count: all.reduce((sum, it) => sum + (it[k]?.count ?? 0), 0),
  }));
}

/** So many failed minutes end a rollout. */
function limits({ name, mostFailed }: LimitRule, setting: string): Rule {
  return {
    name: `${name}, ${setting}`,
    start() {
      let failed = 0;
      return eachMinute((minutes) => {
        const now = minutes.at(-1)?.canary;
        if (now !== undefined && isFailed(now)) failed += 1;
        return failed >= mostFailed;
      });
    },
  };
}

/** Series of points of both sides, of each metric there is. */
function series(minutes: readonly Sides[]): readonly (readonly [number[], number[]])[] {
  const values = [errorRate, ...((minutes[0]?.canary.buckets.length ?? 0) > 0 ? [p99] : [])];
  const of = (which: 'canary' | 'primary', value: (it: Minute) => number) =>
    minutes.map((it) => value(it[which])).filter(Number.isFinite);
  return values.map((it) => [of('canary', it), of('primary', it)] as const);
}

/** Mann and Whitney at 5 %, two-sided, on the points of the last five minutes; the canary is the higher one. */
const pipecd: Rule = {
  name: 'PipeCD, Mann–Whitney',
  part: 0.5,
  start: () =>
    eachMinute((minutes) => {
      if (minutes.length % 5 !== 0) return false;
      return series(minutes.slice(-5)).some(
        ([a, b]) => a.length > 0 && b.length > 0 && rankDeviation(a, b, 0, true) > 1.96,
      );
    }),
};

/** NetflixACAJudge on all points since the start, at the end of each step; each metric must pass, by 10 %. */
const kayenta: Rule = {
  name: 'Kayenta, Mann–Whitney',
  part: 0.1,
  start: () =>
    eachMinute((minutes) => {
      if (minutes.length % STEP_MINUTES !== 0) return false;
      const rules = { direction: 'increase', allowedIncrease: 1.1 } as const;
      return series(minutes).some(([a, b]) => classified(a, b, rules) === 'high');
    }),
};

/** The rules of this judge, which are asked at every interval. */
export const OWN: readonly Rule[] = PERCH;

/** What others do, once a minute. */
export const OTHERS: readonly Rule[] = [
  limits(FLAGGER, 'threshold 5'),
  limits(ARGO_ROLLOUTS, 'failureLimit 0'),
  pipecd,
  kayenta,
];
