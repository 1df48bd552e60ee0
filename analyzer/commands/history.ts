import type { Command } from 'commander';
import { isoTime } from '../core/state.ts';
import { walk } from '../history/history.ts';
import { type Transition, transitions } from '../history/transitions.ts';
import { newReadMemory } from '../situation/situation.ts';
import { table } from '../table.ts';
import { noRelease } from '../usage-error.ts';
import type { RepositoryFlags } from './options.ts';
import { withReader } from './repository.ts';
import { say, sayJson, terminalWidth } from './terminal.ts';

const EXAMPLES = `
Examples:
  perch history shop`;

/** `perch history <release>`: every transition from Git alone, the newest first. */
export function addHistory(program: Command): Command {
  return program
    .command('history')
    .argument('<release>', 'id of the release')
    .description(
      'print every transition of a release, the newest first: when, what, verdict, by whom and why',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (release: string, _: unknown, command: Command) => {
      const flags = command.optsWithGlobals<RepositoryFlags>();
      const rows = await readHistory(flags, release);
      if (flags.json) sayJson(rows.map(row));
      else say(historyTable(rows));
    });
}

async function readHistory(flags: RepositoryFlags, id: string): Promise<readonly Transition[]> {
  return withReader(flags, undefined, async (reader, at) => {
    const past =
      at.run === undefined
        ? { visits: [], complete: true }
        : await walk(reader, at.run, id, newReadMemory());
    if (past.visits.length > 0) return [...transitions(id, past)].reverse();
    const known = await reader.list(at);
    if (known.some((it) => it.id === id)) return [];
    throw noRelease(id, known);
  });
}

/** Every row has every key, so that machines need not guess; the time is ISO 8601, as in `perch status`. */
function row(it: Transition): unknown {
  const { transition = null, position = null, candidate = null, verdict = null, at, ...rest } = it;
  return { at: isoTime(at), transition, position, candidate, verdict, ...rest };
}

/** The rows as a table for people. */
export function historyTable(rows: readonly Transition[]): string {
  if (rows.length === 0) return 'no history: the release has not started on this branch';
  return table(
    ['WHEN', 'COMMIT', 'NO', 'KIND', 'POSITION', 'VERDICT', 'BY', 'REASON'],
    rows.map((it) => [
      isoTime(it.at),
      it.commit.slice(0, 7),
      String(it.transition ?? '-'),
      it.kind,
      it.position ?? '-',
      it.verdict ?? '-',
      it.by === '' ? '-' : it.by,
      it.problems.length === 0 ? it.reason : `${it.reason} (wrong: ${it.problems.join('; ')})`,
    ]),
    terminalWidth(),
  );
}
