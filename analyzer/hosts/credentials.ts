import * as z from 'zod';
import { webAddress } from '../http/address.ts';
import type { Signed } from '../http/client.ts';

/** Where a host is and what logs in there, as for most of them. */
export interface HostOptions extends z.infer<typeof hostOptions> {}

/** The schema of `HostOptions`. */
export const hostOptions = z.strictObject({
  /** The web address that people open, with the path that the host is below. Credentials do not belong into it. */
  address: webAddress(),
  /** A file with a token, read at each request, so that it can be rotated. */
  tokenFile: z.string(),
  /** A PEM file with the authorities to trust. @default - the system's */
  caFile: z.string().optional(),
});

/** Logs in with a token behind a scheme. */
export function withScheme(scheme: string, token: string): Signed {
  return { headers: { Authorization: `${scheme} ${token}` }, secrets: [token] };
}

/** Logs in with a user name, which may be empty, and a token for a password. */
export function basic(user: string, token: string): Signed {
  const both = Buffer.from(`${user}:${token}`).toString('base64');
  return { headers: { Authorization: `Basic ${both}` }, secrets: [token, both] };
}
