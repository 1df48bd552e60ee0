import { PLANTS, type PlantName } from './plants.ts';
import { scenario } from './scenario.ts';
import { simulate } from './simulate.ts';

const good = new Set<number>();
for (const name of Object.keys(PLANTS) as PlantName[]) {
  const found: string[] = [];
  const rules = new Map<string, number>();
  for (let seed = 1; seed < 500 && found.length < 2; seed++) {
    const blobs = new Map<string, string>();
    const s = await scenario(seed, blobs);
    try {
      await simulate(s, blobs, (t) => t % 7 === 0, PLANTS[name]);
    } catch (e) {
      found.push(`${seed}:${s.kind}:${(e as { rule?: string }).rule ?? String(e)}`);
    }
  }
  console.log(name, found.join(' '));
}
