/** What splits the traffic of the first release. */
export const ROUTERS = ['istio', 'gateway-api', 'kubernetes'] as const;

/** The CI systems that a job is written for. */
export const CI_SYSTEMS = ['github', 'gitlab', 'none'] as const;

/** The package managers that can install a new repository. */
export const PACKAGE_MANAGERS = ['npm', 'pnpm', 'yarn'] as const;

/** What a new repository of releases is to have. */
export interface Choices {
  /** Id of its first release, a DNS label. */
  readonly release: string;
  readonly namespace: string;
  /** With tag or digest. */
  readonly image: string;
  /** Port of the container. */
  readonly port: number;
  readonly router: (typeof ROUTERS)[number];
  /** The tool that syncs `live/`; without one nothing of Perch itself is rendered. */
  readonly sync: 'flux' | 'argo-cd' | undefined;
  /** Address of the Git repository, for the sync and the analyzer. */
  readonly repository: string;
  /** Address of Prometheus, for the analyzer. */
  readonly prometheus: string;
  readonly ci: (typeof CI_SYSTEMS)[number];
  readonly packageManager: (typeof PACKAGE_MANAGERS)[number];
}

/** What is chosen where nobody says anything: an application that everybody can run. */
export const DEFAULTS = {
  release: 'podinfo',
  namespace: 'podinfo',
  image: 'stefanprodan/podinfo:3.1.1',
  port: 9898,
  router: 'istio',
  sync: undefined,
  repository: 'https://git.example.com/team/releases.git',
  prometheus: 'http://prometheus.monitoring:9090',
  ci: 'github',
  packageManager: 'npm',
} as const satisfies Choices;
