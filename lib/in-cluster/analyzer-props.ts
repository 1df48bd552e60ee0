import * as z from 'zod';
import { repository } from '../gitops/repository.ts';
import { duration, extended, fields, jsonObject, listOf, mapOf, oneOf } from '../props/fields.ts';
import { monitoringProps } from './monitoring.ts';
import { rightsOptions } from './rights.ts';

/** One key of a Secret that a person made in the analyzer's namespace; it is mounted as a file. */
export interface SecretFile extends z.infer<typeof secretFile> {}

const secretFile = fields({
  /** Name of the Secret. */
  secret: z.string(),
  key: z.string(),
});

/** One key of a ConfigMap or Secret in the analyzer's namespace, for what is no secret. */
export type PublicFile = z.infer<typeof publicFile>;

const publicFile = oneOf({
  secret: secretFile,
  configMap: fields({
    configMap: z.string(),
    key: z.string(),
  }),
});

/** A Secret that a person made in the analyzer's namespace; each of its keys is mounted as a file of that name. */
export interface SecretFolder extends z.infer<typeof secretFolder> {}

const secretFolder = fields({
  /** Name of the Secret. */
  secret: z.string(),
});

/** A ConfigMap or Secret in the analyzer's namespace, for what is no secret. */
export type PublicFolder = z.infer<typeof publicFolder>;

const publicFolder = oneOf({
  secret: secretFolder,
  configMap: fields({
    configMap: z.string(),
  }),
});

/** How the analyzer runs. */
export type AnalyzerMode = z.infer<typeof analyzerMode>;

const analyzerMode = z.discriminatedUnion('kind', [
  fields({
    /** A Job at each time of the schedule; one that finds a rollout stays with it to its end. */
    kind: z.literal('cron-job'),
    /** @default '* * * * *' */
    schedule: z.string().optional(),
    /**
     * How long one Job may live. A hung one stops every rollback so long, as no other starts beside it; a rollout
     * that takes longer is continued by the next Job. A Job remembers since when a server could not be reached,
     * so the default is longer than any `inconclusiveDeadline`.
     * @default - 30 minutes, or the longest inconclusiveDeadline of the plans and 10 minutes
     */
    deadline: duration.optional(),
  }),
  fields({
    /** A Deployment that never ends. */
    kind: z.literal('watch'),
    /**
     * Two do no harm, as the push is the lock, and ask twice.
     * @default 1
     */
    replicas: z.number().optional(),
  }),
]);

/** How the analyzer reaches Git. */
export interface GitAccess extends z.infer<typeof gitAccess> {}

const gitAccess = fields({
  /**
   * A file with lines `https://user:token@host`.
   * @default - none
   */
  credentials: secretFile.optional(),
  /**
   * A private key without passphrase, and the `known_hosts` of the server, without which ssh does not connect.
   * @default - none
   */
  ssh: fields({ key: secretFile, knownHosts: publicFile }).optional(),
  /**
   * A private ssh key that signs the commits.
   * @default - commits are not signed
   */
  signingKey: secretFile.optional(),
  /**
   * Author of the commits, as `Ann <ann@example.com>`.
   * @default - Perch
   */
  identity: z.string().optional(),
});

/** How the analyzer reaches Prometheus. */
export interface MetricsAccess extends z.infer<typeof metricsAccess> {}

const metricsAccess = fields({
  url: z.string(),
  /**
   * Bearer token.
   * @default - none
   */
  token: secretFile.optional(),
  /**
   * Basic authentication.
   * @default - none
   */
  basic: fields({
    user: z.string(),
    password: secretFile,
  }).optional(),
  /**
   * PEM file of the authority to trust.
   * @default - those of Node
   */
  ca: publicFile.optional(),
  /**
   * More headers, such as `X-Scope-OrgID`. Git and the process list show them: no secrets.
   * @default - none
   */
  headers: mapOf(z.string()).optional(),
  /**
   * Headers with secret values: lines `Name: value`.
   * @default - none
   */
  headersFile: secretFile.optional(),
  /**
   * Whether answers count that come with warnings or are partial, as Thanos and VictoriaMetrics give them while a
   * store behind them is away. They are inconclusive otherwise.
   * @default false
   */
  acceptPartial: z.boolean().optional(),
});

/** How the analyzer reaches the API of a Git host, for pull requests. docs/hosts.md has the rights of the tokens. */
export type GitHostAccess = z.infer<typeof gitHostAccess>;

const hostCa = {
  /**
   * PEM file of the authority to trust.
   * @default - those of Node
   */
  ca: publicFile.optional(),
};

const gitHostAccess = z.discriminatedUnion('kind', [
  fields({
    kind: z.literal('github'),
    /** @default 'https://github.com' */
    url: z.string().optional(),
    /**
     * A token.
     * @default - it logs in as the App
     */
    token: secretFile.optional(),
    /**
     * A GitHub App: its client id, and the private key that GitHub made for it.
     * @default - it logs in with the token
     */
    app: fields({ id: z.string(), privateKey: secretFile }).optional(),
    ...hostCa,
  }),
  fields({
    kind: z.literal('gitlab'),
    /** @default 'https://gitlab.com' */
    url: z.string().optional(),
    token: secretFile,
    ...hostCa,
  }),
  fields({
    /** Forgejo, too. */
    kind: z.literal('gitea'),
    url: z.string(),
    token: secretFile,
    ...hostCa,
  }),
  fields({
    kind: z.literal('bitbucket-cloud'),
    token: secretFile,
    /**
     * The e-mail address that an API token belongs to.
     * @default - it is an access token, which belongs to nobody
     */
    user: z.string().optional(),
  }),
  fields({
    kind: z.literal('bitbucket-data-center'),
    url: z.string(),
    token: secretFile,
    ...hostCa,
  }),
  fields({
    kind: z.literal('azure-devops'),
    /** Up to the organization or collection, such as `https://dev.azure.com/acme`. */
    url: z.string(),
    token: secretFile,
    ...hostCa,
  }),
]);

/** With what the analyzer calls the hooks of releases. */
export interface HooksAccess extends z.infer<typeof hooksAccess> {}

const hooksAccess = fields({
  /**
   * Keys that sign what is sent, by the names that hooks have in `key`.
   * @default - none: hooks with a key are not called
   */
  keys: secretFolder.optional(),
  /**
   * PEM files of authorities, by the names that hooks have in `authority`.
   * @default - none: hooks with an authority are not called
   */
  authorities: publicFolder.optional(),
});

/** Where the analyzer tells people what happens. docs/notifications.md has the kinds of channels. */
export interface ChannelsAccess extends z.infer<typeof channelsAccess> {}

const channelsAccess = fields({
  /** The file of `--channels-config`. */
  config: publicFile,
  /** What the file names below `/etc/perch/channel-secrets/`. */
  secrets: secretFolder,
});

/** Clusters other than the one that the analyzer runs in. */
export interface ClustersAccess extends z.infer<typeof clustersAccess> {}

const clustersAccess = fields({
  kubeconfig: secretFile,
  /**
   * Contexts of the kubeconfig; a step is live when it is live in all of them.
   * @default - the current one
   */
  contexts: listOf(z.string()).optional(),
  /**
   * Contexts in which the routing objects are, where those are elsewhere.
   * @default - the same
   */
  routesContexts: listOf(z.string()).optional(),
  /**
   * The one context in which the sync objects of all clusters stand.
   * @default - each cluster has its own
   */
  syncContext: z.string().optional(),
});

/** Whom one kind of connection is allowed with. */
export interface Peers extends z.infer<typeof peers> {}

const peers = fields({
  /**
   * Ports of the pods or servers that answer, after a Service has forwarded: a NetworkPolicy sees no others.
   * @default - the port of the address
   */
  ports: listOf(z.number()).optional(),
  /**
   * Peers, as a NetworkPolicy has them, such as `{ ipBlock: { cidr: '10.0.0.1/32' } }`.
   * @default - anybody
   */
  peers: listOf(jsonObject).optional(),
});

/** What an analyzer's NetworkPolicy lets through. */
export interface NetworkProps extends z.infer<typeof networkProps> {}

const networkProps = fields({
  /** @default - port 53 of anybody, TCP and UDP: node-local caches are no pods */
  dns: peers.optional(),
  /** @default - ports 443 and 6443 of anybody */
  apiServer: peers.optional(),
  /** @default - the ports of both repositories' addresses */
  git: peers.optional(),
  /** @default - the ports of the addresses of all Git hosts */
  gitHosts: peers.optional(),
  /** @default - the ports of all metric stores' addresses */
  metrics: peers.optional(),
  /** @default - the ports of the addresses of the releases' hooks */
  hooks: peers.optional(),
  /** @default - the ports of the nudges' addresses */
  nudge: peers.optional(),
  /** @default - port 443 of anybody, where there are channels */
  channels: peers.optional(),
  /** @default - the port of the Pushgateway's address */
  pushGateway: peers.optional(),
  /**
   * Who may ask for /metrics in watch mode; the kubelet always may.
   * @default - anybody
   */
  scrapers: listOf(jsonObject).optional(),
});

/** An analyzer in the cluster. */
export interface AnalyzerProps extends z.infer<typeof analyzerProps> {}

/** The schema of `AnalyzerProps`. */
export const analyzerProps = extended(rightsOptions, {
  /** The analyzer's image, with tag or digest. */
  image: z.string(),
  /**
   * Name of the objects.
   * @default 'perch'
   */
  name: z.string().optional(),
  /** @default 'perch' */
  namespace: z.string().optional(),
  /**
   * Whether the Namespace is made, too, with the restricted Pod Security Standard.
   * @default true
   */
  createNamespace: z.boolean().optional(),
  /** @default { kind: 'cron-job' } */
  mode: analyzerMode.optional(),
  /**
   * The repository with `live/` and `rollouts/`, which is pushed to. Where it is not the branch with the releases, a
   * person makes it once with `perch init-branch`: the analyzer never does.
   */
  run: repository,
  /**
   * The repository with `dist/`, which is only read.
   * @default - the same
   */
  source: repository.optional(),
  /** @default - Git asks for no credentials */
  git: gitAccess.optional(),
  /**
   * Git hosts whose APIs the analyzer may use, by any names that are DNS labels. Which one a repository is on follows
   * from its address.
   * @default - none
   */
  gitHosts: mapOf(gitHostAccess).optional(),
  /** @default - people are told nothing */
  channels: channelsAccess.optional(),
  /** The metric store of checks that name none; its name is `default`. */
  metrics: metricsAccess,
  /**
   * More metric stores, by the names that checks have in `source`: DNS labels, and not `default`. The network policy
   * takes `network.metrics` for all of them.
   * @default - none
   */
  metricStores: mapOf(metricsAccess).optional(),
  /**
   * Pause between two looks while a rollout is under way.
   * @default Duration.seconds(10)
   */
  interval: duration.optional(),
  /**
   * Who is told at once of a push, so that a step does not wait for a poll: Flux's Receiver or Argo CD's webhook,
   * with the key that signs what is sent.
   * @default - nobody
   */
  nudge: fields({
    urls: listOf(z.string()),
    secret: secretFile.optional(),
  }).optional(),
  /**
   * With what the hooks of the releases are called.
   * @default - without keys, and trusting the authorities of Node
   */
  hooks: hooksAccess.optional(),
  /**
   * Who may sign plans, in git's format for ssh; plans that nobody of them has signed are refused.
   * @default - plans need no signature
   */
  allowedSigners: publicFile.optional(),
  /**
   * Kinds, as `group/Kind`, that releases may hold beyond those that are allowed anyway. Synth of the same `Apps` reads
   * them here: the releases need not name them.
   * @default - none
   */
  allowKinds: listOf(z.string()).optional(),
  /**
   * Other clusters. Their Roles are not here: see `AnalyzerRights`.
   * @default - the cluster that the analyzer runs in
   */
  clusters: clustersAccess.optional(),
  /**
   * A Pushgateway that gets the metrics after each tick. A cron job has no other way.
   * @default - none
   */
  pushGateway: z.string().optional(),
  /**
   * PodMonitor and alerts of the Prometheus operator on the analyzer itself.
   * @default - none
   */
  monitoring: monitoringProps.optional(),
  /**
   * What the NetworkPolicy lets through.
   * @default - DNS, and to anywhere the ports of the API server, Git, metrics, hooks, nudge and Pushgateway
   */
  network: networkProps.optional(),
});
