import { spawn } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import { GIT_ENVIRONMENT } from '../demo/author.ts';

/** Runs git in a bare repository, as nobody's program. @throws Error with what it said */
export async function git(
  folder: string,
  args: readonly string[],
  input: string | Buffer = '',
): Promise<string> {
  return (await gitBytes(folder, args, input)).toString('utf8').trimEnd();
}

/** The same, for output that is no text. */
export async function gitBytes(
  folder: string,
  args: readonly string[],
  input: string | Buffer = '',
): Promise<Buffer> {
  const child = spawn('git', ['--git-dir', folder, ...args], {
    env: { ...process.env, ...GIT_ENVIRONMENT },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, stdout, stderr] = await Promise.all([
    ended,
    buffer(child.stdout),
    buffer(child.stderr),
  ]);
  if (code === 0) return stdout;
  throw new Error(`git ${args[0] ?? ''} exited with ${code}: ${stderr.toString('utf8').trim()}`);
}

/** The texts of blobs, by id. */
export async function readBlobs(
  folder: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const bytes = await gitBytes(folder, ['cat-file', '--batch'], `${ids.join('\n')}\n`);
  const texts = new Map<string, string>();
  let offset = 0;
  while (offset < bytes.length) {
    const end = bytes.indexOf(10, offset);
    const [id = '', kind, size] = bytes.toString('utf8', offset, end).split(' ');
    offset = end + 1;
    if (kind !== 'blob') continue;
    texts.set(id, bytes.toString('utf8', offset, offset + Number(size)));
    offset += Number(size) + 1;
  }
  return texts;
}

/** A change of a person: paths that go away, and files. A value may be bytes, or a link. */
export interface Edit {
  readonly subject: string;
  readonly removes?: readonly string[];
  readonly files?: Iterable<readonly [path: string, content: Content]>;
}

export type Content =
  | string
  | Buffer
  | { readonly link: string }
  /** A commit of another repository. */
  | { readonly submodule: string }
  /** A folder, by its id. */
  | { readonly tree: string };

/** Commits on the branch as a person, whoever else pushes at the same time. @returns the commit */
export async function commitOn(folder: string, edit: Edit, branch = 'main'): Promise<string> {
  for (let tries = 0; ; tries++) {
    const parent = await git(folder, ['rev-parse', '--verify', `refs/heads/${branch}`]).catch(
      () => undefined,
    );
    const ref = `refs/faults/${process.pid}-${commits++}`;
    await git(folder, ['fast-import', '--quiet', '--done'], importText(edit, ref, parent));
    const made = await git(folder, ['rev-parse', ref]);
    await git(folder, ['update-ref', '-d', ref]);
    try {
      await git(folder, ['update-ref', `refs/heads/${branch}`, made, parent ?? '0'.repeat(40)]);
      return made;
    } catch (error) {
      if (tries >= 50) throw error;
    }
  }
}

let commits = 0;

function importText(
  { subject, removes = [], files = [] }: Edit,
  ref: string,
  parent: string | undefined,
): Buffer {
  const now = Math.floor(Date.now() / 1000);
  const parts: (string | Buffer)[] = [
    `commit ${ref}\ncommitter Robin <robin@example.com> ${now} +0000\n`,
    ...data(subject),
    parent === undefined ? '' : `from ${parent}\n`,
    ...removes.map((path) => `D ${quoted(path)}\n`),
    ...[...files].flatMap(([path, content]) => fileText(path, content)),
    '\ndone\n',
  ];
  return Buffer.concat(parts.map((it) => Buffer.from(it)));
}

function fileText(path: string, content: Content): readonly (string | Buffer)[] {
  const place = quoted(path);
  if (typeof content === 'string' || Buffer.isBuffer(content))
    return [`M 100644 inline ${place}\n`, ...data(content)];
  if ('link' in content) return [`M 120000 inline ${place}\n`, ...data(content.link)];
  if ('tree' in content) return [`M 040000 ${content.tree} ${place}\n`];
  return [`M 160000 ${content.submodule} ${place}\n`];
}

function data(content: string | Buffer): readonly (string | Buffer)[] {
  return [`data ${Buffer.byteLength(content)}\n`, content, '\n'];
}

/** As git quotes paths; bytes above ASCII may come as `\xNN` from Latin-1 characters. */
function quoted(path: string): string {
  const bytes = Buffer.from(path, 'latin1').equals(Buffer.from(path, 'utf8'))
    ? Buffer.from(path)
    : Buffer.from(path, 'latin1');
  const text = [...bytes]
    .map((it) =>
      it < 32 || it > 126 || it === 34 || it === 92
        ? `\\${it.toString(8).padStart(3, '0')}`
        : String.fromCharCode(it),
    )
    .join('');
  return `"${text}"`;
}
