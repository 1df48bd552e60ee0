import { scenario } from './scenario.ts';
import { simulate } from './simulate.ts';

const from = Number(process.argv[2]),
  to = Number(process.argv[3]);
const by = new Map<string, [number, number, number]>();
for (let seed = from; seed < to; seed++) {
  const blobs = new Map<string, string>();
  const s = await scenario(seed, blobs);
  const t = performance.now();
  try {
    const r = await simulate(s, blobs);
    const e = by.get(s.kind) ?? [0, 0, 0];
    e[0]++;
    e[1] += performance.now() - t;
    e[2] += r.ticks;
    by.set(s.kind, e);
    if (process.argv[4]) console.log(s.kind, s.calm, s.story.join('\n'), r.log.join('\n'));
  } catch (e) {
    console.log(seed, s.kind, String(e));
    if (process.argv[4]) console.log(s.story.join('\n'), (e as Error).stack);
  }
}
for (const [k, v] of by)
  console.log(
    k.padEnd(18),
    v[0],
    'runs',
    (v[1] / v[0]).toFixed(0),
    'ms',
    (v[2] / v[0]).toFixed(0),
    'ticks',
    ((v[1] * 1000) / v[2]).toFixed(0),
    'us/tick',
  );
