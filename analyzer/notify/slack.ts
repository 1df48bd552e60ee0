import * as z from 'zod';
import { webAddress } from '../http/address.ts';
import type { Channel, Delivery } from './channel.ts';
import type { Message } from './message.ts';
import { addressIn, bearer, caFile, secretAddress } from './options.ts';
import { failed, post } from './post.ts';
import { COLORS, cut, html } from './shape.ts';

/** An incoming webhook, which writes into one channel. */
export type SlackWebhookOptions = z.infer<typeof slackWebhookOptions>;
export const slackWebhookOptions = secretAddress;

/** A bot, which keeps a thread for each rollout. */
export type SlackOptions = z.infer<typeof slackOptions>;
export const slackOptions = z.strictObject({
  /** A file with the bot's token, whose scope is `chat:write`. */
  tokenFile: z.string(),
  /** A channel's id; the bot must be in it. */
  channel: z.string(),
  address: webAddress().default('https://slack.com/api'),
  caFile,
});

/** https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
export function slackWebhook({ urlFile, caFile: ca }: SlackWebhookOptions): Channel {
  return {
    closes: false,
    send: (message, until) =>
      post({ url: () => addressIn(urlFile), body: () => shaped(message), caFile: ca, until }),
  };
}

/** Rollouts whose threads are known; of an older one the next message begins a new thread. */
const MOST_THREADS = 1000;

/** https://docs.slack.dev/reference/methods/chat.postMessage */
export function slack(options: SlackOptions): Channel {
  const { tokenFile, channel, address: base, caFile: ca } = options;
  const threads = new Map<string, string>();
  return {
    closes: false,
    send: (message, until) => {
      const thread = threads.get(message.rollout);
      const reply =
        thread === undefined
          ? {}
          : // What is an error is also shown outside of the thread.
            { thread_ts: thread, reply_broadcast: message.severity === 'error' };
      return post({
        url: () => `${base}/chat.postMessage`,
        body: () => ({ channel, ...shaped(message), ...reply }),
        type: 'application/json; charset=utf-8',
        sign: bearer(tokenFile),
        caFile: ca,
        check: (body) => {
          const said = answer.safeParse(body).data;
          if (said?.ok !== true) return refused(said?.error);
          if (thread === undefined && said.ts !== undefined) threads.set(message.rollout, said.ts);
          const [oldest] = threads.keys();
          if (oldest !== undefined && threads.size > MOST_THREADS) threads.delete(oldest);
          return { kind: 'sent' };
        },
        until,
      });
    },
  };
}

const answer = z.object({
  ok: z.boolean(),
  error: z.string().optional(),
  ts: z.string().optional(),
});

/** Slack answers 200 to nearly everything. */
function refused(error: string | undefined): Delivery {
  if (error === undefined) return failed('unavailable', 'the answer is not one of Slack');
  const word = /^[a-z_]{1,64}$/.test(error) ? error : 'an error';
  const reason = `Slack answered ${word}`;
  if (/^(?:ratelimited|rate_limited)$/.test(error)) return failed('rate-limited', reason);
  if (/^(?:fatal_error|internal_error|service_unavailable|request_timeout)$/.test(error))
    return failed('unavailable', reason);
  return /auth|token|account_inactive|missing_scope|access_denied/.test(error)
    ? failed('unauthorised', reason)
    : failed('refused', reason);
}

/** In `plain_text` nothing is formatted and nobody is called. */
function shaped({ title, text, fields, link, severity, at }: Message): object {
  const plainText = (it: string, longest: number) => ({
    type: 'plain_text',
    text: cut(it, longest),
    emoji: false,
  });
  const shown = fields.map(({ name, value }) => plainText(`${name}: ${value}`, 2000));
  const button = (url: string) => ({ type: 'button', text: plainText('Open', 75), url });
  return {
    // What notifications show. A link in Slack's markup begins with <, as does who is called.
    text: cut(html(title), 3000),
    attachments: [
      {
        color: `#${COLORS[severity]}`,
        fallback: html(cut(`${title} ${text}`, 1000)),
        blocks: [
          { type: 'header', text: plainText(title, 150) },
          ...(text === '' ? [] : [{ type: 'section', text: plainText(text, 3000) }]),
          ...(shown.length === 0 ? [] : [{ type: 'section', fields: shown.slice(0, 10) }]),
          ...(link === undefined ? [] : [{ type: 'actions', elements: [button(link)] }]),
          { type: 'context', elements: [plainText(at, 75)] },
        ],
      },
    ],
  };
}
