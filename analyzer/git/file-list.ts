import { GitError } from './git-error.ts';
import type { TreeReader } from './release-trees.ts';
import type { TreeEntry } from './tree.ts';

/** Far more than a release has. A few small trees can name a file a million times, each at another path. */
const MOST_FILES = 20_000;
const MOST_LEVELS = 50;

/** Stands for what is not listed. No plan has such a file, so whatever is compared with it differs. */
export const UNLISTED = '(more than is looked at)';

/** The files below a tree; see `Reader.files`. @throws GitError for a missing object */
export async function listFiles(
  trees: TreeReader,
  tree: string,
): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  let level: readonly Folder[] = [{ prefix: '', oid: tree }];
  for (let depth = 0; level.length > 0; depth++) {
    const entries = await entriesOf(trees, level);
    if (entries === undefined || depth === MOST_LEVELS) return cutOff(files);
    const below: Folder[] = [];
    for (const [index, { prefix }] of level.entries())
      for (const entry of entries[index] ?? []) {
        const path = `${prefix}${entry.name}`;
        if (entry.kind === 'tree') below.push({ prefix: `${path}/`, oid: entry.oid });
        else files.set(path, fileOid(entry));
      }
    if (files.size + below.length > MOST_FILES) return cutOff(files);
    level = below;
  }
  return sorted(files);
}

interface Folder {
  readonly prefix: string;
  readonly oid: string;
}

/**
 * Undefined where one of them is too long to be read, or they are too many. A tree that stands in many places is read
 * once, and few at a time: large ones together would fill the memory.
 */
async function entriesOf(
  trees: TreeReader,
  level: readonly Folder[],
): Promise<readonly (readonly TreeEntry[])[] | undefined> {
  const oids = [...new Set(level.map(({ oid }) => oid))];
  const found = new Map<string, readonly TreeEntry[]>();
  let count = 0;
  try {
    for (let at = 0; at < oids.length; at += TREES_AT_ONCE) {
      const some = oids.slice(at, at + TREES_AT_ONCE);
      for (const [index, entries] of (await trees.entries(some)).entries()) {
        count += entries.length;
        found.set(some[index] ?? '', entries);
      }
      if (count > MOST_FILES) return undefined;
    }
  } catch (error) {
    if (error instanceof GitError && !error.retryable) return undefined;
    throw error;
  }
  const all = level.map(({ oid }) => found.get(oid) ?? []);
  return all.reduce((sum, it) => sum + it.length, 0) > MOST_FILES ? undefined : all;
}

const TREES_AT_ONCE = 16;

function cutOff(files: Map<string, string>): ReadonlyMap<string, string> {
  return sorted(files.set(UNLISTED, '0'.repeat(40)));
}

function sorted(files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...files].sort(([left], [right]) => (left < right ? -1 : 1)));
}

function fileOid(entry: TreeEntry): string {
  if (entry.kind === 'blob') return entry.oid;
  return `${entry.kind === 'link' ? '120000' : '160000'}:${entry.oid}`;
}
