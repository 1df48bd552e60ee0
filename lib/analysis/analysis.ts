import { Duration } from 'cdk8s';
import * as z from 'zod';
import type { Mistake } from '../mistake.ts';
import type { Analysis } from '../plan/analysis.ts';
import { duration, fields, listOf } from '../props/fields.ts';
import { aCheckOrTest } from './checks.ts';
import { evidenceProps } from './evidence.ts';
import type { TestDefinition } from './tests.ts';
import { wholeSeconds } from './whole-seconds.ts';

/** How a rollout is judged, and how long it waits. */
export interface AnalysisProps extends z.infer<typeof analysisProps> {}

/** The schema of `AnalysisProps`. */
export const analysisProps = fields({
  /**
   * Distance of two check points.
   * @default Duration.seconds(60)
   */
  checkPeriod: duration.optional(),
  /**
   * How often a candidate that has traffic is looked at for what takes it back at once, whatever the check period is:
   * catastrophes, objectives that are missed, pods that are not ready.
   * @default Duration.seconds(5)
   */
  guardPeriod: duration.optional(),
  /**
   * How long the checks must pass in each step that shifts traffic (bake time ÷ check period passing points),
   * or how long to wait there where there are no checks.
   * @default - one check period
   */
  bakeTime: duration.optional(),
  /**
   * How long the checks must pass where tests prove sooner that the next step is safe: `compare` or `slo` of errors.
   * @default - as long as without: the bake time
   */
  leastBakeTime: duration.optional(),
  /**
   * For how long nothing is counted in a step that starts pods or gives the canary its first requests, from when the step is
   * live. Abort bounds and catastrophes hold all the same.
   * @default Duration.seconds(0)
   */
  warmUp: duration.optional(),
  /**
   * Age at which a sample counts as final. Clocks may differ by as much.
   * @default Duration.seconds(15)
   */
  settleTime: duration.optional(),
  /**
   * Failed checks, counted over the whole rollout, at which the release rolls back.
   * @default 1
   */
  threshold: z.number().optional(),
  /**
   * Percent of a track's updated replicas that must be available.
   * @default - 100 for both tracks
   */
  readyThreshold: fields({
    primary: z.number().optional(),
    canary: z.number().optional(),
  }).optional(),
  /**
   * How long an applied workload may stay not ready before the release rolls back.
   * @default Duration.seconds(600)
   */
  progressDeadline: duration.optional(),
  /**
   * How long answers may be missing before `onInconclusive` decides.
   * @default Duration.minutes(30)
   */
  inconclusiveDeadline: duration.optional(),
  /**
   * What happens then: hold for a person, or roll back.
   * @default 'hold'
   */
  onInconclusive: z.enum(['hold', 'back']).optional(),
  /**
   * How long the canary's pods are kept for debugging after a bad release lost its traffic.
   * @default Duration.seconds(0)
   */
  rollbackDelay: duration.optional(),
  /**
   * How long the GitOps tool may take to notice a commit where it does not say what it applied.
   * @default Duration.seconds(60)
   */
  syncInterval: duration.optional(),
  /**
   * What the metrics must say of the canary: `compare` and `slo` weigh counts of requests, `successRate`, `latency` and
   * `query` hold values against bounds.
   * @default - `compare.errorRate()` and `compare.latency()` where the router counts requests and gives the canary a share
   * of them; else none: then each step is kept for its bake time, and only readiness is watched. `[]` is none
   */
  checks: listOf(aCheckOrTest).optional(),
  /**
   * How sure `compare` and `slo` must be, and what the next step may cost.
   * @default - as said of each
   */
  evidence: evidenceProps.optional(),
});

/** The analysis as the plan has it. */
export interface CompiledAnalysis {
  readonly analysis: Analysis;
  readonly bakeSeconds: number;
  /** Undefined where it is no other. */
  readonly leastBakeSeconds: number | undefined;
  readonly mistakes: readonly Mistake[];
}

/** Fills in defaults and finds what is wrong with the analysis. */
export function compileAnalysis(path: string, props: AnalysisProps): CompiledAnalysis {
  const mistakes: Mistake[] = [];
  const seconds = (field: keyof AnalysisProps, value: Duration, least: number) => {
    const read = wholeSeconds(path, `analysis.${field}`, value, least);
    mistakes.push(...read.mistakes);
    return read.seconds;
  };
  const period = props.checkPeriod ?? Duration.seconds(60);
  const analysis: Analysis = {
    checkSeconds: seconds('checkPeriod', period, 1),
    ...(props.guardPeriod === undefined
      ? {}
      : { guardSeconds: seconds('guardPeriod', props.guardPeriod, 1) }),
    ...warmUpOf(seconds, props.warmUp),
    settleSeconds: seconds('settleTime', props.settleTime ?? Duration.seconds(15), 0),
    threshold: props.threshold ?? 1,
    readyPercent: {
      primary: props.readyThreshold?.primary ?? 100,
      canary: props.readyThreshold?.canary ?? 100,
    },
    progressDeadlineSeconds: seconds(
      'progressDeadline',
      props.progressDeadline ?? PROGRESS_DEADLINE,
      1,
    ),
    inconclusiveDeadlineSeconds: seconds(
      'inconclusiveDeadline',
      props.inconclusiveDeadline ?? Duration.minutes(30),
      1,
    ),
    onInconclusive: props.onInconclusive ?? 'hold',
    rollbackDelaySeconds: seconds('rollbackDelay', props.rollbackDelay ?? Duration.seconds(0), 0),
    syncSeconds: seconds('syncInterval', props.syncInterval ?? Duration.seconds(60), 0),
  };
  const bakeSeconds = seconds('bakeTime', props.bakeTime ?? period, 1);
  const { leastBakeTime } = props;
  const leastBakeSeconds = leastBakeTime && seconds('leastBakeTime', leastBakeTime, 1);
  return {
    ...{ analysis, bakeSeconds, leastBakeSeconds },
    mistakes: [
      ...mistakes,
      ...numberMistakes(path, analysis),
      ...orderMistakes(path, leastBakeSeconds, bakeSeconds),
    ],
  };
}

function warmUpOf(
  seconds: (field: keyof AnalysisProps, value: Duration, least: number) => number,
  warmUp: Duration | undefined,
): Pick<Analysis, 'warmUpSeconds'> {
  const warmUpSeconds = warmUp === undefined ? 0 : seconds('warmUp', warmUp, 0);
  return warmUpSeconds === 0 ? {} : { warmUpSeconds };
}

function orderMistakes(path: string, least: number | undefined, bake: number): Mistake[] {
  if (least === undefined || least <= bake) return [];
  const problem = 'analysis.leastBakeTime is over the bake time';
  return [{ path, problem, got: `${least} s`, remedy: `use ${bake} s or less` }];
}

/** Nothing ends a step early but tests that can prove the next one safe. */
export function leastBakeMistakes(
  path: string,
  { leastBakeTime }: AnalysisProps,
  tests: readonly TestDefinition[],
): readonly Mistake[] {
  const isProved = tests.some((it) => it.weight > 0 && it.counts === 'errors');
  if (leastBakeTime === undefined || isProved) return [];
  const problem = 'analysis.leastBakeTime is for steps that tests end early';
  const remedy = 'add compare.errorRate() or slo.errorRate({ … }) to analysis.checks';
  return [{ path, problem, got: 'no test of errors', remedy }];
}

/** How long a workload is waited for where the release does not say it. */
export const PROGRESS_DEADLINE = Duration.seconds(600);

function numberMistakes(path: string, analysis: Analysis): Mistake[] {
  const mistakes: Mistake[] = [];
  const { threshold, readyPercent } = analysis;
  if (!Number.isInteger(threshold) || threshold < 1)
    mistakes.push({
      path,
      problem: 'analysis.threshold must be a whole number',
      got: threshold,
      remedy: 'use 1 or more',
    });
  for (const track of ['primary', 'canary'] as const)
    if (!(readyPercent[track] >= 0 && readyPercent[track] <= 100))
      mistakes.push({
        path,
        problem: `analysis.readyThreshold.${track} must be a percent`,
        got: readyPercent[track],
        remedy: 'use 0 to 100',
      });
  return mistakes;
}
