import {
  Apps,
  canary,
  istio,
  Manifests,
  type ManifestsFactory,
  MistakesError,
  Release,
} from '../../lib/index.ts';
import type { Manifest } from '../../lib/manifest/json.ts';
import { mistakeText } from '../../lib/mistake.ts';
import { deployment, deploymentOf, hpa, type SampleObject, workload } from './sample.ts';

/** Release `shop` in namespace prod, with an HPA, and `site` in namespace web, with another object of yours. */
export function twoReleases(other?: SampleObject, allowKinds: readonly string[] = []): Apps {
  const apps = new Apps();
  const props = {
    service: { port: 80, targetPort: 8080 },
    traffic: istio(),
    strategy: canary({ stepWeight: 50 }),
  };
  new Release(apps, 'shop', {
    ...props,
    namespace: 'prod',
    workload: workload(deployment(), hpa()),
  });
  const site = other === undefined ? [deployment()] : [deployment(), other];
  new Release(apps, 'site', {
    ...props,
    namespace: 'web',
    workload: workload(...site),
    allowKinds,
  });
  return apps;
}

/** The two releases, and `far`, whose mesh objects and workload lie apart, with no workload of its own as `routes`. */
export function apartReleases(): Apps {
  const apps = twoReleases();
  const props = {
    namespace: 'prod',
    traffic: istio(),
    strategy: canary({ stepWeight: 50 }),
    roots: 'mesh-and-workload',
  } as const;
  new Release(apps, 'far', {
    ...props,
    service: { port: 80, targetPort: 8080 },
    workload: workload(deploymentOf('far')),
  });
  new Release(apps, 'routes', {
    ...props,
    service: { port: 80 },
    existing: { stable: 'old', candidate: 'new' },
  });
  return apps;
}

/** What a folder beside the two releases holds, by `Kind namespace/name`. */
export async function folderOf(
  make: ManifestsFactory,
  apps: Apps = twoReleases(),
): Promise<ReadonlyMap<string, Manifest>> {
  new Manifests(apps, 'folder', make);
  const { manifests } = await apps.render();
  return new Map(manifests.flatMap((it) => it.objects.map((one) => [nameOf(one), one])));
}

/** `Kind namespace/name`, or `Kind name` of what no namespace holds. */
export function nameOf({ kind, metadata }: Manifest): string {
  const { namespace, name } = metadata;
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** The mistakes of such a folder as text; none when it is right. */
export async function mistakesIn(make: ManifestsFactory, apps?: Apps): Promise<readonly string[]> {
  try {
    await folderOf(make, apps);
    return [];
  } catch (error) {
    if (!(error instanceof MistakesError)) throw error;
    return error.mistakes.map(mistakeText);
  }
}
