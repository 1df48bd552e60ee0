import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { Change, FileWrite } from '../../analyzer/core/change.ts';
import { readCommits } from '../../analyzer/git/access.ts';
import { listFiles } from '../../analyzer/git/file-list.ts';
import { GitError } from '../../analyzer/git/git-error.ts';
import { readReleaseTrees } from '../../analyzer/git/history.ts';
import type { Identity } from '../../analyzer/git/identity.ts';
import { messageText } from '../../analyzer/git/message.ts';
import type { GitObject } from '../../analyzer/git/objects.ts';
import { assertOid, assertOwnPath, assertOwnRemoval } from '../../analyzer/git/path.ts';
import { missingObject, readTrees } from '../../analyzer/git/release-trees.ts';
import { listReleases, listStrays } from '../../analyzer/git/releases.ts';
import type {
  Reader,
  ReleaseCommit,
  ReleaseTrees,
  Repository,
} from '../../analyzer/git/repository.ts';
import { type Entry, type MemoryObjects, memoryObjects } from './git-objects.ts';

/** A commit on top of main, as a person makes it. */
export interface Edit {
  readonly subject: string;
  readonly at: number;
  readonly removes: readonly string[];
  readonly files: readonly (readonly [path: string, text: string])[];
}

/** A remote with one branch, main, in memory; its clones share its objects. */
export interface MemoryRemote {
  /** The id of a commit, tree or blob: `main~1`, `main:live/app`. @throws Error where there is none */
  id(revision: string): string;
  /** The text of a file on main. @throws Error where there is none */
  read(path: string): string;
  /** Subjects of main's commits, the oldest first. */
  subjects(): readonly string[];
  /** Commits as somebody else. */
  write(edit: Edit): string;
  /** A clone whose run and source are main. */
  open(identity: Identity): Repository;
  /** The same at this moment, which goes its own way from now on. */
  fork(): MemoryRemote;
  /** Writes main into an empty repository on disk, without a process. */
  save(folder: string): Promise<void>;
}

/** A remote whose branch is not born yet. */
export function memoryRemote(): MemoryRemote {
  return remoteAt(memoryObjects(), undefined);
}

const SOMEBODY = 'Robin <robin@example.com>';

function remoteAt(objects: MemoryObjects, born: string | undefined): MemoryRemote {
  let main = born;
  const tip = () => main;
  const reader = readerOf(objects, tip);

  function find(revision: string) {
    const [from = '', ...path] = revision.split(':');
    const commit = resolve(objects, tip, from) ?? from;
    const object = objects.find([commit, ...path].join(':'));
    if (object === undefined) throw new Error(`there is no ${revision}`);
    return object;
  }

  return {
    id: (revision) => find(revision).oid,
    read: (path) => find(`main:${path}`).content.toString('utf8'),
    subjects: () =>
      main === undefined
        ? []
        : ancestry(objects, main).map((it) => headOf(objects, it).message.split('\n')[0] ?? ''),
    write({ subject, at, removes, files }) {
      let tree = main === undefined ? undefined : objects.find(`${main}^{tree}`)?.oid;
      for (const path of removes) tree = objects.edited(tree, path, undefined);
      for (const [path, text] of files)
        tree = objects.edited(tree, path, { mode: '100644', oid: objects.put('blob', text) });
      const head = { tree, parent: main, person: `${SOMEBODY} ${Math.floor(at)} +0000` };
      main = putCommit(objects, head, subject);
      return main;
    },
    open(identity) {
      const made = new Map<string, string | undefined>();
      return {
        ...reader,
        async fetch() {
          if (main === undefined)
            throw new GitError('there is no branch main in memory', { retryable: true });
          return { run: main, source: main };
        },
        async commit(parent, changes) {
          const commits: string[] = [];
          for (const it of changes)
            commits.push(commitOf(objects, commits.at(-1) ?? parent, it, identity));
          made.set(commits.at(-1) ?? '', parent);
          return commits;
        },
        async push(commit) {
          if (main === commit) return { kind: 'alreadyThere' };
          if (main !== made.get(commit)) return { kind: 'moved' };
          main = commit;
          return { kind: 'pushed' };
        },
      };
    },
    // Objects are only ever added, and have the same ids for everybody.
    fork: () => remoteAt(objects, main),
    async save(folder) {
      if (main === undefined) return;
      await Promise.all(objects.reachable(main).map((it) => writeLoose(folder, it)));
      await writeFile(join(folder, 'refs', 'heads', 'main'), `${main}\n`);
    },
  };
}

/** See `git help repository-layout`. */
async function writeLoose(folder: string, { oid, kind, content }: GitObject): Promise<void> {
  const head = Buffer.from(`${kind} ${content.length}\0`);
  const parent = join(folder, 'objects', oid.slice(0, 2));
  await mkdir(parent, { recursive: true });
  await writeFile(join(parent, oid.slice(2)), deflateSync(Buffer.concat([head, content])));
}

/** Oldest first, a parent always before its child. */
function ancestry(objects: MemoryObjects, commit: string): readonly string[] {
  const found = new Set<string>();
  const waiting = [commit];
  for (let oid = waiting.at(-1); oid !== undefined; oid = waiting.at(-1)) {
    const fresh = headOf(objects, oid).parents.filter((it) => !found.has(it));
    if (fresh.length > 0) waiting.push(...fresh);
    else {
      found.add(oid);
      waiting.pop();
    }
  }
  return [...found];
}

interface Head {
  readonly parents: readonly string[];
  readonly message: string;
}

function headOf(objects: MemoryObjects, commit: string): Head {
  const object = objects.find(commit);
  if (object?.kind !== 'commit') throw missingObject('commit', commit, object);
  const text = object.content.toString('utf8');
  const [head = '', ...message] = text.split('\n\n');
  const parents = [...head.matchAll(/^parent (\w+)$/gm)].map(([, oid = '']) => oid);
  return { parents, message: message.join('\n\n') };
}

function putCommit(
  objects: MemoryObjects,
  head: {
    readonly tree: string | undefined;
    readonly parent: string | undefined;
    readonly person: string;
  },
  message: string,
): string {
  const { parent, person } = head;
  const tree = head.tree ?? EMPTY_TREE;
  const parents = parent === undefined ? '' : `parent ${parent}\n`;
  return objects.put(
    'commit',
    `tree ${tree}\n${parents}author ${person}\ncommitter ${person}\n\n${message}`,
  );
}

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

function commitOf(
  objects: MemoryObjects,
  parent: string | undefined,
  change: Change,
  { name, email }: Identity,
): string {
  const releases = change.members ?? [change.release];
  let tree = parent === undefined ? undefined : objects.find(`${parent}^{tree}`)?.oid;
  for (const write of change.writes) {
    if (write.kind === 'delete') assertOwnRemoval(releases, write.path);
    else assertOwnPath(releases, write.path);
    tree = objects.edited(tree, write.path, entryOf(objects, write));
  }
  const person = `${name} <${email}> ${change.at} +0000`;
  return putCommit(objects, { tree, parent, person }, messageText(change.message));
}

function entryOf(objects: MemoryObjects, write: FileWrite): Entry | undefined {
  if (write.kind === 'delete') return undefined;
  if (write.kind === 'text') return { mode: '100644', oid: objects.put('blob', write.text) };
  const { kind, oid } = write;
  const found = objects.find(oid);
  if (found?.kind !== kind) throw missingObject(kind, oid, found);
  return { mode: kind === 'tree' ? '40000' : '100644', oid };
}

/** A branch or an id, and how many first parents before it. */
function resolve(
  objects: MemoryObjects,
  tip: () => string | undefined,
  revision: string,
): string | undefined {
  const [, name = '', back = ''] = /^([^~]+)((?:~\d*)*)$/.exec(revision) ?? [];
  let oid = name === 'main' ? tip() : objects.find(name)?.kind === 'commit' ? name : undefined;
  const steps = [...back.matchAll(/~(\d*)/g)].map(([, count]) => Number(count || 1));
  for (let left = steps.reduce((sum, it) => sum + it, 0); left > 0; left--)
    oid = oid === undefined ? undefined : headOf(objects, oid).parents[0];
  return oid;
}

function readerOf(objects: MemoryObjects, tip: () => string | undefined): Reader {
  const access = { objects, trees: readTrees(objects) };

  async function treesAt(commit: string, id: string): Promise<ReleaseTrees> {
    const [trees = { id }] = await readReleaseTrees(access, [commit], id);
    return trees;
  }

  /** Commits that made something of the release that none of their parents had. */
  async function touching(commit: string, id: string): Promise<readonly ReleaseCommit[]> {
    const shown = (oid: string) =>
      ['live', 'rollouts'].map((it) => objects.find(`${oid}:${it}/${id}`)?.oid).join();
    const all = ancestry(objects, commit).filter((oid) => {
      const { parents } = headOf(objects, oid);
      return parents.length === 0
        ? shown(oid) !== ','
        : parents.every((it) => shown(it) !== shown(oid));
    });
    const last = all.at(-1);
    // A merge may have undone what the last of them did.
    const told = last === undefined || shown(last) === shown(commit) ? all : [...all, commit];
    const commits = await readCommits(objects, told);
    return Promise.all(
      commits.map(async ({ parents, at, author, message }, index) => {
        const oid = told[index] ?? '';
        return { oid, parents, at, author, message, trees: await treesAt(oid, id) };
      }),
    );
  }

  return {
    resolve: async (revision) => resolve(objects, tip, revision),
    commitsBeginning: async (from, digits) =>
      ancestry(objects, from).filter((it) => it.startsWith(digits)),
    list: (at) => listReleases(access, at),
    strays: (at) => listStrays(access, at),
    follows: async (commit, ancestor) => {
      if (objects.find(commit) === undefined) return false;
      return ancestry(objects, commit).includes(ancestor);
    },
    files: async (tree) => listFiles(access.trees, tree),
    texts: async (oids) =>
      oids.map((oid) => {
        assertOid(oid);
        const found = objects.find(oid);
        if (found?.kind !== 'blob') throw missingObject('blob', oid, found);
        return found.content.toString('utf8');
      }),
    lastChange: async (commit, id) => (await touching(commit, id)).at(-1),
    treesAt,
    history: async (commit, id) => ({ commits: await touching(commit, id), complete: true }),
    wasSource: async (source, id, tree) =>
      ancestry(objects, source).some((it) => objects.find(`${it}:dist/${id}`)?.oid === tree)
        ? 'found'
        : 'absent',
    signature: async () => {
      throw new GitError('signatures are checked by git alone', { retryable: false });
    },
    changedPaths: async (commits) =>
      commits.map((oid) => {
        const [parent] = headOf(objects, oid).parents;
        const filesAt = (it: string | undefined) =>
          objects.files(it === undefined ? undefined : objects.find(`${it}^{tree}`)?.oid);
        const [before, after] = [filesAt(parent), filesAt(oid)];
        const paths = [...new Set([...before.keys(), ...after.keys()])];
        return paths.filter((it) => before.get(it) !== after.get(it)).sort();
      }),
    close: async () => undefined,
  };
}
