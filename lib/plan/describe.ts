import { guardSecondsOf } from './analysis.ts';
import { LEAST_POINTS } from './judge.ts';
import { paceOf, provesSafety } from './pace.ts';
import {
  type Check,
  hasService,
  lastStep,
  type Plan,
  pointsIn,
  pointsNeeded,
  type Step,
} from './plan.ts';
import { warmUpSecondsOf } from './warm-up.ts';

/** A step as people read it; every field is text for one cell of a table. */
export interface StepDescription {
  readonly step: string;
  /** Percent for each track. */
  readonly weights: string;
  readonly writes: string;
  readonly bake: string;
  /** What must be true to leave the step. */
  readonly gate: string;
}

/** How long a rollout of the plan takes; whole seconds. */
export interface Times {
  /** From the start to all traffic on the new primary, with everything ready at once and every check passing. */
  readonly promoteMinSeconds: number;
  /** The same with every wait at its limit and one failed check short of rolling back. */
  readonly promoteWorstSeconds: number;
  /** From the commit that gives a bad canary its traffic to the commit that takes it away. */
  readonly rollbackMinSeconds: number;
  /** From the moment that the canary turns bad to no traffic on it, at the step where that takes longest. */
  readonly rollbackWorstSeconds: number;
}

/** The plan's steps as rows of a table. */
export function describeSteps(plan: Plan): readonly StepDescription[] {
  return plan.steps.map((it, index) => ({
    step: it.name,
    weights: weightsText(it),
    writes: writes(plan, it, index),
    bake: stayText(it),
    gate: gate(plan, it),
  }));
}

/**
 * Says that no step has checks, and what judges the candidate instead; undefined where one has.
 */
export function uncheckedText(plan: Plan): string | undefined {
  const deciding = decidingNames(plan);
  const asked = plan.steps.flatMap((it) => [...it.checks, ...(it.tests ?? [])]);
  if (asked.some((it) => deciding.has(it))) return undefined;
  const called = new Set(plan.steps.flatMap((it) => it.hooks ?? []));
  const hooks = (plan.hooks ?? [])
    .filter((it) => called.has(it.name) && ['rollout', 'rollback'].includes(it.type))
    .map((it) => `hook ${it.name}`);
  const ready = plan.steps.some((it) => it.ready.length > 0) ? ['its readiness'] : [];
  const others = [...ready, ...hooks].join(' and ');
  return `no check judges the candidate, ${others === '' ? 'and nothing else does' : `only ${others}`}`;
}

/** `90 / 10`, with the baseline's where there is one, how many pods these are, and who else reaches the canary. */
function weightsText({ weights, pods, besides = [] }: Step): string {
  const { primary, canary, baseline } = weights;
  const shares = [primary, canary, ...(baseline === undefined ? [] : [baseline])].join(' / ');
  const count =
    pods === undefined ? '' : ` (${pods.canary} of ${podsText(pods.primary + pods.canary)})`;
  return [`${shares}${count}`, ...besides.map((it) => `and ${it}`)].join('; ');
}

function writes(plan: Plan, step: Step, index: number): string {
  const routed = hasService(plan.shape) ? ', nothing routed yet' : '';
  if (index === 0) return `first release only: ${step.files.length} files${routed}`;
  if (step === lastStep(plan)) return `the steady state, exactly: ${step.files.length} files`;
  const files = step.files.map((it) => kindAndName(plan, it));
  const shown = [...files, ...keptPrimary(plan, step, index)];
  return shown.length <= 4
    ? shown.join(', ')
    : `${shown.slice(0, 3).join(', ')} and ${shown.length - 3} more`;
}

/** The stable version's primary, which the stable plan wrote with as many pods as the step leaves it. */
function keptPrimary(plan: Plan, { pods, files }: Step, index: number): readonly string[] {
  const file = plan.workloads.primary?.file ?? '';
  if (pods === undefined || files.includes(file)) return [];
  if (pods.primary === plan.steps[index - 1]?.pods?.primary) return [];
  return [`${kindAndName(plan, file)} with ${podsText(pods.primary)}`];
}

function podsText(count: number): string {
  return count === 1 ? '1 pod' : `${count} pods`;
}

function kindAndName(plan: Plan, file: string): string {
  const info = plan.files[file];
  return info === undefined ? file : `${info.kind} ${info.name}`;
}

function gate(plan: Plan, step: Step): string {
  if (step === lastStep(plan)) return 'none: the rollout is over';
  const ready = step.ready.length === 0 ? [] : [`${step.ready.join(' and ')} ready`];
  const points = pointsNeeded(plan, step);
  const checks = waitedChecks(plan, step);
  const { stay } = step;
  const passing =
    stay.kind === 'bake'
      ? [
          `${points} passing ${points === 1 ? 'point' : 'points'} of ${checks}${earlyText(plan, step)}`,
        ]
      : [];
  const guard = stay.kind === 'guard' ? [`guarded by ${checks}`] : [];
  const isCounted = step.checks.length + (step.tests ?? []).length > 0;
  const warmUp = isCounted ? warmUpSecondsOf(plan, step.name) : 0;
  const warm = warmUp === 0 ? [] : [`warm for ${durationText(warmUp)}`];
  const proof = (step.tests ?? []).length > 0 ? [`evidence of ${waitedTests(plan, step)}`] : [];
  const wait =
    stay.kind === 'wait' && stay.seconds > 0
      ? [`${durationText(stay.seconds)} old${earlyText(plan, step)}`]
      : [];
  const jobs = (step.jobs ?? []).map((it) => `${kindAndName(plan, it)} complete`);
  const hooks = (step.hooks ?? []).filter((it) => runs(plan, it)).map((it) => `hook ${it}`);
  const gates = (step.gates ?? []).map((it) =>
    it.kind === 'person' ? 'approved by a person' : `hook ${it.hook} open`,
  );
  return [
    'live',
    ...ready,
    ...jobs,
    ...hooks,
    ...warm,
    ...passing,
    ...guard,
    ...wait,
    ...proof,
    ...gates,
  ].join('; ');
}

/** Where evidence ends a step early: how much is enough then. */
function earlyText(plan: Plan, { stay }: Step): string {
  if (stay.kind === 'guard' || stay.leastSeconds === undefined) return '';
  const { leastSeconds } = stay;
  const least =
    stay.kind === 'bake' ? String(pointsIn(plan, leastSeconds)) : durationText(leastSeconds);
  return `, or ${least} once the next step is proved safe`;
}

function stayText({ stay }: Step): string {
  if (stay.kind === 'guard' || stay.seconds === 0) return '–';
  const { leastSeconds, seconds } = stay;
  const least = leastSeconds === undefined ? '' : `${durationText(leastSeconds)} to `;
  return `${least}${durationText(seconds)}`;
}

/** A hook that takes a rollout back is nothing that it waits for. */
function runs(plan: Plan, name: string): boolean {
  return plan.hooks?.some((it) => it.name === name && it.type !== 'rollback') ?? false;
}

/**
 * The plan's times, from its numbers alone. Passing points lie on a grid that begins one window and one settle
 * time after a step is live; failed ones on a grid that begins one period after its commit; a point is judged
 * once it is older than the settle time.
 */
export function times(plan: Plan): Times {
  const { checkSeconds, threshold, progressDeadlineSeconds, syncSeconds } = plan.analysis;
  const stays = plan.steps.map((it, index) => stayTimes(plan, it, index));
  const bake = { least: sum(stays.map((it) => it.least)), most: sum(stays.map((it) => it.most)) };
  const between = plan.steps.slice(1, -1);
  const starting = between.filter((it) => writesWorkload(plan, it)).length;
  const promoted = plan.steps.some((it) => it.phase === 'Promoting');
  const found = foundSeconds(plan);
  const isChecked = decidingChecks(plan).length > 0;
  return {
    promoteMinSeconds: bake.least,
    promoteWorstSeconds:
      bake.most +
      (between.length + 1) * syncSeconds +
      starting * progressDeadlineSeconds +
      (threshold - 1) * (isChecked ? checkSeconds : 0),
    rollbackMinSeconds: found.least,
    rollbackWorstSeconds:
      (isChecked ? found.most + longestWindow(plan) + checkSeconds : progressDeadlineSeconds) +
      (promoted ? progressDeadlineSeconds + 2 * syncSeconds : syncSeconds),
  };
}

/** From traffic on a bad canary to the last point that it takes, by the check that is soonest and by the latest. */
function foundSeconds(plan: Plan): Span {
  const { analysis, evidence } = plan;
  const { checkSeconds, settleSeconds, threshold } = analysis;
  const checks = decidingChecks(plan);
  if (checks.length === 0) {
    const byTests = evidence === undefined ? 0 : evidence.intervalSeconds + settleSeconds;
    return { least: byTests, most: byTests };
  }
  const byThreshold = checks.map(
    (it) => ((it.threshold ?? threshold) + silentPoints(it)) * checkSeconds,
  );
  const byAbort = checks.some((it) => it.abort !== undefined) ? [guardSecondsOf(analysis)] : [];
  return {
    least: Math.min(...byThreshold, ...byAbort) + settleSeconds,
    most: Math.max(...byThreshold) + settleSeconds,
  };
}

interface Span {
  readonly least: number;
  readonly most: number;
}

/**
 * The time in one step: until the last point that must pass, the wait, or what evidence takes. At least: evidence ends it
 * as soon as it may, and an interval begins as the step is live.
 */
function stayTimes(plan: Plan, step: Step, index: number): Span {
  const { stay } = step;
  const warmUp = warmUpSecondsOf(plan, step.name);
  const warmed = warmUp > 0 && pointsNeeded(plan, step) > 0 ? warmUp : 0;
  const bake = warmed + bakeTime(plan, step);
  const proven = provenSeconds(plan, index);
  if (proven === undefined) return { least: bake, most: bake };
  const proof = warmUp + proven;
  const early = stay.kind === 'guard' || !provesSafety(plan) ? undefined : stay.leastSeconds;
  const isEarly = stay.kind !== 'guard' && early !== undefined;
  const soonest = isEarly
    ? warmed + bakeTime(plan, { ...step, stay: { ...stay, seconds: early } })
    : bake;
  const interval = plan.evidence?.intervalSeconds ?? 0;
  return { least: Math.max(proof, soonest), most: Math.max(proof + interval, bake) };
}

/** Until the last of the points that must pass, judged once it has settled. */
function bakeTime(plan: Plan, { stay, checks }: Pick<Step, 'stay' | 'checks'>): number {
  const points = pointsNeeded(plan, { stay });
  if (points === 0) return stay.kind === 'wait' ? stay.seconds : 0;
  const { checkSeconds, settleSeconds } = plan.analysis;
  const asked = decidingChecks(plan).filter((it) => checks.includes(it.name));
  const silent = Math.max(0, ...asked.map(silentPoints));
  return longestWindow(plan) + 2 * settleSeconds + (points - 1 + silent) * checkSeconds;
}

/** How many points pass until a check says something: ranks need several. */
function silentPoints({ judge }: Check): number {
  return judge.kind === 'ranks' ? LEAST_POINTS - 1 : 0;
}

/** The names of a step's checks that decide something, for people; those of its dry runs where it has no others. */
export function waitedChecks(plan: Plan, { checks }: Pick<Step, 'checks'>): string {
  return waitedText(plan, checks);
}

/** The same of its tests. */
export function waitedTests(plan: Plan, { tests = [] }: Pick<Step, 'tests'>): string {
  return waitedText(plan, tests);
}

function waitedText(plan: Plan, names: readonly string[]): string {
  const all = decidingNames(plan);
  const deciding = names.filter((it) => all.has(it));
  return deciding.length > 0 ? deciding.join(', ') : `${names.join(', ')} (dry run)`;
}

function decidingNames(plan: Plan): ReadonlySet<string> {
  const tests = (plan.evidence?.tests ?? []).filter((it) => it.share > 0);
  return new Set([...decidingChecks(plan), ...tests].map((it) => it.name));
}

/** Without dry runs, which are reported and take nothing back. */
function decidingChecks({ checks }: Pick<Plan, 'checks'>): readonly Check[] {
  return checks.filter((it) => it.dryRun !== true);
}

/** Until the last interval of the requests that tests need has settled; undefined where nobody knows how many there are. */
function provenSeconds(plan: Plan, index: number): number | undefined {
  const seconds = paceOf(plan, index)?.seconds;
  if (seconds === undefined || plan.evidence === undefined) return undefined;
  const { intervalSeconds } = plan.evidence;
  return Math.ceil(seconds / intervalSeconds) * intervalSeconds + plan.analysis.settleSeconds;
}

function longestWindow(plan: Plan): number {
  return Math.max(0, ...plan.checks.map((it) => it.windowSeconds));
}

function writesWorkload(plan: Plan, step: Step): boolean {
  return Object.values(plan.workloads).some((it) => step.files.includes(it.file));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** `1 h 2 min 3 s`, without what is zero. */
export function durationText(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [seconds % 60, 's'],
  ] as const;
  const shown = parts.filter(([amount]) => amount > 0).map(([amount, unit]) => `${amount} ${unit}`);
  return shown.length === 0 ? '0 s' : shown.join(' ');
}
