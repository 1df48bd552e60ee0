import { resolve } from 'node:path';
import * as z from 'zod';
import type { KubeconfigEntries } from './kubeconfig-file.ts';
import { runPlugin } from './plugin.ts';
import { Unreachable } from './unreachable.ts';

/** What a plugin of a kubeconfig brought. */
export interface ExecCredential {
  readonly token?: string | undefined;
  /** PEM texts. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** Unix seconds. @default - it is good until the API server refuses it */
  readonly expiresAt?: number | undefined;
}

const VERSIONS = ['v1', 'v1beta1'].map((it) => `client.authentication.k8s.io/${it}`);

const spec = z.looseObject({
  apiVersion: z.string().nullish(),
  command: z.string().min(1),
  args: z.array(z.string()).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  interactiveMode: z.string().nullish(),
  provideClusterInfo: z.boolean().nullish(),
});

/** What an `exec` of a kubeconfig says. */
export type ExecSpec = z.infer<typeof spec>;

const credential = z.object({
  apiVersion: z.string(),
  kind: z.literal('ExecCredential'),
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.string().optional(),
  }),
});

/**
 * Runs the plugin that a kubeconfig names, as
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins says. Nobody
 * sits at a terminal: a plugin that always wants one is refused.
 *
 * @throws Unreachable with the reason
 */
export async function execCredential(
  given: unknown,
  { user, cluster }: KubeconfigEntries,
  timeoutSeconds: number,
): Promise<ExecCredential> {
  const parsed = spec.safeParse(given);
  if (!parsed.success) throw refusal('the exec of the kubeconfig names no command');
  const { command, args, env, interactiveMode, apiVersion } = parsed.data;
  const name = `the plugin ${command}`;
  if (!VERSIONS.includes(apiVersion ?? ''))
    throw refusal(
      `${name} speaks ${apiVersion ?? 'no version'}; ${VERSIONS.join(' and ')} are known`,
    );
  if (interactiveMode === 'Always')
    throw refusal(
      `${name} always asks at a terminal (interactiveMode: Always), and there is none: use one that does not ask`,
    );
  const end = await runPlugin({
    // As kubectl takes it: a path is one from the folder of the kubeconfig.
    command:
      /[\\/]/.test(command) && user.folder !== undefined ? resolve(user.folder, command) : command,
    args: args ?? [],
    env: {
      ...Object.fromEntries((env ?? []).map((it) => [it.name, it.value])),
      KUBERNETES_EXEC_INFO: execInfo(parsed.data, cluster),
    },
    timeoutSeconds,
  });
  if (end.kind === 'late')
    throw new Unreachable(`no credentials: ${name} took over ${timeoutSeconds} s`, name);
  if (end.kind === 'failed') throw refusal(`${name} failed: ${end.reason}`);
  return credentialOf(end.stdout, name, apiVersion ?? '');
}

function execInfo(
  { apiVersion, provideClusterInfo }: ExecSpec,
  cluster: KubeconfigEntries['cluster'],
) {
  const info = provideClusterInfo ? { cluster: clusterInfo(cluster.value) } : {};
  return JSON.stringify({
    apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...info },
  });
}

/** What the plugin is told of a cluster, in its own words. */
function clusterInfo(cluster: Readonly<Record<string, unknown>>): object {
  const told = [
    'server',
    'tls-server-name',
    'insecure-skip-tls-verify',
    'certificate-authority-data',
    'proxy-url',
    'disable-compression',
  ];
  const { extensions } = cluster;
  const own = (Array.isArray(extensions) ? extensions : []).find(
    (it) => it?.name === 'client.authentication.k8s.io/exec',
  );
  const known = told.flatMap((it) =>
    cluster[it] === undefined ? [] : [[it, cluster[it]] as const],
  );
  return { ...Object.fromEntries(known), ...(own === undefined ? {} : { config: own.extension }) };
}

/** What it printed is a secret: nothing of it is shown. */
function credentialOf(text: string, name: string, version: string): ExecCredential {
  const found = credential.safeParse(jsonOf(text));
  if (!found.success) throw refusal(`${name} printed no ExecCredential`);
  if (found.data.apiVersion !== version)
    throw refusal(`${name} answered in another version than ${version}`);
  const { token, clientCertificateData: certificate, clientKeyData: key } = found.data.status;
  if ((certificate === undefined) !== (key === undefined))
    throw refusal(`${name} printed a certificate or a key without the other`);
  if (token === undefined && key === undefined)
    throw refusal(`${name} printed neither a token nor a certificate`);
  const expiresAt = Date.parse(found.data.status.expirationTimestamp ?? '') / 1000;
  return { token, certificate, key, ...(Number.isFinite(expiresAt) ? { expiresAt } : {}) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// What a plugin said may be long.
function refusal(reason: string): Unreachable {
  const line = reason.replaceAll(/[\p{C}\s]+/gu, ' ').trim();
  return new Unreachable(`no credentials: ${line.slice(0, 300)}`);
}
