import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FORMAT } from '../../../lib/plan/versions.ts';
import { commitOn, git, gitBytes } from '../git.ts';
import { distFiles } from '../releases.ts';
import { FIRST } from '../ways.ts';
import { openWorld } from '../world.ts';
import { UPGRADES } from './positions.ts';

/**
 * Keeps what today's version leaves behind in every kind of position, for all later versions to go on from. Run once
 * for each version of the format, before it is raised:
 *
 *     tsx test/faults/upgrades/record.ts
 */
const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'perch-upgrades-'));
const target = join(import.meta.dirname, `format-${FORMAT}`);
mkdirSync(target, { recursive: true });
try {
  const bundle = join(folder, 'perch.cjs');
  execFileSync(process.execPath, ['.ci/build.js', bundle], { cwd: root, stdio: 'inherit' });
  for (const it of UPGRADES) {
    const first = join(folder, `${it.name}.git`);
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', first]);
    const [id = ''] = it.releases;
    const files = await distFiles(id, FIRST, it.form);
    await commitOn(first, { subject: 'first versions', files });
    const world = await openWorld(bundle, first, { releases: it.releases });
    try {
      await it.reach(world, (version) => world.release(id, version, it.form));
      const stream = await gitBytes(world.repository, [
        'fast-export',
        '--signed-tags=strip',
        'main',
      ]);
      writeFileSync(join(target, `${it.name}.stream`), stream);
      const count = await git(world.repository, ['rev-list', '--count', 'main']);
      console.error(`${it.name}: ${count} commits, ${stream.length} bytes`);
    } finally {
      await world.stop();
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
