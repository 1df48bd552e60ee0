import { type CompiledAnalysis, compileAnalysis } from './analysis.ts';
import { build } from './build.ts';
import { compileChecks } from './checks.ts';
import { clashes } from './clashes.ts';
import { canonical, type Json } from './json.ts';
import { type Mistake, MistakesError } from './mistake.ts';
import type { Placed, ReleaseObjects } from './objects.ts';
import type { Check, Plan } from './plan/plan.ts';
import { planOf } from './plan-of.ts';
import { planPage } from './plan-page.ts';
import type { Release } from './release.ts';
import { stepsOf } from './steps.ts';
import { validate } from './validate.ts';
import { readVerbatim, type VerbatimObject } from './verbatim.ts';
import { toYaml } from './yaml.ts';

/** Everything below `dist/<id>`. */
export interface Rendered {
  readonly id: string;
  readonly plan: Plan;
  /** Content by path below the release's folder, with slashes. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
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
  const outcome = await tryRender(release);
  if (outcome.kind === 'wrong') throw new MistakesError(outcome.mistakes);
  return outcome.rendered;
}

/** As `render`, with the mistakes as data. */
export async function tryRender(release: Release): Promise<Outcome> {
  const { path, props, names } = release;
  const analysis = compileAnalysis(path, props.analysis ?? {});
  const queries = { names, port: props.service.port, queries: props.traffic.queries };
  const checks = compileChecks(path, props.analysis?.checks ?? [], queries);
  const verbatim = readVerbatim(path, props.verbatim ?? [], names.namespace);
  const built = build(release);
  const early = [
    ...release.mistakes,
    ...analysis.mistakes,
    ...checks.mistakes,
    ...verbatim.mistakes,
    ...built.mistakes,
  ];
  const { objects } = built;
  if (objects === undefined) return { kind: 'wrong', mistakes: early };
  const found = await validate(distinct(objects));
  const mistakes = [...early, ...clashes(path, objects, verbatim.objects), ...found];
  if (mistakes.length > 0) return { kind: 'wrong', mistakes };
  return {
    kind: 'rendered',
    rendered: write(release, objects, {
      analysis,
      checks: checks.checks,
      verbatim: verbatim.objects,
    }),
  };
}

/** Each object once; routes differ by their weights alone, which the strategy has judged. */
function distinct(objects: ReleaseObjects): readonly Placed[] {
  const { running, resting, versioned, configuration, apex, policies } = objects;
  const routes = objects.routes({ primary: 100, canary: 0 });
  return [
    ...running.primary,
    ...running.canary,
    resting,
    ...versioned,
    ...configuration,
    apex,
    ...policies,
    ...routes,
  ];
}

interface Compiled {
  readonly analysis: CompiledAnalysis;
  readonly checks: readonly Check[];
  readonly verbatim: readonly VerbatimObject[];
}

function write(release: Release, objects: ReleaseObjects, compiled: Compiled): Rendered {
  const { analysis, checks, verbatim } = compiled;
  const steps = stepsOf({
    drafts: release.props.strategy.steps(),
    objects,
    verbatim,
    checks: checks.map((it) => it.name),
    bakeSeconds: analysis.bakeSeconds,
  });
  const plan = planOf(release, objects, steps, { analysis: analysis.analysis, checks });
  const files = new Map<string, string | Uint8Array>([
    ['PLAN.md', planPage(plan)],
    ['plan.yaml', toYaml(canonical<Json>(plan))],
    ...[...steps.files].sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  return { id: release.id, plan, files };
}
