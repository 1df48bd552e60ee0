import { type CompiledAnalysis, compileAnalysis, leastBakeMistakes } from '../analysis/analysis.ts';
import type { CheckDefinition } from '../analysis/checks.ts';
import { compileChecks } from '../analysis/compile-checks.ts';
import { compileEvidence } from '../analysis/evidence.ts';
import type { HookDefinition } from '../analysis/hooks.ts';
import {
  compileMetrics,
  firstWordMistakes,
  isMetric,
  type MetricDefinition,
} from '../analysis/metric.ts';
import { judgeQueries } from '../analysis/queries.ts';
import { compileTests, isTest, type TestDefinition } from '../analysis/tests.ts';
import { canonical, type Json } from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import { toYaml } from '../manifest/yaml.ts';
import { type Mistake, MistakesError, mistakesOfCalls, placeOf } from '../mistake.ts';
import type { Evidence } from '../plan/evidence.ts';
import type { Check, Plan } from '../plan/plan.ts';
import type { Release } from '../release/release.ts';
import type { ReleaseProps } from '../release/release-props.ts';
import { compileSchedule, type Schedule } from '../release/schedule.ts';
import { readVerbatim, type VerbatimObject } from '../release/verbatim.ts';
import type { StepDraft } from '../strategy/strategy.ts';
import { tooLarge } from '../too-large.ts';
import {
  type Allowing,
  type Held,
  type HeldKind,
  heldBy,
  kindMistakes,
  policyMistakes,
} from '../validation/held.ts';
import { validate } from '../validation/validate.ts';
import { type Built, build, isSure, knownNamespace } from './build.ts';
import { clashes } from './clashes.ts';
import { placeHooks } from './hook-places.ts';
import { judgingMistakes } from './judging-mistakes.ts';
import type { Placed, ReleaseObjects } from './objects.ts';
import { planOf } from './plan-of.ts';
import { planPage } from './plan-page.ts';
import { stepsOf } from './steps.ts';
import { usualChecks } from './usual-checks.ts';
import { warningsOf } from './warnings.ts';

/** Everything below `dist/<id>`. */
export interface Rendered {
  readonly id: string;
  readonly plan: Plan;
  /** Content by path below the release's folder, with slashes. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** What is probably not meant, and hinders nothing. */
  readonly warnings: readonly Mistake[];
}

/** What became of a release: its files, or everything that is wrong with it. */
export type Outcome =
  | { readonly kind: 'rendered'; readonly rendered: Rendered }
  | { readonly kind: 'wrong'; readonly mistakes: readonly Mistake[] };

/**
 * Renders a release. A function of the release alone: it reads no file, clock or environment, and waits only
 * for the schemas of the kinds that occur.
 *
 * @throws MistakesError with everything that is wrong with it
 */
export async function render(release: Release): Promise<Rendered> {
  return renderedOf(release, await tryRender(release));
}

/** What was rendered. @throws MistakesError with everything that is wrong with the release */
export function renderedOf(release: Release, outcome: Outcome): Rendered {
  const files = outcome.kind === 'rendered' ? outcome.rendered.files.values() : [];
  const calls = mistakesOfCalls(release.node.root, files);
  if (outcome.kind === 'wrong') throw new MistakesError([...calls, ...outcome.mistakes]);
  if (calls.length > 0) throw new MistakesError(calls);
  return outcome.rendered;
}

/** As `render`, with the mistakes as data. */
export async function tryRender(release: Release): Promise<Outcome> {
  const attempt = await renderAnyKind(release);
  const mistakes = kindMistakesOf(attempt);
  const { outcome } = attempt;
  if (mistakes.length === 0) return outcome;
  const others = outcome.kind === 'wrong' ? outcome.mistakes : [];
  return { kind: 'wrong', mistakes: [...others, ...mistakes] };
}

/** What became of a release before anybody was asked whether the kinds that it holds are allowed. */
export interface Attempt {
  readonly release: Release;
  /** What its author made in the workload. */
  readonly authored: readonly Authored[];
  readonly outcome: Outcome;
  readonly kinds: readonly HeldKind[];
}

/** As `tryRender`, with objects of every kind that an analyzer can allow. */
export async function renderAnyKind(release: Release): Promise<Attempt> {
  const { path, props } = release;
  const verbatim = readVerbatim(path, props.verbatim ?? [], knownNamespace(release));
  const built = build(release, verbatim.objects);
  const held = await heldBy([...built.authored, ...verbatim.objects]);
  const found = await outcomeOf(release, { verbatim, built, held });
  const outcome: Outcome =
    found.kind === 'rendered'
      ? found
      : { kind: 'wrong', mistakes: placed(release, found.mistakes) };
  return { release, authored: built.authored, outcome, kinds: held.kinds };
}

/** What is wrong with the kinds that a release holds. @param analyzers those that are known, of all releases */
export function kindMistakesOf(
  { release, outcome, kinds }: Attempt,
  analyzers: readonly Allowing[] = [],
): readonly Mistake[] {
  // Without a plan no analyzer was given it.
  const running = analyzers.filter(
    (it) => outcome.kind === 'wrong' || it.releases.includes(release.id),
  );
  return placed(release, kindMistakes(kinds, release.props.allowKinds ?? [], running));
}

/** What a release is made of, and what of it not every release may hold. */
interface Made {
  readonly verbatim: ReturnType<typeof readVerbatim>;
  readonly built: Built;
  readonly held: Held;
}

async function outcomeOf(release: Release, { verbatim, built, held }: Made): Promise<Outcome> {
  const { path, props, names } = release;
  const analysis = compileAnalysis(path, props.analysis ?? {});
  const schedule = compileSchedule(path, release.id, props);
  const given = props.analysis?.checks ?? usualChecks(release, built.drafts);
  const ofSteps = built.drafts.flatMap((it) => it.own ?? []);
  const { tracks } = props.strategy;
  const tests = given.filter(isTest);
  const metrics = given.filter(isMetric);
  const bounded = given.flatMap((it) => (isTest(it) || isMetric(it) ? [] : [it]));
  const definitions = [...new Set([...bounded, ...ofSteps])];
  const isTracked = tracks.includes('canary');
  const checks = compileChecks(path, definitions, {
    names,
    track: isTracked ? 'canary' : 'primary',
    port: props.service?.port,
    router: release.flawed.has('traffic') ? undefined : props.traffic,
  });
  const hasBaseline = built.drafts.some((it) => it.baseline === true);
  const port = props.service?.port;
  const compared = compileMetrics(path, metrics, { names, port, hasBaseline });
  const counted = compileTests(path, tests, {
    names,
    port,
    router: release.flawed.has('traffic') ? undefined : props.traffic,
    hasBaseline,
  });
  const evidence = compileEvidence(path, props.analysis?.evidence ?? {}, counted.tests);
  const all = [...checks.checks, ...compared.checks];
  const queries = await judgeQueries(path, [...definitions, ...metrics], all, { names, isTracked });
  const asked = placeHooks(path, hooksOf(props), built.drafts);
  const early = [
    ...release.mistakes,
    ...analysis.mistakes,
    ...checks.mistakes,
    ...compared.mistakes,
    ...firstWordMistakes(path, all, analysis.analysis),
    ...counted.mistakes,
    ...evidence.mistakes,
    ...leastBakeMistakes(path, props.analysis ?? {}, tests),
    ...queries.mistakes,
    ...verbatim.mistakes,
    ...schedule.mistakes,
    // Where a hook stands cannot be told of steps that are not known.
    ...(isSure(release) ? [...asked.mistakes, ...judgingMistakes(path, given, built.drafts)] : []),
    ...built.mistakes,
    ...policyMistakes(path, names.namespace, props.allowKinds),
    ...held.mistakes,
  ];
  const { objects } = built;
  if (objects === undefined) return { kind: 'wrong', mistakes: early };
  const each = distinct(objects, built.drafts);
  const found = await validate(each);
  const mistakes = [...early, ...clashes(path, objects, verbatim.objects), ...found];
  if (mistakes.length > 0) return { kind: 'wrong', mistakes };
  const compiled = {
    analysis,
    checks: all,
    evidence: evidence.evidence,
    bounded,
    metrics,
    tests,
    verbatim: verbatim.objects,
    schedule,
    asked,
  };
  const { plan, files } = write(release, built.drafts, objects, compiled);
  const large = tooLarge(path, files);
  if (large.length > 0) return { kind: 'wrong', mistakes: large };
  const own = warningsOf(release, plan, objects, each);
  const warnings = [...queries.warnings, ...built.warnings, ...own];
  return { kind: 'rendered', rendered: rendered(plan, files, placed(release, warnings)) };
}

/** Each with the release that it belongs to, and with the place of the release where it has none of its own. */
function placed(release: Release, mistakes: readonly Mistake[]): readonly Mistake[] {
  return mistakes.map((it) => ({ id: release.id, ...placeOf(release), ...it }));
}

/** Without analysis nothing is asked that could hold the release up; what takes it back still is. */
function hooksOf({ hooks = [], skipAnalysis }: ReleaseProps): readonly HookDefinition[] {
  const kept: readonly string[] = ['rollback', 'post-rollout', 'event'];
  return skipAnalysis === true ? hooks.filter((it) => kept.includes(it.hook.type)) : hooks;
}

/** Each object once, as each step has it. */
function distinct(objects: ReleaseObjects, drafts: readonly StepDraft[]): readonly Placed[] {
  const { resting, versioned, configuration, apex, policies } = objects;
  const steps = drafts.flatMap((it) => [
    ...(it.canary.kind === 'none' ? [] : objects.running('canary', it.canary)),
    ...objects.running('primary', { kind: 'full' }, it.updatedPercent),
    ...(it.baseline === true ? objects.running('baseline', it.canary) : []),
    ...objects.jobs(it.jobs ?? []),
  ]);
  // Routes differ by their weights alone in most steps, which the strategy has judged.
  const traffics = new Map(drafts.map((it) => [JSON.stringify({ ...it.traffic, weights: 0 }), it]));
  const routes = [...traffics.values()].flatMap((it) => objects.routes(it.traffic));
  const own = apex === undefined ? [] : [apex];
  const rest = [...resting, ...versioned, ...configuration, ...own, ...policies];
  return [...new Set([...steps, ...rest, ...routes])];
}

interface Compiled {
  readonly analysis: CompiledAnalysis;
  readonly checks: readonly Check[];
  /** Those of the release, without the steps' own. */
  readonly bounded: readonly CheckDefinition[];
  readonly metrics: readonly MetricDefinition[];
  readonly tests: readonly TestDefinition[];
  readonly evidence: Evidence | undefined;
  readonly verbatim: readonly VerbatimObject[];
  readonly schedule: Schedule;
  readonly asked: ReturnType<typeof placeHooks>;
}

function write(
  release: Release,
  drafts: readonly StepDraft[],
  objects: ReleaseObjects,
  compiled: Compiled,
): { readonly plan: Plan; readonly files: Rendered['files'] } {
  const { analysis, checks, evidence, bounded, metrics, tests, verbatim, schedule, asked } =
    compiled;
  const isSkipped = release.props.skipAnalysis === true;
  const steps = stepsOf({
    drafts,
    objects,
    verbatim,
    checks: isSkipped ? [] : bounded,
    metrics: isSkipped ? [] : metrics,
    tests: isSkipped ? [] : tests,
    bakeSeconds: analysis.bakeSeconds,
    leastBakeSeconds: analysis.leastBakeSeconds,
    checkSeconds: analysis.analysis.checkSeconds,
    asked: asked.steps,
    meshGroups: release.props.roots === 'mesh-and-workload' ? release.props.traffic.groups : [],
  });
  const plan = planOf(release, objects, steps, {
    analysis: analysis.analysis,
    checks,
    evidence,
    hooks: asked.hooks,
    start: asked.start,
    schedule: schedule.plan,
  });
  return { plan, files: steps.files };
}

/** The plan's own files, and those of its steps. */
export function rendered(
  plan: Plan,
  stepFiles: Rendered['files'],
  warnings: readonly Mistake[],
): Rendered {
  const files = new Map<string, string | Uint8Array>([
    ['PLAN.md', planPage(plan, warnings)],
    ['plan.yaml', toYaml(canonical<Json>(plan))],
    ...[...stepFiles].sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  return { id: plan.release, plan, files, warnings };
}
