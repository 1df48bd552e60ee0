import { GitError } from './git-error.ts';

/** Refuses what is no plain path below the root of the repository. @throws GitError */
export function assertPath(path: string): void {
  const reason = pathFault(path);
  if (reason === undefined) return;
  throw new GitError(
    `path ${JSON.stringify(path)} ${reason}: allowed are relative paths like live/podinfo/service-podinfo.yaml`,
    { retryable: false },
  );
}

/**
 * Refuses what is not below live/<release> or rollouts/<release> of one of the releases. Every commit is made of such writes, so no other
 * path is ever changed. @throws GitError
 */
export function assertOwnPath(releases: readonly string[], path: string): void {
  assertPath(path);
  assertInside(releases, path);
}

/**
 * The same for a path that is removed. What somebody else has written may have any name: control characters, a
 * backslash, `.git`. @throws GitError
 */
export function assertOwnRemoval(releases: readonly string[], path: string): void {
  if (path.includes('\0') || path.split('/').some((it) => ['', '.', '..'].includes(it)))
    assertPath(path);
  assertInside(releases, path);
}

function assertInside(releases: readonly string[], path: string): void {
  releases.forEach(assertReleaseId);
  const [folder, id = ''] = path.split('/');
  if ((folder === 'live' || folder === 'rollouts') && releases.includes(id)) return;
  const own = releases.map((it) => `live/${it} or rollouts/${it}`).join(' or ');
  throw new GitError(
    `path ${JSON.stringify(path)} is not in ${own}, and nothing else is ever written`,
    { retryable: false },
  );
}

/** Whether a release can have this name: a DNS label, as plan.yaml asks for it. */
export function isReleaseId(name: string): boolean {
  return /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(name);
}

/** Refuses an id that is not one folder name, as `podinfo`. @throws GitError */
export function assertReleaseId(id: string): void {
  assertPath(id);
  if (!id.includes('/')) return;
  throw new GitError(`release id ${JSON.stringify(id)} contains a slash`, { retryable: false });
}

/** Refuses what is no full object id. @throws GitError */
export function assertOid(oid: string): void {
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(oid)) return;
  throw new GitError(
    `${JSON.stringify(oid)} is not an object id: 40 hexadecimal digits are needed`,
    {
      retryable: false,
    },
  );
}

/** What is wrong with a path below the root of the repository; undefined for a plain one. */
export function pathFault(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (path.startsWith('/')) return 'is absolute';
  // Control characters end fast-import's commands; a backslash is a separator on some systems.
  if (
    [...path].some((character) => character < ' ' || character === '\x7f' || character === '\\')
  ) {
    return 'contains a control character or a backslash';
  }
  const parts = path.split('/');
  if (parts.includes('')) return 'has an empty part';
  if (parts.some((part) => part === '.' || part === '..')) return 'leaves its folder';
  if (parts.some((part) => /^(?:\.git|git~1)$/i.test(part))) return 'points into .git';
  return undefined;
}
