/** How a version answers. */
export interface Behaviour {
  /**
   * The pods that have a container with this image: its name with the tag, or the tag alone.
   *
   * @example '3.1.1'
   */
  readonly image: string;
  /** Percent of the requests that are answered with 500, at random. @default 0 */
  readonly failedPercent?: number;
  /** Milliseconds that each answer takes longer. @default 0 */
  readonly addedMs?: number;
}

/** How busy the pods of a workload are. */
export interface Busy {
  /** The Deployment's name. */
  readonly workload: string;
  /** Of CPU, by each container of each pod. */
  readonly millicores: number;
}

/** Request header by which clients say what kind of request it is; pods count kinds apart, and give it a cookie. */
export const KIND_HEADER = 'stack-kind';

/** How many requests of one kind one pod has answered with one status. */
export interface PodCount {
  readonly namespace: string;
  /** Empty for an address that no pod had. */
  readonly pod: string;
  /** The Deployment's name, so the track: `podinfo-canary`. */
  readonly workload: string;
  /** Of the first container. */
  readonly image: string;
  readonly status: number;
  /** As the client says; `copy of …` for one that Envoy has mirrored. Empty where nobody says. */
  readonly kind: string;
  readonly count: number;
}

/** What the player's process is started with, as JSON in a file. */
export interface PlayerConfiguration {
  readonly api: { readonly url: string; readonly certificate: string; readonly token: string };
  /** Of the containers; all pods are played on all of them. */
  readonly ports: readonly number[];
  /**
   * On 127.0.0.1: `GET /counts`, `PUT /behaviours`, `PUT /busy`, `GET /metrics`, `GET /healthz`,
   * `GET /targets`.
   */
  readonly controlPort: number;
  /** Kubernetes' resource metrics API, with the API server's certificate and key. */
  readonly resourceMetrics: {
    readonly port: number;
    readonly keyFile: string;
    readonly certificateFile: string;
  };
}
