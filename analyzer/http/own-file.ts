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
