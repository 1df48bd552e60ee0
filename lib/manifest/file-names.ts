import { hashText, type Manifest } from './json.ts';
import { groupOf } from './manifest.ts';

/** Names of files: `<kind>-<name>.yaml`, with the group where two kinds of one name occur in the release. */
export function fileNames(objects: Iterable<Manifest>): (object: Manifest) => string {
  const groups = new Map<string, Set<string>>();
  for (const { kind, apiVersion } of objects) {
    const known = groups.get(kind.toLowerCase()) ?? new Set();
    groups.set(kind.toLowerCase(), known.add(groupOf(apiVersion)));
  }
  return ({ kind, apiVersion, metadata }) => {
    const clash = (groups.get(kind.toLowerCase())?.size ?? 0) > 1;
    const group = groupOf(apiVersion);
    const prefix = clash && group !== '' ? `${kind}.${group}` : kind;
    // RBAC allows characters in names that files had better not hold.
    const stem = `${prefix}-${metadata.name}`.toLowerCase().replace(/[^-a-z0-9._]/g, '_');
    if (stem.length <= LONGEST_STEM) return `${stem}.yaml`;
    return `${stem.slice(0, LONGEST_STEM - 9)}-${hashText(stem, 8)}.yaml`;
  };
}

/** File systems take 255 bytes, with `.yaml`. */
const LONGEST_STEM = 250;
