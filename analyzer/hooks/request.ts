import { createHmac } from 'node:crypto';
import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { join } from 'node:path';
import type { Hook, Plan } from '../../lib/plan/plan.ts';
import { FileError, readText } from '../http.ts';

/** Where the files are that hooks name. They are read at each call, so that they can be rotated. */
export interface HookFolders {
  /** Holds one file for each `key`. @default - hooks with a key are not called */
  readonly keysFolder?: string | undefined;
  /** Holds one PEM file for each `authority`. @default - hooks with an authority are not called */
  readonly authoritiesFolder?: string | undefined;
}

/** What is sent, and how. */
export interface HookRequest {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: Agent;
  /** Whatever must not be shown. */
  readonly secrets: readonly string[];
}

/** Makes it. @throws FileError for a key or an authority that is not there */
export async function requestOf(
  folders: HookFolders,
  hook: Hook,
  { name, namespace, phase, checksum, metadata: more }: HookPayload,
): Promise<HookRequest> {
  const metadata = { ...hook.metadata, ...more };
  const given = Object.keys(metadata).length === 0 ? {} : { metadata };
  const body = JSON.stringify({ name, namespace, phase, checksum, ...given });
  const { headers, secrets } = signature(await keyOf(folders, hook), body);
  return {
    body,
    headers: { 'Content-Type': 'application/json', 'User-Agent': 'perch', ...headers },
    agent: await agentOf(folders, hook),
    secrets,
  };
}

/** Over the bytes of the body. */
function signature(
  key: string | undefined,
  body: string,
): Pick<HookRequest, 'headers' | 'secrets'> {
  if (key === undefined) return { headers: {}, secrets: [] };
  const digest = createHmac('sha256', key).update(body).digest('hex');
  // A body is often JSON, in which a key may look different.
  const secrets = [key, JSON.stringify(key).slice(1, -1), digest];
  return { headers: { 'X-Signature': `sha256=${digest}` }, secrets };
}

async function keyOf({ keysFolder }: HookFolders, hook: Hook): Promise<string | undefined> {
  const { name, key } = hook;
  if (key === undefined) return undefined;
  const remedy = 'put the key into the folder of --hook-keys';
  const text = await fileOf(
    keysFolder,
    key,
    `hook ${name} is signed by ${key}, and not called`,
    remedy,
  );
  // Keys may end in blanks, but not in the line break that editors add.
  const known = text.replace(/\r?\n$/, '');
  if (known === '') throw new FileError(`hook ${name} is not called: its key ${key} is empty`);
  return known;
}

/**
 * Each call has a connection of its own: one that is kept might be closed by the service while it is used again, and
 * nobody could tell whether the call was taken.
 */
async function agentOf({ authoritiesFolder }: HookFolders, hook: Hook): Promise<Agent> {
  const { name, authority, url } = hook;
  if (authority === undefined)
    return new URL(url).protocol === 'https:' ? new TlsAgent() : new Agent();
  const remedy = 'put its PEM file into the folder of --hook-authorities';
  const missing = `hook ${name} trusts ${authority} alone, and is not called`;
  return new TlsAgent({ ca: await fileOf(authoritiesFolder, authority, missing, remedy) });
}

async function fileOf(
  folder: string | undefined,
  name: string,
  missing: string,
  remedy: string,
): Promise<string> {
  if (folder === undefined) throw new FileError(`${missing}: ${remedy}`);
  try {
    return await readText(join(folder, name));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new FileError(`${missing}: ${error.message}; ${remedy}`);
  }
}

/** What a hook is sent, as JSON. The shape is Flagger's, so that its load tester and gate services work unchanged. */
export interface HookPayload {
  /** Of the release's Services, not its id. */
  readonly name: string;
  readonly namespace: string;
  /** As `perch status` shows it. */
  readonly phase: string;
  /** The candidate. */
  readonly checksum: string;
  /** Added to the hook's own. @default - none */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a hook of the plan is sent in a phase. */
export function payloadOf(plan: Plan, phase: string): HookPayload {
  return { name: plan.name, namespace: plan.namespace, phase, checksum: plan.candidate };
}
