import { mkdtemp } from 'node:fs/promises';
import { openRepository } from '../../analyzer/git/index.ts';
import { renderMany } from './releases.ts';
import { makeRepository } from './repository.ts';

const [folder, n] = [process.argv[2], Number(process.argv[3])];
if (n) {
  const r = await makeRepository(folder, await renderMany(n));
  await r.withNewPlans(folder.replace('rest', 'next'), await renderMany(n, 'podinfo:2'));
  process.exit(0);
}
for (let i = 0; i < 3; i++) {
  const t0 = performance.now();
  const t = (s: string) => console.log((performance.now() - t0).toFixed(1).padStart(7), s);
  const branch = { remote: folder, branch: 'main' };
  const r = await openRepository({
    run: branch,
    source: branch,
    identity: { name: 'a', email: 'b@c' },
    log: (e) => t(`git ${e.command} ${e.durationMs.toFixed(1)}`),
  });
  t('open');
  const s = await r.fetch();
  t('fetch');
  const l = await r.list(s);
  t('list ' + l.length);
  await r.close();
  t('close');
}
