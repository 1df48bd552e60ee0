import { type Check, text } from './check.ts';

/** A range of addresses, such as 10.0.0.0/8. */
interface Range {
  /** Of 32 or 128 bits, in groups of sixteen. */
  readonly groups: readonly number[];
  readonly bits: number;
}

/** The range that a text says; undefined where it says none. */
export function rangeOf(it: string): Range | undefined {
  const [address = '', bits = '', ...more] = it.split('/');
  const groups = groupsOf(address);
  if (groups === undefined || more.length > 0 || !/^\d{1,3}$/.test(bits)) return undefined;
  return Number(bits) <= groups.length * 16 ? { groups, bits: Number(bits) } : undefined;
}

/** Whether the second range is inside of the first, and smaller. */
export function holds(outer: Range, inner: Range): boolean {
  if (outer.groups.length !== inner.groups.length || outer.bits >= inner.bits) return false;
  return outer.groups.every((group, index) => {
    const ignored = 16 - Math.min(16, Math.max(0, outer.bits - index * 16));
    return group >> ignored === (inner.groups[index] ?? 0) >> ignored;
  });
}

/** Whether a text is an address of IPv4 or IPv6. */
export function isAddress(it: string): boolean {
  return groupsOf(it) !== undefined;
}

function groupsOf(it: string): readonly number[] | undefined {
  if (!it.includes(':')) return fourOf(it);
  const [head = '', tail, ...more] = it.split('::');
  const left = sixOf(head);
  const right = sixOf(tail ?? '');
  if (left === undefined || right === undefined || more.length > 0) return undefined;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...left, ...Array.from({ length: missing }, () => 0), ...right];
}

/** The API takes zeros in front, as it always has. */
function fourOf(it: string): readonly number[] | undefined {
  const bytes = it.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  if (bytes.length !== 4 || bytes.some((byte) => byte > 255)) return undefined;
  return [a * 256 + b, c * 256 + d];
}

/** One side of `::`, which may end in an address of IPv4. */
function sixOf(side: string): readonly number[] | undefined {
  if (side === '') return [];
  const parts = side.split(':');
  const groups = parts.map((part, index) => {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) return [Number.parseInt(part, 16)];
    return index === parts.length - 1 ? fourOf(part) : undefined;
  });
  const found = groups.filter((it) => it !== undefined);
  return found.length === groups.length ? found.flat() : undefined;
}

/** An address. */
export const ip: Check = text(isAddress, 'an IP address', 'correct it');

/** A range of addresses. */
export const cidr: Check = text(
  (it) => rangeOf(it.trim()) !== undefined,
  'a range of addresses',
  'write it as 10.0.0.0/8',
);
