/** A range query's 11,000 points have 33,000 of them; no object of a cluster comes near. */
const MOST_VALUES = 100_000;
const DEEPEST = 100;

/** A server's JSON, or why it is not read: what follows "the answer" in a sentence. */
export type JsonReading =
  | { readonly kind: 'read'; readonly value: unknown }
  | { readonly kind: 'vast'; readonly reason: string }
  | { readonly kind: 'broken' };

/**
 * Reads a server's JSON. One that holds more values, or deeper ones, than any answer to us has is not even parsed: what
 * follows from those is time and memory.
 *
 * @param mostValues brackets and commas @default 100,000
 */
export function readJson(text: string, mostValues = MOST_VALUES): JsonReading {
  const vast = vastness(text, mostValues);
  if (vast !== undefined) return { kind: 'vast', reason: vast };
  try {
    return { kind: 'read', value: JSON.parse(text) };
  } catch {
    return { kind: 'broken' };
  }
}

/** Counts what opens and separates values, outside of strings, without making any. */
function vastness(text: string, mostValues: number): string | undefined {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = stringEnd(text, at);
        break;
      case COMMA:
        values++;
        break;
      case BRACKET:
      case BRACE:
        depth++;
        values++;
        break;
      case BRACKET_END:
      case BRACE_END:
        depth--;
    }
    if (depth > DEEPEST) return `is nested more than ${DEEPEST} deep`;
    if (values > mostValues) return `holds more than the ${mostValues} values that are read`;
  }
  return undefined;
}

const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACKET_END, BRACE, BRACE_END] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
];

/** Where the string that begins here ends; the text's end where it does not. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}
