import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LiveReader } from '../../analyzer/simulated/gitops.ts';
import { git, readBlobs } from './git.ts';

/**
 * Reads `live/` of certain releases with git alone, so that nothing which hostile hands write elsewhere can
 * disturb the cluster.
 */
export function liveReader(folder: string, releases: readonly string[]): LiveReader {
  return {
    async resolve(branch) {
      // A file is read far more often than a process could be started.
      const loose = await readFile(join(folder, 'refs/heads', branch), 'utf8').catch(() => '');
      if (loose !== '') return loose.trim();
      const ref = `refs/heads/${branch}`;
      return git(folder, ['rev-parse', '--verify', '--quiet', ref]).catch(() => undefined);
    },
    async list({ run }) {
      const names = releases.map((id) => `${run}:live/${id}`);
      const output = await git(folder, ['cat-file', '--batch-check'], `${names.join('\n')}\n`);
      const lines = output.split('\n');
      return releases.map((id, index) => {
        const [oid, kind] = (lines[index] ?? '').split(' ');
        const none = { plan: undefined, stable: undefined, dist: undefined, state: undefined };
        return { id, ...none, live: kind === 'tree' ? oid : undefined, last: undefined };
      });
    },
    async files(tree) {
      const lines = (await git(folder, ['ls-tree', '-r', tree])).split('\n');
      return new Map(
        lines.flatMap((line): [string, string][] => {
          const [, oid, name] = /^\d+ blob (\w+)\t(.*)$/.exec(line) ?? [];
          return oid === undefined || name === undefined ? [] : [[name, oid]];
        }),
      );
    },
    async texts(blobs) {
      const texts = await readBlobs(folder, [...new Set(blobs)]);
      return blobs.map((it) => texts.get(it) ?? '');
    },
  };
}
