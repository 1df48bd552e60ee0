import * as z from 'zod';
import { webAddress } from '../http/address.ts';
import { secretIn } from '../http/own-file.ts';
import type { Channel } from './channel.ts';
import type { Message, Severity } from './message.ts';
import { caFile } from './options.ts';
import { post } from './post.ts';
import { cut } from './shape.ts';

/** An integration of a PagerDuty service. */
export type PagerdutyOptions = z.infer<typeof pagerdutyOptions>;
export const pagerdutyOptions = z.strictObject({
  /** A file with the integration's routing key. */
  keyFile: z.string(),
  address: webAddress().default('https://events.pagerduty.com'),
  caFile,
});

/** https://developer.pagerduty.com/docs/events-api-v2-overview; each rollout has one incident, which its end resolves. */
export function pagerduty({ keyFile, address: base, caFile: ca }: PagerdutyOptions): Channel {
  return {
    closes: true,
    send: (message, until) =>
      post({
        url: () => `${base}/v2/enqueue`,
        body: async () => ({ routing_key: await secretIn(keyFile), ...shaped(message) }),
        caFile: ca,
        until,
      }),
  };
}

const SEVERITY: Readonly<Record<Severity, string>> = {
  info: 'info',
  warn: 'warning',
  error: 'error',
};

function shaped(message: Message): object {
  const { id, kind, title, text, fields, link, severity, at, release, namespace } = message;
  const key = { dedup_key: cut(`perch/${message.rollout}`, 255) };
  if (message.ends) return { ...key, event_action: 'resolve' };
  return {
    ...key,
    event_action: 'trigger',
    client: 'Perch',
    payload: {
      summary: cut(text === '' ? title : `${title}: ${text}`, 1024),
      source: release,
      severity: SEVERITY[severity],
      timestamp: at,
      component: release,
      group: namespace,
      class: kind,
      custom_details: {
        id,
        ...Object.fromEntries(fields.map(({ name, value }) => [name, value])),
      },
    },
    links: link === undefined ? [] : [{ href: link, text: 'Open' }],
  };
}
