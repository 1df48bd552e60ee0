import { type Hook, type Plan, planSchema } from '../../../lib/plan/plan.ts';
import { FORMAT } from '../../../lib/plan/versions.ts';

/** A plan with these hooks, and little else. */
export function planOf(hooks: readonly Hook[]): Plan {
  const file = 'deployment-podinfo-primary.yaml';
  const step = {
    weights: { primary: 100, canary: 0 },
    ready: [],
    checks: [],
    stay: { kind: 'wait', seconds: 0 },
  };
  return planSchema.parse({
    version: FORMAT,
    release: 'front',
    name: 'podinfo',
    namespace: 'test',
    candidate: 'aaaaaaaaaa',
    images: [],
    analysis: {
      checkSeconds: 60,
      settleSeconds: 15,
      threshold: 1,
      readyPercent: { primary: 100, canary: 100 },
      progressDeadlineSeconds: 600,
      inconclusiveDeadlineSeconds: 1800,
      onInconclusive: 'hold',
      rollbackDelaySeconds: 0,
      syncSeconds: 60,
    },
    checks: [],
    workloads: { primary: { file } },
    hooks,
    shape: {
      kind: 'Deployment',
      workload: 'podinfo-primary',
      selectors: {},
      ports: [],
      autoscaled: false,
      apex: 'podinfo',
      targetPorts: [],
      routes: [],
    },
    files: {
      [file]: {
        role: 'primary',
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: 'podinfo-primary',
        asked: true,
      },
    },
    steps: [
      { ...step, name: '00-init', phase: 'Initializing', files: [file] },
      { ...step, name: '01-promote', phase: 'Promoting', files: [] },
      { ...step, name: '02-complete', phase: 'Succeeded', files: [file] },
    ],
  });
}
