import * as z from 'zod';
import type { Signed } from '../http/client.ts';
import { FileError, secretIn } from '../http/own-file.ts';

/** A PEM file with the authorities to trust. @default - the system's */
export const caFile = z.string().optional();

/** The options of a product whose address is secret: a file holds it, and is read at each use. */
export const secretAddress = z.strictObject({ urlFile: z.string(), caFile });

/** A secret address. @throws FileError */
export async function addressIn(path: string): Promise<string> {
  const url = await secretIn(path);
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
    throw new FileError(`${path} does not hold an http:// or https:// URL`);
  return url;
}

/** Logs in with a token from a file. */
export function bearer(path: string, scheme = 'Bearer'): () => Promise<Signed> {
  return async () => {
    const token = await secretIn(path);
    return { headers: { Authorization: `${scheme} ${token}` }, secrets: [token] };
  };
}
