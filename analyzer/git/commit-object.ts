/** What a raw commit object says. */
export interface CommitObject {
  readonly tree: string;
  readonly parents: readonly string[];
  /** Commit time in Unix seconds. */
  readonly at: number;
  /** `Name <address>` */
  readonly author: string;
  /** Without the newline at its end. */
  readonly message: string;
}

/** Parses a raw commit object; signatures and other headers of many lines are passed over. */
export function parseCommit(content: Buffer): CommitObject {
  const text = content.toString('utf8');
  const split = text.indexOf('\n\n');
  const headers = (split === -1 ? text : text.slice(0, split)).split('\n');
  const values = (name: string) =>
    headers
      .filter((line) => line.startsWith(`${name} `))
      .map((line) => line.slice(name.length + 1));
  const person = /^(.*) (-?\d+) [+-]\d+$/;
  return {
    tree: values('tree')[0] ?? '',
    parents: values('parent'),
    at: Number(person.exec(values('committer')[0] ?? '')?.[2] ?? 0),
    author: person.exec(values('author')[0] ?? '')?.[1] ?? '',
    message: split === -1 ? '' : text.slice(split + 2).replace(/\n$/, ''),
  };
}
