import { createHash } from 'node:crypto';
import type { GitObject, ObjectStore } from '../../analyzer/git/objects.ts';

/** Git's objects in memory, under the very ids that git gives them. */
export interface MemoryObjects extends ObjectStore {
  /** Keeps an object, and returns its id. */
  put(kind: 'blob' | 'commit', content: string): string;
  /** The object of an id, `<tree or commit>:<path>` or `<commit>^{tree}`; undefined where there is none. */
  find(name: string): GitObject | undefined;
  /** The tree with an entry put where the path says, or taken away; undefined where nothing is left. */
  edited(tree: string | undefined, path: string, entry: Entry | undefined): string | undefined;
  /** An object and all that it needs. */
  reachable(oid: string): readonly GitObject[];
  /** Id and mode by path of all files below a tree. */
  files(tree: string | undefined): ReadonlyMap<string, string>;
}

/** What a tree says of one name. */
export interface Entry {
  readonly mode: '40000' | '100644';
  readonly oid: string;
}

/** An empty store. */
export function memoryObjects(): MemoryObjects {
  const objects = new Map<string, GitObject>();
  const trees = new Map<string, ReadonlyMap<string, Entry>>();

  function keep(kind: string, content: Buffer): string {
    const head = `${kind} ${content.length}\0`;
    const oid = createHash('sha1').update(head).update(content).digest('hex');
    objects.set(oid, { oid, kind, content });
    return oid;
  }

  /** As git orders them: a folder as if its name ended with a slash. */
  function keepTree(entries: ReadonlyMap<string, Entry>): string {
    const key = ([name, { mode }]: readonly [string, Entry]) =>
      Buffer.from(mode === '40000' ? `${name}/` : name);
    const ordered = [...entries].sort((a, b) => Buffer.compare(key(a), key(b)));
    const parts = ordered.flatMap(([name, { mode, oid }]) => [
      Buffer.from(`${mode} ${name}\0`),
      Buffer.from(oid, 'hex'),
    ]);
    const oid = keep('tree', Buffer.concat(parts));
    trees.set(oid, entries);
    return oid;
  }

  function treeOf(oid: string): string {
    const object = objects.get(oid);
    return object?.kind === 'commit' ? object.content.toString('utf8', 5, 45) : oid;
  }

  function find(name: string): GitObject | undefined {
    const [from = '', ...rest] = name.split(':');
    if (rest.length === 0)
      return objects.get(
        from.endsWith('^{tree}') ? treeOf(from.slice(0, -'^{tree}'.length)) : from,
      );
    let oid: string | undefined = treeOf(from);
    for (const part of rest.join(':').split('/'))
      oid = oid === undefined ? undefined : trees.get(oid)?.get(part)?.oid;
    return oid === undefined ? undefined : objects.get(oid);
  }

  function edited(
    tree: string | undefined,
    path: string,
    entry: Entry | undefined,
  ): string | undefined {
    const slash = path.indexOf('/');
    const name = slash === -1 ? path : path.slice(0, slash);
    const entries = new Map(tree === undefined ? [] : trees.get(tree));
    const old = entries.get(name);
    const below = old?.mode === '40000' ? old.oid : undefined;
    const inner = slash === -1 ? entry?.oid : edited(below, path.slice(slash + 1), entry);
    const mode = slash === -1 ? (entry?.mode ?? '100644') : '40000';
    // Taking away what is below a file's name leaves the file.
    if (inner !== undefined) entries.set(name, { mode, oid: inner });
    else if (slash === -1 || below !== undefined) entries.delete(name);
    return entries.size === 0 ? undefined : keepTree(entries);
  }

  function files(tree: string | undefined): ReadonlyMap<string, string> {
    const entries = tree === undefined ? [] : [...(trees.get(tree) ?? [])];
    return new Map(
      entries.flatMap(([name, { mode, oid }]): [string, string][] =>
        mode === '40000'
          ? [...files(oid)].map(([path, it]) => [`${name}/${path}`, it])
          : [[name, oid]],
      ),
    );
  }

  function reachable(oid: string): readonly GitObject[] {
    const found = new Map<string, GitObject>();
    const waiting = [oid];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const object = objects.get(next);
      if (object === undefined || found.has(next)) continue;
      found.set(next, object);
      for (const it of trees.get(next)?.values() ?? []) waiting.push(it.oid);
      if (object.kind !== 'commit') continue;
      const [head = ''] = object.content.toString('utf8').split('\n\n');
      for (const [, it = ''] of head.matchAll(/^(?:tree|parent) (\w+)$/gm)) waiting.push(it);
    }
    return [...found.values()];
  }

  keepTree(new Map());
  const all = async (names: readonly string[]) => names.map(find);
  return {
    put: (kind, content) => keep(kind, Buffer.from(content)),
    find,
    edited,
    reachable,
    files,
    read: all,
    heads: all,
    restart: () => undefined,
    close: () => undefined,
  };
}
