import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ApiObject, type ApiObjectProps, App, Chart } from 'cdk8s';
import { parse } from 'yaml';
import { writeFolders } from '../../lib/files.ts';
import { median, timed } from './numbers.ts';
import { renderMany } from './releases.ts';

/** What was measured of one size; milliseconds, medians. */
export interface SynthResult {
  readonly releases: number;
  /** API objects in all steps of all releases. */
  readonly objects: number;
  readonly runs: number;
  /** Our render without writing. */
  readonly renderMs: number;
  /** Our render, then writing to an empty folder. */
  readonly synthMs: number;
  /** Plain cdk8s, which always writes; absent where it was not run. */
  readonly plainMs?: number;
}

/** How synth is measured. */
export interface SynthOptions {
  readonly sizes: readonly number[];
  /** The largest size at which plain cdk8s runs too. */
  readonly plainMax: number;
  /** Runs for each size. @default - 15 for one release, 3 for a thousand */
  readonly runs?: number | undefined;
  /** Where files are written. */
  readonly folder: string;
  readonly progress: (line: string) => void;
}

/** The first render in a process loads schemas and code; milliseconds. */
export async function firstRender(): Promise<number> {
  return (await timed(() => renderMany(1))).ms;
}

/** Measures sizes one after the other; within a size, contestants take turns in changing order. */
export async function measureSynth(options: SynthOptions): Promise<readonly SynthResult[]> {
  if (options.sizes.length > 0) await warmUp(options.folder);
  const results: SynthResult[] = [];
  for (const releases of options.sizes) results.push(await measureSize(releases, options));
  return results;
}

/** Code that ran often is faster: both sides get the same chance. */
async function warmUp(parent: string): Promise<void> {
  const charts = await chartsOf(5);
  for (let round = 0; round < 3; round++) {
    await renderMany(5);
    await inFolder(parent, async (folder) => plainSynth(folder, charts));
  }
}

async function measureSize(releases: number, options: SynthOptions): Promise<SynthResult> {
  const runs = options.runs ?? (releases >= 1000 ? 3 : releases >= 100 ? 5 : 15);
  const charts = await chartsOf(releases);
  const times = { render: [] as number[], synth: [] as number[], plain: [] as number[] };
  const contestants = {
    render: async () => void (await renderMany(releases)),
    synth: async () => {
      const rendered = await renderMany(releases);
      return (folder: string) =>
        writeFolders(folder, new Map(rendered.map((it) => [it.id, it.files])));
    },
    plain: async () => (folder: string) => plainSynth(folder, charts),
  };
  const names = (['render', 'synth', 'plain'] as const).filter(
    (name) => name !== 'plain' || releases <= options.plainMax,
  );
  for (let run = 0; run < runs; run++) {
    options.progress(`synth of ${releases}: run ${run + 1} of ${runs}`);
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(run + turn) % names.length] ?? 'render';
      const ms = await inFolder(options.folder, async (folder) => {
        const { ms: took } = await timed(async () => {
          const write = await contestants[name]();
          write?.(folder);
        });
        return took;
      });
      times[name].push(ms);
    }
  }
  return {
    releases,
    objects: charts.reduce((sum, it) => sum + it.objects.length, 0),
    runs,
    renderMs: median(times.render),
    synthMs: median(times.synth),
    ...(times.plain.length === 0 ? {} : { plainMs: median(times.plain) }),
  };
}

/** One step of one release, as a user of plain cdk8s would have it. */
interface StepChart {
  readonly id: string;
  readonly objects: readonly ApiObjectProps[];
}

/** The objects that our render makes, as plain data; made before anything is measured. */
async function chartsOf(releases: number): Promise<readonly StepChart[]> {
  const [template] = await renderMany(1);
  if (template === undefined) throw new Error('nothing was rendered');
  const steps = template.plan.steps.map((step) => {
    const texts = step.files.map((file) => template.files.get(`steps/${step.name}/${file}`));
    const objects = texts.map((it) => parse(Buffer.from(it ?? '').toString('utf8')));
    return { id: step.name, json: JSON.stringify(objects) };
  });
  return Array.from({ length: releases }, (_, index) => {
    const name = `app-${String(index).padStart(4, '0')}`;
    return steps.map(({ id, json }) => ({
      id: `${name}-${id}`,
      objects: JSON.parse(json.replaceAll(template.id, name)) as ApiObjectProps[],
    }));
  }).flat();
}

/** One App, a Chart for each step, an ApiObject for each object: what `App.synth` takes to write them. */
function plainSynth(folder: string, charts: readonly StepChart[]): void {
  const app = new App({ outdir: folder });
  for (const { id, objects } of charts) {
    const chart = new Chart(app, id);
    for (const [index, it] of objects.entries()) new ApiObject(chart, `object-${index}`, it);
  }
  app.synth();
}

async function inFolder<T>(parent: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(parent, 'perch-bench-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
