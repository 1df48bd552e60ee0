import * as z from 'zod';
import type { Signed } from '../http/client.ts';
import { FileError, readText } from '../http/own-file.ts';
import { credentialsFault, redactAddress } from '../redact.ts';

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

/** An address without anything that logs in or would be lost below it. */
export function webAddress() {
  return z.string().transform((address, context) => {
    const fault = addressFault(address);
    if (fault !== undefined) {
      context.addIssue({ code: 'custom', message: `${redactAddress(address)} ${fault}` });
      return z.NEVER;
    }
    return address.replace(/\/+$/, '');
  });
}

function addressFault(address: string): string | undefined {
  const fault = credentialsFault(address);
  if (fault !== undefined) return fault;
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address))
    return 'is not an http:// or https:// URL';
  return /[?#]/.test(address) ? 'has parameters in it' : undefined;
}

/** A file's secret, without what editors add. @throws FileError */
export async function secretIn(path: string): Promise<string> {
  const secret = (await readText(path)).trim();
  if (secret === '') throw new FileError(`${path} is empty`);
  // A header can hold no more than that; the error that says so would hold the secret.
  if (!/^[\x21-\x7e]+$/.test(secret))
    throw new FileError(`${path} does not hold one token in one line`);
  return secret;
}

/** Logs in with a token behind a scheme. */
export function withScheme(scheme: string, token: string): Signed {
  return { headers: { Authorization: `${scheme} ${token}` }, secrets: [token] };
}

/** Logs in with a user name, which may be empty, and a token for a password. */
export function basic(user: string, token: string): Signed {
  const both = Buffer.from(`${user}:${token}`).toString('base64');
  return { headers: { Authorization: `Basic ${both}` }, secrets: [token, both] };
}
