import type { Command } from 'commander';
import { describeSteps, times, uncheckedText } from '../../lib/plan/describe.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import { age, table } from '../table.ts';
import { findPlan } from './newest-plan.ts';
import type { RepositoryFlags } from './options.ts';
import { say, sayJson, terminalWidth } from './terminal.ts';

const EXAMPLES = `
Examples:
  perch plan shop                          the next rollout, step by step`;

/** `perch plan <release>`: the steps of the next rollout, as `npm run synth` left them. */
export function addPlan(program: Command): Command {
  return program
    .command('plan')
    .argument('<release>', 'id of the release')
    .description("print a release's plan: step, weights, what it writes, gate and bake time")
    .addHelpText('after', EXAMPLES)
    .action(async (release: string, _: unknown, command: Command) => {
      const flags = command.optsWithGlobals<RepositoryFlags>();
      const plan = await findPlan(flags, release);
      if (flags.json) sayJson(plan);
      else say(planText(plan, terminalWidth()));
    });
}

/** A plan as people read it. @param width of the place where they do */
export function planText(plan: Plan, width: number): string {
  const rows = describeSteps(plan).map((it) => [it.step, it.weights, it.writes, it.bake, it.gate]);
  const { promoteMinSeconds, promoteWorstSeconds, rollbackMinSeconds, rollbackWorstSeconds } =
    times(plan);
  const unchecked = uncheckedText(plan);
  return [
    `${plan.release}: ${plan.images.join(', ')} (candidate ${plan.candidate}), ${plan.namespace}/${plan.name}`,
    '',
    table(['STEP', 'WEIGHTS', 'WRITES', 'BAKE', 'GATE'], rows, width),
    '',
    ...(unchecked === undefined ? [] : [`checks: ${unchecked}`]),
    `to promote: ${age(promoteMinSeconds)} at least, ${age(promoteWorstSeconds)} at worst`,
    `to roll back: ${age(rollbackMinSeconds)} at least, ${age(rollbackWorstSeconds)} at worst`,
  ].join('\n');
}
