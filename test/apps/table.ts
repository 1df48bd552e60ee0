import type { Rendered } from '../../lib/index.ts';
import { describeSteps } from '../../lib/plan/describe.ts';

/** The steps as a reviewer reads them, without the first and the last, which hold everything. */
export function tableOf({ plan }: Rendered): string[] {
  return describeSteps(plan)
    .slice(1, -1)
    .map((it) => [it.step, it.weights, it.writes, it.bake, it.gate].join(' | '));
}
