import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PackageParts } from './project.ts';

/** What became of a file. */
export interface Written {
  /** Path in the folder. */
  readonly path: string;
  /** `kept`: it was there, and is as it was. `extended`: it got what it lacked. */
  readonly outcome: 'written' | 'kept' | 'extended';
}

/** Writes files into a folder; what is there already stays as it is. */
export async function writeFiles(
  folder: string,
  files: ReadonlyMap<string, string>,
): Promise<readonly Written[]> {
  const written: Written[] = [];
  for (const [path, text] of files) {
    const isNew = await writeNew(join(folder, path), text);
    written.push({ path, outcome: isNew ? 'written' : 'kept' });
  }
  return written;
}

/**
 * Makes a package.json, or gives one that is there the scripts and packages that it lacks. What it has stays, whatever
 * it says.
 *
 * @param name of the package, where it is new
 * @throws Error for a package.json that is no JSON object
 */
export async function writePackage(
  folder: string,
  name: string,
  parts: PackageParts,
): Promise<Written> {
  const path = 'package.json';
  const file = join(folder, path);
  if (await writeNew(file, jsonText({ name, private: true, ...parts })))
    return { path, outcome: 'written' };
  const text = await readFile(file, 'utf8');
  const extended = jsonText(withParts(parseObject(text, file), parts));
  if (JSON.stringify(JSON.parse(text)) === JSON.stringify(JSON.parse(extended)))
    return { path, outcome: 'kept' };
  await writeFile(file, extended);
  return { path, outcome: 'extended' };
}

/** @returns whether it was not there before */
async function writeNew(file: string, text: string): Promise<boolean> {
  await mkdir(dirname(file), { recursive: true });
  try {
    await writeFile(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

type JsonRecord = Readonly<Record<string, unknown>>;

function withParts(own: JsonRecord, parts: PackageParts): JsonRecord {
  const { type, scripts, dependencies, devDependencies, allowScripts } = parts;
  const has = { ...recordOf(own.dependencies), ...recordOf(own.devDependencies) };
  const lacking = (all: JsonRecord) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !(name in has)));
  const merged = {
    type: own.type ?? type,
    scripts: { ...scripts, ...recordOf(own.scripts) },
    dependencies: { ...lacking(dependencies), ...recordOf(own.dependencies) },
    devDependencies: { ...lacking(devDependencies), ...recordOf(own.devDependencies) },
    allowScripts: { ...allowScripts, ...recordOf(own.allowScripts) },
  };
  return { ...own, ...merged };
}

function recordOf(value: unknown): JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function parseObject(text: string, file: string): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is not JSON: mend it, then run perch init again`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${file} is not a JSON object: mend it, then run perch init again`);
  return { ...value };
}

function jsonText(value: JsonRecord): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
