/**
 * The name that these bytes spell. Git takes any bytes but a slash and NUL; those that are not UTF-8 become lone
 * surrogates, one for each byte (PEP 383), so that no two names look the same and each can be written again.
 */
export function decodeName(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!text.includes('\uFFFD') || Buffer.from(text).equals(bytes)) return text;
  let name = '';
  for (let at = 0; at < bytes.length; ) {
    const end = characterEnd(bytes, at);
    name +=
      end === undefined
        ? String.fromCharCode(ESCAPE + (bytes[at] ?? 0))
        : bytes.toString('utf8', at, end);
    at = end ?? at + 1;
  }
  return name;
}

/** The bytes that `decodeName` made this name of. */
export function encodeName(name: string): Buffer {
  return Buffer.concat(
    [...name].map((one) => {
      const code = one.codePointAt(0) ?? 0;
      const isByte = code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff;
      return isByte ? Buffer.from([code - ESCAPE]) : Buffer.from(one);
    }),
  );
}

/** A path as `git fast-import` takes it: in quotes, with anything unusual as octal escapes of its bytes. */
export function quotePath(path: string): string {
  const quoted = [...encodeName(path)].map((byte) => {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH;
    return isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
  });
  return `"${quoted.join('')}"`;
}

const ESCAPE = 0xdc00;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Where a well-formed character that begins here ends; undefined where none does. */
function characterEnd(bytes: Buffer, start: number): number | undefined {
  for (let length = 1; length <= 4 && start + length <= bytes.length; length++) {
    const part = bytes.subarray(start, start + length);
    if (Buffer.from(part.toString('utf8')).equals(part)) return start + length;
  }
  return undefined;
}
