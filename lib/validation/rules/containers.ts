import { isObject, type Json, type JsonObject, listAt, objectAt } from '../../manifest/json.ts';
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
  whole,
  wrong,
} from './check.ts';
import { env, envFrom } from './environment.ts';
import { backsteps, label, pathBelow, port, portName, portNumber } from './names.ts';
import { resources } from './quantities.ts';

const handlerFields = {
  exec: needed('command'),
  httpGet: fields({
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
  tcpSocket: fields({ port }),
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

function ofVolume(volumes: ReadonlySet<string>): Check {
  return wrong(
    'name',
    (it) => !volumes.has(String(it.name)),
    'must be the name of a volume',
    'add the volume to the pod',
  );
}

function mounts(volumes: ReadonlySet<string>): Check {
  return all(
    unique(textOf('mountPath'), 'mountPath'),
    items(
      all(
        ofVolume(volumes),
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
    resizePolicy: all(
      unique(textOf('resourceName'), 'resourceName'),
      items(
        fields({
          resourceName: oneOf('cpu', 'memory'),
          restartPolicy: oneOf('NotRequired', 'RestartContainer'),
        }),
      ),
    ),
  }),
);

function devices(volumes: ReadonlySet<string>): Check {
  return all(
    unique(textOf('devicePath'), 'devicePath'),
    items(all(ofVolume(volumes), needed('devicePath'), fields({ devicePath: backsteps }))),
  );
}

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
  return fields({
    volumeMounts: mounts(volumes),
    volumeDevices: devices(volumes),
    lifecycle: lifecycle(graceSeconds),
  });
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

/** A port of the node can be had once; containers that come first run one by one. */
function hostPorts(pod: JsonObject, pointer: string) {
  const first = (value: Json, here: string) => fields({ ports: items(takenOnce()) })(value, here);
  const own = items(
    wrong(
      'hostPort',
      (it) => pod.hostNetwork === true && isTaken(it) && it.hostPort !== it.containerPort,
      'must equal containerPort with hostNetwork',
      'leave it out',
    ),
  );
  const shared = items(takenOnce());
  return fields({
    containers: items(fields({ ports: all(own, shared) })),
    initContainers: items(first),
  })(pod, pointer);
}

const isTaken = (it: JsonObject) => typeof it.hostPort === 'number' && it.hostPort > 0;

/** Remembers what it has seen. */
function takenOnce(): Check {
  const taken = new Set<string>();
  const isDoubled = (it: JsonObject) => {
    const key = `${it.hostIP ?? ''}/${it.hostPort}/${it.protocol ?? 'TCP'}`;
    return taken.size === taken.add(key).size;
  };
  return wrong(
    'hostPort',
    (it) => isTaken(it) && isDoubled(it),
    'is the hostPort of another port',
    'change one of them',
  );
}
