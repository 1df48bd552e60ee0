import { podinfo } from '../../apps/podinfo.ts';
import { Apps, canary, Release, type Rendered, renderAll, Testing } from '../../lib/index.ts';

/** Weights that make 12 steps with init, canary-up, promote, the way of the traffic back, and complete. */
const STEP_WEIGHTS = [5, 10, 20, 30, 40, 50, 60];

/** How many steps each release has. */
export const STEPS = STEP_WEIGHTS.length + 5;

/** Releases like podinfo, but for their names and their steps. */
export function appsOf(count: number, image = 'podinfo:1'): Apps {
  const apps = new Apps();
  const { props } = podinfo(Testing.apps(), { image });
  const strategy = canary({ stepWeights: STEP_WEIGHTS });
  for (let index = 0; index < count; index++) {
    const id = `app-${String(index).padStart(4, '0')}`;
    // In one namespace they would select each other's pods.
    new Release(apps, id, { ...props, namespace: id, strategy });
  }
  return apps;
}

/** What synth would write for them. */
export function renderMany(count: number, image?: string): Promise<readonly Rendered[]> {
  return renderAll(appsOf(count, image).releases);
}
