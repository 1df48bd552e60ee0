import * as z from 'zod';
import { dnsLabel } from './scalars.ts';

const fraction = z.number().min(0).max(1);
const some = z.number().gt(0).lt(1);

/** The series of one counter that have all of these labels. */
export type Selector = z.infer<typeof selector>;
const selector = z.strictObject({
  metric: z.string().min(1),
  matchers: z
    .array(z.tuple([z.string(), z.enum(['=', '!=', '=~', '!~']), z.string()]).readonly())
    .readonly(),
});

/** What is counted of one track's requests: counters that only grow, and start at 0 with their process. */
export type Counters = z.infer<typeof counters>;
const counters = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('errors'),
    /** All requests. */
    requests: selector,
    /** The bad ones: all but those in `good`, or the sum of `bad`. */
    failures: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('allBut'), good: selector }),
      z.strictObject({ kind: z.literal('sum'), bad: z.array(selector).min(1) }),
    ]),
  }),
  /** Cumulative buckets with the label `le`; the one of `+Inf` has all requests. */
  z.strictObject({
    kind: z.literal('durations'),
    buckets: selector,
    unit: z.enum(['ms', 's']),
  }),
]);

/** What a test asks about a share of bad requests. Shares are fractions of 1. */
export type Question = z.infer<typeof question>;
const question = z.discriminatedUnion('kind', [
  /** Is the canary's larger than `relative` times that of what it is compared with, plus `absolute`? */
  z.strictObject({
    kind: z.literal('comparison'),
    /** @default - by how rare bad requests are: 1.5 for errors and for the slowest 5 %, less for more common ones */
    relative: z.number().min(1).optional(),
    absolute: fraction,
  }),
  /** Is it larger than `limit`, while that of the primary is not? */
  z.strictObject({
    kind: z.literal('objective'),
    limit: some,
    /** Of durations: a request that takes longer is bad. */
    boundMs: z.number().positive().optional(),
  }),
]);

/** What is counted of two tracks again and again, and the question that the counts answer. */
export type Test = z.infer<typeof test>;
const test = z.strictObject({
  name: dnsLabel,
  /** Name of the metric store in the analyzer's configuration. */
  source: dnsLabel,
  counts: z.strictObject({
    canary: counters,
    primary: counters,
    /** Takes the primary's place in steps that run a baseline. */
    baseline: counters.optional(),
  }),
  /** Labels by which requests are told apart, so that a canary with another mix of them is not blamed for it. */
  strata: z.array(z.string().min(1)).optional(),
  question,
  /** Whether no single interval may decide alone, however much it says. */
  capped: z.boolean(),
  /** How much larger than elsewhere a share of bad requests is for which one look is enough. @default - none is */
  catastrophe: some.optional(),
  /** How much of the rollout's `alpha` is the test's; all sum to 1. 0: it is reported, and decides nothing. */
  share: fraction,
});

/** Tests, and how sure they must be. */
export type Evidence = z.infer<typeof evidence>;
export const evidence = z
  .strictObject({
    /** Length of the intervals in which requests are counted. They begin at multiples of it in Unix time. */
    intervalSeconds: z.number().int().positive(),
    /** The largest probability that a candidate is rolled back which is no worse than allowed, for a whole rollout. */
    alpha: some,
    /** The largest probability that a step is taken which costs more than `budget`. */
    beta: some,
    /** How many of all requests the next step may make bad; a fraction. */
    budget: some,
    /** What a step needs: proof that the next one stays within the budget, or requests and no proof of harm. */
    advance: z.enum(['safe-within-budget', 'no-harm-seen']),
    /** That the author expects of the release; for people. */
    requestsPerSecond: z.number().positive().optional(),
    tests: z.array(test).min(1),
  })
  .refine(({ tests }) => {
    const sum = tests.reduce((all, it) => all + it.share, 0);
    return sum === 0 || Math.abs(sum - 1) < 1e-9;
  }, 'shares must sum to 1');

/** Requests without which a test says nothing, to the canary and to what it is compared with. */
export const LEAST_REQUESTS = 20;

/** How many canary requests a step takes to show that the next one stays within the budget, where errors are rare. */
export function requestsForBudget({ beta, budget }: Evidence, nextWeight: number): number {
  // See docs/judge.md: ln(1/β) of evidence, and about 2 for the mixture; each request gives at most B/w'.
  return Math.ceil(((Math.log(1 / beta) + 2) * nextWeight) / 100 / budget);
}

/** What is proof against a candidate, for people: `more than 1.5 times as many requests fail as of the primary, plus 0.1 %`. */
export function testText(test: Test): string {
  const { catastrophe } = test;
  const disaster =
    catastrophe === undefined
      ? []
      : [`its requests fail at once by over ${percentText(catastrophe)} more`];
  return [harmText(test), ...disaster].join(', or ');
}

function harmText({ question, counts }: Test): string {
  const isErrors = counts.canary.kind === 'errors';
  if (question.kind === 'objective') {
    const bad = isErrors ? 'fail' : `take over ${question.boundMs} ms`;
    return `more than ${percentText(question.limit)} of its requests ${bad}, and of the primary's no more`;
  }
  const { relative, absolute } = question;
  const against = counts.baseline === undefined ? 'the primary' : 'the primary or the baseline';
  const margin = `more than ${relative === undefined ? '1.15 to 1.5' : relative} times as often as of ${against}, plus ${percentText(absolute)}`;
  return isErrors
    ? `its requests fail ${margin}`
    : `its requests take longer than the usual median, p90 or p99 ${margin}`;
}

/** A fraction in percent. */
export function percentText(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(4))} %`;
}
