import type { Duration } from 'cdk8s';
import type { Repository } from '../gitops/repository.ts';
import type { JsonObject } from '../manifest/json.ts';
import type { MonitoringProps } from './monitoring.ts';
import type { RightsOptions } from './rights.ts';

/** One key of a Secret that a person made in the analyzer's namespace; it is mounted as a file. */
export interface SecretFile {
  /** Name of the Secret. */
  readonly secret: string;
  readonly key: string;
}

/** One key of a ConfigMap or Secret in the analyzer's namespace, for what is no secret. */
export type PublicFile = SecretFile | { readonly configMap: string; readonly key: string };

/** A Secret that a person made in the analyzer's namespace; each of its keys is mounted as a file of that name. */
export interface SecretFolder {
  /** Name of the Secret. */
  readonly secret: string;
}

/** A ConfigMap or Secret in the analyzer's namespace, for what is no secret. */
export type PublicFolder = SecretFolder | { readonly configMap: string };

/** How the analyzer runs. */
export type AnalyzerMode =
  /** A Job at each time of the schedule; one that finds a rollout stays with it to its end. */
  | {
      readonly kind: 'cron-job';
      /** @default '* * * * *' */
      readonly schedule?: string;
      /**
       * How long one Job may live. A hung one stops every rollback so long, as no other starts beside it; a rollout
       * that takes longer is continued by the next Job. A Job remembers since when a server could not be reached,
       * so the default is longer than any `inconclusiveDeadline`.
       * @default - 30 minutes, or the longest inconclusiveDeadline of the plans and 10 minutes
       */
      readonly deadline?: Duration;
    }
  /** A Deployment that never ends. */
  | {
      readonly kind: 'watch';
      /**
       * Two do no harm, as the push is the lock, and ask twice.
       * @default 1
       */
      readonly replicas?: number;
    };

/** How the analyzer reaches Git. */
export interface GitAccess {
  /**
   * A file with lines `https://user:token@host`.
   * @default - none
   */
  readonly credentials?: SecretFile;
  /**
   * A private key without passphrase, and the `known_hosts` of the server, without which ssh does not connect.
   * @default - none
   */
  readonly ssh?: { readonly key: SecretFile; readonly knownHosts: PublicFile };
  /**
   * A private ssh key that signs the commits.
   * @default - commits are not signed
   */
  readonly signingKey?: SecretFile;
  /**
   * Author of the commits, as `Ann <ann@example.com>`.
   * @default - Perch
   */
  readonly identity?: string;
}

/** How the analyzer reaches Prometheus. */
export interface MetricsAccess {
  readonly url: string;
  /**
   * Bearer token.
   * @default - none
   */
  readonly token?: SecretFile;
  /**
   * Basic authentication.
   * @default - none
   */
  readonly basic?: { readonly user: string; readonly password: SecretFile };
  /**
   * PEM file of the authority to trust.
   * @default - those of Node
   */
  readonly ca?: PublicFile;
  /**
   * More headers, such as `X-Scope-OrgID`. Git and the process list show them: no secrets.
   * @default - none
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Headers with secret values: lines `Name: value`.
   * @default - none
   */
  readonly headersFile?: SecretFile;
  /**
   * Whether answers count that come with warnings or are partial, as Thanos and VictoriaMetrics give them while a
   * store behind them is away. They are inconclusive otherwise.
   * @default false
   */
  readonly acceptPartial?: boolean;
}

/** With what the analyzer calls the hooks of releases. */
export interface HooksAccess {
  /**
   * Keys that sign what is sent, by the names that hooks have in `key`.
   * @default - none: hooks with a key are not called
   */
  readonly keys?: SecretFolder;
  /**
   * PEM files of authorities, by the names that hooks have in `authority`.
   * @default - none: hooks with an authority are not called
   */
  readonly authorities?: PublicFolder;
}

/** Clusters other than the one that the analyzer runs in. */
export interface ClustersAccess {
  readonly kubeconfig: SecretFile;
  /**
   * Contexts of the kubeconfig; a step is live when it is live in all of them.
   * @default - the current one
   */
  readonly contexts?: readonly string[];
  /**
   * Contexts in which the routing objects are, where those are elsewhere.
   * @default - the same
   */
  readonly routesContexts?: readonly string[];
  /**
   * The one context in which the sync objects of all clusters stand.
   * @default - each cluster has its own
   */
  readonly syncContext?: string;
}

/** An analyzer in the cluster. */
export interface AnalyzerProps extends RightsOptions {
  /** The analyzer's image, with tag or digest. */
  readonly image: string;
  /**
   * Name of the objects.
   * @default 'perch'
   */
  readonly name?: string;
  /** @default 'perch' */
  readonly namespace?: string;
  /**
   * Whether the Namespace is made, too, with the restricted Pod Security Standard.
   * @default true
   */
  readonly createNamespace?: boolean;
  /** @default { kind: 'cron-job' } */
  readonly mode?: AnalyzerMode;
  /**
   * The repository with `live/` and `rollouts/`, which is pushed to. Where it is not the branch with the releases, a
   * person makes it once with `perch init-branch`: the analyzer never does.
   */
  readonly run: Repository;
  /**
   * The repository with `dist/`, which is only read.
   * @default - the same
   */
  readonly source?: Repository;
  /** @default - Git asks for no credentials */
  readonly git?: GitAccess;
  /** The metric store of checks that name none; its name is `default`. */
  readonly metrics: MetricsAccess;
  /**
   * More metric stores, by the names that checks have in `source`: DNS labels, and not `default`. The network policy
   * takes `network.metrics` for all of them.
   * @default - none
   */
  readonly metricStores?: Readonly<Record<string, MetricsAccess>>;
  /**
   * Pause between two looks while a rollout is under way.
   * @default Duration.seconds(10)
   */
  readonly interval?: Duration;
  /**
   * Who is told at once of a push, so that a step does not wait for a poll: Flux's Receiver or Argo CD's webhook,
   * with the key that signs what is sent.
   * @default - nobody
   */
  readonly nudge?: { readonly urls: readonly string[]; readonly secret?: SecretFile };
  /**
   * With what the hooks of the releases are called.
   * @default - without keys, and trusting the authorities of Node
   */
  readonly hooks?: HooksAccess;
  /**
   * Who may sign plans, in git's format for ssh; plans that nobody of them has signed are refused.
   * @default - plans need no signature
   */
  readonly allowedSigners?: PublicFile;
  /**
   * Kinds, as `group/Kind`, that releases may hold beyond those that are allowed anyway.
   * @default - none
   */
  readonly allowKinds?: readonly string[];
  /**
   * Other clusters. Their Roles are not here: see `AnalyzerRights`.
   * @default - the cluster that the analyzer runs in
   */
  readonly clusters?: ClustersAccess;
  /**
   * A Pushgateway that gets the metrics after each tick. A cron job has no other way.
   * @default - none
   */
  readonly pushGateway?: string;
  /**
   * PodMonitor and alerts of the Prometheus operator on the analyzer itself.
   * @default - none
   */
  readonly monitoring?: MonitoringProps;
  /**
   * What the NetworkPolicy lets through.
   * @default - DNS, and to anywhere the ports of the API server, Git, metrics, hooks, nudge and Pushgateway
   */
  readonly network?: NetworkProps;
}

/** Whom one kind of connection is allowed with. */
export interface Peers {
  /**
   * Ports of the pods or servers that answer, after a Service has forwarded: a NetworkPolicy sees no others.
   * @default - the port of the address
   */
  readonly ports?: readonly number[];
  /**
   * Peers, as a NetworkPolicy has them, such as `{ ipBlock: { cidr: '10.0.0.1/32' } }`.
   * @default - anybody
   */
  readonly peers?: readonly JsonObject[];
}

/** What an analyzer's NetworkPolicy lets through. */
export interface NetworkProps {
  /** @default - port 53 of anybody, TCP and UDP: node-local caches are no pods */
  readonly dns?: Peers;
  /** @default - ports 443 and 6443 of anybody */
  readonly apiServer?: Peers;
  /** @default - the ports of both repositories' addresses */
  readonly git?: Peers;
  /** @default - the ports of all metric stores' addresses */
  readonly metrics?: Peers;
  /** @default - the ports of the addresses of the releases' hooks */
  readonly hooks?: Peers;
  /** @default - the ports of the nudges' addresses */
  readonly nudge?: Peers;
  /** @default - the port of the Pushgateway's address */
  readonly pushGateway?: Peers;
  /**
   * Who may ask for /metrics in watch mode; the kubelet always may.
   * @default - anybody
   */
  readonly scrapers?: readonly JsonObject[];
}
