import { parse } from 'yaml';
import type { Manifest } from '../../analyzer/simulated/server-side-apply.ts';
import { exposure } from './exposure.ts';
import { git, readBlobs } from './git.ts';

/** What one commit left of one release: read with git alone, by nothing of the product. */
export interface Entry {
  readonly commit: string;
  /** Unix seconds. */
  readonly at: number;
  readonly release: string;
  /** Undefined where state.yaml cannot be read. */
  readonly state: StateText | undefined;
  /** The image of the plan in use. */
  readonly image: string;
  /** Percent of the requests by image, as live/ has it. */
  readonly exposure: ReadonlyMap<string, number>;
  /** Whether live/ is exactly the last step of the stable plan. */
  readonly isStable: boolean;
}

/** The part of a state file that the oracle knows. */
export interface StateText {
  readonly transition: number;
  readonly kind: string;
  readonly position: { readonly kind: string; readonly step?: string };
  readonly candidate: string;
  readonly failed?: { readonly candidate: string };
  readonly paused?: unknown;
}

/** Every commit that changed a release's folders in live/ or rollouts/, the oldest first. */
export async function readRecord(folder: string, branch = 'main'): Promise<readonly Entry[]> {
  const log = await git(folder, [
    'log',
    '--reverse',
    '--first-parent',
    '--format=commit %H %ct',
    '--raw',
    '--no-abbrev',
    '--no-renames',
    '-z',
    branch,
    '--',
    'live',
    'rollouts',
  ]);
  const views = viewsOf(log);
  const wanted = new Set(views.flatMap((it) => [...it.files.values()]));
  const texts = await readBlobs(folder, [...wanted]);
  return views.map((it) => entryOf(it, texts));
}

/** The state of a release at the tip of the branch. */
export async function readState(
  folder: string,
  release: string,
  branch = 'main',
): Promise<StateText | undefined> {
  const path = `refs/heads/${branch}:rollouts/${release}/state.yaml`;
  return parsed(await git(folder, ['cat-file', 'blob', path]).catch(() => undefined)) as
    | StateText
    | undefined;
}

/** A release's files in a commit; blob id by path below live/<id> or rollouts/<id>. */
interface View {
  readonly commit: string;
  readonly at: number;
  readonly release: string;
  readonly files: ReadonlyMap<string, string>;
}

function viewsOf(log: string): readonly View[] {
  const views: View[] = [];
  const files = new Map<string, Map<string, string>>();
  let commit = { id: '', at: 0 };
  let touched = new Set<string>();
  const flush = () => {
    for (const release of touched)
      views.push({ commit: commit.id, at: commit.at, release, files: new Map(files.get(release)) });
    touched = new Set();
  };
  const fields = log.split('\0');
  for (let index = 0; index < fields.length; index++) {
    const field = (fields[index] ?? '').replace(/^\n/, '');
    const header = /^commit (\w+) (\d+)/.exec(field);
    if (header !== null) {
      flush();
      commit = { id: header[1] ?? '', at: Number(header[2]) };
      // The first change may stand on the lines below.
      const rest = field.slice(header[0].length).trimStart();
      if (rest === '') continue;
      fields[index] = rest;
      index -= 1;
      continue;
    }
    const change = /^:\d+ (\d+) \w+ (\w+) (\w)/.exec(field);
    if (change === null) continue;
    const path = fields[++index] ?? '';
    const [root = '', release = '', ...rest] = path.split('/');
    const own = files.get(release) ?? new Map<string, string>();
    files.set(release, own);
    const key = [root, ...rest].join('/');
    if (change[3] === 'D') own.delete(key);
    else if (change[1]?.startsWith('100') === true) own.set(key, change[2] ?? '');
    touched.add(release);
  }
  flush();
  return views;
}

function entryOf(view: View, texts: ReadonlyMap<string, string>): Entry {
  const { commit, at, release, files } = view;
  const text = (path: string) => texts.get(files.get(path) ?? '');
  const live = below(files, 'live/');
  const objects = [...live.values()].flatMap((id) => manifests(texts.get(id)));
  const plan = parsed(text('rollouts/plan/plan.yaml')) as { images?: string[] } | undefined;
  return {
    commit,
    at,
    release,
    state: parsed(text('rollouts/state.yaml')) as StateText | undefined,
    image: plan?.images?.[0] ?? '',
    exposure: exposure(objects, release),
    isStable: isSame(live, lastStep(below(files, 'rollouts/stable/steps/'))),
  };
}

function lastStep(steps: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const last = [...steps.keys()]
    .map((it) => it.split('/')[0] ?? '')
    .sort()
    .at(-1);
  return last === undefined ? new Map() : below(steps, `${last}/`);
}

function below(files: ReadonlyMap<string, string>, folder: string): ReadonlyMap<string, string> {
  return new Map(
    [...files].flatMap(([path, id]): [string, string][] =>
      path.startsWith(folder) ? [[path.slice(folder.length), id]] : [],
    ),
  );
}

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([path, id]) => other.get(path) === id);
}

function parsed(text: string | undefined): unknown {
  if (text === undefined || text.length > 100_000) return undefined;
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

function manifests(text: string | undefined): readonly Manifest[] {
  const value = parsed(text);
  return typeof value === 'object' && value !== null ? [value as Manifest] : [];
}
