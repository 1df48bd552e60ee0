import * as z from 'zod';
import { webAddress } from '../http/address.ts';
import type { Channel } from './channel.ts';
import { bearer, caFile } from './options.ts';
import { post } from './post.ts';
import { cut, html, linesOf } from './shape.ts';

/** A Grafana, whose graphs show what happened when. */
export type GrafanaOptions = z.infer<typeof grafanaOptions>;
export const grafanaOptions = z.strictObject({
  address: webAddress(),
  /** A file with a service account's token that may write annotations. */
  tokenFile: z.string(),
  caFile,
});

/** https://grafana.com/docs/grafana/latest/developers/http_api/annotations/; its text is HTML. */
export function grafana({ address: base, tokenFile, caFile: ca }: GrafanaOptions): Channel {
  return {
    closes: false,
    send: (message, until) => {
      const { title, kind, severity, release, namespace, at } = message;
      const lines = [title, ...linesOf(message)].map((it) => html(cut(it, 2000)));
      const tags = ['perch', kind, severity, `release:${release}`, `namespace:${namespace}`];
      return post({
        url: () => `${base}/api/annotations`,
        body: () => ({
          time: Date.parse(at),
          tags: namespace === undefined ? tags.slice(0, -1) : tags,
          text: lines.join('<br/>'),
        }),
        sign: bearer(tokenFile),
        caFile: ca,
        until,
      });
    },
  };
}
