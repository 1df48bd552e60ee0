import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A program or a file of CustomResourceDefinitions that `.ci/servers/install` makes. */
export type Asset =
  | 'argo-cd-crds.yaml'
  | 'argocd'
  | 'contour'
  | 'contour-crds.yaml'
  | 'envoy'
  | 'etcd'
  | 'flux-kustomize-crds.yaml'
  | 'flux-source-crds.yaml'
  | 'gateway-api-crds.yaml'
  | 'gitea'
  | 'gitea-static'
  | 'hadolint'
  | 'istio-crds.yaml'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubectl'
  | 'kustomize-controller'
  | 'kwok';

const INSTALL = fileURLToPath(new URL('../../../.ci/servers/install', import.meta.url));
const REMEDY =
  'Run .ci/servers/install (with --all for Gitea), which builds the servers (some minutes, once) ' +
  'where the tests find them, or set KUBEBUILDER_ASSETS to a folder that has them.';

/**
 * Where an asset is.
 *
 * @throws Error with the remedy when it is missing
 */
export function assetPath(asset: Asset): string {
  const { folder, name } = assetsFolder();
  const path = join(folder, asset);
  if (!existsSync(path)) throw new Error(`${name} lacks ${asset}. ${REMEDY}`);
  return path;
}

/**
 * Why this machine cannot run a server, and what to do; nothing when it can.
 *
 * @param title what cannot be started, for the message
 * @param assets what it needs
 */
export function missingAssets(title: string, assets: readonly Asset[]): string | undefined {
  const { folder, name } = assetsFolder();
  const missing = assets.filter((asset) => !existsSync(join(folder, asset)));
  if (missing.length === 0) return undefined;
  return `${title} cannot be started: ${name} lacks ${missing.join(', ')}. ${REMEDY}`;
}

/** The folder, and what to call it in messages. */
function assetsFolder(): { readonly folder: string; readonly name: string } {
  const named = process.env.KUBEBUILDER_ASSETS;
  if (named) return { folder: named, name: `KUBEBUILDER_ASSETS=${named}` };
  installed ??= whereInstalled();
  return { folder: installed, name: installed || 'the cache of .ci/servers/install' };
}

let installed: string | undefined;

// Only the script knows the cache folder's name; without Go it knows none, and nothing is built.
function whereInstalled(): string {
  try {
    return execFileSync(INSTALL, ['--where'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return '';
  }
}
