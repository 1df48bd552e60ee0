import type { Command } from 'commander';
import { type Explanation, explanationOf } from '../core/explanation.ts';
import { newMemory } from '../tick/analyzer.ts';
import { lookAt } from '../tick/look.ts';
import { noRelease } from '../usage-error.ts';
import { type AdmissionFlags, addAdmissionFlags, admissionOf } from './admission.ts';
import { addClusterFlags, type ClusterFlags, clustersOf } from './clusters.ts';
import { explanationText } from './explain-text.ts';
import { addMetricsFlags, type MetricsFlags, storesOf } from './metrics.ts';
import type { RepositoryFlags } from './options.ts';
import { withReader } from './repository.ts';
import { say, sayJson, terminalWidth } from './terminal.ts';

interface ExplainFlags extends RepositoryFlags, ClusterFlags, MetricsFlags, AdmissionFlags {}

const EXAMPLES = `
Examples:
  perch explain shop --metrics http://localhost:9090`;

/** `perch explain <release>`: asks what the analyzer asks, and says what it would do; it writes, pushes and calls nothing. */
export function addExplain(program: Command): Command {
  const command = program
    .command('explain')
    .argument('<release>', 'id of the release')
    .description(
      'ask cluster and metrics as the analyzer does, and print why a release stays, moves or rolls back; reads only, and calls no hook',
    )
    .addHelpText('after', EXAMPLES);
  return addAdmissionFlags(addClusterFlags(addMetricsFlags(command))).action(
    async (release: string, _: unknown, self: Command) => {
      const flags = self.optsWithGlobals<ExplainFlags>();
      const explained = await explain(flags, self, release);
      if (flags.json) sayJson(explained);
      else say(explanationText(explained, terminalWidth()));
    },
  );
}

async function explain(flags: ExplainFlags, command: Command, id: string): Promise<Explanation> {
  const asked = {
    admission: admissionOf(flags),
    metrics: storesOf(flags, command),
    clusters: clustersOf(flags),
    clock: () => Date.now() / 1000,
    memory: newMemory(),
  };
  return withReader(flags, undefined, async (repository, snapshot) => {
    const all = await repository.list(snapshot);
    const trees = all.find((it) => it.id === id);
    if (trees === undefined) throw noRelease(id, all);
    return explanationOf(await lookAt({ ...asked, repository }, { snapshot, all }, trees));
  });
}
