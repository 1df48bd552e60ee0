import { link, lstat, readFile, readlink, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { GitError } from './git-error.ts';

/** A process, so that others can tell whether it still lives. */
type Owner = z.infer<typeof owner>;
const owner = z.strictObject({
  pid: z.number().int().positive(),
  /** When it started, as the kernel counts: a process id comes again. Empty where the system does not say. */
  started: z.string(),
  /** The boot and the container in which that id means something. */
  world: z.string(),
});

/** A folder that this process uses alone. */
export interface Claim {
  /** @throws GitError where another process has taken it over */
  readonly assertHeld: () => Promise<void>;
  readonly release: () => Promise<void>;
}

/** What `claim` needs to know. */
export interface ClaimOptions {
  /** Says who uses the folder that it lies in. */
  readonly file: string;
  /** How long to wait for a process that uses it now. */
  readonly waitMs: number;
}

/** Looks again so often while another process has it. */
const LOOK_MS = 200;

/** A process in another container cannot be looked for; it touches its file instead. */
const BEAT_MS = 10_000;

/** So long without a touch, and it is taken for dead. */
const SILENCE_MS = 60_000;

/** Takes a folder for this process alone. @throws GitError where another process uses it, Error of the file system */
export async function claim({ file, waitMs }: ClaimOptions): Promise<Claim> {
  const own = JSON.stringify(await thisProcess());
  const until = performance.now() + waitMs;
  while (!(await create(file, own))) {
    const other = await readOwner(file, SILENCE_MS);
    if (other.kind === 'gone') await takeAway(file, other.text);
    else if (performance.now() >= until) throw inUse(file, other.name);
    else await sleep(LOOK_MS);
  }
  const beat = setInterval(() => void touch(file), BEAT_MS).unref();
  return {
    async assertHeld() {
      const now = await readFile(file, 'utf8').catch(() => undefined);
      if (now !== own) throw inUse(file, 'another process, which took it over');
    },
    async release() {
      clearInterval(beat);
      const now = await readFile(file, 'utf8').catch(() => undefined);
      if (now === own) await rm(file, { force: true }).catch(() => undefined);
    },
  };
}

/** Whether the process that used a folder is gone for sure, or said nothing for so long. False where no file says who. */
export async function isAbandoned(file: string, silenceMs: number): Promise<boolean> {
  return (await readOwner(file, silenceMs)).kind === 'gone';
}

async function create(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Two may find the same dead owner: what one of them has written meanwhile is put back. */
async function takeAway(file: string, text: string): Promise<void> {
  const place = `${file}.${process.pid}`;
  await rename(file, place).catch(() => undefined);
  const taken = await readFile(place, 'utf8').catch(() => text);
  if (taken !== text) await link(place, file).catch(() => undefined);
  await rm(place, { force: true });
}

async function touch(file: string): Promise<void> {
  const now = new Date();
  await utimes(file, now, now).catch(() => undefined);
}

type Found =
  | { readonly kind: 'gone'; readonly text: string }
  | { readonly kind: 'lives'; readonly name: string };

async function readOwner(file: string, silenceMs: number): Promise<Found> {
  const found = await lstat(file).catch(() => undefined);
  // It went in the same moment, or never was there: whoever asks tries again.
  if (found === undefined) return { kind: 'lives', name: 'another process' };
  const isSilent = Date.now() - found.mtimeMs > silenceMs;
  const text = await readFile(file, 'utf8').catch(() => '');
  const other = parseOwner(text);
  if (other === undefined)
    return isSilent ? { kind: 'gone', text } : { kind: 'lives', name: 'a process' };
  const gone = other.world === (await world()) ? !(await lives(other)) : isSilent;
  return gone ? { kind: 'gone', text } : { kind: 'lives', name: `process ${other.pid}` };
}

function parseOwner(text: string): Owner | undefined {
  try {
    return owner.parse(JSON.parse(text));
  } catch {
    // A full disk leaves half a file.
    return undefined;
  }
}

async function thisProcess(): Promise<Owner> {
  return { pid: process.pid, started: await startOf(process.pid), world: await world() };
}

async function lives({ pid, started }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return started === '' || started === (await startOf(pid));
}

/** The 22nd field of /proc/<pid>/stat; the second, its name in parentheses, may hold anything. */
async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

async function world(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => hostname());
  const container = await readlink('/proc/self/ns/pid').catch(() => '');
  return `${boot.trim()} ${container}`;
}

function inUse(file: string, by: string): GitError {
  return new GitError(
    `the cache folder is in use by ${by} (${file}): one process at a time can use it; give each a --cache of its own`,
    { retryable: true },
  );
}
