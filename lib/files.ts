import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { parse } from 'yaml';

/** Files by path below a folder. */
export type FileTree = ReadonlyMap<string, string | Uint8Array>;

/** What writing changed, in one folder. */
export interface Written {
  readonly id: string;
  readonly changed: number;
  readonly removed: number;
}

/** The file in a folder of plain manifests that says who may remove the folder. */
export const MANIFESTS_MARK = '.perch-manifests';

/** The files that mark a folder below the output folder as ours: a release's, or one of plain manifests. */
const MARKS = ['plan.yaml', MANIFESTS_MARK];

/** Of a file that an app reads: a cluster takes no object above 1.5 MiB. */
const MOST_BYTES = 4 * 1024 ** 2;

/** Reads a file; a relative path counts from the project's folder. @throws Error for one that is too large */
export function readBytes(path: string): Uint8Array {
  const file = fromProject(path);
  const { size } = statSync(file);
  if (size > MOST_BYTES)
    throw new Error(`${path} has ${size} bytes; at most ${MOST_BYTES} are read: make it smaller`);
  return readFileSync(file);
}

/** Reads a text file; a relative path counts from the project's folder. @throws Error for one that is too large */
export function readText(path: string): string {
  return new TextDecoder().decode(readBytes(path));
}

/** Whether there is a file or folder; a relative path counts from the project's folder. */
export function isThere(path: string): boolean {
  return existsSync(fromProject(path));
}

/** The path, where it is relative counted from the project's folder: the nearest one with a cdk8s.yaml. */
export function fromProject(path: string): string {
  if (isAbsolute(path)) return path;
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'cdk8s.yaml'))) return resolve(folder, path);
    if (dirname(folder) === folder) return resolve(path);
  }
}

/**
 * Where synth writes to: the folder that `npx cdk8s synth` names in CDK8S_OUTDIR, else the `output` of cdk8s.yaml, else
 * `dist`.
 *
 * @throws Error for a cdk8s.yaml that is not valid
 */
export function outputFolder(): string {
  const named = process.env.CDK8S_OUTDIR;
  if (named !== undefined) return named;
  const file = fromProject('cdk8s.yaml');
  if (!existsSync(file)) return 'dist';
  const config: unknown = parse(readText(file));
  const output =
    typeof config === 'object' && config !== null && 'output' in config && config.output;
  if (output === false || output === undefined) return 'dist';
  if (typeof output === 'string' && output !== '') return output;
  throw new Error(
    `${file}: output is not a path, got ${JSON.stringify(output)}; name a folder, such as dist`,
  );
}

/**
 * Makes the output folder hold exactly these folders of ours. Writes what differs, removes files that one no
 * longer has, and marked folders that are gone; nothing else in the output folder is touched.
 */
export function writeFolders(
  folder: string,
  folders: ReadonlyMap<string, FileTree>,
): readonly Written[] {
  const root = fromProject(folder);
  mkdirSync(root, { recursive: true });
  const written = [...folders].map(([id, files]) => writeFolder(join(root, id), id, files));
  const gone = readdirSync(root, { withFileTypes: true }).filter(
    (it) => it.isDirectory() && !folders.has(it.name) && isMarked(join(root, it.name)),
  );
  const removed = gone.map((it) => {
    const count = filesBelow(join(root, it.name)).length;
    rmSync(join(root, it.name), { recursive: true });
    return { id: it.name, changed: 0, removed: count };
  });
  return [...written, ...removed];
}

function isMarked(folder: string): boolean {
  return MARKS.some((it) => existsSync(join(folder, it)));
}

function writeFolder(folder: string, id: string, files: FileTree): Written {
  const present = existsSync(folder) ? filesBelow(folder) : [];
  const stale = present.filter((it) => !files.has(it));
  for (const path of stale) rmSync(join(folder, path));
  removeEmptyFolders(folder);
  const known = new Set(present);
  const made = new Set<string>();
  let changed = 0;
  for (const [path, content] of files) {
    const bytes = Buffer.from(content);
    if (known.has(path) && readFileSync(join(folder, path)).equals(bytes)) continue;
    const parent = dirname(join(folder, path));
    // Asking once for each folder, not for each file, halves the time of a first synth.
    if (!made.has(parent)) mkdirSync(parent, { recursive: true });
    made.add(parent);
    writeFileSync(join(folder, path), bytes);
    changed += 1;
  }
  return { id, changed, removed: stale.length };
}

/** Paths of all files below a folder, with slashes. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((it) => {
    if (!it.isDirectory()) return [it.name];
    return filesBelow(join(folder, it.name)).map((path) => `${it.name}/${path}`);
  });
}

function removeEmptyFolders(folder: string): void {
  if (!existsSync(folder)) return;
  for (const it of readdirSync(folder, { withFileTypes: true })) {
    if (!it.isDirectory()) continue;
    removeEmptyFolders(join(folder, it.name));
    if (readdirSync(join(folder, it.name)).length === 0) rmdirSync(join(folder, it.name));
  }
}
