import { RootConstruct } from 'constructs';
import { writeReleases } from './files.ts';
import { type Mistake, MistakesError } from './mistake.ts';
import { Release } from './release.ts';
import { type Rendered, tryRender } from './render.ts';

/** The root of all releases of a repository. */
export class Apps extends RootConstruct {
  /** Every release below, by id. */
  get releases(): readonly Release[] {
    const found = this.node.findAll().filter((it) => it instanceof Release);
    return found.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  }

  /**
   * Renders every release, then writes `dist/` (or the folder that `npx cdk8s synth` names in CDK8S_OUTDIR) and
   * prints one line for each. Writes nothing if any release has a mistake.
   *
   * @throws MistakesError with the mistakes of all releases
   */
  async synth(): Promise<void> {
    const rendered = await renderAll(this.releases);
    const folder = process.env.CDK8S_OUTDIR ?? 'dist';
    const plans = new Map(rendered.map((it) => [it.id, it.plan]));
    for (const { id, changed, removed } of writeReleases(
      folder,
      new Map(rendered.map((it) => [it.id, it.files])),
    )) {
      const plan = plans.get(id);
      const what =
        plan === undefined ? 'gone' : `candidate ${plan.candidate}, ${plan.steps.length} steps`;
      console.log(`${id}: ${what}, ${changed} files changed, ${removed} removed`);
    }
  }
}

/**
 * Renders releases that are written side by side.
 *
 * @throws MistakesError with the mistakes of all of them
 */
export async function renderAll(releases: readonly Release[]): Promise<readonly Rendered[]> {
  const mistakes: Mistake[] = doubledIds(releases);
  const rendered: Rendered[] = [];
  for (const it of releases) {
    const outcome = await tryRender(it);
    if (outcome.kind === 'rendered') rendered.push(outcome.rendered);
    else mistakes.push(...outcome.mistakes);
  }
  if (mistakes.length > 0) throw new MistakesError(mistakes);
  return rendered;
}

function doubledIds(releases: readonly Release[]): Mistake[] {
  const first = new Map<string, Release>();
  return releases.flatMap((it) => {
    const known = first.get(it.id);
    first.set(it.id, known ?? it);
    if (known === undefined) return [];
    const remedy = 'give each its own id; the name may be the same';
    return [
      {
        path: it.path,
        problem: `two releases have one id, the other is ${known.path}`,
        got: it.id,
        remedy,
      },
    ];
  });
}
