import { hash } from 'node:crypto';
import { type GitCommand, lastLines, startGit } from './command.ts';
import { GitError } from './git-error.ts';
import { type GitProcess, signalGroup } from './running.ts';

/** One object as Git stores it. */
export interface GitObject {
  readonly oid: string;
  /** commit, tree, blob or tag; `blob of … bytes` and the like where it is longer than what is read, without its content */
  readonly kind: string;
  readonly content: Buffer;
}

/** Reads objects through one long-lived `git cat-file --batch`, requests pipelined. */
export interface ObjectStore {
  /**
   * The objects of these names (an id, or `<commit>:<path>`), in order; undefined where there is none.
   * @throws GitError for an object that cannot be read or is not what its id says
   */
  read(names: readonly string[]): Promise<readonly (GitObject | undefined)[]>;
  /** The same without content: git itself holds the whole of a blob that is asked for, however large. */
  heads(names: readonly string[]): Promise<readonly (GitObject | undefined)[]>;
  /** Forgets the process: the repository was made anew. */
  restart(): void;
  /** Ends the process; requests under way fail. */
  close(): void;
}

/** Nothing is started before the first request, and a process that died is replaced at the next one. */
export function openObjects(git: GitCommand): ObjectStore {
  let reader: BatchReader | undefined;
  let closed = false;
  const ask = async (verb: Verb, names: readonly string[]) => {
    if (closed) throw new GitError('the repository is closed', { retryable: false });
    if (names.length === 0) return [];
    if (reader === undefined || reader.ended()) reader = startReader(git);
    return reader.ask(verb, names);
  };
  return {
    read: (names) => ask('contents', names),
    heads: (names) => ask('info', names),
    restart() {
      reader?.stop();
      reader = undefined;
    },
    close() {
      closed = true;
      reader?.stop();
    },
  };
}

/** As git calls what is wanted of an object. */
type Verb = 'contents' | 'info';

interface BatchReader {
  readonly ask: (
    verb: Verb,
    names: readonly string[],
  ) => Promise<readonly (GitObject | undefined)[]>;
  readonly ended: () => boolean;
  readonly stop: () => void;
}

/** One call, answered name by name. */
interface Request {
  readonly verb: Verb;
  readonly names: readonly string[];
  readonly found: (GitObject | undefined)[];
  readonly resolve: (found: readonly (GitObject | undefined)[]) => void;
  readonly reject: (error: GitError) => void;
}

function startReader(git: GitCommand): BatchReader {
  const waiting: Request[] = [];
  let ended = false;
  let stop: () => void = () => undefined;
  let write: (request: Pick<Request, 'verb' | 'names'>) => void = () => undefined;

  function start(mode: BatchMode): void {
    const child = startGit(git, { arguments: ['cat-file', ...mode.options] });
    const watch = watchdog(child, git.localTimeoutMs, () => waiting.length > 0);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(-4000);
    });
    child.stdout.on(
      'data',
      answerParser(
        (object) => {
          answer(waiting, object);
          watch.restart();
        },
        () => mode.older !== undefined && waiting[0]?.verb === 'info',
      ),
    );
    child.once('error', (cause) => fail(cause.message, cause));
    child.once('close', (code) => {
      watch.stop();
      const { older } = mode;
      if (code === USAGE && older !== undefined) startOr(older);
      else fail(watch.passed() ? 'git took too long' : lastLines(stderr));
    });
    write = (request) => {
      watch.restart();
      child.stdin.write(mode.request(request));
    };
    stop = () => {
      child.stdin.end();
      child.kill();
    };
    for (const it of waiting) write(it);
  }

  /** Nobody waits for this start whom an exception would reach. */
  function startOr(mode: BatchMode): void {
    try {
      start(mode);
    } catch (cause) {
      fail(cause instanceof Error ? cause.message : String(cause), cause);
    }
  }

  function fail(reason: string, cause?: unknown): void {
    ended = true;
    // Answers come in order, so the first that waits is the one that could not be read.
    const [first] = waiting;
    const error = readFailure(first?.names[first.found.length] ?? '', reason, cause);
    for (const request of waiting.splice(0)) request.reject(error);
  }

  start(BUFFERED);
  return {
    ask: (verb, names) =>
      new Promise((resolve, reject) => {
        waiting.push({ verb, names, found: [], resolve, reject });
        write({ verb, names });
      }),
    ended: () => ended,
    stop: () => stop(),
  };
}

interface Watchdog {
  readonly restart: () => void;
  readonly stop: () => void;
  readonly passed: () => boolean;
}

/** Ends a process that owes an answer for so long: a disk that does not answer must not hold every release. */
function watchdog(child: GitProcess, limitMs: number, owes: () => boolean): Watchdog {
  let passed = false;
  let timer: NodeJS.Timeout | undefined;
  return {
    restart() {
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (!owes()) return;
        passed = true;
        signalGroup(child, 'SIGKILL');
      }, limitMs).unref();
    },
    stop: () => clearTimeout(timer),
    passed: () => passed,
  };
}

/** How `cat-file` is asked. */
interface BatchMode {
  readonly options: readonly string[];
  readonly request: (it: Pick<Request, 'verb' | 'names'>) => string;
  /** What to do where git does not know the options. */
  readonly older: BatchMode | undefined;
}

/**
 * Writes each object at once: three times slower than BUFFERED for 3,000 trees (28 and 10 ms). It cannot be asked for
 * less than the whole object.
 */
const UNBUFFERED: BatchMode = {
  options: ['--batch'],
  request: ({ names }) => names.map((name) => `${name}\n`).join(''),
  older: undefined,
};

/** Since Git 2.36. */
const BUFFERED: BatchMode = {
  options: ['--batch-command', '--buffer'],
  request: ({ verb, names }) => `${names.map((name) => `${verb} ${name}\n`).join('')}flush\n`,
  older: UNBUFFERED,
};

/** Git's exit code for an option that it does not know. */
const USAGE = 129;

function answer(waiting: Request[], parsed: ParsedAnswer): void {
  const [request] = waiting;
  if (request === undefined) return;
  if (parsed.kind === 'broken') {
    const name = request.names[request.found.length] ?? '';
    request.reject(readFailure(name, 'its content is not what its id says'));
  }
  request.found.push(parsed.kind === 'object' ? parsed.object : undefined);
  if (request.found.length < request.names.length) return;
  waiting.shift();
  request.resolve(request.found);
}

/** Far more than any manifest, plan, folder or message: a hostile one must not fill the memory, which would stop every rollback. */
const LONGEST = 4 * 1024 ** 2;
const LONGEST_TREE = 32 * 1024 ** 2;

const NOTHING = Buffer.alloc(0);

type ParsedAnswer =
  /** It ends behind what is there where it is not read to its end. */
  | { readonly kind: 'object'; readonly end: number; readonly object: GitObject }
  | { readonly kind: 'missing' | 'broken'; readonly end: number }
  /** Not all of it is there yet; it reaches to `end`, or further. */
  | { readonly kind: 'partial'; readonly end: number };

/** Cuts the output of `cat-file --batch`: `<id> <kind> <size>\n<content>\n`, or `<name> missing\n`. */
function answerParser(
  accept: (answer: ParsedAnswer) => void,
  isHead: () => boolean,
): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let available = 0;
  let needed = 1;
  let skipped = 0;
  return (arrived) => {
    // What is left of a blob that is too long is not kept.
    const chunk = arrived.subarray(Math.min(skipped, arrived.length));
    skipped -= arrived.length - chunk.length;
    if (chunk.length === 0) return;
    chunks.push(chunk);
    available += chunk.length;
    // Joined only once the object under way is whole: a large blob comes in many chunks.
    if (available < needed) return;
    const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    let position = 0;
    needed = 1;
    while (position < bytes.length) {
      const parsed = parseAnswer(bytes, position, isHead());
      if (parsed.kind === 'partial') {
        needed = parsed.end - position;
        break;
      }
      skipped = Math.max(0, parsed.end - bytes.length);
      position = parsed.end - skipped;
      accept(parsed);
    }
    chunks = position < bytes.length ? [bytes.subarray(position)] : [];
    available = bytes.length - position;
  };
}

function parseAnswer(bytes: Buffer, start: number, head: boolean): ParsedAnswer {
  const newline = bytes.indexOf(10, start);
  if (newline === -1) return { kind: 'partial', end: bytes.length + 1 };
  const header = bytes.toString('utf8', start, newline);
  const match = /^([0-9a-f]{40,64}) (commit|tree|blob|tag) (\d+)$/.exec(header);
  if (match === null) return { kind: 'missing', end: newline + 1 };
  const [, oid = '', kind = '', size = '0'] = match;
  const to = newline + 1 + Number(size);
  const end = head ? newline + 1 : to + 1;
  const longest = kind === 'tree' ? LONGEST_TREE : LONGEST;
  const tooLong = Number(size) > longest;
  const named = tooLong ? `${kind} of ${size} bytes; at most ${longest} are read` : kind;
  if (head || tooLong)
    return { kind: 'object', end, object: { oid, kind: named, content: NOTHING } };
  if (end > bytes.length) return { kind: 'partial', end };
  // Git does not compare content and id when it reads; `verify` rests on the ids, so we do. An object is hashed
  // as `<kind> <size>\0<content>`, which stands here already but for the newline.
  bytes[newline] = 0;
  const hashed = bytes.subarray(start + oid.length + 1, to);
  const found = hash(oid.length === 64 ? 'sha256' : 'sha1', hashed);
  if (found !== oid) return { kind: 'broken', end };
  return { kind: 'object', end, object: { oid, kind, content: bytes.subarray(newline + 1, to) } };
}

function readFailure(name: string, reason: string, cause?: unknown): GitError {
  const said = reason === '' ? 'git ended' : reason;
  return new GitError(`object ${name} cannot be read: ${said}`, { retryable: true, cause });
}
