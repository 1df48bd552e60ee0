import type * as z from 'zod';
import type { Channel } from './channel.ts';
import type { Message } from './message.ts';
import { addressIn, secretAddress } from './options.ts';
import { post } from './post.ts';
import { cut, digest, html } from './shape.ts';

/** A webhook of a Google Chat space. */
export type GoogleChatOptions = z.infer<typeof googleChatOptions>;
export const googleChatOptions = secretAddress;

/** https://developers.google.com/workspace/chat/quickstart/webhooks; each rollout has a thread. */
export function googleChat({ urlFile, caFile }: GoogleChatOptions): Channel {
  return {
    closes: false,
    send: (message, until) =>
      post({ url: () => threaded(urlFile), body: () => shaped(message), caFile, until }),
  };
}

/** Without it a thread's key says nothing. */
async function threaded(urlFile: string): Promise<string> {
  const url = new URL(await addressIn(urlFile));
  url.searchParams.set('messageReplyOption', 'REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD');
  return url.href;
}

/** Texts of cards are HTML, but for the header's. */
function shaped({ title, text, fields, link, rollout, at }: Message): object {
  const paragraphs = text === '' ? [] : [{ textParagraph: { text: html(cut(text, 4000)) } }];
  const facts = fields.map(({ name, value }) => ({
    decoratedText: { topLabel: html(name), text: html(cut(value, 1000)), wrapText: true },
  }));
  const buttons =
    link === undefined
      ? []
      : [{ buttonList: { buttons: [{ text: 'Open', onClick: { openLink: { url: link } } }] } }];
  const card = {
    header: { title: cut(title, 200), subtitle: at },
    sections: [{ widgets: [...paragraphs, ...facts, ...buttons] }],
  };
  return { cardsV2: [{ cardId: 'perch', card }], thread: { threadKey: digest(rollout) } };
}
