import { parseDocument } from 'yaml';

/** What an unquoted word of YAML is to everybody who reads manifests, or how they differ. */
export type ScalarReading =
  | { readonly kind: 'alike'; readonly value: string | number | boolean | null }
  | {
      readonly kind: 'disputed';
      readonly reason: string;
      /** What else than text could be meant, as everybody reads it. */
      readonly plain: readonly string[];
    };

type Value = string | number | boolean | null | typeof NO_JSON | typeof TOO_LARGE | typeof TIME;

/** An infinity, or what is no number. */
const NO_JSON = Symbol('no JSON');
const TOO_LARGE = Symbol('too large');
const TIME = Symbol('time');

/**
 * Reads an unquoted word as kubectl, Helm, kustomize, Flux and cdk8s do. They take it for a number, a time or a boolean by
 * different rules: go-yaml's of version 2 (sigs.k8s.io/yaml), those of version 3, and YAML 1.1.
 */
export function readScalar(word: string): ScalarReading {
  // Most numbers are such ones, and nobody differs about them.
  if (/^(?:0|[1-9]\d{0,14})$/.test(word)) return { kind: 'alike', value: Number(word) };
  const isText = !/^[-+._]*\d/.test(word) && !WORDS.has(word.toLowerCase());
  if (isText) return { kind: 'alike', value: word };
  const readers = new Map<Value, string[]>();
  for (const { who, read } of READERS) {
    const value = read(word);
    readers.set(value, [...(readers.get(value) ?? []), ...who]);
  }
  const [value, ...others] = readers.keys();
  if (value !== undefined && typeof value !== 'symbol' && others.length === 0)
    return { kind: 'alike', value };
  const said = [...readers].map(([it, who]) => `${shown(it)} to ${listText(who)}`);
  const plain = [...readers.keys()].filter((it) => ['number', 'boolean'].includes(typeof it));
  return { kind: 'disputed', reason: said.join(', and '), plain: plain.map(String) };
}

interface Reader {
  readonly who: readonly string[];
  readonly read: (word: string) => Value;
}

const READERS: readonly Reader[] = [
  { who: ['kubectl', 'Helm'], read: (it) => goValue(it, BOOLEANS_V2, it) },
  { who: ['kustomize', 'Flux'], read: (it) => goValue(it, BOOLEANS_V3, TIME) },
  { who: ['cdk8s'], read: yaml11Value },
];

const BOOLEANS_V3: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'True', 'TRUE'].map((it) => [it, true] as const),
  ...['false', 'False', 'FALSE'].map((it) => [it, false] as const),
]);

const BOOLEANS_V2: ReadonlyMap<string, boolean> = new Map([
  ...BOOLEANS_V3,
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'].map((it) => [it, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'].map((it) => [it, false] as const),
]);

const NULLS: ReadonlySet<string> = new Set(['', '~', 'null', 'Null', 'NULL']);
const NO_NUMBERS = ['.nan', '.inf', '+.inf', '-.inf'];

/** In lower case, all that is looked up by anybody. */
const WORDS: ReadonlySet<string> = new Set(
  [...BOOLEANS_V2.keys(), ...NULLS, ...NO_NUMBERS].map((it) => it.toLowerCase()),
);

const GO_TIME =
  /^\d{4}-\d{1,2}-\d{1,2}(?:[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d{2}:\d{2})| \d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?)?$/;
const GO_INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9]\d*)$/;
const GO_FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;

/** Source: resolve.go of go-yaml, and of its copies in sigs.k8s.io/yaml. */
function goValue(word: string, booleans: ReadonlyMap<string, boolean>, time: Value): Value {
  const known = booleans.get(word);
  if (known !== undefined) return known;
  if (NULLS.has(word)) return null;
  if (NO_NUMBERS.includes(word.toLowerCase())) return NO_JSON;
  if (!/^[-+.\d]/.test(word)) return word;
  if (GO_TIME.test(word)) return time;
  const plain = word.startsWith('.') ? word : word.replaceAll('_', '');
  const [, sign, digits] = GO_INTEGER.exec(plain) ?? [];
  if (digits !== undefined) return integer(digits, sign === '-');
  // A float that is too large is none, and so stays text.
  const float = GO_FLOAT.test(plain) ? Number(plain) : Number.NaN;
  return Number.isFinite(float) ? float + 0 : word;
}

/** A leading zero alone means octal. */
function integer(digits: string, isNegative: boolean): Value {
  const value = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits.toLowerCase());
  if (value > Number.MAX_SAFE_INTEGER) return TOO_LARGE;
  return isNegative ? 0 - Number(value) : Number(value);
}

function yaml11Value(word: string): Value {
  const value: unknown = parseDocument(word, {
    version: '1.1',
    intAsBigInt: true,
    logLevel: 'silent',
  }).toJS();
  if (typeof value === 'bigint') {
    const isKept = value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
    return isKept ? Number(value) : TOO_LARGE;
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : NO_JSON;
  if (value instanceof Date) return TIME;
  return typeof value === 'boolean' || value === null ? value : word;
}

function shown(value: Value): string {
  if (value === TIME) return 'a time';
  if (value === NO_JSON) return 'a number that JSON does not have';
  if (value === TOO_LARGE) return 'a number that is too large to be kept exactly';
  return typeof value === 'string' ? 'text' : String(value);
}

function listText(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length === 1 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
