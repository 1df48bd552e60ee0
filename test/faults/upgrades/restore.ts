import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git } from '../git.ts';

/** Formats of which repositories are kept, the oldest first. */
export const FORMATS: readonly number[] = readdirSync(import.meta.dirname)
  .flatMap((it) => /^format-(\d+)$/.exec(it)?.[1] ?? [])
  .map(Number)
  .sort((one, other) => one - other);

/** Names of the repositories that are kept of a format. */
export function keptOf(format: number): readonly string[] {
  return readdirSync(folderOf(format))
    .map((it) => it.replace(/\.stream$/, ''))
    .sort();
}

/**
 * A bare repository as a version of Perch left it, seconds ago: all times in it are moved by the same span, as if it
 * were upgraded right now.
 */
export async function restore(format: number, name: string): Promise<string> {
  const stream = readFileSync(join(folderOf(format), `${name}.stream`), 'latin1');
  const folder = mkdtempSync(join(tmpdir(), 'perch-upgrade-'));
  await git(folder, ['init', '--quiet', '--bare', '--template=', '--initial-branch=main']);
  await git(folder, ['fast-import', '--quiet'], Buffer.from(moved(stream), 'latin1'));
  return folder;
}

/** Texts keep their lengths, which the stream counts. */
function moved(stream: string): string {
  const times = [...stream.matchAll(COMMITTER)].map((it) => Number(it[2]));
  const span = Math.floor(Date.now() / 1000) - Math.max(...times) - 1;
  return stream
    .replace(COMMITTER, (_, person: string, at: string) => `${person}${Number(at) + span} `)
    .replace(TIME, (at) => isoTime(Date.parse(at) / 1000 + span));
}

const COMMITTER = /^((?:author|committer) [^\n]*> )(\d{10}) /gm;
const TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g;

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

function folderOf(format: number): string {
  return join(import.meta.dirname, `format-${format}`);
}
