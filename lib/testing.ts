import { Apps } from './apps.ts';
import type { Release } from './release/release.ts';
import { type Rendered, renderAnyKind, renderedOf } from './render/render.ts';

/** For the tests of your own apps. */
export const Testing = {
  /** A root that is never written. */
  apps(): Apps {
    return new Apps();
  },

  /**
   * What synth would write for a release, without writing it. Which kinds the analyzer allows is not asked: it may be
   * made elsewhere in `apps/`.
   *
   * @throws MistakesError with everything that is wrong with it
   */
  async render(release: Release): Promise<Rendered> {
    const { outcome } = await renderAnyKind(release);
    return renderedOf(release, outcome);
  },
} as const;
