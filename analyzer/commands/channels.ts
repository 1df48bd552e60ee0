import type { Command } from 'commander';
import type { Subscription } from '../notify/registry.ts';
import { configuration } from './configuration.ts';
import { flag } from './options.ts';

/** The flag that says where people are told. */
export interface ChannelFlags {
  readonly channelsConfig?: string;
}

/** Adds it. */
export function addChannelFlags(command: Command): Command {
  return command.addOption(
    flag(
      '--channels-config <file>',
      'where people are told what happens: YAML, each name with a kind and its options',
      'PERCH_CHANNELS_CONFIG',
    ),
  );
}

/** The channels that the flag describes; none without it. @throws UsageError for a file that describes none */
export async function channelsOf({
  channelsConfig: path,
}: ChannelFlags): Promise<readonly Subscription[]> {
  if (path === undefined) return [];
  return configuration(
    { flag: '--channels-config', path, of: 'channels', page: 'notifications' },
    async () =>
      // Loaded late, as most commands tell nobody.
      (await import('../notify/registry.ts')).openChannels,
  );
}
