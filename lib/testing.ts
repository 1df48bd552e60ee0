import { Apps } from './apps.ts';
import type { Release } from './release/release.ts';
import { type Rendered, render } from './render/render.ts';

/** For the tests of your own apps. */
export const Testing = {
  /** A root that is never written. */
  apps(): Apps {
    return new Apps();
  },

  /**
   * What synth would write for a release, without writing it.
   *
   * @throws MistakesError with everything that is wrong with it
   */
  render(release: Release): Promise<Rendered> {
    return render(release);
  },
} as const;
