import { all, type Check, choice, fields, items, text } from './check.ts';
import { secondsOf } from './durations.ts';

/** A time that a proxy can wait. */
const time: Check = text(
  (it) => (secondsOf(it) ?? 0) >= 0.001,
  'a duration of 1ms or more',
  'write it as 500ms, 10s or 1m30s',
);

/** What a virtual service of Istio must keep. */
export const virtualService: Check = fields({
  spec: fields({
    http: items(
      fields({
        timeout: time,
        retries: fields({ perTryTimeout: time, backoff: time }),
        fault: fields({ delay: fields({ fixedDelay: time, exponentialDelay: time }) }),
        corsPolicy: fields({ maxAge: time }),
      }),
    ),
  }),
});

const settings = {
  connectionPool: fields({
    http: fields({ idleTimeout: time, http2KeepAlive: fields({ interval: time, timeout: time }) }),
    tcp: fields({
      connectTimeout: time,
      maxConnectionDuration: time,
      tcpKeepalive: fields({ interval: time, time }),
    }),
  }),
  loadBalancer: fields({ warmup: fields({ duration: time }), warmupDurationSecs: time }),
  outlierDetection: fields({ baseEjectionTime: time, interval: time }),
};

const trafficPolicy = fields({ ...settings, portLevelSettings: items(fields(settings)) });

/** What a destination rule of Istio must keep. */
export const destinationRule: Check = fields({
  spec: fields({ trafficPolicy, subsets: items(fields({ trafficPolicy })) }),
});

/** What a gateway of Istio must keep. */
export const gateway: Check = fields({
  spec: fields({
    servers: items(
      fields({
        tls: all(
          choice(['credentialName', 'credentialNames'], 'none'),
          choice(['credentialNames', 'tlsCertificates'], 'none'),
        ),
      }),
    ),
  }),
});
