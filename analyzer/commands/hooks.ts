import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type HookClient, hookClient } from '../hooks/client.ts';
import { UsageError } from '../usage-error.ts';
import { flag } from './options.ts';

/** Flags that say with what hooks are called. */
export interface HookFlags {
  readonly hookKeys?: string;
  readonly hookAuthorities?: string;
}

/** Adds them. */
export function addHookFlags(command: Command): Command {
  return command
    .addOption(
      flag(
        '--hook-keys <folder>',
        'keys that sign what hooks are sent: one file for each, by its name in the release',
        'PERCH_HOOK_KEYS',
      ),
    )
    .addOption(
      flag(
        '--hook-authorities <folder>',
        'authorities that hooks trust: one PEM file for each, by its name in the release',
        'PERCH_HOOK_AUTHORITIES',
      ),
    );
}

/** What calls the hooks. @throws UsageError for a folder that is not there */
export function hookClientOf({ hookKeys, hookAuthorities }: HookFlags): HookClient {
  return hookClient({
    keysFolder: folder('--hook-keys', hookKeys),
    authoritiesFolder: folder('--hook-authorities', hookAuthorities),
  });
}

function folder(name: string, given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const path = resolve(given);
  const isThere = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isThere)
    throw new UsageError(`${name} ${path} is not a folder: give the one that holds the files`);
  return path;
}
