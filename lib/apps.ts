import { type Construct, RootConstruct } from 'constructs';
import { Atomic, grouped } from './atomic.ts';
import { mistakesBetween, mistakesOfNeighbours } from './between.ts';
import { outputFolder, writeFolders } from './files.ts';
import { Manifests, type RenderedManifests, renderManifests } from './manifests.ts';
import { type Mistake, MistakesError, mistakesOfCalls, placeOf, warningsText } from './mistake.ts';
import { uncheckedText } from './plan/describe.ts';
import { plain, plainLines } from './plan/plain.ts';
import { Release } from './release/release.ts';
import { type Attempt, kindMistakesOf, type Rendered, renderAnyKind } from './render/render.ts';

/** Everything below `dist/`. */
export interface RenderedApps {
  readonly releases: readonly Rendered[];
  readonly manifests: readonly RenderedManifests[];
}

/** The root of all releases of a repository, and of the folders of plain manifests beside them. */
export class Apps extends RootConstruct {
  /** Every release below, by id. */
  get releases(): readonly Release[] {
    return sorted(this.node.findAll().filter((it) => it instanceof Release));
  }

  /** Every folder of plain manifests below, by id. */
  get manifests(): readonly Manifests[] {
    return sorted(this.node.findAll().filter((it) => it instanceof Manifests));
  }

  /**
   * Renders every release, then the folders of plain manifests, which are made from the releases' plans.
   *
   * @throws MistakesError with the mistakes of all of them
   */
  async render(): Promise<RenderedApps> {
    const alone = await renderBeside(this.releases);
    const clashes = [
      ...doubledIds([...this.releases, ...this.manifests]),
      ...mistakesBetween(alone.attempts),
    ];
    const groups = this.node.findAll().filter((it) => it instanceof Atomic);
    const { releases, mistakes } = grouped(groups, alone.rendered);
    const plans = releases.map((it) => it.plan);
    const beside = await renderManifests(
      this.manifests,
      plans,
      plans.length < this.releases.length,
    );
    const calls = mistakesOfCalls(this, textsOf([...alone.rendered, ...beside.rendered]));
    const neighbours = mistakesOfNeighbours(this.releases, plans, beside.rendered);
    // Whoever throws may have been about to allow them.
    const kinds = beside.isPartial
      ? []
      : alone.attempts.flatMap((it) => kindMistakesOf(it, beside.analyzers));
    const apart = [...alone.mistakes, ...kinds, ...mistakes, ...beside.mistakes];
    const all = [...calls, ...clashes, ...apart, ...neighbours];
    if (all.length > 0) throw new MistakesError(all);
    return { releases, manifests: beside.rendered };
  }

  /**
   * Renders everything, then writes `dist/`, or the `output` of cdk8s.yaml, and prints one line for each folder. If there
   * is a mistake anywhere it writes nothing, prints the mistakes to stderr, and lets the process end with 1 once it has
   * nothing left to do. Warnings are printed to stderr too, and hinder nothing; where the program was started with the
   * argument `--strict`, they are mistakes. The promise is rejected for a bug alone.
   */
  async synth(): Promise<void> {
    try {
      const all = await this.render();
      const warnings = [...all.releases, ...all.manifests].flatMap((it) => it.warnings);
      if (warnings.length > 0 && process.argv.includes('--strict'))
        throw new MistakesError(warnings);
      write(all);
      if (warnings.length > 0) console.error(plainLines(warningsText(warnings)));
    } catch (error) {
      if (!(error instanceof MistakesError)) throw error;
      console.error(plainLines(error.message));
      process.exitCode = 1;
    }
  }
}

function textsOf(all: readonly Pick<Rendered, 'files'>[]): readonly (string | Uint8Array)[] {
  return all.flatMap((it) => [...it.files.values()]);
}

function write({ releases, manifests }: RenderedApps): void {
  const said = new Map([
    ...releases.map(
      ({ id, plan }) => [id, `candidate ${plan.candidate}, ${plan.steps.length} steps`] as const,
    ),
    ...manifests.map(({ id, objects }) => [id, `${objects.length} objects`] as const),
  ]);
  const folders = new Map([...releases, ...manifests].map((it) => [it.id, it.files]));
  const more = new Map(releases.map(({ id, plan }) => [id, uncheckedText(plan)]));
  // A folder that is gone may have had any name.
  for (const { id, changed, removed } of writeFolders(outputFolder(), folders)) {
    const line = `${id}: ${said.get(id) ?? 'gone'}, ${changed} files changed, ${removed} removed`;
    console.log(plain([line, more.get(id)].filter((it) => it !== undefined).join('; ')));
  }
}

function sorted<T extends { readonly id: string }>(found: T[]): readonly T[] {
  return found.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

/**
 * Renders releases that are written side by side.
 *
 * @throws MistakesError with the mistakes of all of them
 */
export async function renderAll(releases: readonly Release[]): Promise<readonly Rendered[]> {
  const { rendered, mistakes, attempts } = await renderBeside(releases);
  const roots = new Set(releases.map((it) => it.node.root));
  const calls = [...roots].flatMap((it) => mistakesOfCalls(it, textsOf(rendered)));
  const kinds = attempts.flatMap((it) => kindMistakesOf(it));
  const all = [...calls, ...doubledIds(releases), ...mistakes, ...kinds];
  if (all.length > 0) throw new MistakesError(all);
  return rendered;
}

interface Beside {
  readonly rendered: readonly Rendered[];
  /** Without those about kinds that somebody may allow. */
  readonly mistakes: readonly Mistake[];
  readonly attempts: readonly Attempt[];
}

async function renderBeside(releases: readonly Release[]): Promise<Beside> {
  const attempts: Attempt[] = [];
  for (const it of releases) attempts.push(await renderAnyKind(it));
  const outcomes = attempts.map((it) => it.outcome);
  return {
    rendered: outcomes.flatMap((it) => (it.kind === 'rendered' ? [it.rendered] : [])),
    mistakes: outcomes.flatMap((it) => (it.kind === 'wrong' ? it.mistakes : [])),
    attempts,
  };
}

type Folder = Construct & { readonly id: string; readonly path: string };

function doubledIds(folders: readonly Folder[]): Mistake[] {
  const first = new Map<string, Folder>();
  return folders.flatMap((it) => {
    const known = first.get(it.id);
    first.set(it.id, known ?? it);
    if (known === undefined) return [];
    const isPair = it instanceof Release && known instanceof Release;
    const problem = `two ${isPair ? 'releases' : 'folders'} have one id, the other is ${known.path}`;
    const remedy = isPair
      ? 'give each its own id; the name may be the same'
      : 'give each its own id';
    return [{ path: it.path, ...placeOf(it), problem, got: it.id, remedy }];
  });
}
