import type * as z from 'zod';
import type { Channel } from './channel.ts';
import type { Message, Severity } from './message.ts';
import { addressIn, secretAddress } from './options.ts';
import { post } from './post.ts';
import { cut, linesOf } from './shape.ts';

/** A workflow that is started by a webhook request and posts the card that it gets. */
export type TeamsOptions = z.infer<typeof teamsOptions>;
export const teamsOptions = secretAddress;

/** https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook, with an adaptive card. */
export function teams({ urlFile, caFile }: TeamsOptions): Channel {
  return {
    closes: false,
    send: (message, until) =>
      post({ url: () => addressIn(urlFile), body: () => shaped(message), caFile, until }),
  };
}

const COLOR: Readonly<Record<Severity, string>> = {
  info: 'good',
  warn: 'warning',
  error: 'attention',
};

/** A card is at most 28 KB. */
const LONGEST = 4000;

/** Text runs know no Markdown, unlike every other text of a card. */
function shaped(message: Message): object {
  const { title, severity, link, at } = message;
  const line = (text: string, more: object = {}) => ({
    type: 'RichTextBlock',
    inlines: [{ type: 'TextRun', text: cut(text, LONGEST), ...more }],
  });
  const lines = linesOf({ ...message, link: undefined });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            line(title, { size: 'large', weight: 'bolder', color: COLOR[severity] }),
            ...lines.map((it) => line(it)),
            line(at, { isSubtle: true }),
          ],
          actions: link === undefined ? [] : [{ type: 'Action.OpenUrl', title: 'Open', url: link }],
        },
      },
    ],
  };
}
