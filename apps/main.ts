import { Apps } from '../lib/index.ts';
import { nginx } from './nginx.ts';
import { perch } from './perch.ts';
import { podinfo } from './podinfo.ts';
import { podinfoGateway } from './podinfo-gateway.ts';
import { strategies } from './strategies.ts';
import { workloads } from './workloads.ts';

const apps = new Apps();
nginx(apps);
podinfo(apps);
podinfoGateway(apps);
strategies(apps);
workloads(apps);
perch(apps);
await apps.synth();
