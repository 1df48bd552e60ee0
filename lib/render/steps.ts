import { fileNames } from '../manifest/file-names.ts';
import { canonical, hashText, type Labels, type Manifest } from '../manifest/json.ts';
import { groupOf } from '../manifest/manifest.ts';
import { toYaml } from '../manifest/yaml.ts';
import type { Question } from '../plan/evidence.ts';
import {
  DIGEST_ANNOTATION,
  type FileInfo,
  type Gate,
  STEP_ANNOTATION,
  type Step,
  sizeFolder,
} from '../plan/plan.ts';
import type { VerbatimObject } from '../release/verbatim.ts';
import type { Scale, StepDraft } from '../strategy/strategy.ts';
import { besides } from '../traffic/traffic.ts';
import type { Placed, ReleaseObjects } from './objects.ts';

/** The steps of a plan, and their files. */
export interface Steps {
  readonly steps: readonly Step[];
  readonly infos: Readonly<Record<string, FileInfo>>;
  /** Names of the files in `as-stable/baseline/`. */
  readonly baseline: readonly string[];
  /** How many pods the primary has in steps of the next rollout, smallest first; none where it always has all. */
  readonly sizes: readonly number[];
  /** How large the baseline is; none without one. */
  readonly baselineScale: Scale | undefined;
  /** Content by path below the release's folder. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly fileName: (object: Manifest) => string;
}

/** A check or test, and the step from which it counts. @default - it counts in all */
export interface Judging {
  readonly name: string;
  readonly from?: string | undefined;
}

/** What steps are made from. */
export interface StepsInput {
  readonly drafts: readonly StepDraft[];
  readonly objects: ReleaseObjects;
  readonly verbatim: readonly VerbatimObject[];
  /** The release's checks, without the steps' own. */
  readonly checks: readonly Judging[];
  /** Its comparisons by ranks. */
  readonly metrics: readonly Judging[];
  /** Its tests. */
  readonly tests: readonly (Judging & { readonly question: Question })[];
  readonly bakeSeconds: number;
  /** Enough where tests have proved the next step safe; undefined: no less than without. */
  readonly leastBakeSeconds: number | undefined;
  /** Distance of two check points. */
  readonly checkSeconds: number;
  /** What is asked from outside, for each draft. */
  readonly asked: readonly { readonly gates: readonly Gate[]; readonly hooks: readonly string[] }[];
  /** API groups whose objects lie in a folder of their own, apart from all others. None: there is one folder. */
  readonly meshGroups: readonly string[];
}

/** Writes out what each step of a strategy holds. */
export function stepsOf(input: StepsInput): Steps {
  const { objects, drafts } = input;
  const sets = drafts.map((_, index) => placedIn(index, input));
  const scale = baselineScale(drafts);
  const baseline =
    scale === undefined ? [] : [...objects.running('baseline', scale), ...objects.baselineService];
  const verbatim = input.verbatim.map((it) => it.object);
  const all = [...sets.flatMap((it) => it.placed), ...baseline].map((it) => it.object);
  const plainName = fileNames([...all, ...verbatim]);
  const { meshGroups } = input;
  const fileName =
    meshGroups.length === 0
      ? plainName
      : (it: Manifest) =>
          `${meshGroups.includes(groupOf(it.apiVersion)) ? 'mesh' : 'workload'}/${plainName(it)}`;
  const infos: Record<string, FileInfo> = {};
  const files = new Map<string, string | Uint8Array>();
  // Most objects stand in several steps with the same bytes.
  const written = new Map<Manifest, string>();
  const writer = (folder: string) => {
    const names: string[] = [];
    const add = (object: Manifest, content: string | Uint8Array, info: FileInfo) => {
      const file = fileName(object);
      if (names.includes(file)) throw new Error(`two objects would be the file ${file}`);
      infos[file] = info;
      files.set(`${folder}/${file}`, content);
      names.push(file);
    };
    return { add, names };
  };
  const steps = drafts.map((draft, index) => {
    const name = `${String(index).padStart(2, '0')}-${draft.name}`;
    const { add, names } = writer(`steps/${name}`);
    const { placed, marked } = sets[index] ?? { placed: [], marked: undefined };
    for (const it of placed) {
      const isMarked = it.role === 'routing' || it === marked;
      const mark = isMarked ? `${objects.candidate}/${name}` : undefined;
      add(it.object, contentOf(it.object, mark, written), infoOf(it));
    }
    if (index <= 1 || index === drafts.length - 1)
      for (const it of input.verbatim) add(it.object, it.bytes, verbatimInfo(it.object));
    return stepOf(draft, name, names.sort(), { ...input, index, fileName });
  });
  const { add, names } = writer('as-stable/baseline');
  for (const it of baseline) add(it.object, contentOf(it.object, undefined, written), infoOf(it));
  const sizes = sizesOf(drafts);
  for (const size of sizes) {
    const sized = writer(`${sizeFolder(size)}`);
    const [workload] = objects.running('primary', { kind: 'replicas', replicas: size });
    if (workload !== undefined)
      sized.add(workload.object, contentOf(workload.object, undefined, written), infoOf(workload));
  }
  return { steps, infos, baseline: names.sort(), baselineScale: scale, sizes, files, fileName };
}

/** How many pods of the stable version a rollout keeps in its steps. */
function sizesOf(drafts: readonly StepDraft[]): readonly number[] {
  const kept = drafts.flatMap((it) => (it.primary === 'stable' ? (it.primaryReplicas ?? []) : []));
  return [...new Set(kept)].sort((a, b) => a - b);
}

/** The baseline is as large as the canary where it is first compared with it; undefined where no step has one. */
function baselineScale(drafts: readonly StepDraft[]): Scale | undefined {
  return drafts.find((it) => it.baseline === true)?.canary;
}

/** What a step writes, and which object besides its routes shows that it is there. */
interface Written {
  readonly placed: readonly Placed[];
  readonly marked: Placed | undefined;
}

/** A step writes what differs from the one before; the first and the last hold the steady state. */
function placedIn(index: number, { drafts, objects }: StepsInput): Written {
  const draft = drafts[index];
  const before = drafts[index - 1];
  if (draft === undefined) throw new Error(`there is no step ${index}`);
  const { resting, versioned, configuration, policies } = objects;
  const full = { kind: 'full' } as const;
  const rest = [...objects.running('primary', full), ...resting, ...versioned, ...configuration];
  if (before === undefined) return { placed: rest, marked: undefined };
  const routes = objects.routes(draft.traffic);
  const shared = [...apexBeside(routes, objects), ...policies];
  if (index === drafts.length - 1)
    return { placed: [...rest, ...shared, ...routes], marked: undefined };
  const first = index === 1 ? [...versioned, ...configuration, ...shared] : [];
  const marked = routes.length > 0 ? undefined : shownBy(draft, objects);
  const tracks = [...trackPlaced('canary', draft, before, objects)]
    .concat(trackPlaced('primary', draft, before, objects))
    .concat(marked ?? []);
  return {
    placed: [...new Set([...tracks, ...first, ...objects.jobs(draft.jobs ?? []), ...routes])],
    marked,
  };
}

/** Where the apex Service itself says which track is reached, it is a route. */
function apexBeside(routes: readonly Placed[], { apex }: ReleaseObjects): readonly Placed[] {
  const isApex = ({ object }: Placed) =>
    object.kind === 'Service' && object.metadata.name === apex?.object.metadata.name;
  return apex === undefined || routes.some(isApex) ? [] : [apex];
}

function trackPlaced(
  track: 'primary' | 'canary',
  draft: StepDraft,
  before: StepDraft,
  objects: ReleaseObjects,
): readonly Placed[] {
  if (track === 'primary') {
    const same =
      before.primary === draft.primary &&
      before.updatedPercent === draft.updatedPercent &&
      before.primaryReplicas === draft.primaryReplicas;
    // The first step begins what the last rollout left as it was, whatever the draft of init says.
    const written = draft.primary === 'candidate' && (!same || before.phase === 'Initializing');
    return written ? objects.running('primary', primaryScale(draft), draft.updatedPercent) : [];
  }
  if (JSON.stringify(draft.canary) === JSON.stringify(before.canary)) return [];
  return draft.canary.kind === 'none' ? objects.resting : objects.running('canary', draft.canary);
}

function primaryScale({ primaryReplicas }: StepDraft): Scale {
  return primaryReplicas === undefined
    ? { kind: 'full' }
    : { kind: 'replicas', replicas: primaryReplicas };
}

/** Without routes the workload that the step is about shows it: the canary's, or the only one. */
function shownBy(draft: StepDraft, objects: ReleaseObjects): Placed | undefined {
  if (objects.resting.length === 0)
    return objects.running('primary', { kind: 'full' }, draft.updatedPercent)[0];
  return draft.canary.kind === 'none'
    ? objects.resting[0]
    : objects.running('canary', draft.canary)[0];
}

function stepOf(
  draft: StepDraft,
  name: string,
  files: string[],
  input: StepsInput & { readonly index: number; readonly fileName: (it: Manifest) => string },
): Step {
  const { phase, traffic, ready, own = [] } = draft;
  const { gates = [], hooks = [] } = input.asked[input.index] ?? {};
  const compared = isSampled(draft, 'comparison') ? startedIn(input, input.metrics) : [];
  const release = [...(draft.checks === 'none' ? [] : startedIn(input, input.checks)), ...compared];
  const checks = [...new Set([...release, ...own.map((it) => it.name)])];
  const sampled = input.tests.filter((it) => isSampled(draft, it.question.kind));
  const tests = startedIn(input, sampled);
  const jobs = input.objects.jobs(draft.jobs ?? []).map((it) => input.fileName(it.object));
  const others = besides(traffic);
  const least = leastOf(draft, input.objects);
  return {
    name,
    phase,
    weights: traffic.weights,
    ...(others.length === 0 ? {} : { besides: [...others] }),
    ready: [...ready],
    checks,
    ...(tests.length === 0 ? {} : { tests: [...tests] }),
    stay: stayOf(draft, { isJudged: checks.length > 0, isTested: tests.length > 0 }, input),
    ...(gates.length === 0 ? {} : { gates: [...gates] }),
    ...(hooks.length === 0 ? {} : { hooks: [...hooks] }),
    ...(jobs.length === 0 ? {} : { jobs }),
    ...(least === undefined ? {} : { minReplicas: { canary: least } }),
    ...(draft.baseline === true ? { baseline: true } : {}),
    ...podsOf(draft),
    files,
  };
}

/** Names of those that count in the step already. */
function startedIn(
  { drafts, index }: StepsInput & { readonly index: number },
  all: readonly Judging[],
): readonly string[] {
  const before = drafts.slice(0, index + 1).map((it) => it.name);
  return all.filter(({ from }) => from === undefined || before.includes(from)).map((it) => it.name);
}

/**
 * Whether a step gives the canary requests that are like all others, while the primary runs the stable version: a
 * share of them, or copies. Those that a match chooses are others. A comparison needs requests to another track, too.
 */
export function isSampled(
  { primary, checks, traffic }: StepDraft,
  question: Question['kind'],
): boolean {
  if (primary !== 'stable' || checks === 'none') return false;
  const { weights, mirrors = [] } = traffic;
  if (mirrors.some((it) => (it.match ?? []).length === 0)) return true;
  return weights.canary > 0 && (question === 'objective' || weights.canary < 100);
}

function podsOf({ primaryReplicas, canary }: StepDraft): Pick<Step, 'pods'> {
  if (primaryReplicas === undefined) return {};
  const replicas = canary.kind === 'replicas' ? canary.replicas : 0;
  return { pods: { primary: primaryReplicas, canary: replicas } };
}

/** Before all traffic goes to the candidate, its promotion must have been seen to pass once. */
function stayOf(
  draft: StepDraft,
  { isJudged, isTested }: { readonly isJudged: boolean; readonly isTested: boolean },
  input: StepsInput,
): Step['stay'] {
  const bakes = draft.checks === 'bake' || (draft.own ?? []).length > 0;
  const judged = draft.bake?.toSeconds() ?? (bakes ? bakeSeconds(draft, input) : 0);
  const seconds = Math.max(judged, draft.atLeast?.toSeconds() ?? 0);
  const early = isTested ? earlyOf(draft, seconds, input) : {};
  if (!isJudged) return { kind: 'wait', seconds, ...early };
  if (seconds > 0) return { kind: 'bake', seconds, ...early };
  return { kind: 'guard', points: draft.phase === 'Promoting' ? 1 : 0 };
}

/** A time that the strategy names itself is kept. */
function earlyOf(
  { bake, points, atLeast }: StepDraft,
  seconds: number,
  { leastBakeSeconds }: StepsInput,
): { leastSeconds?: number } {
  const isNamed = [bake, points, atLeast].some((it) => it !== undefined);
  if (isNamed || leastBakeSeconds === undefined || leastBakeSeconds >= seconds) return {};
  return { leastSeconds: leastBakeSeconds };
}

function bakeSeconds({ points }: StepDraft, input: StepsInput): number {
  return points === undefined ? input.bakeSeconds : points * input.checkSeconds;
}

/** How many pods a canary must have in a step, where that is not what it has in full. */
function leastOf({ canary }: StepDraft, { leastPods }: ReleaseObjects): number | undefined {
  if (canary.kind === 'none') return undefined;
  const least = leastPods('canary', canary);
  return least === leastPods('canary', { kind: 'full' }) ? undefined : least;
}

function contentOf(
  object: Manifest,
  step: string | undefined,
  written: Map<Manifest, string>,
): string {
  if (step !== undefined) return contentWith(object, { [STEP_ANNOTATION]: step });
  const known = written.get(object) ?? contentWith(object, {});
  written.set(object, known);
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
