import type { Command } from 'commander';
import type { HostSite } from '../hosts/site.ts';
import { configuration } from './configuration.ts';
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

/** The hosts that the flag describes; none without it. @throws UsageError for a file that describes none */
export async function sitesOf({ hostsConfig: path }: HostFlags): Promise<readonly HostSite[]> {
  if (path === undefined) return [];
  return configuration(
    { flag: '--hosts-config', path, of: 'Git hosts', page: 'hosts' },
    async () =>
      // Loaded late, as most commands ask none.
      (await import('../hosts/registry.ts')).openSites,
  );
}
