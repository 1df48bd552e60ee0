import type { Command } from 'commander';
import { VERSION, versionText } from '../version.ts';
import type { RepositoryFlags } from './options.ts';
import { say, sayJson } from './terminal.ts';

/** `perch version`, and `perch --version`: what this program was made from. */
export function addVersion(program: Command): Command {
  return program
    .version(versionText(VERSION), '-V, --version', 'print version and commit')
    .command('version')
    .description('print version and commit')
    .action((_: unknown, command: Command) => {
      const { json } = command.optsWithGlobals<RepositoryFlags>();
      if (json) sayJson(VERSION);
      else say(versionText(VERSION));
    });
}
