import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseAllDocuments,
  Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { quote } from '../plan/plain.ts';
import { isObject, type Json, type JsonObject, type Manifest } from './json.ts';
import { isManifest } from './manifest.ts';
import { readScalar } from './scalar.ts';

/** An object of a file, with the line that it begins in. */
export interface FoundObject {
  readonly line: number;
  readonly object: Manifest;
}

/** What is wrong with a file, in the words that get it right. */
export interface Fault {
  readonly line: number;
  readonly problem: string;
  readonly remedy: string;
}

/** The objects of a file, and everything that is wrong with it. */
export interface ManifestsReading {
  readonly objects: readonly FoundObject[];
  readonly faults: readonly Fault[];
}

/**
 * Reads the objects of a file of YAML or JSON, of any number of documents. Lists are unpacked. What one of the tools that
 * read manifests would take for something else, or leave out, is a fault.
 */
export function readManifests(text: string): ManifestsReading {
  const odd = /[\u0085\u2028\u2029]/.exec(text);
  if (odd !== null) {
    const line = text.slice(0, odd.index).split('\n').length;
    const problem = 'holds a line break that not every reader takes for one';
    return { objects: [], faults: [{ line, problem, remedy: 'write it as "\\u2028", in quotes' }] };
  }
  const lines = new LineCounter();
  const documents: readonly Document.Parsed[] = parseAllDocuments(text, {
    // Every word as it stands, and keys as often as they stand: both are judged here.
    schema: 'failsafe',
    uniqueKeys: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const read = documents.map((it) => readDocument(it, (offset) => lines.linePos(offset).line));
  return {
    objects: read.flatMap((it) => it.objects),
    faults: read.flatMap((it) => it.faults),
  };
}

function readDocument(
  document: Document.Parsed,
  lineAt: (offset: number) => number,
): ManifestsReading {
  const [error] = document.errors;
  // What follows from a wrong sign is guessed.
  if (error !== undefined) {
    const problem = `is not YAML: ${quote(error.message)}`;
    return { objects: [], faults: [{ line: lineAt(error.pos[0]), problem, remedy: 'correct it' }] };
  }
  const found = new Map<number, Fault>();
  const line = lineAt(document.contents?.range[0] ?? document.range[0]);
  const context: Context = {
    document,
    nodes: { left: MOST_NODES },
    targets: new Map(),
    complain(offset, problem, remedy) {
      // What follows from a fault is none of its own.
      if (!found.has(offset)) found.set(offset, { line: lineAt(offset), problem, remedy });
    },
  };
  const value = jsonOf(document.contents, [], context);
  if (context.nodes.left < 0) {
    const problem = 'has aliases that stand for too much';
    return { objects: [], faults: [{ line, problem, remedy: 'write the values out' }] };
  }
  const faults = [...found.values()];
  if (faults.length > 0 || value === null) return { objects: [], faults };
  return unpacked(value, line);
}

interface Context {
  readonly document: Document.Parsed;
  /** An alias stands for everything below its anchor, so few lines can be much. */
  readonly nodes: { left: number };
  readonly targets: Map<Alias, unknown>;
  readonly complain: (offset: number, problem: string, remedy: string) => void;
}

const MOST_NODES = 500_000;

/** An anchor can hold itself. */
const DEEPEST = 100;

/** Keys on the way to a value; an item of a list has none. */
type Way = readonly string[];

const ITEM = '-';

function jsonOf(node: unknown, way: Way, context: Context): Json {
  context.nodes.left -= 1;
  if (context.nodes.left < 0) return '';
  if (way.length > DEEPEST) {
    context.complain(offsetOf(node), `is nested more than ${DEEPEST} deep`, 'make it flatter');
    return '';
  }
  if (isAlias(node)) return jsonOf(targetOf(node, context), way, context);
  if (isScalar(node) || isMap(node) || isSeq(node)) judgeTag(node, context);
  if (isScalar(node)) return textOf(node, way, context) ?? scalarOf(node, context);
  if (isSeq(node)) return node.items.map((it) => itemOf(it, [...way, ITEM], context));
  return isMap(node) ? mapOf(node, way, context) : null;
}

/** Found once: it is looked for in the whole document. */
function targetOf(alias: Alias, { document, targets, complain }: Context): unknown {
  if (!targets.has(alias)) targets.set(alias, alias.resolve(document));
  const target = targets.get(alias);
  if (target === undefined)
    complain(offsetOf(alias), `has the alias ${quote(alias.source, 100)} of nothing`, 'correct it');
  return target;
}

function itemOf(node: unknown, way: Way, context: Context): Json {
  const value = jsonOf(node, way, context);
  if (value === null)
    context.complain(offsetOf(node), 'has an empty item in a list', 'leave it out, or write ""');
  return value;
}

/** Text where the API takes nothing else; undefined for what is judged as anything else is. */
function textOf(node: Scalar, way: Way, context: Context): string | undefined {
  if (!TEXTS.some((it) => it(way, context))) return undefined;
  const value = scalarOf(node, context);
  // A value that is not given is another matter than an empty label.
  if (typeof value === 'string' || (value === null && way.at(-1) === 'value')) return undefined;
  const word = quote(String(node.value ?? ''), 100);
  const said = word === '' ? 'no value' : `${word} without quotes`;
  const problem = `has ${said} for ${way.join('.').replaceAll(/\.-/g, '[]')}, which must be text`;
  context.complain(offsetOf(node), problem, `write "${word}"`);
  return word;
}

/** Where labels, annotations, contents and words of a command stand. */
const TEXTS: readonly ((way: Way, context: Context) => boolean)[] = [
  (way) => ['labels', 'annotations'].includes(way.at(-2) ?? '') && way.at(-3) === 'metadata',
  (way) => ['matchLabels', 'nodeSelector'].includes(way.at(-2) ?? ''),
  (way) => ['args', 'command'].includes(way.at(-2) ?? '') && way.at(-1) === ITEM,
  (way) => way.at(-3) === 'env' && way.at(-1) === 'value',
  (way, { document }) =>
    way.length === 2 &&
    ['data', 'stringData'].includes(way[0] ?? '') &&
    ['ConfigMap', 'Secret'].includes(String(document.get('kind'))),
];

function scalarOf(node: Scalar, context: Context): Json {
  const { tag, type, value } = node;
  const word = String(value ?? '');
  if (tag !== undefined || (type !== 'PLAIN' && type !== undefined)) return word;
  const reading = readScalar(word);
  if (reading.kind === 'alike') return reading.value;
  const problem = `has ${quote(word, 100)} without quotes, which is ${reading.reason}`;
  const remedy = [`write "${quote(word, 100)}" in quotes`, ...reading.plain].join(', or ');
  context.complain(offsetOf(node), problem, remedy);
  return null;
}

function judgeTag(node: Scalar | YAMLMap | YAMLSeq, context: Context): void {
  const { tag } = node;
  if (tag === undefined || (isScalar(node) && tag === TEXT_TAG)) return;
  const problem = `has the tag ${quote(tag, 100)}, which not every tool reads alike`;
  context.complain(offsetOf(node), problem, 'write a plain value');
}

const TEXT_TAG = 'tag:yaml.org,2002:str';

function mapOf(map: YAMLMap, way: Way, context: Context): JsonObject {
  const own = new Map<string, Json>();
  const merged = new Map<string, Json>();
  for (const pair of map.items) {
    if (isMerge(pair)) {
      for (const [key, it] of mergedBy(pair, way, context)) merged.set(key, it);
      // The older go-yaml lets what is merged later win.
      if ([...merged.keys()].some((key) => own.has(key)))
        context.complain(
          offsetOf(pair.key),
          'merges keys that stand before it, which tools do in different ways',
          'write << first',
        );
      continue;
    }
    const key = keyOf(pair.key, context);
    if (own.has(key)) {
      const problem = `has the key ${quote(key, 100)} twice in one place`;
      context.complain(offsetOf(pair.key), problem, 'keep one of them');
    }
    own.set(key, jsonOf(pair.value ?? nothingAt(offsetOf(pair.key)), [...way, key], context));
  }
  return Object.fromEntries([...merged, ...own]);
}

/** What a key without a value has. */
function nothingAt(offset: number): Scalar {
  const nothing = new Scalar('');
  nothing.type = 'PLAIN';
  nothing.range = [offset, offset, offset];
  return nothing;
}

function isMerge({ key }: Pair): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}

/** Of several maps the first counts. */
function mergedBy(
  { value }: Pair,
  way: Way,
  context: Context,
): readonly (readonly [string, Json])[] {
  const node = isAlias(value) ? targetOf(value, context) : value;
  const maps = (isSeq(node) ? [...node.items].reverse() : [node]).map((it) =>
    jsonOf(it, way, context),
  );
  if (!maps.every(isObject)) {
    context.complain(offsetOf(value), 'merges what is no map', 'write the values out');
    return [];
  }
  return maps.flatMap((it) => Object.entries(it).map(([key, one]) => [key, one ?? null] as const));
}

function keyOf(key: unknown, context: Context): string {
  if (!isScalar(key)) {
    context.complain(offsetOf(key), 'has a key that is a list or a map', 'write a plain word');
    return '';
  }
  const value = scalarOf(key, context);
  const word = String(key.value ?? '');
  if (typeof value === 'string' || (value !== null && String(value) === word)) return word;
  const problem = `has the key ${quote(word, 100)} without quotes, which tools write in different ways`;
  context.complain(offsetOf(key), problem, `write "${quote(word, 100)}"`);
  return word;
}

function offsetOf(node: unknown): number {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0;
}

/** A list of whatever kind it says it is; an item without a kind is of the kind that the list names. */
function unpacked(value: Json, line: number): ManifestsReading {
  if (!isObject(value)) return faulty(line, 'holds what is no object');
  if (Object.keys(value).length === 0) return { objects: [], faults: [] };
  const { apiVersion, kind, items } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string')
    return faulty(line, 'holds an object without apiVersion and kind');
  if (!Array.isArray(items) || !kind.endsWith('List'))
    return isManifest(value)
      ? { objects: [{ line, object: value }], faults: [] }
      : faulty(line, `holds a ${quote(kind, 100)} without a name`);
  const of = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
  const read = items.map((it: Json) => unpacked(isObject(it) ? { ...of, ...it } : it, line));
  return { objects: read.flatMap((it) => it.objects), faults: read.flatMap((it) => it.faults) };
}

function faulty(line: number, problem: string): ManifestsReading {
  const remedy = 'give each object apiVersion, kind and metadata.name';
  return { objects: [], faults: [{ line, problem, remedy }] };
}
