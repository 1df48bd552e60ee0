import { fileURLToPath } from 'node:url';
import { readBytes } from '../files.ts';
import { type Authored, isManifest } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { readYaml } from '../plan/read-yaml.ts';
import { aPath, fields, hasMembers, thing } from '../props/fields.ts';
import { made } from '../props/made.ts';
import { placementMistakes } from '../workload/parts.ts';

/** A file that is copied byte for byte. */
export interface Verbatim {
  /** The path as it was given, for messages. */
  readonly path: string;
  readonly content:
    | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
    | { readonly kind: 'unreadable'; readonly reason: string };
}

/** What `verbatim` returns. */
export const aVerbatim = thing<Verbatim>(
  { what: 'a verbatim file', remedy: "use verbatim(new URL('secret.yaml', import.meta.url))" },
  (it) => hasMembers(it, { path: 'string', content: 'object' }),
);

/**
 * A manifest that enters by path and is copied byte for byte, without canonical form, suffix or digest:
 * SealedSecrets and files that SOPS encrypted. It holds one object.
 *
 * @param path a URL, such as `new URL('secret.yaml', import.meta.url)`, an absolute path, or a path from the
 *   project's folder (that of cdk8s.yaml)
 */
export function verbatim(path: string | URL): Verbatim {
  const unnamed: Verbatim = { path: '', content: { kind: 'bytes', bytes: new Uint8Array() } };
  return made(
    'verbatim',
    verbatimProps,
    { path },
    (given) => read(given.path),
    () => unnamed,
  );
}

const verbatimProps = fields({ path: aPath });

function read(path: string | URL): Verbatim {
  const file = typeof path === 'string' ? path : fileURLToPath(path);
  try {
    return { path: file, content: { kind: 'bytes', bytes: readBytes(file) } };
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { path: file, content: { kind: 'unreadable', reason } };
  }
}

/** A verbatim file, and the object that it holds. */
export interface VerbatimObject extends Authored {
  readonly bytes: Uint8Array;
}

/** What a release's verbatim files hold, and what is wrong with them. */
export function readVerbatim(
  path: string,
  files: readonly Verbatim[],
  namespace: string | undefined,
): { readonly objects: readonly VerbatimObject[]; readonly mistakes: readonly Mistake[] } {
  const read = files.map((it) => readOne(path, it, namespace));
  return { objects: read.flatMap((it) => it.objects), mistakes: read.flatMap((it) => it.mistakes) };
}

function readOne(
  path: string,
  { path: file, content }: Verbatim,
  namespace: string | undefined,
): { readonly objects: readonly VerbatimObject[]; readonly mistakes: readonly Mistake[] } {
  const wrong = (problem: string, remedy: string) => ({
    objects: [],
    mistakes: [{ path, problem: `verbatim('${file}') ${problem}`, remedy }],
  });
  if (content.kind === 'unreadable')
    return wrong(
      `cannot be read: ${content.reason}`,
      'give an existing file; new URL(…, import.meta.url) finds one beside the app',
    );
  const reading = readYaml(new TextDecoder().decode(content.bytes));
  // The analyzer refuses it as well.
  if (reading.kind === 'refused')
    return wrong(reading.reason, 'put one plain object into each file');
  const object = reading.value;
  if (!isManifest(object))
    return wrong('holds no API object', 'give it apiVersion, kind and metadata.name');
  const it = { path: `${path} verbatim('${file}')`, object, bytes: content.bytes };
  return { objects: [it], mistakes: placementMistakes(it, namespace) };
}
