import * as z from 'zod';
import { webAddress } from '../http/address.ts';
import type { Channel } from './channel.ts';
import type { Message, Severity } from './message.ts';
import { bearer, caFile } from './options.ts';
import { post } from './post.ts';
import { cut } from './shape.ts';

/** An API integration of Opsgenie. */
export type OpsgenieOptions = z.infer<typeof opsgenieOptions>;
export const opsgenieOptions = z.strictObject({
  /** A file with the integration's key. */
  keyFile: z.string(),
  /** Where the account is in Europe: `https://api.eu.opsgenie.com`. */
  address: webAddress().default('https://api.opsgenie.com'),
  caFile,
});

/** https://docs.opsgenie.com/docs/alert-api; each rollout has one alert, which its end closes. */
export function opsgenie({ keyFile, address: base, caFile: ca }: OpsgenieOptions): Channel {
  return {
    closes: true,
    send: (message, until) => {
      const alias = cut(`perch/${message.rollout}`, 512);
      const close = `/${encodeURIComponent(alias)}/close?identifierType=alias`;
      return post({
        url: () => `${base}/v2/alerts${message.ends ? close : ''}`,
        body: () => (message.ends ? { note: message.title } : { alias, ...shaped(message) }),
        sign: bearer(keyFile, 'GenieKey'),
        caFile: ca,
        until,
      });
    },
  };
}

const PRIORITY: Readonly<Record<Severity, string>> = { info: 'P5', warn: 'P3', error: 'P2' };

function shaped({ id, title, text, fields, severity, release, link }: Message): object {
  return {
    message: cut(title, 130),
    description: cut(text, 15_000),
    details: {
      id,
      ...(link === undefined ? {} : { link }),
      ...Object.fromEntries(fields.map(({ name, value }) => [name, value])),
    },
    entity: cut(release, 512),
    source: 'Perch',
    priority: PRIORITY[severity],
  };
}
