import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { exported } from '../core/export.ts';
import { atRest, positionText } from '../core/position.ts';
import type { Reader, Snapshot } from '../git/index.ts';
import { loadSituation, newReadMemory } from '../situation/situation.ts';
import { noRelease, UsageError } from '../usage-error.ts';
import type { RepositoryFlags } from './options.ts';
import { withReader } from './repository.ts';
import { say, sayJson } from './terminal.ts';

const EXAMPLES = `
Examples:
  perch export shop plain/shop`;

/** `perch export <release>`: its plain manifests, for a repository without Perch. */
export function addExport(program: Command): Command {
  return program
    .command('export')
    .argument('<release>', 'id of the release')
    .argument('[folder]', 'where to write; it must be new or empty (default: ./<release>)')
    .description('write the plain manifests of a release at rest: no canary, nothing of Perch')
    .addHelpText('after', EXAMPLES)
    .action(async (release: string, into: string | undefined, _: unknown, command: Command) => {
      const flags = command.optsWithGlobals<RepositoryFlags>();
      const folder = into ?? release;
      await refuseFull(folder);
      const { files, leftOut } = await withReader(flags, undefined, (reader, at) =>
        plainFiles(reader, at, release),
      );
      await write(folder, files);
      const names = [...files.keys()];
      if (flags.json) sayJson({ release, folder, files: names, leftOut });
      else say(report(release, folder, names, leftOut));
    });
}

interface PlainFiles {
  /** Text by path. */
  readonly files: ReadonlyMap<string, string>;
  /** Paths of files that only a release has. */
  readonly leftOut: readonly string[];
}

async function plainFiles(reader: Reader, at: Snapshot, id: string): Promise<PlainFiles> {
  const all = await reader.list(at);
  const trees = all.find((it) => it.id === id);
  if (trees === undefined) throw noRelease(id, all);
  const { rollout } = await loadSituation(reader, trees, newReadMemory(), at);
  if (rollout.kind === 'broken') throw new Error(`${id} cannot be exported: ${rollout.reason}`);
  if (rollout.kind !== 'known') throw new Error(`${id} has not started: nothing of it runs`);
  const { state, plan, files } = rollout.value;
  if (!atRest(state.position))
    throw new Error(
      `${id} is not at rest (${positionText(state.position)}): wait for the end of its rollout, see perch wait ${id}`,
    );
  const kept = new Map<string, string>();
  const leftOut: string[] = [];
  const texts = await reader.texts([...files.values()].map((it) => it.oid));
  for (const [index, [path, { info }]] of [...files].entries()) {
    const it = exported(plan.plan.name, info, texts[index] ?? '');
    if (it.kind === 'kept') kept.set(path, it.text);
    else leftOut.push(path);
  }
  return { files: kept, leftOut };
}

/** @throws UsageError where the folder holds anything */
async function refuseFull(folder: string): Promise<void> {
  const found = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new UsageError(`${folder} cannot be written to: ${String(error)}`, { cause: error });
  });
  if (found.length > 0)
    throw new UsageError(
      `${folder} is not empty: name a new folder, as in perch export shop plain`,
    );
}

async function write(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

function report(
  id: string,
  folder: string,
  files: readonly string[],
  leftOut: readonly string[],
): string {
  return [
    `${folder}: ${files.length} files`,
    ...files.map((it) => `  ${it}`),
    ...(leftOut.length === 0
      ? []
      : ['Left out, as only a rollout needs it:', ...leftOut.map((it) => `  ${it}`)]),
    '',
    `Next: let the old sync object go without its objects, sync ${folder} instead, delete ${id} from apps/, and`,
    `run perch remove ${id}. docs/leave.md has each step for Flux and Argo CD.`,
  ].join('\n');
}
