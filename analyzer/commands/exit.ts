import { CommanderError } from 'commander';
import { GitError } from '../git/index.ts';
import { HostError } from '../hosts/failure.ts';
import { ListenError } from '../telemetry/listen-error.ts';
import { UsageError } from '../usage-error.ts';

/** How a command says which code its process ends with; the last word counts, and without one it is 0. */
export type Exit = (code: number) => void;

/** The code for what a command failed with. */
export function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) return 2;
  if (error instanceof ListenError) return error.isInUse ? 3 : 2;
  if (error instanceof HostError) return 3;
  if (!(error instanceof GitError)) return 1;
  return error.usage ? 2 : 3;
}
