import { writeFile } from 'node:fs/promises';
import type { Kubernetes } from '../servers/kubernetes.ts';
import type { Api } from './api.ts';

/** A ServiceAccount, and where to keep what it logs in with. */
export interface AccountOptions {
  readonly kubernetes: Kubernetes;
  readonly api: Api;
  readonly namespace: string;
  readonly name: string;
  /** The file to write. */
  readonly path: string;
  /** Of the context, the cluster and the user. @default stack */
  readonly context?: string;
}

/**
 * Writes a kubeconfig with a token of an existing ServiceAccount, good for an hour: whoever uses it
 * may do what RBAC lets that account do.
 *
 * @throws Error when there is no such ServiceAccount
 */
export async function writeKubeconfigFor(options: AccountOptions): Promise<void> {
  const { kubernetes, api, namespace, name, path, context = 'stack' } = options;
  const token = await requestToken(api, namespace, name);
  const authority = Buffer.from(kubernetes.certificate).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: context,
        cluster: { server: kubernetes.url, 'certificate-authority-data': authority },
      },
    ],
    users: [{ name: context, user: { token } }],
    contexts: [{ name: context, context: { cluster: context, user: context, namespace } }],
    'current-context': context,
  };
  await writeFile(path, JSON.stringify(config, null, 2), { mode: 0o600 });
}

async function requestToken(api: Api, namespace: string, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const { status } = await api.post<{ readonly status: { readonly token: string } }>(path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 3600 },
  });
  return status.token;
}
