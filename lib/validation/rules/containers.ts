import { isObject, type JsonObject, listAt, objectAt } from '../../manifest/json.ts';
import {
  all,
  type Check,
  choice,
  fields,
  isEmpty,
  items,
  needed,
  oneOf,
  only,
  own,
  text,
  textOf,
  unique,
  when,
  whole,
  wrong,
} from './check.ts';
import {
  annotationKey,
  configKey,
  envName,
  isQualified,
  label,
  pathBelow,
  port,
  portName,
  portNumber,
} from './names.ts';
import { resources } from './quantities.ts';

const POD_FIELDS = ['metadata.name', 'metadata.namespace', 'metadata.uid'];

const ENV_FIELDS: ReadonlySet<string> = new Set([
  ...POD_FIELDS,
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

const FILE_FIELDS: ReadonlySet<string> = new Set([
  ...POD_FIELDS,
  'metadata.labels',
  'metadata.annotations',
]);

function fieldRef(allowed: ReadonlySet<string>): Check {
  const isRight = (it: string) => {
    const [, of, key = ''] = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(it) ?? [];
    if (of === undefined) return allowed.has(it);
    return of === 'labels' ? isQualified(key) : annotationKey(key, '').length === 0;
  };
  const form = `one of ${[...allowed].join(', ')}, metadata.labels['…'] or metadata.annotations['…']`;
  return fields({ fieldPath: text(isRight, form, 'use one of them') });
}

/** What an amount may be divided by. */
const DIVISORS: Readonly<Record<string, ReadonlySet<string>>> = {
  cpu: new Set(['0', '1', '1m']),
  other: new Set(
    ['0', '1', 'k', 'M', 'G', 'T', 'P', 'E', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((it) =>
      /^\d/.test(it) ? it : `1${it}`,
    ),
  ),
};

const resourceFieldRef: Check = all(
  fields({
    resource: text(
      (it) => /^(?:limits|requests)\.(?:cpu|memory|ephemeral-storage|hugepages-.*)$/.test(it),
      'limits. or requests. with cpu, memory, ephemeral-storage or hugepages-…',
      'correct it',
    ),
  }),
  wrong(
    'divisor',
    (it) => {
      const kind = /\.cpu$/.test(String(it.resource)) ? 'cpu' : 'other';
      const divisor = own(it, 'divisor');
      return divisor !== undefined && DIVISORS[kind]?.has(String(divisor)) === false;
    },
    'must be a unit: 1 or 1m of cpu, else 1, 1k, 1Mi and such',
    'use one of them',
  ),
);

const keyRef = all(fields({ key: configKey }), needed('name'));

const env: Check = all(
  fields({
    name: envName,
    valueFrom: all(
      choice(['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef']),
      fields({
        fieldRef: fieldRef(ENV_FIELDS),
        resourceFieldRef,
        configMapKeyRef: keyRef,
        secretKeyRef: keyRef,
      }),
    ),
  }),
  only('valueFrom', (it) => isEmpty(it.value), 'without a value'),
);

const envFrom: Check = all(
  choice(['configMapRef', 'secretRef']),
  fields({
    prefix: text(
      (it) => it === '' || /^[ -<>-~]+$/.test(it),
      'the beginning of a name',
      'use printable ASCII without =',
    ),
  }),
  fields({ configMapRef: needed('name'), secretRef: needed('name') }),
);

/** Files that tell a container about its pod. */
export const downwardItems: Check = items(
  all(
    choice(['fieldRef', 'resourceFieldRef']),
    needed('path'),
    fields({
      path: pathBelow,
      fieldRef: fieldRef(FILE_FIELDS),
      resourceFieldRef: all(resourceFieldRef, needed('containerName')),
      mode: whole(0, 0o777),
    }),
  ),
);

const handlerFields = {
  exec: needed('command'),
  httpGet: all(
    needed('port'),
    fields({
      port,
      scheme: oneOf('HTTP', 'HTTPS'),
      httpHeaders: items(
        fields({
          name: text(
            (it) => /^[-A-Za-z0-9]+$/.test(it),
            'the name of a header',
            'use letters, digits and dashes',
          ),
        }),
      ),
    }),
  ),
  tcpSocket: all(needed('port'), fields({ port })),
};

function probe(kind: 'liveness' | 'readiness' | 'startup'): Check {
  const shared = all(
    choice(['exec', 'httpGet', 'tcpSocket', 'grpc']),
    fields({
      ...handlerFields,
      grpc: fields({ port: portNumber }),
      initialDelaySeconds: whole(0),
      timeoutSeconds: whole(0),
      periodSeconds: whole(0),
      failureThreshold: whole(0),
      successThreshold: kind === 'readiness' ? whole(0) : oneSuccess,
      terminationGracePeriodSeconds: whole(1),
    }),
  );
  if (kind !== 'readiness') return shared;
  return all(
    shared,
    only('terminationGracePeriodSeconds', () => false, 'for a liveness or startup probe'),
  );
}

/** The server puts 1 in the place of 0. */
const oneSuccess: Check = (value, pointer) =>
  typeof value !== 'number' || value === 0 || value === 1
    ? []
    : [{ pointer, problem: 'must be 1', got: value, remedy: 'leave it out' }];

/** Seconds in which a pod may end, where it does not say so. */
const GRACE_SECONDS = 30;

function lifecycle(graceSeconds: number): Check {
  const hook = all(
    choice(['exec', 'httpGet', 'tcpSocket', 'sleep']),
    fields({ ...handlerFields, sleep: fields({ seconds: whole(0, graceSeconds) }) }),
  );
  return fields({ preStop: hook, postStart: hook });
}

const ports: Check = all(
  unique(textOf('name'), 'name'),
  unique(
    (it) =>
      own(it, 'containerPort') === undefined
        ? undefined
        : `${it.containerPort}/${it.protocol ?? 'TCP'}`,
    'containerPort and protocol',
  ),
  items(
    fields({
      name: text(
        (it) => it === '' || portName(it, '').length === 0,
        'the name of a port',
        'use at most 15 lower-case letters, digits and single dashes, with a letter among them',
      ),
      containerPort: portNumber,
      hostPort: whole(0, 65_535),
      protocol: oneOf('TCP', 'UDP', 'SCTP'),
    }),
  ),
);

const MOST_ID = 2_147_483_647;

const LOCALHOST = 'Localhost';

const profile: Check = all(
  needed('type'),
  fields({ type: oneOf('RuntimeDefault', 'Unconfined', LOCALHOST) }),
  needed('localhostProfile', 'with type Localhost', (it) => it.type === LOCALHOST),
  only('localhostProfile', (it) => it.type === LOCALHOST, 'with type Localhost'),
);

/** What both a pod's and a container's security context may say. */
export const contextFields = {
  runAsUser: whole(0, MOST_ID),
  runAsGroup: whole(0, MOST_ID),
  seccompProfile: profile,
  appArmorProfile: profile,
};

const securityContext: Check = all(
  fields({ ...contextFields, procMount: oneOf('Default', 'Unmasked') }),
  wrong(
    'allowPrivilegeEscalation',
    (it) =>
      it.allowPrivilegeEscalation === false &&
      (it.privileged === true || listed(it, 'capabilities', 'add').includes('CAP_SYS_ADMIN')),
    'must not be false for a privileged container or with CAP_SYS_ADMIN',
    'leave one of them out',
  ),
);

function listed(value: JsonObject, ...path: readonly string[]): readonly unknown[] {
  const found = objectAt(value, ...path.slice(0, -1))[path.at(-1) ?? ''];
  return Array.isArray(found) ? found : [];
}

function mounts(volumes: ReadonlySet<string>): Check {
  return all(
    unique(textOf('mountPath'), 'mountPath'),
    items(
      all(
        wrong(
          'name',
          (it) => !volumes.has(String(it.name)),
          'must be the name of a volume',
          'add the volume to the pod',
        ),
        needed('mountPath'),
        fields({
          subPath: pathBelow,
          subPathExpr: pathBelow,
          mountPropagation: oneOf('None', 'HostToContainer', 'Bidirectional'),
        }),
        only('subPathExpr', (it) => isEmpty(it.subPath), 'without subPath'),
      ),
    ),
  );
}

const container: Check = all(
  needed('image'),
  fields({
    name: label,
    imagePullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
    terminationMessagePolicy: oneOf('File', 'FallbackToLogsOnError'),
    ports,
    env: all(unique(textOf('name'), 'name'), items(env)),
    envFrom: items(envFrom),
    resources,
    livenessProbe: probe('liveness'),
    readinessProbe: probe('readiness'),
    startupProbe: probe('startup'),
    securityContext,
  }),
);

/** A probe or a hook of a container that ends before the pod's own start would never run. */
const RUNNING = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'];

/** The containers of a pod: those that run, and those that come first. */
export const containers: Check = (value, pointer) => {
  if (!isObject(value)) return [];
  return [
    ...podContainers(value)(value, pointer),
    ...sharedNames(value, pointer),
    ...hostPorts(value, pointer),
  ];
};

function podContainers(pod: JsonObject): Check {
  const volumes = new Set(listAt(pod, 'volumes').map((it) => String(it.name)));
  const grace = own(pod, 'terminationGracePeriodSeconds');
  const common = all(container, inPod(volumes, typeof grace === 'number' ? grace : GRACE_SECONDS));
  // A native sidecar.
  const isSidecar = (it: JsonObject) => it.restartPolicy === 'Always';
  return fields({
    containers: all(count1, items(common)),
    initContainers: items(
      all(common, ...RUNNING.map((it) => only(it, isSidecar, 'with restartPolicy Always'))),
    ),
  });
}

const count1: Check = (value, pointer) =>
  Array.isArray(value) && value.length === 0
    ? [{ pointer, problem: 'must have one container or more', got: 0, remedy: 'add one' }]
    : [];

/** What depends on the rest of the pod. */
function inPod(volumes: ReadonlySet<string>, graceSeconds: number): Check {
  return fields({ volumeMounts: mounts(volumes), lifecycle: lifecycle(graceSeconds) });
}

function sharedNames(pod: JsonObject, pointer: string) {
  const own = new Set(listAt(pod, 'containers').map((it) => it.name));
  const check = items(
    wrong(
      'name',
      (it) => own.has(it.name),
      'is the name of another container',
      'rename one of them',
    ),
  );
  const doubled = unique(textOf('name'), 'name');
  return [...fields({ containers: doubled, initContainers: all(doubled, check) })(pod, pointer)];
}

/** A port of the node can be had once, and in its network a container's port is the node's. */
function hostPorts(pod: JsonObject, pointer: string) {
  const isHost = pod.hostNetwork === true;
  const taken = new Set<string>();
  const held = when(
    (it) => typeof it.hostPort === 'number' && it.hostPort > 0,
    all(
      wrong(
        'hostPort',
        (it) => isHost && it.hostPort !== it.containerPort,
        'must equal containerPort with hostNetwork',
        'leave it out',
      ),
      wrong(
        'hostPort',
        (it) => {
          const key = `${it.hostIP ?? ''}/${it.hostPort}/${it.protocol ?? 'TCP'}`;
          return taken.size === taken.add(key).size;
        },
        'is the hostPort of another port',
        'change one of them',
      ),
    ),
  );
  return fields({ containers: items(fields({ ports: items(held) })) })(pod, pointer);
}
