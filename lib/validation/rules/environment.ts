import {
  all,
  type Check,
  choice,
  fields,
  isEmpty,
  items,
  needed,
  only,
  own,
  text,
  whole,
  wrong,
} from './check.ts';
import { annotationKey, configKey, envName, isQualified, pathBelow } from './names.ts';

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

/** A variable. */
export const env: Check = all(
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

/** Variables from a ConfigMap or a Secret. */
export const envFrom: Check = all(
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
