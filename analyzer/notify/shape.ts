import { createHash } from 'node:crypto';
import type { Message, Severity } from './message.ts';

/** The colours of most products, as six digits. */
export const COLORS: Readonly<Record<Severity, string>> = {
  info: '2eb886',
  warn: 'daa038',
  error: 'a30200',
};

/** At most so many characters; where it is cut, one of them says so. */
export function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1).replace(/\p{Cs}$/u, '')}…`;
}

/** A message as lines: its text, its fields, its link. */
export function linesOf({ text, fields, link }: Message): readonly string[] {
  return [
    ...(text === '' ? [] : [text]),
    ...fields.map(({ name, value }) => `${name}: ${value}`),
    ...(link === undefined ? [] : [link]),
  ];
}

/** For HTML and what looks like it. */
export function html(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** For Markdown: nothing is formatted, nothing is a link, and nobody is called. */
export function markdown(text: string): string {
  // A name behind a break of no width is nobody's.
  return text.replace(/[\\`*_{}[\]()<>#+\-.!|~:]/g, (it) => `\\${it}`).replaceAll('@', '@\u200b');
}

/** Names a message or a rollout where few characters may stand, or few of them. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
