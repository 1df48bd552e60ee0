import type { Construct } from 'constructs';
import { abTestApp } from './ab-test.ts';
import { blueGreenApp } from './blue-green.ts';
import { fractionsApp } from './fractions.ts';
import { rampedApp } from './ramped.ts';
import { recreateApp } from './recreate.ts';
import { replicasApp } from './replicas.ts';
import { shadowApp } from './shadow.ts';
import { stepsApp } from './steps.ts';

/** One example of each strategy; docs/strategies.md explains them. */
export function strategies(scope: Construct): void {
  abTestApp(scope);
  blueGreenApp(scope);
  fractionsApp(scope);
  rampedApp(scope);
  recreateApp(scope);
  replicasApp(scope);
  shadowApp(scope);
  stepsApp(scope);
}
