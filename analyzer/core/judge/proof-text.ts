import { durationText } from '../../../lib/plan/describe.ts';
import { LEAST_REQUESTS, percentText } from '../../../lib/plan/evidence.ts';
import { round } from '../round.ts';
import { differenceInterval } from './evidence/interval.ts';
import type { Tally } from './evidence/tally.ts';
import { type Need, needOf, type Proof, type Scarce, type TestProof } from './proof.ts';

/** What a test has counted, and the e-values that follow: 1 is no evidence. */
export interface Said {
  readonly name: string;
  readonly dryRun: boolean;
  readonly canary: Tally;
  readonly other: Tally;
  /** Where the canary's share of bad requests minus the other one's lies; null where one of them has no requests. */
  readonly difference: Difference | null;
  /** Evidence that the canary is worse. */
  readonly claims: readonly { readonly name: string; readonly e: number }[];
  /** Evidence of harm as the test has it: the mean of its claims. */
  readonly harm: number;
  /** Evidence that the next step is safe; null where the test does not say. */
  readonly safety: number | null;
  /** Why its counters said nothing. */
  readonly trouble: string | null;
}

/** An interval that holds at every look, for rates that do not change. */
export interface Difference {
  /** In percentage points. */
  readonly low: number;
  readonly high: number;
  /** With which probability at least; a fraction. */
  readonly confidence: number;
}

/** A test's proof as people and programs read it. */
export function saidOf(proof: TestProof): Said {
  const { test, canary, other, claims, safe, trouble } = proof;
  return {
    name: test.name,
    dryRun: test.share === 0,
    ...{ canary, other },
    difference: differenceOf(proof),
    claims: claims.map(({ name, logE }) => ({ name, e: Math.exp(logE) })),
    harm: claims.reduce((sum, { part, logE }) => sum + part * Math.exp(logE), 0),
    safety: safe === undefined ? null : Math.exp(safe),
    trouble: trouble ?? null,
  };
}

function differenceOf({ canary, other, alpha }: TestProof): Difference | null {
  const found = differenceInterval(canary, other, alpha);
  return found === undefined
    ? null
    : { low: 100 * found.low, high: 100 * found.high, confidence: 1 - alpha };
}

/** `difference 0.21 to 1.93 percentage points (99 %)`: what is above 0 is certainly worse. */
export function differenceText({ difference }: Pick<Said, 'difference'>): string | undefined {
  if (difference === null) return undefined;
  const [low, high] = [difference.low, difference.high].map((it) =>
    String(Number(it.toPrecision(3))),
  );
  return `difference ${low} to ${high} percentage points (${percentText(difference.confidence)})`;
}

/** What a test saw: `error-rate: 12 of 1,274 canary requests bad (0.9419 %), 9 of 21,000 others (0.04286 %)`. */
export function seenText({ name, canary, other }: Pick<Said, 'name' | 'canary' | 'other'>): string {
  return `${name}: ${tallyText(canary, 'canary')}, ${tallyText(other, 'other')}`;
}

function tallyText({ requests, bad }: Tally, whose: string): string {
  if (!(requests > 0)) return `no ${whose} request`;
  const share = round((100 * bad) / requests);
  return `${number(bad)} of ${number(requests)} ${whose} requests bad (${share} %)`;
}

/** What one test contributes, in numbers, for a commit and for `perch explain`. */
export function testLine(it: Said): string {
  if (it.trouble !== null) return `${it.name}: ${it.trouble}`;
  const claims = it.claims.map(({ name, e }) => `${name} ${evidenceText(e)}`).join(', ');
  const safe = it.safety === null ? '' : `; that the next step is safe: ${evidenceText(it.safety)}`;
  const seen = [seenText(it), differenceText(it)].filter((text) => text !== undefined).join('; ');
  return `${seen}; evidence of harm: ${claims}${safe}${it.dryRun ? ' (dry run)' : ''}`;
}

/** What all of them come to: `evidence of harm 0.3 of 100; that the next step is safe 25.1 of 20`. */
export function totalLine({ harm, proofOfHarm, safety, proofOfSafety }: Proof): string {
  const safe =
    safety === undefined
      ? ''
      : `; that the next step is safe ${evidenceText(Math.exp(safety))} of ${round(Math.exp(proofOfSafety))}`;
  return `evidence of harm ${evidenceText(Math.exp(harm))} of ${round(Math.exp(proofOfHarm))}${safe}`;
}

/** `needs 3,100 more canary requests, about 7 min`. */
export function needText({ requests, seconds }: Need): string {
  if (!Number.isFinite(requests)) return 'needs canary requests; none so far tells anything';
  const time = seconds === undefined ? '' : `, about ${durationText(roughly(seconds))}`;
  const what = requests === 1 ? 'request' : 'requests';
  return `needs ${number(requests)} more canary ${what}${time}`;
}

/** An e-value; far from what decides nobody needs its digits. */
function evidenceText(e: number): string {
  if (e > 0 && e < 1e-6) return 'under 0.000001';
  return e > 1e6 ? 'over 1,000,000' : String(Number(e.toPrecision(3)));
}

/** Nobody needs more than two digits of a forecast. */
function roughly(seconds: number): number {
  if (seconds < 60) return Math.max(1, Math.ceil(seconds));
  const minutes = Math.ceil(seconds / 60);
  return (minutes < 90 ? minutes : Math.ceil(minutes / 30) * 30) * 60;
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Why a step cannot be left yet: what the tests have, and what they need. */
export function undecidedText(proof: Proof): string {
  const [shared] = proof.shared;
  if (shared !== undefined)
    return `the environment is degraded: ${seenText(saidOf(shared))}, and the primary misses the objective as well`;
  const needed = needOf(proof);
  const isTold = needed !== undefined && Number.isFinite(needed.requests) && proof.isBudgeted;
  if (proof.scarce !== undefined && !isTold) return scarceText(proof.scarce);
  const need = needed === undefined ? '' : `: ${needText(needed)}`;
  return `not sure yet that the next step is safe${need}`;
}

function scarceText({ test, canary, other }: Scarce): string {
  const said = `too few requests to tell: ${test.name} needs ${LEAST_REQUESTS} of`;
  return test.question.kind === 'comparison'
    ? `${said} each track, and has ${number(canary)} of the canary and ${number(other)} of the other one`
    : `${said} the canary, and has ${number(canary)}`;
}
