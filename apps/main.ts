import { Apps } from '../lib/index.ts';
import { nginx } from './nginx.ts';
import { podinfo } from './podinfo.ts';

const apps = new Apps();
nginx(apps);
podinfo(apps);
await apps.synth();
