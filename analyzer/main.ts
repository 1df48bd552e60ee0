#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addAnalyze } from './commands/analyze.ts';
import { addPersonCommands } from './commands/person.ts';
import { addPlan } from './commands/plan.ts';
import { addStatus } from './commands/status.ts';
import { addVerify } from './commands/verify.ts';
import { addVersion } from './commands/version.ts';
import { GitError } from './git/index.ts';
import { addRepositoryFlags } from './options.ts';

const EXIT_CODES = `
Exit codes:
  0  done; verified; every release is at rest
  1  verify found differences, or a request makes no sense in the release's situation
  2  wrong usage
  3  the world failed: repository unreachable, or a push was refused; trying again may help`;

/** The `perch` command: composes, and is imported by nobody. */
async function main(): Promise<void> {
  const program = addRepositoryFlags(new Command('perch'))
    .description('progressive delivery as Git commits')
    .enablePositionalOptions(false)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EXIT_CODES);
  addPlan(program);
  addStatus(program);
  addVerify(program);
  addAnalyze(program);
  addPersonCommands(program);
  addVersion(program);
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = exitCode(error);
    if (!(error instanceof CommanderError)) complain(error);
  }
}

function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof GitError && error.retryable ? 3 : 1;
}

function complain(error: unknown): void {
  process.stderr.write(`perch: ${error instanceof Error ? error.message : String(error)}\n`);
}

void main();
