import { type JsonObject, objectAt } from '../../manifest/json.ts';
import { ip } from './addresses.ts';
import {
  all,
  type Check,
  choice,
  count,
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
import { claimSpec } from './claims.ts';
import { containers, contextFields } from './containers.ts';
import { downwardItems } from './environment.ts';
import {
  annotations,
  backsteps,
  isSubdomain,
  label,
  labelKey,
  labelSelector,
  labels,
  labelValue,
  pathBelow,
  subdomain,
  subdomainOrNone,
} from './names.ts';
import { quantity } from './quantities.ts';

const mode = whole(0, 0o777);

const keyToPath: Check = items(
  all(needed('key'), needed('path'), fields({ path: pathBelow, mode })),
);

/** What a volume can be; the server puts an empty folder where there is nothing. */
const SOURCES = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'glusterfs',
  'hostPath',
  'image',
  'iscsi',
  'nfs',
  'persistentVolumeClaim',
  'photonPersistentDisk',
  'portworxVolume',
  'projected',
  'quobyte',
  'rbd',
  'scaleIO',
  'secret',
  'storageos',
  'vsphereVolume',
];

const absolute: Check = text(
  (it) => it.startsWith('/') && !it.split('/').includes('..'),
  'an absolute path without ..',
  'begin with / and leave .. out',
);

const PROJECTED = [
  'clusterTrustBundle',
  'configMap',
  'downwardAPI',
  'podCertificate',
  'secret',
  'serviceAccountToken',
];

const projected: Check = fields({
  defaultMode: mode,
  sources: items(
    all(
      choice(PROJECTED, 'none'),
      fields({
        configMap: all(needed('name'), fields({ items: keyToPath })),
        secret: all(needed('name'), fields({ items: keyToPath })),
        downwardAPI: fields({ items: downwardItems }),
        serviceAccountToken: all(
          needed('path'),
          fields({ path: pathBelow, expirationSeconds: whole(600, 4_294_967_296) }),
        ),
      }),
    ),
  ),
});

const driver: Check = text(
  (it) => it.length <= 63 && isSubdomain(it.toLowerCase()),
  'a DNS name of at most 63 characters',
  'correct it',
);

const volume: Check = all(
  choice(SOURCES, 'none'),
  fields({
    name: label,
    configMap: all(needed('name'), fields({ defaultMode: mode, items: keyToPath })),
    secret: all(needed('secretName'), fields({ defaultMode: mode, items: keyToPath })),
    downwardAPI: fields({ defaultMode: mode, items: downwardItems }),
    projected,
    emptyDir: fields({ sizeLimit: quantity }),
    hostPath: all(
      needed('path'),
      fields({
        path: backsteps,
        type: oneOf(
          '',
          'DirectoryOrCreate',
          'Directory',
          'FileOrCreate',
          'File',
          'Socket',
          'CharDevice',
          'BlockDevice',
        ),
      }),
    ),
    persistentVolumeClaim: needed('claimName'),
    nfs: all(needed('server'), fields({ path: absolute })),
    csi: fields({ driver }),
    ephemeral: all(
      needed('volumeClaimTemplate'),
      fields({ volumeClaimTemplate: fields({ spec: claimSpec }) }),
    ),
  }),
);

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

const toleration: Check = all(
  fields({
    key: text((it) => it === '' || labelKey(it, '').length === 0, 'a label key', 'correct it'),
    operator: oneOf('', 'Exists', 'Equal'),
    effect: oneOf('', ...EFFECTS),
  }),
  wrong(
    'operator',
    (it) => isEmpty(it.key) && it.operator !== 'Exists',
    'must be Exists without a key',
    'add a key, or use Exists',
  ),
  wrong(
    'value',
    (it) => it.operator === 'Exists' && !isEmpty(it.value),
    'may only be given with operator Equal',
    'leave it out',
  ),
  fields({ value: labelValue }),
  only('tolerationSeconds', (it) => it.effect === 'NoExecute', 'with effect NoExecute'),
);

const isAmong = (it: JsonObject) => it.operator === 'In' || it.operator === 'NotIn';
const isCompared = (it: JsonObject) => it.operator === 'Gt' || it.operator === 'Lt';
const isOne = (it: JsonObject) => Array.isArray(it.values) && it.values.length === 1;

const nodeExpression: Check = all(
  fields({
    key: labelKey,
    operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'),
  }),
  needed('values', 'with operator In or NotIn', isAmong),
  wrong(
    'values',
    (it) => isCompared(it) && !isOne(it),
    'must have one value with operator Gt or Lt',
    'keep one',
  ),
  wrong(
    'values',
    (it) => /Exist/.test(String(it.operator)) && !isEmpty(it.values),
    'may not be given with operator Exists or DoesNotExist',
    'leave it out',
  ),
);

const nodeField: Check = all(
  fields({ key: oneOf('metadata.name'), operator: oneOf('In', 'NotIn') }),
  wrong('values', (it) => !isOne(it), 'must have one value', 'keep one'),
);

const nodeTerm: Check = fields({
  matchExpressions: items(nodeExpression),
  matchFields: items(nodeField),
});

const weight = whole(1, 100);

const podTerm: Check = fields({
  topologyKey: labelKey,
  labelSelector,
  namespaceSelector: labelSelector,
  namespaces: items(label),
});

const podTerms: Check = fields({
  requiredDuringSchedulingIgnoredDuringExecution: items(podTerm),
  preferredDuringSchedulingIgnoredDuringExecution: items(
    fields({ weight, podAffinityTerm: podTerm }),
  ),
});

const affinity: Check = fields({
  nodeAffinity: fields({
    requiredDuringSchedulingIgnoredDuringExecution: all(
      needed('nodeSelectorTerms'),
      fields({ nodeSelectorTerms: items(nodeTerm) }),
    ),
    preferredDuringSchedulingIgnoredDuringExecution: items(
      fields({ weight, preference: nodeTerm }),
    ),
  }),
  podAffinity: podTerms,
  podAntiAffinity: podTerms,
});

const spread: Check = all(
  fields({
    maxSkew: whole(1),
    minDomains: whole(1),
    topologyKey: labelKey,
    whenUnsatisfiable: oneOf('DoNotSchedule', 'ScheduleAnyway'),
    nodeAffinityPolicy: oneOf('Ignore', 'Honor'),
    nodeTaintsPolicy: oneOf('Ignore', 'Honor'),
    labelSelector,
  }),
  only(
    'minDomains',
    (it) => it.whenUnsatisfiable === 'DoNotSchedule',
    'with whenUnsatisfiable DoNotSchedule',
  ),
  only('matchLabelKeys', (it) => own(it, 'labelSelector') !== undefined, 'with a labelSelector'),
);

const MOST_ID = 2_147_483_647;

const podSecurity: Check = fields({
  ...contextFields,
  fsGroup: whole(0, MOST_ID),
  supplementalGroups: items(whole(0, MOST_ID)),
  fsGroupChangePolicy: oneOf('OnRootMismatch', 'Always'),
  sysctls: all(
    unique(textOf('name'), 'name'),
    items(
      fields({
        name: text(
          (it) =>
            it.length <= 253 &&
            /^(?:[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?$/.test(it),
          'the name of a sysctl',
          'correct it',
        ),
      }),
    ),
  ),
});

const dns: Check = fields({ nameservers: all(count(3), items(ip)), searches: count(32) });

/** What the spec of a pod in a template must keep, whatever makes pods of it. */
export const podSpec: Check = all(
  containers,
  fields({
    volumes: all(unique(textOf('name'), 'name'), items(volume)),
    dnsPolicy: oneOf('ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'),
    dnsConfig: dns,
    nodeSelector: labels,
    securityContext: podSecurity,
    affinity,
    tolerations: items(toleration),
    topologySpreadConstraints: all(
      unique(
        (it) => `${it.topologyKey}, ${it.whenUnsatisfiable}`,
        'topologyKey and whenUnsatisfiable',
      ),
      items(spread),
    ),
    readinessGates: items(fields({ conditionType: labelKey })),
    schedulingGates: all(unique(textOf('name'), 'name'), items(fields({ name: labelKey }))),
    hostAliases: all(
      unique(textOf('ip'), 'ip'),
      items(fields({ ip, hostnames: items(subdomain) })),
    ),
    imagePullSecrets: unique(textOf('name'), 'name'),
    nodeName: subdomainOrNone,
    os: fields({ name: oneOf('linux', 'windows') }),
    serviceAccountName: subdomainOrNone,
    hostname: label,
    subdomain: label,
    priorityClassName: subdomainOrNone,
    runtimeClassName: subdomain,
    preemptionPolicy: oneOf('Never', 'PreemptLowerPriority'),
    overhead: fields({ cpu: quantity, memory: quantity }),
  }),
  wrong(
    'dnsConfig',
    (it) => it.dnsPolicy === 'None' && isEmpty(objectAt(it, 'dnsConfig').nameservers),
    'must have nameservers with dnsPolicy None',
    'add one',
  ),
  wrong(
    'shareProcessNamespace',
    (it) => it.shareProcessNamespace === true && it.hostPID === true,
    'must not be true together with hostPID',
    'keep one of them',
  ),
  wrong(
    'ephemeralContainers',
    (it) => !isEmpty(it.ephemeralContainers),
    'may only be given of a pod that runs',
    'leave it out',
  ),
);

/** A template of pods: their labels, annotations and spec. */
export function podTemplate(spec: Check): Check {
  return fields({ metadata: fields({ labels, annotations }), spec: all(podSpec, spec) });
}
