import type { Case } from './case.ts';
import { MESH } from './mesh.ts';
import { OBJECTS } from './objects.ts';
import { PODS } from './pods.ts';
import { ROUTES } from './routes.ts';
import { SCHEDULING } from './scheduling.ts';
import { SERVICES } from './services.ts';
import { WORKLOADS } from './workloads.ts';

/** What synth and a real API server are both held against: each refuses the wrong ones, and takes the others. */
export const CASES: readonly Case[] = [
  ...PODS,
  ...SCHEDULING,
  ...WORKLOADS,
  ...SERVICES,
  ...OBJECTS,
  ...ROUTES,
  ...MESH,
];
