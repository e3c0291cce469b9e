/** workers.properties: names of properties and of workers. */

import { nearest } from '../../../../sso/nearest.ts';
import type { Check, Fault } from '../check.ts';
import type { JkModel } from './model.ts';
import { faultsByBalancer } from './worker-checks.ts';

/** Old names, and what they are called now; undefined: they mean nothing any more. */
const oldNames: ReadonlyMap<string, string | undefined> = new Map([
  ['balanced_workers', 'balance_workers'],
  ['cachesize', 'connection_pool_size'],
  ['cache_timeout', 'connection_pool_timeout'],
  ['recycle_timeout', 'connection_pool_timeout'],
  ['jvm_route', 'route'],
  ['local_worker', 'distance'],
  ['local_worker_only', 'distance'],
  ['disabled', 'activation=disabled'],
  ['stopped', 'activation=stopped'],
  ...[
    'sysprops',
    'stderr',
    'stdout',
    'mx',
    'ms',
    'class_path',
    'bridge',
    'jvm_lib',
    'ld_path',
    'cmd_line',
    'native_lib',
  ].map((name) => [name, undefined] as const),
]);

const names: readonly string[] = [
  ...[
    'secret',
    'secretkey',
    'reference',
    'host',
    'source',
    'port',
    'type',
    'connection_pool_size',
    'connection_pool_minsize',
  ],
  ...[
    'connection_pool_timeout',
    'connection_acquire_timeout',
    'recovery_options',
    'connect_timeout',
    'prepost_timeout',
  ],
  ...['reply_timeout', 'socket_timeout', 'socket_connect_timeout', 'ping_timeout', 'ping_mode', 'socket_buffer'],
  ...['socket_keepalive', 'connection_ping_interval', 'lbfactor', 'distance', 'balance_workers', 'sticky_session'],
  ...['sticky_session_force', 'session_cookie', 'session_path', 'set_session_cookie', 'session_cookie_path', 'route'],
  ...['domain', 'redirect', 'mount', 'method', 'lock', 'activation', 'recover_time', 'error_escalation_time'],
  ...[
    'max_reply_timeouts',
    'retry_interval',
    'busy_limit',
    'max_packet_size',
    'css',
    'ns',
    'xmlns',
    'doctype',
    'prefix',
  ],
  ...[
    'read_only',
    'user',
    'user_case_insensitive',
    'good',
    'bad',
    'retries',
    'lb_retries',
    'fail_on_status',
    'prefer_ipv6',
  ],
];

export const propertyChecks: readonly Check<JkModel>[] = [
  {
    name: 'property-old',
    fine: 'Every property has its present name.',
    look: ({ workers }) =>
      workers.properties.all.flatMap(({ key, place, value }): readonly Fault[] => {
        const [, worker, name] = /^worker\.([^.]+)\.([^.]+)$/.exec(key) ?? [];
        if (name === undefined || !oldNames.has(name)) return [];
        const now = oldNames.get(name);
        return [
          {
            of: worker!,
            says: `${name} is an old name; mod_jk ${now === undefined ? 'no longer uses' : 'still reads'} it, and complains at each start.`,
            remedy:
              now === undefined
                ? `Take ${name} away.`
                : `Write worker.NAME.${now.includes('=') ? now : `${now}=${value}`}.`,
            at: place,
          },
        ];
      }),
  },
  {
    name: 'property-unknown',
    fine: 'mod_jk knows every property.',
    look: ({ workers }) =>
      workers.properties.all.flatMap(({ key, place }): readonly Fault[] => {
        const name = /^worker\.[^.]+\.([^.]+)$/.exec(key)?.[1];
        if (name === undefined || names.includes(name) || oldNames.has(name)) return [];
        const near = nearest(name, names);
        return [
          {
            says: `${key}: there is no property ${name}, so mod_jk reads no further and does not start.`,
            remedy: near === undefined ? 'Take it away.' : `Write ${near}.`,
            at: place,
          },
        ];
      }),
  },
  {
    name: 'worker-list',
    fine: 'Every worker of worker.list is defined.',
    look: ({ workers, file }) => {
      if (workers.list === undefined)
        return [
          {
            says: `${file} has no worker.list: no worker can be mounted.`,
            remedy: `Add worker.list=${workers.balancers.map(({ name }) => name).join(',') || 'loadbalancer'}.`,
            at: { file, line: 1 },
          },
        ];
      return workers.listed
        .filter((name) => !workers.names.includes(name))
        .map((name) => ({
          says: `worker.list names ${name}, of which nothing else is said.`,
          remedy: `Define worker.${name}.type, or take it out of the list.`,
          at: workers.list!.place,
        }));
    },
  },
  {
    name: 'member-undefined',
    fine: 'Every member of a balancing worker is defined.',
    look: (model) =>
      faultsByBalancer(model, ({ name, memberNames, place }) => {
        if (memberNames.length === 0)
          return [
            {
              says: `${name} balances over nobody.`,
              remedy: `Add worker.${name}.balance_workers= with the names of the nodes' workers.`,
              at: place,
            },
          ];
        return memberNames
          .filter((member) => !model.workers.names.includes(member))
          .map((member) => {
            const near = nearest(member, model.workers.names);
            return {
              says: `${member} is a member of ${name}, but nothing is said of it: mod_jk takes localhost:8009.`,
              remedy:
                near === undefined ? `Add worker.${member}.host and worker.${member}.port.` : `Did you mean ${near}?`,
              at: place,
            };
          });
      }),
  },
];
