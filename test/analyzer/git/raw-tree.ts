import { execFileSync } from 'node:child_process';
import { git, gitWith } from './fixture.ts';

/** One entry of a tree, of any mode and with any name, also one that git itself would refuse. */
export interface RawEntry {
  readonly mode: '100644' | '100755' | '120000' | '160000' | '40000';
  readonly name: Buffer;
  readonly oid: string;
}

/** Writes these entries as they are. */
export function rawTree(folder: string, entries: readonly RawEntry[]): string {
  const key = ({ name, mode }: RawEntry) =>
    Buffer.concat([name, Buffer.from(mode === '40000' ? '/' : '\0')]);
  const sorted = [...entries].sort((one, other) => Buffer.compare(key(one), key(other)));
  const input = Buffer.concat(
    sorted.map(({ mode, name, oid }) =>
      Buffer.concat([Buffer.from(`${mode} `), name, Buffer.from('\0'), Buffer.from(oid, 'hex')]),
    ),
  );
  return gitWith({ folder, input }, 'hash-object', '-t', 'tree', '-w', '--literally', '--stdin');
}

/** The entries of a tree that git has. */
export function rawEntries(folder: string, tree: string): readonly RawEntry[] {
  const bytes = execFileSync('git', ['-C', folder, 'cat-file', 'tree', tree]);
  const entries: RawEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(32, at);
    const zero = bytes.indexOf(0, blank);
    const mode = bytes.toString('latin1', at, blank) as RawEntry['mode'];
    const oid = bytes.toString('hex', zero + 1, zero + 21);
    entries.push({ mode, name: bytes.subarray(blank + 1, zero), oid });
    at = zero + 21;
  }
  return entries;
}

/** Commits on main what a person could push who writes objects by hand: `replace` makes what stands at the path. */
export function pushRaw(
  folder: string,
  path: string,
  replace: (before: string | undefined) => Omit<RawEntry, 'name'>,
): string {
  const [commit, root] = git(folder, 'rev-parse', 'main', 'main^{tree}').split('\n');
  const tree = replaced(folder, root ?? '', path.split('/'), replace);
  const next = git(folder, 'commit-tree', '-p', commit ?? '', '-m', 'by hand', tree);
  git(folder, 'update-ref', 'refs/heads/main', next);
  return next;
}

function replaced(
  folder: string,
  tree: string,
  [name = '', ...rest]: readonly string[],
  replace: (before: string | undefined) => Omit<RawEntry, 'name'>,
): string {
  const entries = rawEntries(folder, tree);
  const before = entries.find((it) => it.name.toString() === name);
  const entry: Omit<RawEntry, 'name'> =
    rest.length === 0
      ? replace(before?.oid)
      : { mode: '40000', oid: replaced(folder, before?.oid ?? EMPTY, rest, replace) };
  const others = entries.filter((it) => it !== before);
  return rawTree(folder, [...others, { ...entry, name: Buffer.from(name) }]);
}

/** The id of a tree without entries; git knows it without an object. */
const EMPTY = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
