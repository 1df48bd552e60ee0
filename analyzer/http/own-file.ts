import { readFile } from 'node:fs/promises';

/** A file of ours that cannot be used; the message names it, and holds nothing of what is in it. */
export class FileError extends Error {}

/** A file's text. @throws FileError */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new FileError(`cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
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
