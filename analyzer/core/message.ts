import { plain } from '../../lib/plan/plain.ts';

/** One line at the end of a commit message that programs read: `Perch-Step: complete`. */
export interface Trailer {
  readonly name: string;
  readonly value: string;
}

/** What a commit says, as data: only Git holds it as text. */
export interface Message {
  /** The release that it is about, or the group. */
  readonly topic: string;
  /** What happens to it, on one line. */
  readonly headline: string;
  /** Paragraphs of lines. */
  readonly body: readonly (readonly string[])[];
  /** One block for each release. */
  readonly trailers: readonly (readonly Trailer[])[];
}

/** The first line, as a person reads it: `podinfo: weight 10 → 20`. */
export function subjectOf({ topic, headline }: Message): string {
  return `${topic}: ${headline}`;
}

/** The same message, in which nothing that came from elsewhere forges a line or hides one. */
export function plainMessage({ topic, headline, body, trailers }: Message): Message {
  return {
    topic: plain(topic),
    headline: plain(headline),
    body: body.map((lines) => lines.map(plain)),
    trailers: trailers.map((block) =>
      block.map(({ name, value }) => ({ name, value: plain(value) })),
    ),
  };
}
