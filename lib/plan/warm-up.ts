import type { Plan } from './plan.ts';

/**
 * For how long after a step is live its values and requests are not counted: it starts pods, or gives the canary its first
 * requests. A failure of a whole minute would otherwise be that of caches which are empty once.
 */
export function warmUpSecondsOf(plan: Plan, name: string): number {
  const { warmUpSeconds = 0 } = plan.analysis;
  const index = plan.steps.findIndex((it) => it.name === name);
  const [before, step] = [plan.steps[index - 1], plan.steps[index]];
  if (step === undefined || before === undefined || warmUpSeconds === 0) return 0;
  const starts = Object.values(plan.workloads).some((it) => step.files.includes(it.file));
  const isReached = ({ weights, besides = [] }: typeof step) =>
    weights.canary > 0 || besides.length > 0;
  return starts || (isReached(step) && !isReached(before)) ? warmUpSeconds : 0;
}
