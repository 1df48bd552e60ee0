import { isObject, type Json } from './json.ts';

/**
 * Canonical YAML: one document, keys in the order given, block style, no anchors, no folding, LF. Strings
 * are quoted wherever a reader of YAML 1.1 or 1.2 could see another type. Written by hand because the yaml
 * package quotes for one of the two versions, and took longer than all the rest of a synth.
 *
 * @param value plain data; `canonical` puts its keys in order
 */
export function toYaml(value: Json): string {
  if (isEmptyOrScalar(value)) return `${scalar(value, '')}\n`;
  const lines: string[] = [];
  block(value, '', lines, '');
  return `${lines.join('\n')}\n`;
}

/** Writes a collection; `first` stands before its first line, where a list's dash opened it. */
function block(value: Json, indent: string, lines: string[], first: string): void {
  let lead = first;
  if (Array.isArray(value))
    for (const item of value) {
      entry(`${lead}- `, item, `${indent}  `, lines, true);
      lead = indent;
    }
  else if (isObject(value))
    for (const key of Object.keys(value)) {
      const inner = value[key];
      if (inner === undefined) continue;
      entry(`${lead}${text(key, '', true)}:`, inner, `${indent}  `, lines, false);
      lead = indent;
    }
}

function entry(head: string, value: Json, indent: string, lines: string[], dash: boolean): void {
  if (isEmptyOrScalar(value)) lines.push(`${head}${dash ? '' : ' '}${scalar(value, indent)}`);
  else if (dash) block(value, indent, lines, head);
  else {
    lines.push(head);
    block(value, indent, lines, indent);
  }
}

function isEmptyOrScalar(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return !isObject(value) || !Object.values(value).some((it) => it !== undefined);
}

function scalar(value: Json, indent: string): string {
  if (typeof value === 'string') return text(value, indent, false);
  if (typeof value === 'number') return number(value);
  if (Array.isArray(value)) return '[]';
  return isObject(value) ? '{}' : String(value);
}

/** YAML 1.1 wants a dot in a float that has an exponent. */
function number(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`${value} has no JSON form`);
  const written = JSON.stringify(value);
  return written.includes('e') && !written.includes('.') ? written.replace('e', '.0e') : written;
}

/** Begins with a letter or a slash and holds nothing that any reader gives a meaning. */
const PLAIN =
  /^[A-Za-z/](?:[A-Za-z0-9_./@%+=-]|:(?=[^\s:]))*(?: (?:[A-Za-z0-9_./@%+=()-]|:(?=[^\s:]))+)*$/;

/** Words that some reader takes for a boolean or null, in any case. */
const WORDS = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

function text(value: string, indent: string, key: boolean): string {
  if (PLAIN.test(value) && !value.endsWith(':') && !WORDS.test(value)) return value;
  // Without an indent, a line of a literal block could be read as the end of the document.
  const nested = !key && indent !== '';
  return nested && value.includes('\n') && isBlock(value) ? literal(value, indent) : quoted(value);
}

/** Whether a literal block holds the text without any indicator but the dash. */
function isBlock(value: string): boolean {
  if (/^[\s]/.test(value) || /\n\n$/.test(value) || /\n[ \t]+(?:\n|$)/.test(value)) return false;
  return !NOT_PRINTED.test(value.replaceAll('\n', ''));
}

function literal(value: string, indent: string): string {
  const body = value.endsWith('\n') ? value.slice(0, -1) : value;
  const lines = body.split('\n').map((line) => (line === '' ? '' : `${indent}${line}`));
  return `${value.endsWith('\n') ? '|' : '|-'}\n${lines.join('\n')}`;
}

/** Control characters, other line breaks, byte order marks, lone surrogates. */
const NOT_PRINTED = /[\p{Cc}\p{Cs}\u2028\u2029\ufeff\ufffe\uffff]/u;
const ESCAPED = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** JSON's strings are YAML's double-quoted ones, but for characters that YAML does not print. */
function quoted(value: string): string {
  return JSON.stringify(value).replace(
    ESCAPED,
    (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
