import { describe, expect, test } from 'vitest';
import { istio } from '../../../../lib/index.ts';
import type { IstioProps } from '../../../../lib/traffic/istio/props.ts';
import { mistakesOf, sample } from '../../sample.ts';

const told = (props: IstioProps) => mistakesOf(sample({ traffic: istio(props) }));
const gateways = ['istio-system/public'];

describe('hosts with a scheme, a port or a path are refused', () => {
  test.each([
    ['https://shop.example.com', 'write shop.example.com'],
    ['shop.example.com/cart', 'write shop.example.com'],
    ['shop.example.com:8080', 'write shop.example.com'],
    [' shop.example.com', 'write shop.example.com'],
    ['shop example com', 'write a DNS name, such as shop.example.com or *.example.com'],
    ['', 'write a DNS name, such as shop.example.com or *.example.com'],
  ])('%s', async (host, remedy) => {
    expect(await told({ hosts: ['a.example.com', host], gateways })).toEqual([
      `shop: traffic.hosts[1] is not the name of a host, got ${JSON.stringify(host)}; ${remedy}`,
    ]);
  });

  test.each(['shop', 'shop.example.com', '*.example.com', '*', '10.1.2.3', 'fd00::1'])(
    'but not %s',
    async (host) => {
      expect(await told({ hosts: [host], gateways })).toEqual([]);
    },
  );
});

describe('gateways with blanks are refused', () => {
  test.each(['public gateway', 'istio-system/public ', 'a/b/c', '/public', ''])(
    '"%s"',
    async (it) => {
      expect(await told({ gateways: [it] })).toEqual([
        `shop: traffic.gateways holds what is not the name of a gateway, got ${JSON.stringify(it)}; write 'namespace/name', 'name' or 'mesh'`,
      ]);
    },
  );
});

describe("'*' in the mesh is refused, as Istio does", () => {
  test.each<IstioProps>([
    { hosts: ['*'] },
    { hosts: ['*'], gateways: ['mesh', 'istio-system/public'] },
  ])('%j', async (props) => {
    expect(await told(props)).toEqual([
      expect.stringMatching(
        /^shop: traffic\.hosts has '\*', which Istio refuses in the mesh, got /,
      ),
    ]);
  });
});
