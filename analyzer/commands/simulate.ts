import { openSync, writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { hasService, type Plan } from '../../lib/plan/plan.ts';
import type { MetricStores } from '../metrics/store.ts';
import { forecast } from '../simulated/forecast/forecast.ts';
import { settingOf } from '../simulated/forecast/setting.ts';
import { UsageError } from '../usage-error.ts';
import { addMetricsFlags, type MetricsFlags, storesOf } from './metrics.ts';
import { findPlan } from './newest-plan.ts';
import { parseCount, parsePercent, parsePositive, type RepositoryFlags } from './options.ts';
import { chartOf } from './simulate-chart.ts';
import { type Simulated, simulatedText } from './simulate-text.ts';
import { say, sayJson, sayProgress, terminalWidth } from './terminal.ts';

interface SimulateFlags extends RepositoryFlags, MetricsFlags {
  readonly rps?: number;
  readonly errorRate: number;
  readonly ready: number;
  readonly runs: number;
  readonly seed: number;
  readonly svg?: string;
}

const EXAMPLES = `
Examples:
  perch simulate shop --rps 200                              what the next rollout would find, and how soon
  perch simulate shop --metrics http://localhost:9090        at the traffic of the last hour
  perch simulate shop --rps 20 --error-rate 0.5 --svg shop.svg`;

/** `perch simulate <release>`: plays the next rollout many times, without cluster and Git, with and without regressions. */
export function addSimulate(program: Command): Command {
  const command = program
    .command('simulate')
    .argument('<release>', 'id of the release')
    .description(
      'play the next rollout by Monte Carlo: how long it takes, what it finds and how soon, and how often it rolls back for nothing',
    )
    .addHelpText('after', EXAMPLES)
    .addOption(
      new Option(
        '--rps <n>',
        "requests a second that the release gets (default: what its plan says, else the last hour's in the metric store)",
      ).argParser(parsePositive),
    )
    .addOption(
      new Option('--error-rate <percent>', 'of the requests to the primary that are bad')
        .argParser(parsePercent)
        .default(0.1),
    )
    .addOption(
      new Option('--ready <seconds>', 'from a commit until new pods are ready')
        .argParser(parsePositive)
        .default(30),
    )
    .addOption(
      new Option('--runs <n>', 'rollouts that are played of each kind')
        .argParser(parseCount)
        .default(DEFAULT_RUNS),
    )
    .addOption(
      new Option('--seed <n>', 'where the random numbers begin; the same ones give the same table')
        .argParser(parseCount)
        .default(1),
    )
    .addOption(
      new Option('--svg <file>', 'write a chart there: the probability of a rollback over time'),
    );
  return addMetricsFlags(command).action(async (release: string, _: unknown, self: Command) => {
    const flags = self.optsWithGlobals<SimulateFlags>();
    const plan = await findPlan(flags, release);
    if (!hasService(plan.shape))
      throw new UsageError(
        `${release} has no Service: without requests there is nothing to simulate`,
      );
    const requestsPerSecond = await requestsOf(plan, flags, self);
    const chart = flags.svg === undefined ? undefined : opened(flags.svg);
    const found = simulated(plan, requestsPerSecond, flags);
    if (chart !== undefined) writeFileSync(chart, await chartOf(found));
    if (flags.json) sayJson(found);
    else say(simulatedText(found, terminalWidth()));
  });
}

/** Ten seconds or so for a rollout of half an hour that is judged every 15 seconds. */
const DEFAULT_RUNS = 60;

function simulated(plan: Plan, requestsPerSecond: number, flags: SimulateFlags): Simulated {
  const { errorRate, ready: readySeconds, runs, seed } = flags;
  const setting = settingOf(plan, { perSecond: requestsPerSecond, readySeconds });
  const regressions = forecast(setting, {
    runs,
    seed,
    errorRate: errorRate / 100,
    progress: (done, of) =>
      sayProgress(done === of ? '' : `simulated ${done} of ${of} kinds of rollouts`),
  });
  return {
    release: plan.release,
    candidate: plan.candidate,
    requestsPerSecond,
    errorRate,
    readySeconds,
    runs,
    seed,
    leftOut: setting.leftOut,
    regressions,
  };
}

async function requestsOf(plan: Plan, flags: SimulateFlags, command: Command): Promise<number> {
  if (flags.rps !== undefined) return flags.rps;
  const expected = plan.evidence?.requestsPerSecond;
  const asksStore = ['env', 'cli'].includes(command.getOptionValueSource('metrics') ?? '');
  if (expected !== undefined && !asksStore && flags.metricsConfig === undefined) return expected;
  return requestsCounted(plan, storesOf(flags, command));
}

const HOUR = 3600;

/** Requests to primary and canary in the last hour, by the counters of the plan's first test of errors. */
async function requestsCounted(plan: Plan, stores: MetricStores): Promise<number> {
  const give = 'say --rps <requests a second>';
  const test = plan.evidence?.tests.find((it) => it.counts.primary.kind === 'errors');
  if (test === undefined)
    throw new UsageError(`the plan counts no requests of ${plan.release}; ${give}`);
  const store = stores.get(test.source);
  if (store === undefined) throw new UsageError(`no metric store ${test.source} is known; ${give}`);
  const now = Math.floor(Date.now() / 1000);
  const { primary, canary } = test.counts;
  let requests = 0;
  for (const it of [primary, canary]) {
    if (it.kind !== 'errors') continue;
    const asked = { selector: it.requests, by: [] };
    const answer = await store.growth(asked, { start: now, end: now, stepSeconds: HOUR });
    if (answer.kind === 'unknown') throw new Error(`${answer.reason}; or ${give}`);
    for (const { samples } of answer.value.series)
      for (const { value } of samples) requests += value;
  }
  if (requests > 0) return requests / HOUR;
  throw new UsageError(`${plan.release} had no requests in the last hour; ${give}`);
}

/** Opened before anything is played, so that nobody waits in vain. @throws UsageError where it cannot be written */
function opened(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    const { code = 'unknown error' } = error as { readonly code?: string };
    throw new UsageError(`--svg ${path} cannot be written (${code})`, { cause: error });
  }
}
