import type { Command } from 'commander';
import { initBranch, personIdentity } from '../git/index.ts';
import type { RepositoryFlags } from './options.ts';
import { locateNow, repositoryOptions } from './repository.ts';
import { say, sayJson } from './terminal.ts';

interface InitFlags extends RepositoryFlags {
  readonly beside?: true;
}

const EXAMPLES = `
Examples:
  perch init-branch --branch live --source-branch main`;

/** `perch init-branch`: makes the run branch for the very first start. An analyzer never does. */
export function addInitBranch(program: Command): Command {
  return program
    .command('init-branch')
    .option('--beside', 'also where another branch of the repository has rollouts/ already')
    .description('make the run branch, empty, for the very first start')
    .addHelpText('after', EXAMPLES)
    .action(async (_: unknown, command: Command) => {
      const flags = command.optsWithGlobals<InitFlags>();
      const identity = flags.identity ?? (await personIdentity());
      const options = repositoryOptions(await locateNow(flags), flags, identity);
      const now = Date.now() / 1000;
      const result = await initBranch({ ...options, now, beside: flags.beside === true });
      if (result.kind === 'refused') throw new Error(`no branch was made: ${result.reason}`);
      const { branch } = flags;
      const { commit } = result;
      if (flags.json) sayJson({ branch, commit });
      else say(`${commit.slice(0, 10)} begins branch ${branch}: the analyzer can start`);
    });
}
