import type { Construct } from 'constructs';
import { expect, test } from 'vitest';
import { Analyzer, type ChannelsAccess, type Plan } from '../../../lib/index.ts';
import { listAt, objectAt } from '../../../lib/manifest/json.ts';
import { folderOf } from '../folder.ts';

async function rendered(channels?: ChannelsAccess) {
  const objects = await folderOf(
    (scope: Construct, plans: readonly Plan[]) =>
      void new Analyzer(scope, 'analyzer', {
        plans,
        image: 'example/perch:1',
        run: { url: 'http://git:3000/team/live.git' },
        metrics: { url: 'http://prometheus:9090' },
        ...(channels === undefined ? {} : { channels }),
      }),
  );
  const job = objectAt(objects.get('CronJob perch/perch'), 'spec', 'jobTemplate');
  const [container = {}] = listAt(job, 'spec', 'template', 'spec', 'containers');
  return {
    args: container.args,
    mounts: listAt(container, 'volumeMounts').map((it) => it.mountPath),
    egress: listAt(objects.get('NetworkPolicy perch/perch'), 'spec', 'egress'),
  };
}

const PORT = { ports: [{ port: 443, protocol: 'TCP' }] };

test('channels are mounted, named by the flag, and let through', async () => {
  const { args, mounts, egress } = await rendered({
    config: { configMap: 'channels', key: 'channels.yaml' },
    secrets: { secret: 'channels' },
  });
  expect(args).toContain('--channels-config=/etc/perch/channels-config/channels.yaml');
  expect(mounts).toEqual(
    expect.arrayContaining(['/etc/perch/channels-config', '/etc/perch/channel-secrets']),
  );
  expect(egress).toContainEqual(PORT);
});

test('without channels there is none of it', async () => {
  const { args, egress } = await rendered();
  expect(JSON.stringify(args)).not.toContain('--channels-config');
  expect(egress).not.toContainEqual(PORT);
});
