import { decodeName } from './names.ts';

/** One entry of a Git tree. */
export interface TreeEntry {
  readonly kind: 'tree' | 'blob' | 'link' | 'submodule';
  readonly name: string;
  readonly oid: string;
}

/** The entries of a raw tree object, in Git's order. `oidBytes` is 20 for SHA-1, 32 for SHA-256. */
export function parseTree(content: Buffer, oidBytes: number): TreeEntry[] {
  const entries: TreeEntry[] = [];
  let position = 0;
  while (position < content.length) {
    const blank = content.indexOf(32, position);
    const zero = content.indexOf(0, blank);
    if (blank === -1 || zero === -1) break;
    const end = zero + 1 + oidBytes;
    entries.push({
      kind: kindOf(content.toString('latin1', position, blank)),
      name: decodeName(content.subarray(blank + 1, zero)),
      oid: content.toString('hex', zero + 1, end),
    });
    position = end;
  }
  return entries;
}

/** The id of the last folder in a raw tree object, without the cost of all the entries before it. */
export function lastFolderOid(content: Buffer, oidBytes: number): string | undefined {
  let position = 0;
  let last: number | undefined;
  while (position < content.length) {
    const zero = content.indexOf(0, position);
    if (zero === -1) break;
    // A folder's mode is the only one that begins with a 4.
    if (content[position] === 0x34) last = zero + 1;
    position = zero + 1 + oidBytes;
  }
  return last === undefined ? undefined : content.toString('hex', last, last + oidBytes);
}

/** The id of the entry `name` if it is of `kind`. */
export function entryOid(
  entries: readonly TreeEntry[],
  name: string,
  kind: TreeEntry['kind'],
): string | undefined {
  return entries.find((entry) => entry.name === name && entry.kind === kind)?.oid;
}

function kindOf(mode: string): TreeEntry['kind'] {
  if (mode === '40000') return 'tree';
  if (mode === '120000') return 'link';
  if (mode === '160000') return 'submodule';
  return 'blob';
}
