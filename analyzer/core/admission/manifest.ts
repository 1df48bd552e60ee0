import { isAlias, isMap, isScalar, isSeq, type YAMLMap } from 'yaml';
import { quote } from '../../../lib/plan/plain.ts';
import { readYamlDocument, YAML_LIMITS } from '../../../lib/plan/read-yaml.ts';

/** The one object that a file holds: what it is, and a way to look at single fields of it. */
export interface ManifestFile {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  /** The plain data below these keys; undefined where there is none. */
  readonly at: (...keys: readonly string[]) => unknown;
}

/** A file that holds exactly one object in plain YAML, or the reason why nobody can be sure that it does. */
export type ManifestReading =
  | { readonly kind: 'read'; readonly manifest: ManifestFile; readonly tokens: number }
  | { readonly kind: 'refused'; readonly reason: string };

/** Characters of one manifest: etcd takes no object above 1.5 MiB, and kubectl none of more than 1 MiB. */
const LONGEST = 1024 ** 2;

/**
 * Reads a manifest as strictly as it takes for every reader to see the same object. A GitOps tool reads with
 * another parser, of another version of YAML: whatever the two could see differently is refused, as it could hide
 * an object from the one that looks and show it to the one that applies.
 */
export function readManifest(text: string): ManifestReading {
  const reason = textFault(text);
  return reason === undefined ? readDocument(text) : refused(reason);
}

function refused(reason: string): ManifestReading {
  return { kind: 'refused', reason };
}

/** What line based readers could take for the end of the document, or for the end of a line. */
function textFault(text: string): string | undefined {
  if (text.length > LONGEST) return `is longer than ${LONGEST} characters`;
  if (/(?![\n\r\t])\p{Cc}|\r(?!\n)|[\u2028\u2029\ufeff]/u.test(text))
    return 'holds a control character, or a line break that not every reader takes for one: escape it';
  if (/^%/m.test(text)) return 'has a YAML directive: leave it out';
  const body = text.replace(/^(?:[ \t]*(?:#.*)?\r?\n)*---[ \t]*\r?\n/, '');
  return /^(?:---|\.\.\.)/m.test(body)
    ? 'has more than one document: put one object into each file'
    : undefined;
}

function readDocument(text: string): ManifestReading {
  const reading = readYamlDocument(text, { ...YAML_LIMITS, characters: LONGEST });
  if (reading.kind === 'refused') return reading;
  const { contents } = reading.value;
  const fault = nodeFault(contents);
  if (fault !== undefined) return refused(fault);
  if (!isMap(contents)) return refused('holds no object');
  return identify(contents, reading.tokens);
}

/** The first thing in a tree of nodes that readers could take differently. Without recursion: it may be deep. */
function nodeFault(root: unknown): string | undefined {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const node = open.pop();
    if (isAlias(node)) return 'has an alias: write the value out';
    if (!isMap(node) && !isSeq(node) && !isScalar(node)) continue;
    if (node.anchor !== undefined) return 'has an anchor: write the value out';
    if (node.tag !== undefined) return `has the tag ${quote(node.tag)}: write plain values`;
    if (isSeq(node)) for (const it of node.items) open.push(it);
    if (!isMap(node)) continue;
    const fault = keyFault(node);
    if (fault !== undefined) return fault;
    for (const { key, value } of node.items) open.push(key, value);
  }
  return undefined;
}

function keyFault(map: YAMLMap): string | undefined {
  const seen = new Set<string>();
  for (const { key } of map.items) {
    if (!isScalar(key)) return 'has a key that is not a plain word';
    const name = String(key.value);
    if (name === '<<') return 'has a merge key (<<): write the values out';
    if (seen.has(name)) return `has the key ${JSON.stringify(quote(name, 100))} twice in one place`;
    seen.add(name);
  }
  return undefined;
}

function identify(root: YAMLMap, tokens: number): ManifestReading {
  const metadata = root.get('metadata', true);
  const fault =
    spellingFault(root, ['apiVersion', 'kind', 'metadata', 'items']) ??
    (isMap(metadata) ? spellingFault(metadata, ['name', 'namespace']) : undefined);
  if (fault !== undefined) return refused(fault);
  // Argo CD and kubectl take whatever has `items` for a list, of whatever kind it says it is.
  if (root.has('items')) return refused('holds a list: put one object into each file');
  const [apiVersion, kind] = [word(root, 'apiVersion'), word(root, 'kind')];
  const [name, namespace] = isMap(metadata)
    ? [word(metadata, 'name'), word(metadata, 'namespace')]
    : [undefined, undefined];
  if (apiVersion === undefined || kind === undefined || name === undefined)
    return refused('does not plainly say apiVersion, kind and metadata.name: give them, quoted');
  if (namespace === undefined && isMap(metadata) && metadata.has('namespace'))
    return refused('does not plainly say its namespace: quote it');
  return {
    kind: 'read',
    tokens,
    manifest: { apiVersion, kind, name, namespace, at: (...keys) => valueAt(root, keys) },
  };
}

/** Go's JSON reader takes `Kind` for `kind`. */
function spellingFault(map: YAMLMap, names: readonly string[]): string | undefined {
  const folded = new Map(names.map((it) => [fold(it), it]));
  for (const { key } of map.items) {
    const given = isScalar(key) ? String(key.value) : '';
    const name = folded.get(fold(given));
    if (name !== undefined && name !== given)
      return `has the key ${JSON.stringify(quote(given, 100))}, which some readers take for ${name}`;
  }
  return undefined;
}

/** Both ways, as some letters have another case in one direction only: the Kelvin sign, the long s. */
function fold(text: string): string {
  return text.toLowerCase().toUpperCase();
}

/** A string that no reader takes for anything else. */
function word(map: YAMLMap, key: string): string | undefined {
  const node = map.get(key, true);
  if (!isScalar(node) || typeof node.value !== 'string' || node.value === '') return undefined;
  return node.type === 'PLAIN' && AMBIGUOUS.test(node.value) ? undefined : node.value;
}

/** Words, numbers and times of YAML 1.1, which Go's readers still speak. */
const AMBIGUOUS = /^(?:y|n|yes|no|on|off|true|false|null|~|[-+.\d][-+.:_\dTZex]*|0[xob].*)$/i;

function valueAt(root: YAMLMap, keys: readonly string[]): unknown {
  let node: unknown = root;
  for (const key of keys) node = isMap(node) ? node.get(key, true) : undefined;
  if (isScalar(node)) return node.value;
  return isMap(node) || isSeq(node) ? node.toJSON() : undefined;
}
