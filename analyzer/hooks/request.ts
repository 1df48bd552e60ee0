import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import type { Hook, Plan } from '../../lib/plan/plan.ts';
import type { HttpRequest, Signed } from '../http/client.ts';
import type { Authorities } from '../http/connection.ts';
import { FileError, readText } from '../http/own-file.ts';

/** Where the files are that hooks name. They are read at each call, so that they can be rotated. */
export interface HookFolders {
  /** Holds one file for each `key`. @default - hooks with a key are not called */
  readonly keysFolder?: string | undefined;
  /** Holds one PEM file for each `authority`. @default - hooks with an authority are not called */
  readonly authoritiesFolder?: string | undefined;
}

/** What is sent to a hook. */
export function requestOf(
  folders: HookFolders,
  hook: Hook,
  { name, namespace, phase, checksum, metadata: more }: HookPayload,
): HttpRequest {
  const metadata = { ...hook.metadata, ...more };
  const given = Object.keys(metadata).length === 0 ? {} : { metadata };
  return {
    method: 'POST',
    url: hook.url,
    body: {
      type: 'application/json',
      text: JSON.stringify({ name, namespace, phase, checksum, ...given }),
    },
    sign: (body) => sign(folders, hook, body),
    // One that is kept might be closed by the service while it is used again, and nobody could tell whether the call
    // was taken.
    connection: { kind: 'own', authorities: authoritiesOf(folders, hook) },
    timeoutSeconds: hook.timeoutSeconds,
  };
}

/** Over the bytes of the body. */
async function sign(folders: HookFolders, hook: Hook, body: string): Promise<Signed> {
  const key = await keyOf(folders, hook);
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

function authoritiesOf({ authoritiesFolder }: HookFolders, hook: Hook): Authorities | undefined {
  const { name, authority } = hook;
  if (authority === undefined) return undefined;
  const remedy = 'put its PEM file into the folder of --hook-authorities';
  const missing = `hook ${name} trusts ${authority} alone, and is not called`;
  return () => fileOf(authoritiesFolder, authority, missing, remedy);
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
