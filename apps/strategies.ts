import type { Construct } from 'constructs';
import { abTestApp } from './ab-test.ts';
import { blueGreenApp } from './blue-green.ts';
import { checkout } from './checkout.ts';
import { fractionsApp } from './fractions.ts';
import { rampedApp } from './ramped.ts';
import { recreateApp } from './recreate.ts';
import { replicasApp } from './replicas.ts';
import { shadowApp } from './shadow.ts';
import { stepsApp } from './steps.ts';

/** One example of each strategy, and of releases that move together; docs/strategies.md explains them. */
export function strategies(scope: Construct): void {
  abTestApp(scope);
  blueGreenApp(scope);
  checkout(scope);
  fractionsApp(scope);
  rampedApp(scope);
  recreateApp(scope);
  replicasApp(scope);
  shadowApp(scope);
  stepsApp(scope);
}
