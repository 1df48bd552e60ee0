import { redactAddress } from '../redact.ts';
import type { HostTools } from './api.ts';
import type { GitHost } from './host.ts';

/** One host that the configuration describes, with all of its repositories. */
export interface HostSite {
  /** The web address that people open. */
  readonly address: string;
  /** Other names under which Git reaches it over ssh. */
  readonly sshHosts: readonly string[];
  /**
   * The repository that a remote's path names, as `open` takes it; undefined where it is not one.
   *
   * @param path below the address, or of ssh, without `.git` and slashes at its ends
   */
  repositoryAt(path: string, over: 'http' | 'ssh'): string | undefined;
  open(repository: string, tools: HostTools): GitHost;
}

/** Which repository of which host a remote is. */
export type Place =
  | { readonly kind: 'known'; readonly site: HostSite; readonly repository: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Finds the host and the repository of a Git remote among those that are known. No name of a host is guessed at. */
export function placeOf(remote: string, sites: readonly HostSite[]): Place {
  const shown = redactAddress(remote);
  const parsed = parse(remote);
  if (parsed === undefined)
    return unknown(`${shown} is not an https or ssh address: give the one that the host shows`);
  const there = sites.flatMap((site) => pathsBelow(parsed, site).map((path) => ({ site, path })));
  // The longer address is the more special one.
  const sorted = there.toSorted((one, other) => one.path.length - other.path.length);
  for (const { site, path } of sorted) {
    const repository = site.repositoryAt(path, parsed.over);
    if (repository !== undefined) return { kind: 'known', site, repository };
  }
  if (there.length > 0)
    return unknown(
      `${shown} does not end in the path of a repository of ${there[0]?.site.address}`,
    );
  const known = sites.map((it) => it.address).join(', ') || 'none';
  return unknown(
    `no known host has the repository ${shown} (known: ${known}): describe its host in --hosts-config`,
  );
}

function unknown(reason: string): Place {
  return { kind: 'unknown', reason };
}

interface Remote {
  readonly over: 'http' | 'ssh';
  /** With the port that an http address names, as several hosts may share a machine. */
  readonly host: string;
  readonly path: string;
}

function parse(remote: string): Remote | undefined {
  const scheme = /^(https?|ssh|git\+ssh):\/\//i.exec(remote)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    // As scp has it; a folder has its slash first, and a drive of Windows has one letter.
    const [, host, path] =
      /^(?:[^@/:\s]+@)?([^@/:\s]{2,}|\[[^\]]+\]):(?!\/\/)(.+)$/.exec(remote) ?? [];
    return host === undefined || path === undefined
      ? undefined
      : { over: 'ssh', host: host.toLowerCase(), path: trimmed(path) };
  }
  if (!URL.canParse(remote)) return undefined;
  // Of ssh, URL knows no default port, and keeps upper case.
  const { host, hostname, pathname } = new URL(remote);
  const path = decoded(pathname);
  if (path === undefined) return undefined;
  return scheme.startsWith('http')
    ? { over: 'http', host, path: trimmed(path) }
    : { over: 'ssh', host: hostname.toLowerCase(), path: trimmed(path) };
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function trimmed(path: string): string {
  return path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '');
}

/** The path of a remote below a site; none where it is elsewhere. */
function pathsBelow({ over, host, path }: Remote, site: HostSite): readonly string[] {
  const url = new URL(site.address);
  if (over === 'ssh') return [url.hostname, ...site.sshHosts].includes(host) ? [path] : [];
  if (url.host !== host) return [];
  const base = trimmed(url.pathname);
  if (base === '') return [path];
  return path.startsWith(`${base}/`) ? [path.slice(base.length + 1)] : [];
}

/** `owner/name`, as most hosts have it; undefined for any other path. */
export function twoParts(path: string): string | undefined {
  return /^[^/]+\/[^/]+$/.test(path) ? path : undefined;
}
