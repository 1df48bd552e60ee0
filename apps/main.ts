import { Apps } from '../lib/index.ts';
import { nginx } from './nginx.ts';
import { perch } from './perch.ts';
import { podinfo } from './podinfo.ts';
import { podinfoGateway } from './podinfo-gateway.ts';

const apps = new Apps();
nginx(apps);
podinfo(apps);
podinfoGateway(apps);
perch(apps);
await apps.synth();
