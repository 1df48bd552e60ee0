import type * as z from 'zod';
import type { Channel } from './channel.ts';
import { addressIn, secretAddress } from './options.ts';
import { post } from './post.ts';
import { COLORS, cut, markdown } from './shape.ts';

/** A webhook of a Discord channel. */
export type DiscordOptions = z.infer<typeof discordOptions>;
export const discordOptions = secretAddress;

/** https://discord.com/developers/docs/resources/webhook#execute-webhook */
export function discord({ urlFile, caFile }: DiscordOptions): Channel {
  return {
    closes: false,
    send: ({ title, text, fields, link, severity, at }, until) =>
      post({
        url: () => addressIn(urlFile),
        body: () => ({
          embeds: [
            {
              title: cut(markdown(title), 256),
              description: cut(markdown(text), 4000),
              url: link,
              color: Number.parseInt(COLORS[severity], 16),
              timestamp: at,
              fields: fields.map(({ name, value }) => ({
                name: cut(markdown(name), 256),
                value: cut(markdown(value), 1000),
                inline: true,
              })),
            },
          ],
          allowed_mentions: { parse: [] },
        }),
        caFile,
        until,
      }),
  };
}
