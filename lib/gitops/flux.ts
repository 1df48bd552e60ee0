import { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import * as z from 'zod';
import { put } from '../manifest/put.ts';
import { type Reproof, reprove } from '../mistake.ts';
import { duration, fields, listOf } from '../props/fields.ts';
import { readProps } from '../props/read.ts';
import { addressMistakes, branchOf, type Repository, repository } from './repository.ts';
import { aPlan, rootsOf, type Sync, type SyncRoot } from './sync.ts';

/** How Flux applies the releases. */
export interface FluxProps extends z.infer<typeof fluxProps> {}

/** The schema of `FluxProps`. */
export const fluxProps = fields({
  /** The releases: `Manifests` hands them to its factory. */
  plans: listOf(aPlan),
  /** The repository with `live/`. */
  run: repository,
  /** @default 'flux-system' */
  namespace: z.string().optional(),
  /**
   * Name of the GitRepository and of the Receiver.
   * @default 'perch'
   */
  name: z.string().optional(),
  /**
   * Name of the Secret by which Flux reads the repository, in the same namespace.
   * @default - none: everybody may read it
   */
  secret: z.string().optional(),
  /**
   * How often the branch is looked at, and drift corrected. Every step waits for it, and so does the rollback:
   * keep it short, or have a receiver.
   * @default Duration.minutes(1)
   */
  interval: duration.optional(),
  /**
   * How soon a commit that could not be applied is tried again; also how soon `live/<id>` is seen once it exists.
   * @default Duration.seconds(10)
   */
  retryInterval: duration.optional(),
  /**
   * Name of the account that applies, in the same namespace.
   * @default - that of kustomize-controller
   */
  serviceAccount: z.string().optional(),
  /**
   * Names of Secrets, in the same namespace, with kubeconfigs of the clusters that the folders `mesh` and `workload`
   * of releases with two roots are applied to.
   * @default - the cluster that Flux runs in
   */
  kubeConfigs: fields({
    mesh: z.string().optional(),
    workload: z.string().optional(),
  }).optional(),
  /**
   * Name of the Secret of a Receiver, in the same namespace, with the key `token`: a signed POST makes Flux look
   * at once. The analyzer sends it where it is given the same secret, so does a Git server.
   * @default - no Receiver
   */
  receiverSecret: z.string().optional(),
});

/**
 * Makes a GitRepository over the run branch, and for each release a Kustomization of its id over `live/<id>`:
 * with pruning, as the last step removes files, and without waits, health checks and force, which would hold
 * the rollback up until their own timeout. Perch reads readiness itself. A release with two roots has one for each,
 * `<id>-mesh` and `<id>-workload`.
 *
 * A release that disappears from `apps/` keeps its Kustomization, which whatever applies this folder is told
 * not to prune: it may still have to be taken back, and deleting the Kustomization would delete the application.
 *
 * @returns what the analyzer is told of it
 */
export function flux(scope: Construct, props: FluxProps): Sync {
  const { given, reproofs } = readProps('flux', fluxProps, props);
  reprove(scope, ...reproofs);
  if (given !== undefined) return fluxOf(scope, given);
  return { tool: 'flux', namespace: 'flux-system', resource: KUSTOMIZATIONS };
}

const KUSTOMIZATIONS = { group: 'kustomize.toolkit.fluxcd.io', name: 'kustomizations' };

function fluxOf(scope: Construct, props: FluxProps): Sync {
  const { plans, run, namespace = 'flux-system', name = 'perch', receiverSecret } = props;
  reprove(scope, ...addressMistakes('run.url of flux', run.url), ...slowMistakes(props));
  gitRepository(scope, { ...props, repository: run, name, namespace, ignore: ONLY_LIVE });
  for (const root of plans.flatMap(rootsOf))
    kustomization(scope, root, { ...props, name, namespace });
  if (receiverSecret !== undefined)
    put(scope, {
      apiVersion: 'notification.toolkit.fluxcd.io/v1',
      kind: 'Receiver',
      metadata: { name, namespace },
      spec: {
        type: 'generic-hmac',
        secretRef: { name: receiverSecret },
        resources: [{ apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', name }],
      },
    });
  return { tool: 'flux', namespace, resource: KUSTOMIZATIONS };
}

/** A release says how long its sync may take: a commit that brings earlier digests back is live that much later. */
function slowMistakes({ plans, interval = Duration.minutes(1) }: FluxProps): Reproof[] {
  const seconds = interval.toSeconds();
  const hasty = plans.filter((it) => it.analysis.syncSeconds < seconds).map((it) => it.release);
  if (hasty.length === 0) return [];
  return [
    {
      problem: `interval of flux is longer than analysis.syncInterval of ${hasty.join(', ')}`,
      got: `${seconds} s`,
      remedy: 'shorten it, or raise analysis.syncInterval of these releases',
    },
  ];
}

/** The artifact that source-controller hands out holds nothing else. */
const ONLY_LIVE = '/*\n!/live\n';

interface GitRepositoryProps {
  readonly repository: Repository;
  readonly name: string;
  readonly namespace: string;
  readonly secret?: string | undefined;
  readonly interval?: Duration | undefined;
  readonly ignore?: string;
}

/** Makes a GitRepository of Flux over one branch. */
export function gitRepository(scope: Construct, props: GitRepositoryProps): void {
  const { repository, name, namespace, secret, interval, ignore } = props;
  put(scope, {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name, namespace },
    spec: {
      interval: goDuration(interval ?? Duration.minutes(1)),
      url: fluxUrl(repository.url),
      ref: { branch: branchOf(repository) },
      ...(secret === undefined ? {} : { secretRef: { name: secret } }),
      ...(ignore === undefined ? {} : { ignore }),
    },
  });
}

type Named = FluxProps & { readonly name: string; readonly namespace: string };

function kustomization(scope: Construct, root: SyncRoot, props: Named): void {
  const { name, namespace, interval, retryInterval, serviceAccount } = props;
  const kubeConfig = root.holds === 'all' ? undefined : props.kubeConfigs?.[root.holds];
  put(scope, {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: {
      name: root.name,
      namespace,
      annotations: { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' },
    },
    spec: {
      interval: goDuration(interval ?? Duration.minutes(1)),
      retryInterval: goDuration(retryInterval ?? Duration.seconds(10)),
      sourceRef: { kind: 'GitRepository', name },
      path: `./${root.path}`,
      prune: true,
      wait: false,
      force: false,
      ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
      ...(kubeConfig === undefined ? {} : { kubeConfig: { secretRef: { name: kubeConfig } } }),
    },
  });
}

/** `git@host:path` as Flux wants it. */
function fluxUrl(url: string): string {
  return url.includes('://') ? url : `ssh://${url.replace(':', '/')}`;
}

/** As Go writes durations. */
export function goDuration(duration: Duration): string {
  return `${duration.toSeconds()}s`;
}
