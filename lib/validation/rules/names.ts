import { isObject, type Json, type JsonObject } from '../../manifest/json.ts';
import {
  all,
  type Check,
  entries,
  fields,
  items,
  needed,
  oneOf,
  only,
  own,
  text,
  whole,
} from './check.ts';

const LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** Whether a text is a DNS label (RFC 1123). */
export function isLabel(it: string): boolean {
  return it.length <= 63 && LABEL.test(it);
}

/** Whether a text is a DNS name (RFC 1123). */
export function isSubdomain(it: string): boolean {
  return it.length <= 253 && SUBDOMAIN.test(it);
}

/** Whether a text is a name as label keys are: with or without a DNS name before a slash. */
export function isQualified(it: string): boolean {
  const slash = it.indexOf('/');
  const name = it.slice(slash + 1);
  return (slash < 0 || isSubdomain(it.slice(0, slash))) && name.length <= 63 && NAME.test(name);
}

/** A DNS label. */
export const label: Check = text(
  isLabel,
  'a DNS label',
  'use at most 63 lower-case letters, digits and dashes, a letter or digit at both ends',
);

/** A DNS name. */
export const subdomain: Check = text(
  isSubdomain,
  'a DNS name',
  'use at most 253 lower-case letters, digits, dashes and dots',
);

/** A DNS name, or no text at all. */
export const subdomainOrNone: Check = text(
  (it) => it === '' || isSubdomain(it),
  'a DNS name',
  'use at most 253 lower-case letters, digits, dashes and dots',
);

/** The name of a Service (RFC 1035). */
export const serviceName: Check = text(
  (it) => isLabel(it) && /^[a-z]/.test(it),
  'a DNS label that begins with a letter, as names of Services do',
  'use at most 63 lower-case letters, digits and dashes',
);

/** The key of a label, a taint or a topology. */
export const labelKey: Check = text(
  isQualified,
  'a label key',
  'use at most 63 letters, digits, dashes, dots and underscores, after a DNS name and a slash or without',
);

/** The value of a label. */
export const labelValue: Check = text(
  (it) => it === '' || (it.length <= 63 && NAME.test(it)),
  'a label value',
  'use at most 63 letters, digits, dashes, dots and underscores, a letter or digit at both ends',
);

/** The key of an annotation, in which upper case is allowed on both sides of the slash. */
export const annotationKey: Check = text(
  (it) => isQualified(it.toLowerCase()),
  'an annotation key',
  'use at most 63 letters, digits, dashes, dots and underscores, after a DNS name and a slash or without',
);

/** The key of a value in a ConfigMap or Secret. */
export const configKey: Check = text(
  (it) => it.length <= 253 && /^[-._a-zA-Z0-9]+$/.test(it) && it !== '.' && !it.startsWith('..'),
  'a key of letters, digits, dashes, dots and underscores',
  'use at most 253 of them, and no two dots at the start',
);

/** The name of an environment variable. */
export const envName: Check = text(
  (it) => /^[ -<>-~]+$/.test(it),
  'the name of an environment variable',
  'use printable ASCII without =',
);

/** The name of a container's port (RFC 6335). */
export function isPortName(it: string): boolean {
  return it.length <= 15 && LABEL.test(it) && /[a-z]/.test(it) && !it.includes('--');
}

/** The name of a port in a container. */
export const portName: Check = text(
  isPortName,
  'the name of a port',
  'use at most 15 lower-case letters, digits and single dashes, with a letter among them',
);

/** The number of a port. */
export const portNumber: Check = whole(1, 65_535);

/** A port by its number or by its name in the container. */
export const port: Check = all(portNumber, portName);

/** A relative path that stays below where it begins. */
export const pathBelow: Check = text(
  (it) => !it.startsWith('/') && !it.split('/').includes('..'),
  'a relative path without ..',
  'begin without / and leave .. out',
);

/** A path that does not lead back. */
export const backsteps: Check = text(
  (it) => !it.split('/').includes('..'),
  'a path without ..',
  'leave .. out',
);

/** A selector of labels, with no demand that it be not empty. */
export const labelSelector: Check = fields({
  matchLabels: entries(labelKey, labelValue),
  matchExpressions: items(
    all(
      fields({
        key: labelKey,
        operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist'),
        values: items(labelValue),
      }),
      needed('values', 'with operator In or NotIn', isAmong),
      only(
        'values',
        (it) =>
          !/Exist/.test(String(it.operator)) ||
          (Array.isArray(it.values) && it.values.length === 0),
        'with operator In or NotIn',
      ),
    ),
  ),
});

function isAmong(it: JsonObject): boolean {
  return it.operator === 'In' || it.operator === 'NotIn';
}

/** Labels: keys and values. */
export const labels: Check = entries(labelKey, labelValue);

/** Annotations: keys, and the size of all of them together. */
export const annotations: Check = all(entries(annotationKey), (value, pointer) => {
  const size = isObject(value) ? sizeOf(value) : 0;
  if (size <= 262_144) return [];
  const problem = 'must have at most 262144 bytes together';
  return [{ pointer, problem, got: size, remedy: 'shorten them' }];
});

/** Bytes of a map's keys and texts. */
function sizeOf(it: JsonObject): number {
  return Object.keys(it).reduce((sum, key) => sum + bytesOf(key) + bytesOf(own(it, key)), 0);
}

/** Bytes of a text in UTF-8. */
export function bytesOf(value: Json | undefined): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : 0;
}
