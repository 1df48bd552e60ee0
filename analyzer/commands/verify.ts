import type { Command } from 'commander';
import { type Verification, verify } from '../history/history.ts';
import type { Exit } from './exit.ts';
import type { RepositoryFlags } from './options.ts';
import { withReader } from './repository.ts';
import { say, sayJson } from './terminal.ts';

const EXAMPLES = `
Examples:
  perch verify                             the whole history of the run branch
  perch verify main~20`;

/** `perch verify [REV]`: exit 1 and the differing files when a revision is not what it must be. */
export function addVerify(program: Command, exit: Exit): Command {
  return program
    .command('verify')
    .argument('[revision]', 'revision of the run branch (default: its tip)')
    .description(
      'prove that live/ is what pinned plan, stable set and position say, and how it came to be',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (revision: string | undefined, _: unknown, command: Command) => {
      const flags = command.optsWithGlobals<RepositoryFlags>();
      const all = await withReader(flags, revision, (reader, at) => verify(reader, at));
      if (flags.json) sayJson(all);
      else say(report(all));
      if (all.some((it) => it.problems.length > 0)) exit(1);
    });
}

function report(all: readonly Verification[]): string {
  if (all.length === 0) return 'nothing to verify: no release has started on this branch';
  return all.map(releaseReport).join('\n');
}

const SOURCES: Readonly<Record<Verification['source'], string>> = {
  found: 'plans found in the source',
  absent: 'plans missing in the source',
  unknown: 'plans not looked up: the source is absent or its history is cut off',
};

function releaseReport(it: Verification): string {
  const { release, transitions, complete, ownPaths, source, problems } = it;
  const count = `${transitions} ${transitions === 1 ? 'transition' : 'transitions'}`;
  const cut = complete ? '' : ' (history is cut off here)';
  const paths = `${ownPaths} ${ownPaths === 1 ? 'commit' : 'commits'} checked for other paths`;
  const proved = `${count}${cut}, ${paths}, ${SOURCES[source]}`;
  if (problems.length === 0) return `${release}: verified, ${proved}`;
  return [`${release}: DIFFERS, ${proved}`, ...problems.map((it) => `  ${it}`)].join('\n');
}
