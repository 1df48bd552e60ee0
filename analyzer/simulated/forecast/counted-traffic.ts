import type { Bound } from '../../core/judge/counts.ts';
import type { Bucket } from '../../core/judge/evidence/latency.ts';
import type { Tally } from '../../core/judge/evidence/tally.ts';
import type { Cell } from '../../core/judge/tracks.ts';
import { binomial } from '../draws.ts';
import type { Random } from '../random.ts';
import {
  bucketParts,
  bucketsOf,
  drawWithin,
  noiseOf,
  poisson,
  SAME,
  type Scenario,
} from '../requests.ts';

/** Who gets requests. */
export type Side = 'canary' | 'primary' | 'baseline';

/** How requests come, whatever the rollout does. */
export interface Load {
  readonly perSecond: number;
  /** Ends of the histogram's buckets in milliseconds. @default - nobody looks at latency */
  readonly bounds: readonly number[];
  /** How long white noise lasts. */
  readonly noiseSeconds: number;
}

/** Where requests go at one moment, and what answers them. */
export interface Split {
  /** Shares of all requests; the primary has the rest. */
  readonly canary: number;
  readonly baseline: number;
  /** Whether the primary runs the candidate. */
  readonly isPromoted: boolean;
  /** Whether the candidate has its own rate and latency, and not yet the primary's. */
  readonly isWorse: boolean;
}

/** Requests of one side in some time. */
export interface Count extends Tally {
  /** How many took at most so long, for each bound; none where nobody looks at latency. */
  readonly within: readonly number[];
}

/** Requests that are counted as they come, tick after tick. */
export interface CountedTraffic {
  /** Lets requests come for a tick that ends then. @returns bad requests that the candidate answered */
  tick(at: number, split: Split): number;
  /** What was counted of a side in ticks that end in (from, to]. */
  counted(side: Side, from: number, to: number): Count;
}

/** @param start when the first tick begins; Unix seconds */
export function openTraffic(
  { perSecond, bounds, noiseSeconds }: Load,
  scenario: Scenario,
  random: Random,
  start: number,
  tickSeconds: number,
): CountedTraffic {
  const counts: Record<Side, Count[]> = { canary: [], primary: [], baseline: [] };
  const noise = { canary: noiseOf(scenario, random), primary: noiseOf(scenario, random) };
  const lastsSeconds = scenario.drift === undefined ? noiseSeconds : 60;
  const parts = {
    usual: bucketParts(SAME, bounds),
    worse: bucketParts(scenario.latency ?? SAME, bounds),
  };
  let times = { canary: 1, primary: 1 };
  let drawnFor = -1;

  const count = (requests: number, rate: number, isSlow: boolean): Count =>
    requests === 0
      ? NONE
      : {
          requests,
          bad: binomial(random, requests, Math.min(1, rate)),
          within: drawWithin(random, requests, isSlow ? parts.worse : parts.usual),
        };

  return {
    tick(at, { canary, baseline, isPromoted, isWorse }) {
      const lasting = Math.floor((at - tickSeconds) / lastsSeconds);
      if (lasting !== drawnFor) times = { canary: noise.canary(), primary: noise.primary() };
      drawnFor = lasting;
      const all = poisson(random, perSecond * tickSeconds);
      const ours = binomial(random, all, canary);
      const twins = baseline === 0 ? 0 : binomial(random, all - ours, baseline / (1 - canary));
      const rate = isWorse ? scenario.canary : scenario.primary;
      const primaryRate = isPromoted ? rate : scenario.primary;
      const one = count(ours, rate * times.canary, isWorse);
      const other = count(all - ours - twins, primaryRate * times.primary, isPromoted && isWorse);
      counts.canary.push(one);
      counts.primary.push(other);
      counts.baseline.push(count(twins, scenario.primary * times.primary, false));
      return one.bad + (isPromoted ? other.bad : 0);
    },
    counted(side, from, to) {
      const first = Math.max(0, Math.round((from - start) / tickSeconds));
      const last = Math.round((to - start) / tickSeconds);
      return summed(counts[side].slice(first, Math.max(first, last)), bounds.length);
    },
  };
}

const NONE: Count = { requests: 0, bad: 0, within: [] };

function summed(all: readonly Count[], bounds: number): Count {
  let [requests, bad] = [0, 0];
  const within = new Array<number>(bounds).fill(0);
  for (const it of all) {
    requests += it.requests;
    bad += it.bad;
    for (let k = 0; k < it.within.length; k++) within[k] = (within[k] ?? 0) + (it.within[k] ?? 0);
  }
  return { requests, bad, within };
}

/** Cumulative buckets of what was counted. */
export function histogramOf(
  { within, requests }: Count,
  bounds: readonly number[],
): readonly Bucket[] {
  return bucketsOf(bounds, within, requests);
}

/** As a test of errors has it. */
export function errorCell({ requests, bad }: Count): Cell {
  return { requests, bad: [bad] };
}

/** As a test of durations has it: requests that took longer than each of its bounds. @param unitMs of the test's bounds */
export function slowCell(
  { requests, within }: Count,
  bounds: readonly number[],
  chosen: readonly Bound[],
  unitMs: number,
): Cell {
  const bad = chosen.map(({ le }) => requests - (within[indexOf(bounds, le * unitMs)] ?? 0));
  return { requests, bad };
}

function indexOf(bounds: readonly number[], bound: number): number {
  return bounds.findIndex((it) => Math.abs(it - bound) < 1e-9 * bound);
}
