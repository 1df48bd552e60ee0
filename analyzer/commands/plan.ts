import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { describeSteps, times, uncheckedText } from '../../lib/plan/describe.ts';
import { parsePlan } from '../../lib/plan/parse.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import { readYaml } from '../../lib/plan/read-yaml.ts';
import { workTreeOf } from '../git/index.ts';
import { loadPlan } from '../situation/situation.ts';
import { age, table } from '../table.ts';
import { UsageError } from '../usage-error.ts';
import type { RepositoryFlags } from './options.ts';
import { withReader } from './repository.ts';
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
      else say(planTable(plan));
    });
}

/** The work tree first, so that a plan can be read before it is committed; then the source branch. */
async function findPlan(flags: RepositoryFlags, release: string): Promise<Plan> {
  const found = await planFile(flags.repo, release);
  if (found !== undefined) return parsePlan(found.text, found.path);
  return withReader(flags, undefined, async (reader, at) => {
    const all = (await reader.list(at)).filter((it) => it.dist !== undefined);
    const trees = all.find((it) => it.id === release);
    const loaded = await loadPlan(reader, trees?.dist, `dist/${release}`, new Map());
    if (loaded.kind === 'known') return loaded.value.plan;
    if (loaded.kind === 'broken') throw new Error(loaded.reason);
    const known = all.map((it) => it.id).join(', ') || 'none; run `npm run synth`';
    throw new UsageError(`there is no plan of "${release}"; there are: ${known}`);
  });
}

interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** What synth left in the folder that `--repo` names, else here or in a folder above, as far as the work tree reaches. */
async function planFile(repo: string | undefined, release: string): Promise<TextFile | undefined> {
  const folders = repo === undefined ? await upwards(resolve('.')) : [repo];
  for (const folder of folders)
    for (const output of await outputsOf(folder)) {
      const path = resolve(folder, output, release, 'plan.yaml');
      const text = await textOf(path);
      if (text !== undefined) return { path, text };
    }
  return undefined;
}

/** A folder and those above it in its work tree, from the inside out. */
async function upwards(folder: string): Promise<readonly string[]> {
  const top = await workTreeOf(folder);
  const all = [folder];
  // In another spelling of its path, as behind a link, a folder is taken alone.
  while (top !== undefined && all[0] !== top && dirname(all[0] ?? top) !== all[0])
    all.unshift(dirname(all[0] ?? top));
  return all[0] === top ? all.reverse() : [folder];
}

/** Where synth writes to: the `output` of a cdk8s.yaml, and `dist`. */
async function outputsOf(folder: string): Promise<readonly string[]> {
  const text = await textOf(join(folder, 'cdk8s.yaml'));
  const reading = text === undefined ? undefined : readYaml(text);
  const config = reading?.kind === 'read' ? configSchema.safeParse(reading.value) : undefined;
  return [...new Set([config?.data?.output ?? 'dist', 'dist'])];
}

const configSchema = z.object({ output: z.string() });

function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

function planTable(plan: Plan): string {
  const rows = describeSteps(plan).map((it) => [it.step, it.weights, it.writes, it.bake, it.gate]);
  const { promoteMinSeconds, promoteWorstSeconds, rollbackMinSeconds, rollbackWorstSeconds } =
    times(plan);
  const unchecked = uncheckedText(plan);
  return [
    `${plan.release}: ${plan.images.join(', ')} (candidate ${plan.candidate}), ${plan.namespace}/${plan.name}`,
    '',
    table(['STEP', 'WEIGHTS', 'WRITES', 'BAKE', 'GATE'], rows, terminalWidth()),
    '',
    ...(unchecked === undefined ? [] : [`checks: ${unchecked}`]),
    `to promote: ${age(promoteMinSeconds)} at least, ${age(promoteWorstSeconds)} at worst`,
    `to roll back: ${age(rollbackMinSeconds)} at least, ${age(rollbackWorstSeconds)} at worst`,
  ].join('\n');
}
