import { plain } from '../lib/plan/plain.ts';

/**
 * A table for people: columns padded to their widest cell, two spaces between them. Where it is wider than the terminal,
 * the widest columns get narrower, and their cells take several lines.
 *
 * @param width columns of the terminal @default - any: nothing is wrapped
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string {
  const all = [head, ...rows].map((row) => row.map(plain));
  const natural = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const widths = narrowed(natural, width - GAP.length * (head.length - 1));
  return all.flatMap((row) => linesOf(row, widths)).join('\n');
}

const GAP = '  ';

/** No column gets narrower than a short word, whatever the terminal. */
const NARROWEST = 8;

/** Takes what is too much from whichever column is the widest. */
function narrowed(natural: readonly number[], width: number): readonly number[] {
  const widths = [...natural];
  for (let excess = widths.reduce((sum, it) => sum + it, 0) - width; excess > 0; excess -= 1) {
    const widest = Math.max(...widths);
    if (widest <= NARROWEST) break;
    widths[widths.lastIndexOf(widest)] = widest - 1;
  }
  return widths;
}

/** One row, as many lines as its longest cell needs. */
function linesOf(row: readonly string[], widths: readonly number[]): readonly string[] {
  const cells = row.map((cell, column) => wrapped(cell, widths[column] ?? 0));
  const height = Math.max(...cells.map((it) => it.length));
  return Array.from({ length: height }, (_, index) =>
    cells
      .map((it, column) => (it[index] ?? '').padEnd(widths[column] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
}

/** A text in lines of at most so many columns: broken between words, and inside of those that are too long. */
export function wrapped(text: string, columns: number): readonly string[] {
  const width = Math.max(NARROWEST, columns);
  if (text.length <= width) return [text];
  const lines: string[] = [];
  for (let rest = text; rest !== ''; ) {
    const space = rest.length <= width ? rest.length : rest.lastIndexOf(' ', width);
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

/** Further columns of the lines that one continues in. */
const HANG = 2;

/** Lines of which none is wider than the terminal: what one continues in is indented further than it is itself. */
export function folded(lines: readonly string[], columns: number): readonly string[] {
  return lines.flatMap((line) => {
    if (line.length <= columns) return [line];
    const text = line.trimStart();
    const indent = line.length - text.length;
    const [first = '', ...rest] = wrapped(text, columns - indent - HANG);
    return [' '.repeat(indent) + first, ...rest.map((it) => ' '.repeat(indent + HANG) + it)];
  });
}

/** `42s`, `3m10s`, `2h5m`, `4d`: the two largest units, days alone, much as kubectl prints ages. */
export function age(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${whole % 60 === 0 ? '' : `${whole % 60}s`}`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h${Math.floor((whole % 3600) / 60)}m`;
  return `${Math.floor(whole / 86_400)}d`;
}
