import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A revision of a branch, packed: what Flux's GitRepository has in its status. */
export interface Artifact {
  /** Below the folder of artifacts, and behind the host in its URL. */
  readonly path: string;
  /** `main@sha1:<commit>` */
  readonly revision: string;
  /** `sha256:<hex>` of the packed bytes. */
  readonly digest: string;
  readonly size: number;
}

/** Which branch to pack. */
export interface ArtifactOptions {
  /** For the clone and the packed files. */
  readonly folder: string;
  /** `namespace/name` of the GitRepository. */
  readonly key: string;
  readonly url: string;
  readonly branch: string;
  /** @default - nobody in particular */
  readonly user?: { readonly name: string; readonly password: string };
}

/**
 * Fetches a branch and packs its newest commit.
 *
 * @throws Error with what git said
 */
export async function fetchArtifact(options: ArtifactOptions): Promise<Artifact> {
  const { folder, key, url, branch } = options;
  const clone = join(folder, 'clones', key);
  await mkdir(clone, { recursive: true });
  const git = (...args: readonly string[]) => runGit(['-C', clone, ...args], options);
  const ref = 'refs/perch/newest';
  await git('init', '--quiet', '--bare');
  await git('fetch', '--quiet', '--no-tags', '--depth=1', url, `+refs/heads/${branch}:${ref}`);
  const commit = (await git('rev-parse', ref)).trim();
  const path = `gitrepository/${key}/${commit}.tar.gz`;
  const file = join(folder, path);
  await mkdir(join(folder, 'gitrepository', key), { recursive: true });
  await git('archive', '--format=tar.gz', `--output=${file}`, commit);
  const bytes = await readFile(file);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { path, revision: `${branch}@sha1:${commit}`, digest, size: bytes.length };
}

async function runGit(args: readonly string[], { user }: ArtifactOptions): Promise<string> {
  const { stdout } = await promisify(execFile)('git', args, {
    timeout: 30_000,
    env: { PATH: process.env.PATH, LC_ALL: 'C', ...NO_CONFIGURATION, ...authorization(user) },
  });
  return stdout;
}

const NO_CONFIGURATION = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
};

/** By the environment, because everybody can read a command line. */
function authorization(user: ArtifactOptions['user']): Record<string, string> {
  if (user === undefined) return {};
  const basic = Buffer.from(`${user.name}:${user.password}`).toString('base64');
  return {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'http.extraHeader',
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
  };
}
