import { analyzerDashboard } from './analyzer.ts';
import { rolloutsDashboard } from './rollouts.ts';
import { tracksDashboard } from './tracks.ts';

/** The text of each dashboard by file name, as docs/dashboards/ has it. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(
    [analyzerDashboard(), rolloutsDashboard(), tracksDashboard()].map((it) => {
      const whole = it.build();
      return [`${whole.uid}.json`, `${JSON.stringify(whole, null, 2)}\n`];
    }),
  );
}
