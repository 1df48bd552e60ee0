import type { Random } from '../../analyzer/simulated/random.ts';
import type { Evidence, Test } from '../../lib/plan/evidence.ts';
import { METRICS } from './counters.ts';
import type { Faults, Outage } from './faults.ts';
import type { PlanOptions } from './plans.ts';
import { type Behaviour, USUAL_FAILING } from './pods.ts';

/** What a plan with tests of evidence says, and how many requests there are. */
export interface Tested {
  readonly options: Pick<PlanOptions, 'evidence' | 'checked' | 'bakeSeconds' | 'latency'>;
  readonly requestsPerSecond: number;
}

/** Settings of the tests, repeated in the oracle. */
const ALPHA = 0.01;

/** As many failures as the tests allow a candidate beside a stable version that is as usual. */
export const MOST_ALLOWED = 1.5 * USUAL_FAILING + 0.001;

/** Draws which tests a release has, alone or beside checks. */
export function someTests(random: Random): Tested {
  const tests = [comparison, ...(random.chance(0.3) ? [objective] : [])];
  const all = [...tests, ...(random.chance(0.3) ? [latency] : [])];
  const dry = random.chance(0.25) ? [{ ...objective, name: 'dry', share: 0 }] : [];
  const evidence: Evidence = {
    intervalSeconds: 15,
    alpha: ALPHA,
    beta: 0.05,
    budget: random.pick([0.005, 0.01]),
    advance: random.chance(0.2) ? 'no-harm-seen' : 'safe-within-budget',
    tests: [...all.map((it) => ({ ...it, share: 1 / all.length })), ...dry],
  };
  const hasChecks = random.chance(0.35);
  return {
    options: {
      evidence,
      checked: hasChecks,
      latency: hasChecks,
      bakeSeconds: random.pick([0, 30]),
    },
    requestsPerSecond: random.pick([10, 100, 200, 400]),
  };
}

/** Draws what a version does to its requests. */
export function someFailing(random: Random): Pick<Behaviour, 'badFrom' | 'failing' | 'slow'> {
  const failing = random.chance(0.5)
    ? undefined
    : random.pick([MOST_ALLOWED, 0.008, 0.03, 0.2, 1] as const);
  const isSlow = failing === undefined && random.chance(0.2);
  return {
    badFrom: random.chance(0.15) ? random.between(15, 60) : 101,
    ...(failing === undefined ? {} : { failing }),
    ...(isSlow ? { slow: 3 } : {}),
  };
}

/** What goes wrong with counters: processes that start again, and samples that come late. */
export function someMiscounts(random: Random, from: number): Pick<Faults, 'crashes' | 'late'> {
  const span = (): Outage => {
    const start = from + random.between(100, 900);
    return { start, end: start + random.pick([60, 200, 900] as const) };
  };
  const crash = () => ({
    ...span(),
    workload: random.pick(['app-canary', 'app-primary'] as const),
    everySeconds: random.pick([10, 60] as const),
  });
  return {
    crashes: random.chance(0.4) ? [crash()] : [],
    late: random.chance(0.3) ? [{ ...span(), seconds: random.pick([10, 40] as const) }] : [],
  };
}

const comparison: Test = {
  name: 'error-rate',
  source: 'default',
  counts: { canary: failuresOf('app-canary'), primary: failuresOf('app-primary') },
  question: { kind: 'comparison', relative: 1.5, absolute: 0.001 },
  capped: true,
  catastrophe: 0.1,
  share: 1,
};

const objective: Test = {
  ...comparison,
  name: 'objective',
  question: { kind: 'objective', limit: 0.05 },
};

const { catastrophe: _, ...rest } = comparison;
const latency: Test = {
  ...rest,
  name: 'latency',
  counts: { canary: durationsOf('app-canary'), primary: durationsOf('app-primary') },
  question: { kind: 'comparison', absolute: 0.001 },
};

function failuresOf(workload: string): Test['counts']['canary'] {
  const good = selected(METRICS.good, workload);
  return {
    kind: 'errors',
    requests: selected(METRICS.requests, workload),
    failures: { kind: 'allBut', good },
  };
}

function durationsOf(workload: string): Test['counts']['canary'] {
  return { kind: 'durations', buckets: selected(METRICS.durations, workload), unit: 's' };
}

function selected(metric: string, workload: string) {
  const matcher: [string, '=', string] = ['workload', '=', workload];
  return { metric, matchers: [matcher] };
}
