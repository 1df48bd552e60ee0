import { Command, CommanderError } from 'commander';
import { addAnalyze } from './commands/analyze.ts';
import { addComment } from './commands/comment.ts';
import { addCompletion } from './commands/completion.ts';
import { addDiff } from './commands/diff.ts';
import { type Exit, exitCode } from './commands/exit.ts';
import { addExplain } from './commands/explain.ts';
import { addExport } from './commands/export.ts';
import { addHistory } from './commands/history.ts';
import { addInit } from './commands/init.ts';
import { addInitBranch } from './commands/init-branch.ts';
import { addRepositoryFlags } from './commands/options.ts';
import { addPersonCommands } from './commands/person.ts';
import { addPlan } from './commands/plan.ts';
import { addReplay } from './commands/replay.ts';
import { addSimulate } from './commands/simulate.ts';
import { addStatus } from './commands/status.ts';
import { complain, USAGE_OUTPUT } from './commands/terminal.ts';
import { addVerify } from './commands/verify.ts';
import { addVersion } from './commands/version.ts';
import { addWait } from './commands/wait.ts';

const EXIT_CODES = `
Exit codes:
  0  done; verified; what was replayed holds; every release is at rest; diff showed what comes next, also where that is nothing; what
     wait waits for has happened
  1  verify or replay found differences; a request makes no sense in the release's situation; the candidate that wait
     waits for ended otherwise
  2  wrong usage: also a folder without repository, a release, candidate, revision or step that does not exist or
     of which several begin as it was named, a clone with remotes of which none is said to be meant, and an
     address of --listen that this machine does not have
  3  the world failed: repository unreachable, the run branch is not there, a push was refused, the address of
     --listen is in use, a metric store gave replay no answer, a Git host did not take what comment wrote, or wait
     ran out of time; trying again may help
  4  replay cannot tell any more: the metric stores have lost samples that were judged`;

/** The `perch` command with all that it can do. */
export function perchCommand(exit: Exit): Command {
  const program = addRepositoryFlags(new Command('perch'))
    .description('progressive delivery as Git commits')
    .enablePositionalOptions(false)
    .exitOverride()
    .configureOutput(USAGE_OUTPUT)
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EXIT_CODES);
  addInit(program, exit);
  addPlan(program);
  addSimulate(program);
  addStatus(program);
  addExplain(program);
  addVerify(program, exit);
  addHistory(program);
  addReplay(program, exit);
  addDiff(program);
  addComment(program);
  addWait(program, exit);
  addExport(program);
  addInitBranch(program);
  addAnalyze(program, exit);
  addPersonCommands(program);
  addVersion(program);
  addCompletion(program);
  return program;
}

/** Does what these arguments ask for, and complains where that fails. */
export async function perch(args: readonly string[], exit: Exit): Promise<void> {
  try {
    await perchCommand(exit).parseAsync(args, { from: 'user' });
  } catch (error) {
    exit(exitCode(error));
    if (!(error instanceof CommanderError))
      complain(error instanceof Error ? error.message : String(error));
  }
}
