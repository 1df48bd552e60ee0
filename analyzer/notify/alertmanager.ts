import * as z from 'zod';
import { webAddress } from '../http/address.ts';
import type { Channel } from './channel.ts';
import type { Message, Severity } from './message.ts';
import { bearer, caFile } from './options.ts';
import { post } from './post.ts';
import { cut } from './shape.ts';

/** An Alertmanager, which routes what it gets as it routes alerts of Prometheus. */
export type AlertmanagerOptions = z.infer<typeof alertmanagerOptions>;
export const alertmanagerOptions = z.strictObject({
  address: webAddress(),
  /** A file with a bearer token. @default - it asks for none */
  tokenFile: z.string().optional(),
  caFile,
});

/** Nobody repeats such an alert, so it ends by itself. */
const LASTS_SECONDS = 3600;

/** https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml; the end of a rollout ends its alerts. */
export function alertmanager(options: AlertmanagerOptions): Channel {
  const { address: base, tokenFile, caFile: ca } = options;
  return {
    closes: true,
    send: (message, until) =>
      post({
        url: () => `${base}/api/v2/alerts`,
        body: () => shaped(message),
        sign: tokenFile === undefined ? undefined : bearer(tokenFile),
        caFile: ca,
        until,
      }),
  };
}

const SEVERITY: Readonly<Record<Severity, string>> = {
  info: 'info',
  warn: 'warning',
  error: 'critical',
};

/** An alert is known by its labels: its end has the same ones. */
function shaped({ rollout, release, namespace, severity, ends, ...more }: Message): object {
  const { title, text, link, at } = more;
  const startsAt = Date.parse(at);
  const endsAt = new Date(startsAt + (ends ? 0 : LASTS_SECONDS * 1000)).toISOString();
  const severities = ends ? Object.values(SEVERITY) : [SEVERITY[severity]];
  return severities.map((it) => ({
    labels: {
      alertname: 'PerchRollout',
      release,
      ...(namespace === undefined ? {} : { namespace }),
      rollout,
      severity: it,
    },
    annotations: { summary: cut(title, 1000), description: cut(text, 4000) },
    startsAt: at,
    endsAt,
    ...(link === undefined ? {} : { generatorURL: link }),
  }));
}
