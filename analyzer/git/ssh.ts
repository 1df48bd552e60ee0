import { type GitCommand, runGit } from './command.ts';
import type { Remote } from './remote.ts';

/**
 * The variables with which ssh asks nobody: it fails at once where a passphrase, a password or a new host key would
 * be asked for. What a person has set up as the command stays; only OpenSSH's own gets the option.
 */
export async function sshEnvironment(
  git: GitCommand,
  remotes: readonly Remote[],
): Promise<Readonly<Record<string, string>>> {
  const named = remotes.find((it) => it.named !== undefined)?.named;
  // What a clone pushes to may be another address than what it fetches from.
  if (named === undefined && !remotes.some(({ address }) => isSsh(address))) return {};
  const set = { ...process.env, ...git.environment };
  const command = set.GIT_SSH_COMMAND ?? (await configured(git, named?.folder ?? '/'));
  // A program instead of a command takes no options from us.
  if (command === undefined && set.GIT_SSH !== undefined) return {};
  return { GIT_SSH_COMMAND: batchMode(command ?? 'ssh') };
}

/** The command with the option, where it is plainly OpenSSH's. */
export function batchMode(command: string): string {
  const isPlain = /^\s*(?:[^\s;|&<>'"`$]*\/)?ssh(?:\s[^;|&<>`]*)?$/.test(command);
  return isPlain ? `${command} -o BatchMode=yes` : command;
}

async function configured(git: GitCommand, folder: string): Promise<string | undefined> {
  const output = await runGit(git, {
    arguments: ['config', '--get', 'core.sshCommand'],
    folder,
  });
  const value = output.stdout.trim();
  return value === '' ? undefined : value;
}

function isSsh(address: string): boolean {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(address)) return /^[a-z+]*ssh[a-z+]*:/i.test(address);
  return !address.startsWith('/') && /^[^/]+:/.test(address);
}
