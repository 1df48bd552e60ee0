import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { parsePlan } from '../../lib/plan/parse.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import { readYaml } from '../../lib/plan/read-yaml.ts';
import { workTreeOf } from '../git/index.ts';
import { loadPlan, newReadMemory } from '../situation/situation.ts';
import { UsageError } from '../usage-error.ts';
import type { RepositoryFlags } from './options.ts';
import { withReader } from './repository.ts';

/** A release's newest plan: the work tree first, so that a plan can be read before it is committed; then the source branch. */
export async function findPlan(flags: RepositoryFlags, release: string): Promise<Plan> {
  const found = await planFile(flags.repo, release);
  if (found !== undefined) return parsePlan(found.text, found.path);
  return withReader(flags, undefined, async (reader, at) => {
    const all = (await reader.list(at)).filter((it) => it.dist !== undefined);
    const trees = all.find((it) => it.id === release);
    const loaded = await loadPlan(reader, trees?.dist, `dist/${release}`, newReadMemory());
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
