import * as z from 'zod';
import { faultsText } from '../../lib/plan/parse.ts';
import { alertmanager, alertmanagerOptions } from './alertmanager.ts';
import type { Channel } from './channel.ts';
import { discord, discordOptions } from './discord.ts';
import { googleChat, googleChatOptions } from './google-chat.ts';
import { grafana, grafanaOptions } from './grafana.ts';
import { matrix, matrixOptions } from './matrix.ts';
import { mattermost, mattermostOptions } from './mattermost.ts';
import { SEVERITIES, type Severity } from './message.ts';
import { opsgenie, opsgenieOptions } from './opsgenie.ts';
import { pagerduty, pagerdutyOptions } from './pagerduty.ts';
import { slack, slackOptions, slackWebhook, slackWebhookOptions } from './slack.ts';
import { teams, teamsOptions } from './teams.ts';
import { telegram, telegramOptions } from './telegram.ts';
import { webhook, webhookOptions } from './webhook.ts';

/** Every kind of channel, by the name that configuration gives it. */
export const channelKinds = {
  slack,
  'slack-webhook': slackWebhook,
  teams,
  discord,
  mattermost,
  // It takes the shape of the one before.
  'rocket-chat': mattermost,
  'google-chat': googleChat,
  telegram,
  matrix,
  pagerduty,
  opsgenie,
  grafana,
  alertmanager,
  webhook,
} satisfies Record<string, (options: never) => Channel>;

/** A channel, and what it is told. */
export interface Subscription {
  /** As the configuration calls it. */
  readonly name: string;
  readonly channel: Channel;
  /** The least that it is told. */
  readonly severity: Severity;
  /** @default - all */
  readonly namespaces?: readonly string[] | undefined;
  /** @default - all */
  readonly releases?: readonly string[] | undefined;
}

/** What every kind can say. */
const wanted = {
  /** @default 'info'; 'error' for what wakes people */
  severity: z.enum(SEVERITIES).optional(),
  namespaces: z.array(z.string()).min(1).optional(),
  releases: z.array(z.string()).min(1).optional(),
};

type Opened = Omit<Subscription, 'name' | 'severity'> & {
  readonly severity: Severity | undefined;
};

const subscriptionSchema: z.ZodType<Opened> = z.discriminatedUnion('kind', [
  of('slack', slackOptions, slack),
  of('slack-webhook', slackWebhookOptions, slackWebhook),
  of('teams', teamsOptions, teams),
  of('discord', discordOptions, discord),
  of('mattermost', mattermostOptions, mattermost),
  of('rocket-chat', mattermostOptions, mattermost),
  of('google-chat', googleChatOptions, googleChat),
  of('telegram', telegramOptions, telegram),
  of('matrix', matrixOptions, matrix),
  of('pagerduty', pagerdutyOptions, pagerduty),
  of('opsgenie', opsgenieOptions, opsgenie),
  of('grafana', grafanaOptions, grafana),
  of('alertmanager', alertmanagerOptions, alertmanager),
  of('webhook', webhookOptions, webhook),
]);
const channelsSchema = z.record(z.string(), subscriptionSchema);

function of<K extends keyof typeof channelKinds, S extends z.ZodRawShape>(
  kind: K,
  options: z.ZodObject<S>,
  open: (options: z.output<z.ZodObject<S>>) => Channel,
) {
  return z
    .looseObject({ kind: z.literal(kind), ...wanted })
    .transform(({ kind: _, severity, namespaces, releases, ...rest }, context): Opened => {
      const parsed = options.strict().safeParse(rest);
      if (parsed.success) return { channel: open(parsed.data), severity, namespaces, releases };
      for (const { message, path } of parsed.error.issues)
        context.addIssue({ code: 'custom', message, path: [...path] });
      return z.NEVER;
    });
}

/**
 * Reads which channels a configuration describes: by name, each with a kind, what that kind asks for, and what it is told.
 *
 * @param place where it came from, for the message
 * @throws Error that names the place, the channel and the remedy
 */
export function openChannels(configuration: unknown, place: string): readonly Subscription[] {
  const result = channelsSchema.safeParse(configuration);
  if (!result.success)
    throw new Error(
      `${place} does not describe channels: ${faultsText(result.error)}. ` +
        `It has the names of channels, each with a kind (${Object.keys(channelKinds).join(', ')}) and its options; docs/notifications.md shows them.`,
    );
  return Object.entries(result.data).map(([name, { severity, ...it }]) => ({
    name,
    // What wakes people is told what is bad, unless they want more.
    severity: severity ?? (it.channel.closes ? 'error' : 'info'),
    ...it,
  }));
}
