import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { promisify } from 'node:util';
import { isoTime, type State, stateText } from '../../analyzer/core/state.ts';
import { startGit } from '../../analyzer/git/command.ts';
import type { Rendered } from '../../lib/index.ts';
import { lastStep } from '../../lib/plan/plan.ts';
import { FORMAT } from '../../lib/plan/versions.ts';

/** A bare repository of releases at rest, with one commit for each that completed it. */
export interface BenchRepository {
  readonly folder: string;
  /** A copy of its own, with another version of every release in dist/. */
  withNewPlans(folder: string, rendered: readonly Rendered[]): Promise<void>;
}

/** Makes it in `folder`, which must not exist. */
export async function makeRepository(
  folder: string,
  rendered: readonly Rendered[],
): Promise<BenchRepository> {
  await git('init', '--quiet', '--bare', '--initial-branch=main', folder);
  await fastImport(folder, [distCommit(rendered, undefined)]);
  const dist = await treesBelow(folder, 'main:dist');
  const complete = await Promise.all(
    rendered.map(async ({ id, plan }) => {
      const steps = await treesBelow(folder, `main:dist/${id}/steps`);
      return steps.get(lastStep(plan).name) ?? '';
    }),
  );
  const commits = rendered.map((it, index) =>
    restCommit(it, dist.get(it.id) ?? '', complete[index] ?? '', index === 0),
  );
  await fastImport(folder, commits);
  return {
    folder,
    async withNewPlans(copy, next) {
      await cp(folder, copy, { recursive: true });
      await fastImport(copy, [distCommit(next, 'refs/heads/main^0')]);
    },
  };
}

const NOW = Date.UTC(2026, 0, 5, 9) / 1000;
const PERSON = `Robin <robin@example.com> ${NOW} +0000`;

async function git(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)('git', args, { maxBuffer: 64 * 1024 ** 2 })).stdout;
}

/** Id by name of the folders in a tree. */
async function treesBelow(folder: string, tree: string): Promise<ReadonlyMap<string, string>> {
  const lines = (await git('--git-dir', folder, 'ls-tree', tree)).trimEnd().split('\n');
  return new Map(
    lines.map((line) => {
      const [, , oid = '', name = ''] = line.split(/\s/);
      return [name, oid];
    }),
  );
}

function distCommit(rendered: readonly Rendered[], from: string | undefined): string {
  const files = rendered.flatMap(({ id, files: content }) => [
    `D dist/${id}\n`,
    ...[...content].map(([path, it]) => inline(`dist/${id}/${path}`, Buffer.from(it).toString())),
  ]);
  return commit('synth', from, files);
}

/** As the analyzer leaves a release behind that is complete. */
function restCommit({ id, plan }: Rendered, tree: string, complete: string, first: boolean) {
  const state: State = {
    transition: 1,
    version: FORMAT,
    release: id,
    kind: 'complete',
    position: { kind: 'complete' },
    at: isoTime(NOW),
    reason: 'the primary is ready',
    candidate: plan.candidate,
    plan: tree,
    stable: tree,
    steps: [],
    changed: [],
    removed: [],
  };
  return commit(`${id}: initialized`, first ? 'refs/heads/main^0' : undefined, [
    `M 040000 ${tree} rollouts/${id}/plan\n`,
    `M 040000 ${tree} rollouts/${id}/stable\n`,
    `M 040000 ${complete} live/${id}\n`,
    inline(`rollouts/${id}/state.yaml`, stateText(state)),
  ]);
}

function commit(subject: string, from: string | undefined, writes: readonly string[]): string {
  return [
    `commit refs/heads/main\nauthor ${PERSON}\ncommitter ${PERSON}\n`,
    data(subject),
    from === undefined ? '' : `from ${from}\n`,
    ...writes,
    '\n',
  ].join('');
}

function inline(path: string, text: string): string {
  return `M 100644 inline ${path}\n${data(text)}`;
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}

async function fastImport(folder: string, commits: readonly string[]): Promise<void> {
  const child = startGit(
    {
      gitDir: folder,
      config: [],
      environment: {},
      networkTimeoutMs: 10_000,
      localTimeoutMs: 10_000,
      log: () => undefined,
    },
    { arguments: ['fast-import', '--quiet', '--done'] },
  );
  let said = '';
  child.stderr.on('data', (it) => {
    said += String(it);
  });
  child.stdout.resume();
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  for (const it of commits) child.stdin.write(it);
  child.stdin.end('done\n');
  if ((await ended) !== 0) throw new Error(`git fast-import: ${said}`);
}
