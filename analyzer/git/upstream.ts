import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { redactAddress } from '../redact.ts';
import { FOLDER_GIT, type GitCommand, mustGit, runGit } from './command.ts';
import { type NamedRemote, notRepository, wrongFolder } from './remote.ts';

/** Where the commits of a branch are, seen from a folder. */
export type Upstream =
  /** The folder's own repository: it is bare, or has no remote. */
  | { readonly kind: 'folder' }
  /** A remote; its address is without what logs in. */
  | { readonly kind: 'remote'; readonly address: string; readonly remote: NamedRemote }
  /** A remote that git has to be called with by its address. */
  | { readonly kind: 'address'; readonly address: string }
  /** One of several remotes, and nothing says which. */
  | { readonly kind: 'unclear'; readonly names: readonly string[] };

/**
 * Finds the repository that a branch of a work tree follows: its own remote (`branch.<name>.remote`), else the only
 * one, else `origin`.
 *
 * @throws GitError where the folder is in no repository
 */
export async function upstreamOf(folder: string, branch: string): Promise<Upstream> {
  const git = FOLDER_GIT;
  const place = resolve(folder);
  const answer = await mustGit(git, {
    arguments: ['rev-parse', '--is-inside-work-tree', '--show-cdup'],
    folder: place,
  }).catch((cause: unknown) => {
    throw wrongFolder(notRepository(place, cause));
  });
  const [isInside, up = ''] = answer.split('\n');
  if (isInside !== 'true') return { kind: 'folder' };
  return followed(git, resolve(await realpath(place), up), branch);
}

/** The topmost folder of the work tree that a folder is in; undefined where it is in none. */
export async function workTreeOf(folder: string): Promise<string | undefined> {
  const top = await runGit(FOLDER_GIT, { arguments: ['rev-parse', '--show-toplevel'], folder });
  return top.exitCode === 0 ? top.stdout.replace(/\n$/, '') : undefined;
}

async function followed(git: GitCommand, folder: string, branch: string): Promise<Upstream> {
  const names = (await mustGit(git, { arguments: ['remote'], folder })).split('\n').filter(Boolean);
  const settings = await settingsOf(git, folder);
  const own = settings.get(`branch.${branch}.remote`) || undefined;
  // A branch may follow an address that has no name, and one of its own repository: that says nothing of a remote.
  if (own !== undefined && own !== '.' && !names.includes(own))
    return { kind: 'address', address: own };
  const only = names.length === 1 ? names[0] : names.find((it) => it === 'origin');
  const name = own === undefined || own === '.' ? only : own;
  if (name === undefined)
    return names.length === 0 ? { kind: 'folder' } : { kind: 'unclear', names };
  const url = await mustGit(git, { arguments: ['remote', 'get-url', name], folder });
  const address = url.replace(/\n$/, '');
  // What such a clone left out is fetched when it is read, which only the clone itself can do.
  if ([...settings.keys()].some((it) => PARTIAL.test(it))) return { kind: 'address', address };
  return { kind: 'remote', address: redactAddress(address), remote: { folder, name } };
}

const PARTIAL = /^(?:extensions\.partialclone|remote\..*\.promisor)$/;

/** What a branch follows, and whether a remote keeps back some objects, by key. */
async function settingsOf(git: GitCommand, folder: string): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await runGit(git, {
    arguments: [
      ...['config', '-z', '--get-regexp'],
      String.raw`^(branch\..*\.remote|extensions\.partialclone|remote\..*\.promisor)$`,
    ],
    folder,
  });
  const entries = stdout.split('\0').map((it): [string, string] => {
    const [key = '', ...value] = it.split('\n');
    return [key, value.join('\n')];
  });
  return new Map(entries);
}
