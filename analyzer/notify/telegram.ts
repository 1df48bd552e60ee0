import * as z from 'zod';
import { webAddress } from '../http/address.ts';
import { secretIn } from '../http/own-file.ts';
import type { Channel } from './channel.ts';
import { caFile } from './options.ts';
import { failed, post } from './post.ts';
import { cut, html, linesOf } from './shape.ts';

/** A bot that writes into a chat. */
export type TelegramOptions = z.infer<typeof telegramOptions>;
export const telegramOptions = z.strictObject({
  /** A file with the bot's token. */
  tokenFile: z.string(),
  /** A chat's id, or `@channel`. */
  chat: z.string(),
  /** The topic of a forum. @default - the general one */
  topic: z.number().int().optional(),
  address: webAddress().default('https://api.telegram.org'),
  caFile,
});

/** A message is at most 4,096 characters, after its entities are parsed. */
const LONGEST = 3900;

/** https://core.telegram.org/bots/api#sendmessage */
export function telegram(options: TelegramOptions): Channel {
  const { tokenFile, chat, topic, address: base, caFile: ca } = options;
  return {
    closes: false,
    send: (message, until) =>
      post({
        url: async () => `${base}/bot${encodeURIComponent(await secretIn(tokenFile))}/sendMessage`,
        body: () => ({
          chat_id: chat,
          message_thread_id: topic,
          text: `<b>${html(cut(message.title, 200))}</b>\n${html(cut(linesOf(message).join('\n'), LONGEST - 200))}`,
          parse_mode: 'HTML',
          link_preview_options: { is_disabled: true },
          disable_notification: message.severity === 'info',
        }),
        caFile: ca,
        check: (body) =>
          z.object({ ok: z.literal(true) }).safeParse(body).success
            ? { kind: 'sent' }
            : failed('unavailable', 'the answer is not one of Telegram'),
        until,
      }),
  };
}
