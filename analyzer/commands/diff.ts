import type { Command } from 'commander';
import { difference, type FileSet } from '../core/position.ts';
import type { Reader } from '../git/index.ts';
import { textDiff } from '../git/text-diff.ts';
import { loadSituation, newReadMemory } from '../situation/situation.ts';
import { noRelease } from '../usage-error.ts';
import type { RepositoryFlags } from './options.ts';
import { type Prospect, prospect } from './prospect.ts';
import { withReader } from './repository.ts';
import { type Color, say, sayJson } from './terminal.ts';

interface DiffFlags extends RepositoryFlags {
  readonly to?: string;
}

/** One file of live/ that changes. */
export interface FileChange {
  readonly path: string;
  /** `Deployment shop-canary` */
  readonly object: string;
  readonly change: 'added' | 'changed' | 'removed';
  /** The whole text; null where there is none. */
  readonly before: string | null;
  readonly after: string | null;
}

const EXAMPLES = `
Examples:
  perch diff shop                          what the next step changes
  perch diff shop --to complete | git apply --stat`;

/** `perch diff <release>`: what the next step changes in live/. */
export function addDiff(program: Command): Command {
  return program
    .command('diff')
    .argument('<release>', 'id of the release')
    .option('--to <step>', 'up to this later step, or how its name begins (default: the next one)')
    .description(
      'print what the next step changes in live/; exits with 0 also where that is nothing',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (release: string, _: unknown, command: Command) => {
      const flags = command.optsWithGlobals<DiffFlags>();
      const { it, changes } = await readDiff(flags, release);
      if (flags.json) sayJson(asJson(release, it, changes));
      else say((await asText(release, it, changes)).replace(/\n$/, ''), colorOf);
    });
}

async function readDiff(
  flags: DiffFlags,
  id: string,
): Promise<{ readonly it: Prospect; readonly changes: readonly FileChange[] }> {
  return withReader(flags, undefined, async (reader, at) => {
    const all = await reader.list(at);
    const trees = all.find((one) => one.id === id);
    if (trees === undefined) throw noRelease(id, all);
    const it = prospect(await loadSituation(reader, trees, newReadMemory(), at), flags.to);
    return { it, changes: await changesOf(reader, id, it) };
  });
}

/** What differs between two sets of files of a release, with all texts. */
export async function changesOf(
  reader: Reader,
  id: string,
  { before, after }: Pick<Prospect, 'before' | 'after'>,
): Promise<readonly FileChange[]> {
  const { changed, removed } = difference(before, after);
  const names = [...changed, ...removed].sort();
  const text = async (set: FileSet, name: string): Promise<string | null> => {
    const oid = set.get(name)?.oid;
    return oid === undefined ? null : ((await reader.texts([oid]))[0] ?? null);
  };
  const changes: FileChange[] = [];
  for (const name of names) {
    const info = (after.get(name) ?? before.get(name))?.info;
    const texts = { before: await text(before, name), after: await text(after, name) };
    changes.push({
      path: `live/${id}/${name}`,
      object: info === undefined ? name : `${info.kind} ${info.name}`,
      change: texts.before === null ? 'added' : texts.after === null ? 'removed' : 'changed',
      ...texts,
    });
  }
  return changes;
}

function asJson(release: string, it: Prospect, files: readonly FileChange[]): object {
  const { from, to = null, candidate = null, reason } = it;
  return { release, from, to, candidate, reason, files };
}

async function asText(
  release: string,
  { from, to, candidate, reason }: Prospect,
  changes: readonly FileChange[],
): Promise<string> {
  if (to === undefined) return `${release}: ${from}, and nothing comes next: ${reason}\n`;
  const head = `${release}: ${from} → ${to} (candidate ${candidate}); now: ${reason}`;
  const objects = changes.map((it) => `${it.object}: ${it.change}`);
  const diff = await diffOf(changes);
  const summary = objects.length === 0 ? ['no file of live/ changes'] : objects;
  const above = [head, '', ...summary, ''].join('\n');
  return diff === '' ? above : `${above}\n${diff}`;
}

/** As a unified diff; empty where nothing changes. */
export function diffOf(changes: readonly FileChange[]): Promise<string> {
  return textDiff({ before: side(changes, 'before'), after: side(changes, 'after') });
}

function colorOf(line: string): Color | undefined {
  if (/^(?:diff|index|---|\+\+\+) /.test(line)) return 'bold';
  if (line.startsWith('@@')) return 'cyan';
  return line.startsWith('+') ? 'green' : line.startsWith('-') ? 'red' : undefined;
}

function side(
  changes: readonly FileChange[],
  which: 'before' | 'after',
): ReadonlyMap<string, string> {
  return new Map(
    changes.flatMap((it): [string, string][] => {
      const text = it[which];
      return text === null ? [] : [[it.path, text]];
    }),
  );
}
