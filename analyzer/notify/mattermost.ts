import type * as z from 'zod';
import type { Channel } from './channel.ts';
import type { Message } from './message.ts';
import { addressIn, secretAddress } from './options.ts';
import { post } from './post.ts';
import { COLORS, cut, markdown } from './shape.ts';

/** An incoming webhook of Mattermost, or of Rocket.Chat, which takes the same. */
export type MattermostOptions = z.infer<typeof mattermostOptions>;
export const mattermostOptions = secretAddress;

/** https://developers.mattermost.com/integrate/webhooks/incoming/ and https://docs.rocket.chat/docs/integrations */
export function mattermost({ urlFile, caFile }: MattermostOptions): Channel {
  return {
    closes: false,
    send: (message, until) =>
      post({ url: () => addressIn(urlFile), body: () => shaped(message), caFile, until }),
  };
}

function shaped({ title, text, fields, link, severity }: Message): object {
  return {
    attachments: [
      {
        color: `#${COLORS[severity]}`,
        fallback: cut(markdown(title), 1000),
        title: cut(markdown(title), 1000),
        title_link: link,
        text: cut(markdown(text), 4000),
        fields: fields.map(({ name, value }) => ({
          short: true,
          title: markdown(name),
          value: cut(markdown(value), 1000),
        })),
      },
    ],
  };
}
