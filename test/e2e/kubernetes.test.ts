import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubernetes } from '../../analyzer/cluster/kubernetes.ts';
import type { ObjectRef } from '../../analyzer/core/cluster/reading.ts';
import { clusterContract } from '../contract/cluster.ts';
import {
  istioCrdsPath,
  type Kubernetes,
  missingKubernetes,
  startKubernetes,
} from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';

describe('a real API server', { skip: isMissing(missingKubernetes(['istio-crds.yaml'])) }, () => {
  let server: Kubernetes;
  let folder: string;

  // Without controllers: nobody but the test writes.
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perch-kubernetes-e2e-'));
    server = await startKubernetes({ crds: [istioCrdsPath()] });
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const write = async (args: readonly string[], input?: unknown) => {
    await server.kubectl(args, input === undefined ? undefined : JSON.stringify(input));
  };
  clusterContract(() => ({
    cluster: kubernetes({ kubeconfig: server.kubeconfigPath }),
    apply: (object) => {
      const flags = ['--server-side', '--field-manager=kustomize-controller', '--force-conflicts'];
      return write(['apply', ...flags, '--filename=-'], object);
    },
    edit: (ref, patch) => write([...patchOf(ref, patch), '--field-manager=kubectl-edit']),
    scale: (ref, replicas) => {
      const flags = ['--subresource=scale', '--field-manager=kube-controller-manager'];
      return write([...patchOf(ref, { spec: { replicas } }), ...flags]);
    },
    setStatus: (ref, status) => {
      const flags = ['--subresource=status', '--field-manager=kube-controller-manager'];
      return write([...patchOf(ref, { status }), ...flags]);
    },
    remove: (ref) => write(['delete', ...nameOf(ref)]),
    // Entries are dated to the second.
    nextSecond: () => sleep(1100),
    now: () => Date.now() / 1000,
  }));

  test('takes the word get alone', async () => {
    const kubeconfig = await accountOf('reader');
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'rights' };
    const secret = { apiVersion: 'v1', kind: 'Secret', namespace: 'default', name: 'rights' };
    const create = ['create', 'clusterrole', 'reader', '--verb=get'];
    await server.kubectl([...create, '--resource=deployments.apps']);
    const bind = ['create', 'clusterrolebinding', 'reader', '--clusterrole=reader'];
    await server.kubectl([...bind, '--user=reader']);
    // A new right is known to the authorizer a moment later.
    const cluster = kubernetes({ kubeconfig });
    await expect
      .poll(async () => cluster.read([ref, secret, { ...ref, kind: 'Nest' }]), { timeout: 10_000 })
      .toMatchObject({
        value: {
          objects: [
            { kind: 'absent' },
            { reason: expect.stringContaining('HTTP 403 for secrets rights in namespace default') },
            { kind: 'absent' },
          ],
        },
      });
  });

  test('does not accept another token', async () => {
    const kubeconfig = await accountOf(undefined);
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'rights' };
    expect(await kubernetes({ kubeconfig }).read([ref])).toMatchObject({
      value: { objects: [{ reason: expect.stringContaining('HTTP 401') }] },
    });
  });

  /** A kubeconfig for a user without rights, or, without a name, for one who is not known. */
  async function accountOf(name: string | undefined): Promise<string> {
    const config = JSON.parse(await readFile(server.kubeconfigPath, 'utf8'));
    if (name === undefined) config.users[0].user.token = 'unknown';
    else config.users[0].user.as = name;
    const path = join(folder, `kubeconfig-${name}`);
    await writeFile(path, JSON.stringify(config));
    return path;
  }
});

function patchOf(ref: ObjectRef, patch: unknown): string[] {
  return ['patch', ...nameOf(ref), '--type=merge', `--patch=${JSON.stringify(patch)}`];
}

function nameOf({ apiVersion, kind, namespace, name }: ObjectRef): string[] {
  const [group, version] = apiVersion.split('/');
  const type = version === undefined ? kind : `${kind}.${version}.${group}`;
  return [type, name, ...(namespace === undefined ? [] : [`--namespace=${namespace}`])];
}
