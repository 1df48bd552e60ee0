import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';

/** One entry of a kubeconfig as it is written, and where. */
export interface KubeconfigEntry {
  readonly value: Readonly<Record<string, unknown>>;
  /** That of its file: relative paths are meant from there. @default - it is in no file */
  readonly folder: string | undefined;
}

/** What a kubeconfig says of the user and the cluster in use, beyond what @kubernetes/client-node keeps. */
export interface KubeconfigEntries {
  readonly user: KubeconfigEntry;
  readonly cluster: KubeconfigEntry;
}

const named = z.array(z.looseObject({ name: z.string() }));
const record = z.record(z.string(), z.unknown());

/**
 * Finds both by name. Of several files the first that has it counts, as kubectl does it.
 *
 * @param kubeconfig a file @default - those that KUBECONFIG names, or ~/.kube/config
 */
export async function kubeconfigEntries(
  kubeconfig: string | undefined,
  names: { readonly user: string; readonly cluster: string },
): Promise<KubeconfigEntries> {
  const nothing: KubeconfigEntry = { value: {}, folder: undefined };
  let user: KubeconfigEntry | undefined;
  let cluster: KubeconfigEntry | undefined;
  for (const path of pathsOf(kubeconfig)) {
    const config = await configOf(path);
    const folder = dirname(path);
    user ??= entryOf(config.users, 'user', names.user, folder);
    cluster ??= entryOf(config.clusters, 'cluster', names.cluster, folder);
  }
  return { user: user ?? nothing, cluster: cluster ?? nothing };
}

function pathsOf(kubeconfig: string | undefined): readonly string[] {
  if (kubeconfig !== undefined) return [kubeconfig];
  const given = (process.env.KUBECONFIG ?? '').split(delimiter).filter((it) => it !== '');
  return given.length > 0 ? given : [join(homedir(), '.kube', 'config')];
}

/** A file that is missing or broken says nothing here: loading it has said why. */
async function configOf(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return record.safeParse(parse(await readFile(path, 'utf8'))).data ?? {};
  } catch {
    return {};
  }
}

function entryOf(
  list: unknown,
  field: 'user' | 'cluster',
  name: string,
  folder: string,
): KubeconfigEntry | undefined {
  const found = (named.safeParse(list).data ?? []).find((it) => it.name === name);
  const value = record.safeParse(found?.[field]).data;
  return value === undefined ? undefined : { value, folder };
}
