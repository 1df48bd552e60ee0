import type { Construct } from 'constructs';
import { abTestApp } from '../../apps/ab-test.ts';
import { blueGreenApp } from '../../apps/blue-green.ts';
import { fractionsApp } from '../../apps/fractions.ts';
import { type PodinfoOverrides, podinfo } from '../../apps/podinfo.ts';
import { rampedApp } from '../../apps/ramped.ts';
import { recreateApp } from '../../apps/recreate.ts';
import { replicasApp } from '../../apps/replicas.ts';
import { shadowApp } from '../../apps/shadow.ts';
import { statefulApp } from '../../apps/stateful.ts';
import { stepsApp } from '../../apps/steps.ts';
import type { Release } from '../../lib/index.ts';

/** A strategy that the demo can show, by the example that apps/ has of it. */
export interface Story {
  readonly release: { readonly id: string; readonly namespace: string; readonly name: string };
  readonly render: (scope: Construct, overrides: PodinfoOverrides) => Release;
  /** Its file in apps/. */
  readonly source: string;
  /** Percent of the requests, or of copies of them, from which on a failing version fails. */
  readonly breaksAt: number;
  /** For people. */
  readonly about: string;
}

/** In the order in which they are listed; the first is told unless another is asked for. */
export const STORIES = {
  canary: {
    release: { id: 'podinfo', namespace: 'test', name: 'podinfo' },
    render: podinfo,
    source: 'podinfo.ts',
    breaksAt: 20,
    about: '10 % more of the traffic each step',
  },
  fractions: story('fractions', fractionsApp, 'a mirrored step, weights from 0.5 % on, a cookie'),
  'ab-test': story('ab-test', abTestApp, 'insiders by header or cookie'),
  'blue-green': story('blue-green', blueGreenApp, 'a preview, a person, then everybody at once'),
  steps: story('steps', stepsApp, 'testers, a person, a baseline to compare with'),
  shadow: story('shadow', shadowApp, 'copies of 10 % of the requests', 5),
  replicas: story('replicas', replicasApp, 'no router: the canary grows pod by pod'),
  recreate: story('recreate', recreateApp, 'all pods stop, then others start'),
  ramped: story('ramped', rampedApp, 'pod by pod, on one track'),
  partitions: {
    release: { id: 'stateful', namespace: 'stateful', name: 'store' },
    render: statefulApp,
    source: 'stateful.ts',
    breaksAt: 20,
    about: 'a StatefulSet, part by part',
  },
} as const satisfies Record<string, Story>;

export type StoryName = keyof typeof STORIES;

/** @throws Error that lists the strategies there are, for another name */
export function storyNamed(name: string): Story {
  const known: Readonly<Record<string, Story>> = STORIES;
  const found = Object.hasOwn(known, name) ? known[name] : undefined;
  if (found !== undefined) return found;
  throw new Error(`--strategy: "${name}" is none of ${Object.keys(STORIES).join(', ')}`);
}

function story(id: string, render: Story['render'], about: string, breaksAt = 20): Story {
  const release = { id, namespace: id, name: 'podinfo' };
  return { release, render, source: `${id}.ts`, breaksAt, about };
}
