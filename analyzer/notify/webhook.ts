import { createHmac } from 'node:crypto';
import * as z from 'zod';
import type { Signed } from '../http/client.ts';
import { readJson } from '../http/json.ts';
import { secretIn } from '../http/own-file.ts';
import type { Channel } from './channel.ts';
import type { Message } from './message.ts';
import { addressIn, caFile } from './options.ts';
import { post } from './post.ts';

/** Any service: it gets a CloudEvent, or JSON of its own. */
export type WebhookOptions = z.infer<typeof webhookOptions>;
export const webhookOptions = z.strictObject({
  /** A file with the address, which may be secret. */
  urlFile: z.string(),
  /** A file with the key that signs the body, as hooks are signed. @default - it is not signed */
  keyFile: z.string().optional(),
  /** The body, as JSON in whose texts `{title}` and the like stand for what is told. @default - a CloudEvent */
  template: z.string().transform(checked).optional(),
  caFile,
});

/** What may stand in a template. */
const PLACES = [
  'id',
  'kind',
  'severity',
  'release',
  'namespace',
  'title',
  'text',
  'link',
  'at',
] as const;

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md, in structured mode. */
export function webhook({ urlFile, keyFile, template, caFile: ca }: WebhookOptions): Channel {
  return {
    closes: false,
    send: (message, until) =>
      post({
        url: () => addressIn(urlFile),
        body: () => (template === undefined ? cloudEvent(message) : filled(template, message)),
        type: template === undefined ? 'application/cloudevents+json' : 'application/json',
        sign: keyFile === undefined ? undefined : (body) => sign(keyFile, body),
        caFile: ca,
        until,
      }),
  };
}

async function sign(keyFile: string, body: string): Promise<Signed> {
  const key = await secretIn(keyFile);
  const digest = createHmac('sha256', key).update(body).digest('hex');
  return { headers: { 'X-Signature': `sha256=${digest}` }, secrets: [key, digest] };
}

function cloudEvent({ id, kind, release, at, ...more }: Message): object {
  return {
    specversion: '1.0',
    id,
    source: 'perch',
    type: `dev.perch.rollout.${kind}`,
    subject: release,
    time: at,
    datacontenttype: 'application/json',
    data: { release, kind, ...more },
  };
}

/** Whatever is put in stays inside of the text that it is put into. */
function filled(template: string, message: Message): string {
  return template.replace(PLACE, (_, name: keyof Message) =>
    JSON.stringify(String(message[name] ?? '')).slice(1, -1),
  );
}

const PLACE = /\{(id|kind|severity|release|namespace|title|text|link|at)\}/g;

function checked(template: string, context: z.RefinementCtx): string {
  const sample = template.replace(PLACE, () => 'x');
  const unknown = /\{([a-zA-Z]\w*)\}/.exec(sample)?.[1];
  const problem =
    unknown !== undefined
      ? `the template has {${unknown}}, and there are ${PLACES.map((it) => `{${it}}`).join(', ')}`
      : readJson(sample).kind === 'read'
        ? undefined
        : 'the template is not JSON; {title} and the like belong into quotes';
  if (problem === undefined) return template;
  context.addIssue({ code: 'custom', message: problem });
  return z.NEVER;
}
