import { inspect } from 'node:util';
import { plainJson, plainLines } from '../../lib/plan/plain.ts';
import { redact } from '../redact.ts';

/**
 * The one place where text leaves for a terminal, a log or a pipe. What it is made of was written by others: file
 * names, reasons, labels, words of servers. Nothing of it may move a cursor, forge a line or turn text around.
 */

/** How a line is painted where somebody looks at it who has not asked for no colour. */
export type Color = 'red' | 'green' | 'cyan' | 'bold';

const CODES: Readonly<Record<Color, number>> = { red: 31, green: 32, cyan: 36, bold: 1 };

/** Prints lines for people; what no terminal shows is named, as `<U+202E>`. */
export function say(
  text: string,
  colorOf: (line: string) => Color | undefined = () => undefined,
): void {
  const lines = plainLines(text).split('\n');
  const isPainted = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  const painted = isPainted ? lines.map((it) => paint(it, colorOf(it))) : lines;
  process.stdout.write(`${painted.join('\n')}\n`);
}

function paint(line: string, color: Color | undefined): string {
  return color === undefined ? line : `\u001B[${CODES[color]}m${line}\u001B[0m`;
}

/** Whether a person sits before it who can be asked. */
export function isTerminal(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
}

/** Columns of the terminal; any number where the output goes elsewhere. */
export function terminalWidth(): number {
  return process.stdout.isTTY === true ? process.stdout.columns : Number.POSITIVE_INFINITY;
}

/** Ends quietly where whoever reads the output has heard enough, as `head` has. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

/**
 * Prints the one answer of a command as JSON for machines: an object, or a list, indented by two. What is not there is
 * null, so that each has every key; what no terminal shows is escaped, so that the data stay what they were.
 */
export function sayJson(data: object): void {
  const json = JSON.stringify(data, (_, value: unknown) => (value === undefined ? null : value), 2);
  process.stdout.write(`${plainJson(json)}\n`);
}

/** Prints one of many objects that a command says in the course of time: each is one line. */
export function sayJsonLine(data: object): void {
  process.stdout.write(`${plainJson(JSON.stringify(data))}\n`);
}

/** Says on stderr, on one line that is written over and over, how far a long command is; where nobody looks, nothing. */
export function sayProgress(text: string): void {
  if (process.stderr.isTTY === true) process.stderr.write(`\r\u001B[K${plainLines(text)}`);
}

/** Says on stderr what went wrong. Servers and git repeat what they were sent: what logs in is hidden. */
export function complain(text: string): void {
  process.stderr.write(plainLines(redact(`perch: ${text}\n`)));
}

/** Ends the process over a bug of ours, with all that is known of it. */
export function crash(error: unknown): never {
  complain(`a bug in Perch: ${inspect(error)}`);
  process.exit(1);
}

/** Where a log's lines of JSON go: to a terminal as text, to whatever else as they are. */
export async function openLog(): Promise<{ readonly write: (line: string) => void }> {
  if (process.stdout.isTTY !== true)
    return { write: (line) => void process.stdout.write(plainJson(line)) };
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize: false,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss',
    messageFormat: '{if release}{release}: {end}{msg}',
    ignore: 'release,pid,hostname',
  });
  return { write: (line) => void process.stdout.write(plainLines(pretty(JSON.parse(line)))) };
}

/** How commander prints help and complaints. */
export const USAGE_OUTPUT = {
  writeOut: (text: string): void => void process.stdout.write(plainLines(text)),
  writeErr: (text: string): void => void process.stderr.write(plainLines(text)),
  outputError: (text: string, write: (text: string) => void): void => write(withoutValues(text)),
};

/** Commander quotes what it does not understand: that may be a secret which stands in the wrong place. */
function withoutValues(complaint: string): string {
  const hidden = complaint
    .replace(/(value) '(.*)'(?= from env '\w+' is invalid)/s, (_, what: string, value: string) =>
      shown(what, value),
    )
    .replace(/(argument) '(.*)'(?= is invalid)/s, (_, what: string, value: string) =>
      shown(what, value),
    )
    .replace(/(unknown command) '(.*)'/s, (_, what: string, value: string) => shown(what, value))
    .replace(/(unknown option) '(-[\w-]*)(.*)'/s, (_, what: string, name: string, rest: string) =>
      rest === '' ? `${what} '${name}'` : `${what} '${name}***'`,
    );
  return redact(hidden);
}

function shown(what: string, value: string): string {
  return `${what} '${HARMLESS.test(value) ? value : '***'}'`;
}

/** A number, a duration, or a short word. */
const HARMLESS = /^-?(?:[\d.,:hms]{1,12}|[a-z]{1,12})$/;
