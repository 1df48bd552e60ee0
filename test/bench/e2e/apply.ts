import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { parse } from 'yaml';
import type { KubernetesObject } from '../../e2e/stack/api.ts';
import type { Stack } from '../../e2e/stack/stack.ts';
import { until } from '../../e2e/stack/until.ts';

/** Takes the place of a sync tool. */
export interface Applying {
  stop(): Promise<void>;
}

const AT_ONCE = 16;

/**
 * Applies what changes below `live/`, and nothing else, with a few requests. Fifty releases that move every ten
 * seconds are more than Flux can apply on two cores: it looks at all objects of all releases at each commit. The
 * analyzer is to be measured, not that.
 */
export async function startApplying({ api, flux, git }: Stack): Promise<Applying> {
  await flux.kustomizeController.stop();
  const limit = pLimit(AT_ONCE);
  let applied: string | undefined;
  const run = async (...args: string[]) => {
    const options = { maxBuffer: 256 * 1024 * 1024 };
    return (await promisify(execFile)('git', ['-C', git.folder, ...args], options)).stdout;
  };
  const objectAt = async (place: string) => parse(await run('show', place)) as Applied;
  const end = new AbortController();
  const look = async () => {
    const tip = (await run('rev-parse', '--verify', '--quiet', git.branch).catch(() => '')).trim();
    if (tip === '' || tip === applied) return;
    const before = applied ?? (await run('hash-object', '-t', 'tree', '/dev/null')).trim();
    const tree = ['diff-tree', '-r', '--no-renames', '--name-status', before, tip, '--', 'live'];
    const changes = (await run(...tree)).trim().split('\n').filter(Boolean);
    await Promise.all(
      changes.map((change) =>
        limit(async () => {
          const [status, path] = change.split('\t');
          if (status === 'D') return api.delete(pathOf(await objectAt(`${before}:${path}`)));
          const object = await objectAt(`${tip}:${path}`);
          return api.apply(pathOf(object), object, { fieldManager: 'kustomize-controller' });
        }),
      ),
    );
    applied = tip;
  };
  // A refusal, such as of a namespace that is not there yet, is tried again.
  const following = until(async () => {
    await look();
    return end.signal.aborted;
  }, Number.POSITIVE_INFINITY);
  return {
    async stop() {
      end.abort();
      await following;
    },
  };
}

type Applied = KubernetesObject & { readonly apiVersion: string; readonly kind: string };

/** All kinds of the releases have plain plurals. */
function pathOf({ apiVersion, kind, metadata }: Applied): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/namespaces/${metadata.namespace}/${kind.toLowerCase()}s/${metadata.name}`;
}
