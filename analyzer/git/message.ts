import type { Message } from '../core/message.ts';

/** The text of a commit: subject, body and trailers. A NUL would end it for every reader, and its last line has an end. */
export function messageText({ topic, headline, body, trailers }: Message): string {
  const blocks = trailers.flat().map(({ name, value }) => `${name}: ${value}`);
  const parts = [[`${topic}: ${headline}`], ...body, blocks].map((lines) => lines.join('\n'));
  const text = parts.join('\n\n');
  return `${text.replaceAll('\0', '\uFFFD').replace(/\n+$/, '')}\n`;
}
