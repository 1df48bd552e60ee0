import type { JsonObject } from '../manifest/json.ts';
import type { AnalyzerProps } from './analyzer-props.ts';
import { argumentsOf, CACHE_FOLDER, LISTEN_PORT, type Mount, mountsOf, pathOf } from './flags.ts';
import { mountedHosts } from './git-hosts.ts';
import { mountedStores } from './metric-stores.ts';

/** Group of mounted files; the user is the image's own. */
const FILE_GROUP = 65532;

/**
 * What one analyzer takes, measured; docs/install.md has the commands. No limit of CPU: a throttled analyzer is a
 * late rollback.
 */
const RESOURCES = {
  requests: { cpu: '50m', memory: '128Mi' },
  limits: { memory: '512Mi' },
} as const;

/**
 * An analyzer that is told to end takes 20 s at most: 15 for the push of rollbacks that are decided, 5 for telling of
 * them. Written down, so that a default of the cluster's cannot be shorter.
 */
const GRACE_SECONDS = 30;

/** The pod of an analyzer. */
export function podSpec(props: AnalyzerProps, serviceAccountName: string): JsonObject {
  const { mode, clusters } = props;
  const mounts = mountsOf(props);
  const configurations = [mountedStores(props), mountedHosts(props)].filter(
    (it) => it !== undefined,
  );
  const isWatch = mode?.kind === 'watch';
  const key = mounts.find((it) => it.name === 'ssh-key');
  const hosts = mounts.find((it) => it.name === 'known-hosts');
  return {
    serviceAccountName,
    // A kubeconfig brings its own credentials: then no token of this cluster is of use.
    automountServiceAccountToken: clusters === undefined,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    securityContext: {
      runAsNonRoot: true,
      fsGroup: FILE_GROUP,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(isWatch ? {} : { restartPolicy: 'Never' }),
    containers: [
      {
        name: 'perch',
        image: props.image,
        args: argumentsOf(props),
        env: environment(key, hosts),
        resources: RESOURCES,
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [
          { name: 'tmp', mountPath: '/tmp' },
          { name: 'cache', mountPath: CACHE_FOLDER },
          ...mounts.map(({ name }) => ({
            name,
            mountPath: `/etc/perch/${name}`,
            readOnly: true,
          })),
          ...configurations.map(({ volume: { name }, folder }) => ({
            name,
            mountPath: folder,
            readOnly: true,
          })),
        ],
        ...(isWatch ? WATCHED : {}),
      },
    ],
    volumes: [
      { name: 'tmp', emptyDir: {} },
      { name: 'cache', emptyDir: {} },
      ...mounts.map(volume),
      ...configurations.map((it) => it.volume),
    ],
  };
}

/** Git and ssh write below HOME, and the image's file system is read-only. */
function environment(key: Mount | undefined, hosts: Mount | undefined): readonly JsonObject[] {
  const home = { name: 'HOME', value: '/tmp' };
  if (key === undefined || hosts === undefined) return [home];
  const options = ['IdentitiesOnly=yes', 'StrictHostKeyChecking=yes', 'BatchMode=yes'];
  const ssh = [
    'ssh',
    `-i ${pathOf(key)}`,
    ...[...options, `UserKnownHostsFile=${pathOf(hosts)}`].map((it) => `-o ${it}`),
  ];
  return [home, { name: 'GIT_SSH_COMMAND', value: ssh.join(' ') }];
}

/**
 * Files are root's and readable by the group. That suits ssh as well: it only wants a key closed to the group that
 * the asking user owns.
 */
function volume({ name, from }: Mount): JsonObject {
  const items = 'key' in from ? { items: [{ key: from.key, path: from.key }] } : {};
  if ('configMap' in from) return { name, configMap: { name: from.configMap, ...items } };
  return { name, secret: { secretName: from.secret, ...items, defaultMode: 0o440 } };
}

/**
 * /healthz fails while no tick succeeds, also when Git is down for everybody. So it takes ten minutes of that to be
 * restarted: a start helps against a hang alone, and forgets since when a server could not be reached.
 */
const WATCHED: JsonObject = {
  ports: [{ name: 'metrics', containerPort: LISTEN_PORT, protocol: 'TCP' }],
  readinessProbe: {
    httpGet: { path: '/healthz', port: 'metrics' },
    periodSeconds: 10,
    timeoutSeconds: 5,
  },
  livenessProbe: {
    httpGet: { path: '/healthz', port: 'metrics' },
    periodSeconds: 30,
    timeoutSeconds: 5,
    failureThreshold: 20,
  },
};
