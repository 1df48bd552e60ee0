import { type Document, isMap, isSeq, type YAMLMap } from 'yaml';
import type { FileInfo } from '../../lib/plan/plan.ts';
import { readYamlDocument } from '../../lib/plan/read-yaml.ts';

/** What a file of a release at rest is to a repository without Perch. */
export type Exported =
  | { readonly kind: 'kept'; readonly text: string }
  /** Of the canary, or of a Job of the last rollout. */
  | { readonly kind: 'left out' };

/**
 * A file of `live/<id>` at rest as it serves without Perch: nothing of the canary, one destination in each route, and no
 * annotation of ours. What has none, as files that are copied byte for byte, stays as it is.
 *
 * @param name of the release, by which its canary is named
 * @throws Error for a file that is not YAML of one object
 */
export function exported(name: string, info: FileInfo, text: string): Exported {
  const canary = `${name}-canary`;
  const isLeftOut =
    info.role === 'canary' ||
    info.role === 'baseline' ||
    info.role === 'job' ||
    info.name === canary;
  if (isLeftOut) return { kind: 'left out' };
  const reading = readYamlDocument(text);
  if (reading.kind === 'refused') throw new Error(`${info.kind} ${info.name} ${reading.reason}`);
  const document = reading.value;
  const changes = [
    withoutAnnotations(document),
    info.role === 'routing' && withoutCanary(document, canary),
  ];
  return {
    kind: 'kept',
    text: changes.some((it) => it) ? document.toString({ lineWidth: 0 }) : text,
  };
}

/** @returns whether there were any */
function withoutAnnotations(document: Document.Parsed): boolean {
  const path = ['metadata', 'annotations'];
  const annotations = document.getIn(path);
  if (!isMap(annotations)) return false;
  const ours = keysOf(annotations).filter((it) => it.startsWith('perch/'));
  for (const key of ours) annotations.delete(key);
  if (annotations.items.length === 0) document.deleteIn(path);
  return ours.length > 0;
}

function keysOf(map: YAMLMap): readonly string[] {
  return map.items.map((it) => String(it.key));
}

/** Takes the canary out of every list of destinations, and of subsets. @returns whether it was there */
function withoutCanary(document: Document.Parsed, canary: string): boolean {
  let found = false;
  const visit = (node: unknown): void => {
    if (isMap(node)) for (const { value } of node.items) visit(value);
    if (!isSeq(node)) return;
    const before = node.items.length;
    node.items = node.items.filter((it) => !isOfCanary(it, canary));
    const isShorter = node.items.length < before;
    found ||= isShorter;
    const [only, ...others] = node.items;
    // The one destination that is left gets everything.
    if (isShorter && others.length === 0 && isMap(only)) only.delete('weight');
    for (const it of node.items) visit(it);
  };
  visit(document.contents);
  return found;
}

/** A destination of a VirtualService or of a route of the Gateway API, or a subset of a DestinationRule. */
function isOfCanary(node: unknown, canary: string): boolean {
  if (!isMap(node)) return false;
  const isUnused = node.get('weight') === 0;
  const names = [node.get('name'), node.getIn(['destination', 'host'])];
  const subset = node.getIn(['destination', 'subset']);
  return (isUnused && (names.includes(canary) || subset === 'canary')) || isSubset(node);
}

function isSubset(node: YAMLMap): boolean {
  return node.get('name') === 'canary' && isMap(node.get('labels'));
}
