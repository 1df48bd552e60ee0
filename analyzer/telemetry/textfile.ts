import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes a file of metrics for the node exporter's textfile collector. A reader sees the old one or the new
 * one, whole: the text is written beside it under a name that the collector passes over, and renamed.
 *
 * @throws Error when the folder cannot be written
 */
export async function writeTextfile(file: string, text: string): Promise<void> {
  const fresh = join(dirname(file), `.${basename(file)}.${process.pid}.new`);
  try {
    await writeFile(fresh, text, { mode: 0o644 });
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}
