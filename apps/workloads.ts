import type { Construct } from 'constructs';
import { daemonApp } from './daemon.ts';
import { queueApp } from './queue.ts';
import { statefulApp } from './stateful.ts';
import { trafficOnlyApp } from './traffic-only.ts';
import { workerApp } from './worker.ts';

/** One example of each workload besides Deployments with an HPA; docs/workloads.md explains them. */
export function workloads(scope: Construct): void {
  daemonApp(scope);
  queueApp(scope);
  statefulApp(scope);
  trafficOnlyApp(scope);
  workerApp(scope);
}
