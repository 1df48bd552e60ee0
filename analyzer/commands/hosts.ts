import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { readYaml } from '../../lib/plan/read-yaml.ts';
import type { HostSite } from '../hosts/site.ts';
import { UsageError } from '../usage-error.ts';
import { flag } from './options.ts';

/** The flag that says where pull requests are. */
export interface HostFlags {
  readonly hostsConfig?: string;
}

/** Adds it. */
export function addHostFlags(command: Command): Command {
  return command.addOption(
    flag(
      '--hosts-config <file>',
      'Git hosts, with what logs in there: YAML, each name with a kind and its options',
      'PERCH_HOSTS_CONFIG',
    ),
  );
}

const REMEDY =
  'It has the names of Git hosts, each with a kind and its options; docs/hosts.md shows them.';

/** The hosts that the flag describes; none without it. @throws UsageError for a file that describes none */
export async function sitesOf({ hostsConfig: path }: HostFlags): Promise<readonly HostSite[]> {
  if (path === undefined) return [];
  const place = `--hosts-config ${path}`;
  const reading = readYaml(textOf(path, place));
  if (reading.kind === 'refused') throw new UsageError(`${place} ${reading.reason}. ${REMEDY}`);
  // Loaded late, as most commands ask none.
  const { openSites } = await import('../hosts/registry.ts');
  try {
    return openSites(reading.value, place);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function textOf(path: string, place: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as { readonly code?: string };
    throw new UsageError(
      `${place} cannot be read (${code}): give a file that describes Git hosts`,
      {
        cause: error,
      },
    );
  }
}
