import { mkdir, writeFile } from 'node:fs/promises';
import { dashboardFiles } from './files.ts';

// `npm run dashboards`: writes the dashboards that are committed.
const folder = new URL('../../../docs/dashboards/', import.meta.url);
await mkdir(folder, { recursive: true });
for (const [name, text] of dashboardFiles()) await writeFile(new URL(name, folder), text);
