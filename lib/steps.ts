import { fileNames } from './file-names.ts';
import { canonical, hashText, type Labels, type Manifest } from './json.ts';
import type { Placed, ReleaseObjects } from './objects.ts';
import { DIGEST_ANNOTATION, type FileInfo, STEP_ANNOTATION, type Step } from './plan/plan.ts';
import type { StepDraft } from './strategy/strategy.ts';
import type { VerbatimObject } from './verbatim.ts';
import { toYaml } from './yaml.ts';

/** The steps of a plan, and their files. */
export interface Steps {
  readonly steps: readonly Step[];
  readonly infos: Readonly<Record<string, FileInfo>>;
  /** Content by path below the release's folder. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly fileName: (object: Manifest) => string;
}

/** What steps are made from. */
export interface StepsInput {
  readonly drafts: readonly StepDraft[];
  readonly objects: ReleaseObjects;
  readonly verbatim: readonly VerbatimObject[];
  readonly checks: readonly string[];
  readonly bakeSeconds: number;
}

/** Writes out what each step of a strategy holds. */
export function stepsOf(input: StepsInput): Steps {
  const sets = input.drafts.map((draft) => placedIn(draft, input.objects));
  const verbatim = input.verbatim.map((it) => it.object);
  const fileName = fileNames([...sets.flat().map((it) => it.object), ...verbatim]);
  const infos: Record<string, FileInfo> = {};
  const files = new Map<string, string | Uint8Array>();
  // Most objects stand in several steps with the same bytes.
  const written = new Map<Manifest, string>();
  const steps = input.drafts.map((draft, index) => {
    const name = `${String(index).padStart(2, '0')}-${draft.name}`;
    const names: string[] = [];
    const add = (object: Manifest, content: string | Uint8Array, info: FileInfo) => {
      const file = fileName(object);
      if (names.includes(file)) throw new Error(`two objects would be the file ${file}`);
      infos[file] = info;
      files.set(`steps/${name}/${file}`, content);
      names.push(file);
    };
    for (const it of sets[index] ?? [])
      add(it.object, contentOf(it, `${input.objects.candidate}/${name}`, written), infoOf(it));
    if (isWhole(draft))
      for (const it of input.verbatim) add(it.object, it.bytes, verbatimInfo(it.object));
    return stepOf(draft, name, names.sort(), input);
  });
  return { steps, infos, files, fileName };
}

function isWhole({ writes }: StepDraft): boolean {
  return writes === 'init' || writes === 'canary' || writes === 'complete';
}

function placedIn({ writes, weights }: StepDraft, objects: ReleaseObjects): readonly Placed[] {
  const { running, resting, versioned, configuration, apex, policies } = objects;
  const rest = [...running.primary, resting, ...versioned, ...configuration];
  switch (writes) {
    case 'init':
      return rest;
    case 'canary':
      return [
        ...running.canary,
        ...versioned,
        ...configuration,
        apex,
        ...policies,
        ...objects.routes(weights),
      ];
    case 'routes':
      return objects.routes(weights);
    case 'promotion':
      return [...running.primary, ...objects.routes(weights)];
    case 'complete':
      return [...rest, apex, ...policies, ...objects.routes(weights)];
  }
}

function stepOf(draft: StepDraft, name: string, files: string[], input: StepsInput): Step {
  const { phase, weights, ready, checks } = draft;
  return {
    name,
    phase,
    weights,
    ready: [...ready],
    checks: checks === 'none' ? [] : [...input.checks],
    bakeSeconds: checks === 'bake' ? input.bakeSeconds : 0,
    files,
  };
}

function contentOf(it: Placed, step: string, written: Map<Manifest, string>): string {
  if (it.role === 'routing') return contentWith(it.object, { [STEP_ANNOTATION]: step });
  const known = written.get(it.object) ?? contentWith(it.object, {});
  written.set(it.object, known);
  return known;
}

/**
 * An object's file, with the digest of its content: the first 16 hex digits of the SHA-256 of its canonical
 * JSON without the digest annotation, and without annotations where that was the only one.
 */
function contentWith(object: Manifest, marks: Labels): string {
  const {
    [DIGEST_ANNOTATION]: _,
    [STEP_ANNOTATION]: __,
    ...given
  } = object.metadata.annotations ?? {};
  const annotations = { ...given, ...marks };
  const { annotations: ___, ...metadata } = object.metadata;
  const bare = Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
  const sorted = canonical({ ...object, metadata: bare });
  const digest = hashText(JSON.stringify(sorted), 16);
  const full = canonical({ ...bare, annotations: { ...annotations, [DIGEST_ANNOTATION]: digest } });
  return toYaml({ ...sorted, metadata: full });
}

function infoOf({ role, object, pointers }: Placed): FileInfo {
  const asked = object.kind !== 'Secret' || object.apiVersion !== 'v1';
  return {
    role,
    ...identityOf(object),
    asked,
    ...(pointers.length === 0 ? {} : { pointers: [...pointers] }),
  };
}

function verbatimInfo(object: Manifest): FileInfo {
  return { role: 'configuration', ...identityOf(object), asked: false };
}

function identityOf({
  apiVersion,
  kind,
  metadata,
}: Manifest): Pick<FileInfo, 'apiVersion' | 'kind' | 'namespace' | 'name'> {
  const { name, namespace } = metadata;
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
}
