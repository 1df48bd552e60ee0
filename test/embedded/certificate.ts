import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** A key, and a certificate that it signed for itself, as PEM. */
export interface SelfSigned {
  readonly key: string;
  readonly cert: string;
}

/** A certificate for 127.0.0.1 that is valid for an hour. Node reads certificates and makes none: RFC 5280, in DER. */
export function selfSigned(name = 'perch-test'): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const subject = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    subject,
    sequence(time(-3600), time(3600)),
    subject,
    publicKey,
    der(0xa3, sequence(extension(BASIC_CONSTRAINTS, sequence(TRUE)), extension(ALT_NAME, LOCAL))),
  );
  const signature = sign('sha256', body, createPrivateKey(privateKey));
  const whole = sequence(body, ECDSA_WITH_SHA256, der(0x03, Buffer.concat([ZERO, signature])));
  return { key: privateKey, cert: pem(whole) };
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const long = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...(length < 128 ? [length] : long)]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function extension(id: Buffer, value: Buffer): Buffer {
  return sequence(id, der(0x04, value));
}

function time(fromNowSeconds: number): Buffer {
  const text = new Date(Date.now() + fromNowSeconds * 1000).toISOString().replaceAll(/[-:T]/g, '');
  return der(0x18, Buffer.from(`${text.slice(0, 14)}Z`));
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

const ZERO = Buffer.of(0);
const TRUE = Buffer.of(0x01, 0x01, 0xff);
const COMMON_NAME = Buffer.of(0x06, 0x03, 0x55, 0x04, 0x03);
const BASIC_CONSTRAINTS = Buffer.of(0x06, 0x03, 0x55, 0x1d, 0x13);
const ALT_NAME = Buffer.of(0x06, 0x03, 0x55, 0x1d, 0x11);
/** An address, 127.0.0.1. */
const LOCAL = sequence(der(0x87, Buffer.of(127, 0, 0, 1)));
const ECDSA_WITH_SHA256 = sequence(
  Buffer.of(0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02),
);
