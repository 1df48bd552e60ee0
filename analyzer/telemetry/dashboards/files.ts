import { analyzerDashboard } from './analyzer.ts';
import { rolloutsDashboard } from './rollouts.ts';

/** The text of each dashboard by file name, as docs/dashboards/ has it. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(
    [analyzerDashboard(), rolloutsDashboard()].map((it) => {
      const whole = it.build();
      return [`${whole.uid}.json`, `${JSON.stringify(whole, null, 2)}\n`];
    }),
  );
}
