/**
 * What a reader does not see, or sees as something else: control characters, which can move a cursor or end a line;
 * format characters, which turn text around or hide in it; line separators; halves of a character.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]+/gu;

/**
 * Text from elsewhere on one line: no break that could forge a trailer or a row, and no character that could hide
 * or turn around what follows it.
 */
export function plain(text: string): string {
  return text.replace(HIDDEN, ' ');
}

/** The same for texts of several lines: line breaks and tabs stay, and what is hidden is named, as `<U+202E>`. */
export function plainLines(text: string): string {
  return text.replace(HIDDEN, (run) => Array.from(run, shownAs).join(''));
}

function shownAs(character: string): string {
  return character === '\n' || character === '\t' ? character : `<U+${codeOf(character)}>`;
}

/** JSON that a terminal can show: what is hidden is escaped, so the data stay what they were. */
export function plainJson(json: string): string {
  // JSON has no such character outside of strings, but for the line breaks and tabs between its parts.
  return json.replace(HIDDEN, (run) => run.replace(/[^\n\t]/g, (it) => `\\u${codeOf(it)}`));
}

function codeOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}

/** So much of somebody else's words says what is wrong. */
const LONGEST_QUOTE = 300;

/** Somebody else's words on one line, and not too many of them. */
export function quote(text: string, longest = LONGEST_QUOTE): string {
  // Cut first: what is thrown away need not be looked at.
  const line = plain(text.slice(0, 2 * longest))
    .replaceAll(/\s+/g, ' ')
    .trim();
  if (line.length <= longest && text.length <= 2 * longest) return line;
  // Where the cut goes through a character, its half goes too.
  return `${line.slice(0, longest).replace(/\p{Cs}$/u, '')}…`;
}
