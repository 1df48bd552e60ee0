import * as z from 'zod';
import { webAddress } from '../http/address.ts';
import type { Channel } from './channel.ts';
import { bearer, caFile } from './options.ts';
import { failed, post } from './post.ts';
import { cut, digest, html, linesOf } from './shape.ts';

/** A user of Matrix that writes into a room. */
export type MatrixOptions = z.infer<typeof matrixOptions>;
export const matrixOptions = z.strictObject({
  /** The homeserver's. */
  address: webAddress(),
  /** A file with the user's access token. */
  tokenFile: z.string(),
  /** The room's id, such as `!abc:example.org`; the user must be in it. */
  room: z.string(),
  caFile,
});

/** https://spec.matrix.org/latest/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid; the server drops doubles. */
export function matrix({ address: base, tokenFile, room, caFile: ca }: MatrixOptions): Channel {
  return {
    closes: false,
    send: (message, until) => {
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${digest(message.id)}`;
      const lines = linesOf(message).map((it) => cut(it, 4000));
      return post({
        method: 'PUT',
        url: () => `${base}${path}`,
        body: () => ({
          msgtype: 'm.text',
          body: [message.title, ...lines].join('\n'),
          format: 'org.matrix.custom.html',
          formatted_body: [`<b>${html(message.title)}</b>`, ...lines.map(html)].join('<br/>'),
          // Nobody is called.
          'm.mentions': {},
        }),
        sign: bearer(tokenFile),
        caFile: ca,
        check: (body) =>
          z.object({ event_id: z.string() }).safeParse(body).success
            ? { kind: 'sent' }
            : failed('unavailable', 'the answer is not one of Matrix'),
        until,
      });
    },
  };
}
