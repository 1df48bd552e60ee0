import { join } from 'node:path';
import { renderMany } from './releases.ts';
import { makeRepository } from './repository.ts';

// Makes the repositories that ticks are measured on; see tick.ts. In a process of its own: one that has held a
// thousand releases starts other processes slowly, and would be measured with them.
const [folder = '', releases = ''] = process.argv.slice(2);
const count = Number(releases);
const repository = await makeRepository(join(folder, 'rest.git'), await renderMany(count));
await repository.withNewPlans(join(folder, 'next.git'), await renderMany(count, 'podinfo:2'));
