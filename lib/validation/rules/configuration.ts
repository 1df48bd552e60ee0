import { isObject, type Json, type JsonObject, labelsAt, objectAt } from '../../manifest/json.ts';
import { all, type Check, entries, type Finding, fields, own } from './check.ts';
import { bytesOf, configKey } from './names.ts';

const MOST_BYTES = 1_048_576;

const keys: Check = entries(configKey);

/** What is encoded may be a secret: it is not shown. */
const binary: Check = entries(configKey, (value, pointer) =>
  typeof value !== 'string' || isBase64(value)
    ? []
    : [
        {
          pointer,
          problem: 'must be base64',
          got: 'another text',
          remedy: 'encode it, or use the field that takes text',
        },
      ],
);

/** As the API reads it: with padding, and with line breaks or without. */
function isBase64(it: string): boolean {
  const joined = it.replace(/[\r\n]/g, '');
  return joined.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(joined);
}

/** Bytes that base64 stands for. */
function decodedBytes(value: Json | undefined): number {
  return typeof value === 'string' ? Buffer.byteLength(value.replace(/[\r\n]/g, ''), 'base64') : 0;
}

function sum(map: JsonObject, sizeOf: (value: Json | undefined) => number): number {
  return Object.keys(map).reduce((total, key) => total + sizeOf(own(map, key)), 0);
}

function tooLarge(pointer: string, size: number): readonly Finding[] {
  if (size <= MOST_BYTES) return [];
  const problem = `must have at most ${MOST_BYTES} bytes of values`;
  return [{ pointer, problem, got: size, remedy: 'split it, or keep the data elsewhere' }];
}

/** What a ConfigMap must keep. */
export const configMap: Check = all(
  fields({ data: keys, binaryData: binary }),
  (value, pointer) => {
    const data = objectAt(value, 'data');
    const binaryData = objectAt(value, 'binaryData');
    const doubled = Object.keys(data).filter((it) => Object.hasOwn(binaryData, it));
    return [
      ...doubled.map((got) => ({
        pointer: `${pointer}/data`,
        problem: 'must not have a key of binaryData',
        got,
        remedy: 'keep one of them',
      })),
      ...tooLarge(`${pointer}/data`, sum(data, bytesOf) + sum(binaryData, decodedBytes)),
    ];
  },
);

/** Keys that a type of Secrets needs: of each row one. */
const NEEDED: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'kubernetes.io/basic-auth': [['username', 'password']],
  'kubernetes.io/dockercfg': [['.dockercfg']],
  'kubernetes.io/dockerconfigjson': [['.dockerconfigjson']],
  'kubernetes.io/ssh-auth': [['ssh-privatekey']],
  'kubernetes.io/tls': [['tls.crt'], ['tls.key']],
};

const DOCKER: ReadonlySet<string> = new Set(['.dockercfg', '.dockerconfigjson']);

/** What a Secret must keep. */
export const secret: Check = all(fields({ data: binary, stringData: keys }), (value, pointer) => {
  if (!isObject(value)) return [];
  const data = objectAt(value, 'data');
  const texts = labelsAt(value, 'stringData');
  // What stands in both is taken as text.
  const rest = Object.fromEntries(
    Object.entries(data).filter(([key]) => !Object.hasOwn(texts, key)),
  );
  const size = sum(rest, decodedBytes) + sum(texts, bytesOf);
  return [
    ...typed(String(value.type), { ...data, ...texts }, pointer),
    ...docker(value, rest, texts, pointer),
    ...tooLarge(`${pointer}/data`, size),
  ];
});

function typed(type: string, data: JsonObject, pointer: string): readonly Finding[] {
  const missing = (Object.hasOwn(NEEDED, type) ? (NEEDED[type] ?? []) : []).filter((oneOf) =>
    oneOf.every(
      (key) => !Object.hasOwn(data, key) || (key === 'ssh-privatekey' && data[key] === ''),
    ),
  );
  return missing.map((oneOf) => ({
    pointer: `${pointer}/data`,
    problem: `must have ${oneOf.join(' or ')} with type ${type}`,
    got: Object.keys(data).join(', '),
    remedy: 'add it, or use another type',
  }));
}

function docker(
  { type }: JsonObject,
  data: JsonObject,
  texts: JsonObject,
  pointer: string,
): readonly Finding[] {
  const key = String(type).replace('kubernetes.io/', '.');
  if (!DOCKER.has(key)) return [];
  const encoded = own(data, key);
  const given =
    own(texts, key) ??
    (typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString() : undefined);
  if (typeof given !== 'string' || isJsonObject(given)) return [];
  const here = `${pointer}/data/${key}`;
  // What it holds logs in somewhere: it is not shown.
  return [
    { pointer: here, problem: 'must be a JSON object', got: 'another text', remedy: 'correct it' },
  ];
}

function isJsonObject(it: string): boolean {
  try {
    const value: unknown = JSON.parse(it);
    return value === null || isObject(value);
  } catch {
    return false;
  }
}
