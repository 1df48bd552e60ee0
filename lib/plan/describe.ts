import { LEAST_POINTS } from './judge.ts';
import { hasService, lastStep, type Plan, pointsNeeded, type Step } from './plan.ts';

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
  const deciding = new Set([
    ...plan.checks.filter((it) => it.dryRun !== true).map((it) => it.name),
    ...(plan.evidence?.tests ?? []).filter((it) => it.share > 0).map((it) => it.name),
  ]);
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
  const count = pods === undefined ? '' : ` (${pods.canary} of ${pods.primary + pods.canary} pods)`;
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
  return [`${kindAndName(plan, file)} with ${pods.primary} pods`];
}

function kindAndName(plan: Plan, file: string): string {
  const info = plan.files[file];
  return info === undefined ? file : `${info.kind} ${info.name}`;
}

function gate(plan: Plan, step: Step): string {
  if (step === lastStep(plan)) return 'none: the rollout is over';
  const ready = step.ready.length === 0 ? [] : [`${step.ready.join(' and ')} ready`];
  const points = pointsNeeded(plan, step);
  const checks = step.checks.join(', ');
  const { stay } = step;
  const passing =
    stay.kind === 'bake'
      ? [`${points} passing ${points === 1 ? 'point' : 'points'} of ${checks}`]
      : [];
  const guard = stay.kind === 'guard' ? [`guarded by ${checks}`] : [];
  const proof = (step.tests ?? []).length > 0 ? [`evidence of ${step.tests?.join(', ')}`] : [];
  const wait =
    stay.kind === 'wait' && stay.seconds > 0 ? [`${durationText(stay.seconds)} old`] : [];
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
    ...passing,
    ...guard,
    ...wait,
    ...proof,
    ...gates,
  ].join('; ');
}

function stayText({ stay }: Step): string {
  return stay.kind === 'guard' || stay.seconds === 0 ? '–' : durationText(stay.seconds);
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
  const { checkSeconds, settleSeconds, threshold, progressDeadlineSeconds, syncSeconds } =
    plan.analysis;
  const bake = sum(plan.steps.map((it) => bakeTime(plan, it)));
  const between = plan.steps.slice(1, -1);
  const starting = between.filter((it) => writesWorkload(plan, it)).length;
  const promoted = plan.steps.some((it) => it.phase === 'Promoting');
  const byTests = plan.evidence === undefined ? 0 : plan.evidence.intervalSeconds + settleSeconds;
  const { first } = silentPoints(
    plan,
    plan.checks.map((it) => it.name),
  );
  const byChecks = (threshold + first) * checkSeconds + settleSeconds;
  const found = plan.checks.length === 0 ? byTests : byChecks;
  return {
    promoteMinSeconds: bake,
    promoteWorstSeconds:
      bake +
      (between.length + 1) * syncSeconds +
      starting * progressDeadlineSeconds +
      (threshold - 1) * (plan.checks.length === 0 ? 0 : checkSeconds),
    rollbackMinSeconds: found,
    rollbackWorstSeconds:
      (plan.checks.length === 0
        ? progressDeadlineSeconds
        : found + longestWindow(plan) + checkSeconds) +
      (promoted ? progressDeadlineSeconds + 2 * syncSeconds : syncSeconds),
  };
}

/** The least time in one step: the last point that must pass, judged once it has settled; or the wait. */
function bakeTime(plan: Plan, step: Step): number {
  const points = pointsNeeded(plan, step);
  if (points === 0) return step.stay.kind === 'wait' ? step.stay.seconds : 0;
  const { checkSeconds, settleSeconds } = plan.analysis;
  const silent = silentPoints(plan, step.checks);
  return longestWindow(plan) + 2 * settleSeconds + (points - 1 + silent.last) * checkSeconds;
}

/** How many points pass until the first of some checks says something, and the last: ranks need several. */
function silentPoints(plan: Plan, names: readonly string[]) {
  const silent = plan.checks
    .filter((it) => it.dryRun !== true && names.includes(it.name))
    .map((it) => (it.judge.kind === 'ranks' ? LEAST_POINTS - 1 : 0));
  return { first: silent.length === 0 ? 0 : Math.min(...silent), last: Math.max(0, ...silent) };
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
