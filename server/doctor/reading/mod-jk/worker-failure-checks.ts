/** workers.properties: what happens when a node is away or stands still, and what goes over the connections. */

import type { Check, Fault } from '../check.ts';
import type { JkModel } from './model.ts';
import { faultsByBalancer } from './worker-checks.ts';

interface Ajp {
  readonly name: string;
  /** A number, if it is said. */
  readonly number: (property: string) => number | undefined;
  readonly at: { readonly file: string; readonly line: number } | undefined;
}

/** Those that connect to a node: members, and workers that are mounted by themselves. Undefined: there are none. */
function ajpWorkers({ workers }: JkModel): readonly Ajp[] | undefined {
  const members = workers.balancers
    .flatMap(({ memberNames }) => memberNames)
    .filter((name) => workers.names.includes(name));
  const direct = workers.listed.filter((name) => workers.names.includes(name));
  const found = [...new Set([...members, ...direct])].filter((name) => /^ajp1[34]$/.test(workers.typeOf(name)));
  if (found.length === 0) return undefined;
  return found.map((name) => ({
    name,
    number: (property) => {
      const value = workers.of(name, property)?.value;
      return value === undefined ? undefined : Number.parseInt(value, 10);
    },
    at: (
      workers.of(name, 'host') ??
      workers.of(name, 'port') ??
      workers.of(name, 'type') ??
      workers.of(name, 'reference')
    )?.place,
  }));
}

function eachWorker(model: JkModel, look: (worker: Ajp) => readonly Fault[]): readonly Fault[] | undefined {
  return ajpWorkers(model)?.flatMap(look);
}

/** Above this somebody has gone away. */
const patienceSeconds = 30;

export const workerFailureChecks: readonly Check<JkModel>[] = [
  {
    name: 'health-check',
    fine: 'A connection is tried out before it is used.',
    look: (model) =>
      eachWorker(model, ({ name, number, at }) => {
        const mode = model.workers.of(name, 'ping_mode')?.value ?? '';
        if (/[aAP]/.test(mode) || (number('prepost_timeout') ?? 0) > 0) return [];
        return [
          {
            of: name,
            says: 'no health check (ping_mode): a request goes to a node that stands still, and is lost.',
            remedy: 'Add worker.NAME.ping_mode=A and worker.NAME.ping_timeout=2000.',
            at,
          },
        ];
      }),
  },
  {
    name: 'answer-timeout',
    fine: 'A node that does not answer is given up in time.',
    look: (model) =>
      eachWorker(model, ({ name, number, at }) => {
        const ms = number('reply_timeout') ?? 0;
        if (ms > 0 && ms <= patienceSeconds * 1000) return [];
        return [
          {
            of: name,
            says: `${ms === 0 ? 'any time' : `${ms / 1000} s`} to answer (reply_timeout): a node that stands still holds everybody up.`,
            remedy: 'Add worker.NAME.reply_timeout=15000.',
            at: model.workers.of(name, 'reply_timeout')?.place ?? at,
          },
        ];
      }),
  },
  {
    name: 'connect-timeout',
    fine: 'A node that takes no connection is given up in time.',
    look: (model) =>
      eachWorker(model, ({ name, number, at }) => {
        const ms = number('socket_connect_timeout') ?? (number('socket_timeout') ?? 0) * 1000;
        if (ms > 0 && ms <= 5000) return [];
        return [
          {
            of: name,
            says: 'no socket_connect_timeout: a machine that is switched off is waited for as long as the system does, minutes.',
            remedy: 'Add worker.NAME.socket_connect_timeout=2000.',
            at,
          },
        ];
      }),
  },
  {
    name: 'retry',
    fine: 'A node that failed is tried again soon.',
    look: (model) =>
      faultsByBalancer(model, ({ name, place }) => {
        const said = model.workers.of(name, 'recover_time');
        const seconds = Number(said?.value ?? 60);
        if (seconds <= patienceSeconds) return [];
        return [
          {
            says: `A member of ${name} that failed is left out for ${seconds} s${said === undefined ? ' (the default)' : ''}, though a restart takes seconds.`,
            remedy: `Add worker.${name}.recover_time=5.`,
            at: said?.place ?? place,
          },
        ];
      }),
  },
  {
    name: 'repeated-requests',
    fine: 'No request is sent again that a node may have begun to do.',
    look: (model) =>
      eachWorker(model, ({ name, number, at }) => {
        // Bits 1 and 2: not once the node has the request, not once the browser has a part of the answer.
        if (((number('recovery_options') ?? 0) & 3) === 3) return [];
        return [
          {
            of: name,
            says: `a request on which the connection breaks goes to another node although the first may have done it (recovery_options is ${number('recovery_options') ?? '0, the default'}).`,
            remedy: 'Add worker.NAME.recovery_options=3.',
            at: model.workers.of(name, 'recovery_options')?.place ?? at,
          },
        ];
      }),
  },
  {
    name: 'repeated-get',
    fine: 'A GET that may be asked again is.',
    look: (model) =>
      eachWorker(model, ({ name, number, at }) => {
        const options = number('recovery_options') ?? 0;
        // mod_jk looks at 16 (GET) only if 8 (HEAD) is not there.
        if ((options & 24) !== 24) return [];
        return [
          {
            of: name,
            says: `recovery_options=${options} holds 8 (HEAD) and 16 (GET); mod_jk 1.2.48 then asks HEAD again and no GET.`,
            remedy: `Write worker.NAME.recovery_options=${options - 8}.`,
            at: model.workers.of(name, 'recovery_options')?.place ?? at,
          },
        ];
      }),
  },
  {
    name: 'ajp-secret',
    fine: 'Nodes are reached over AJP with a secret.',
    look: (model) => {
      const shared = (member: string) =>
        model.workers.balancers.some(
          ({ name, memberNames }) => memberNames.includes(member) && model.workers.of(name, 'secret') !== undefined,
        );
      return eachWorker(model, ({ name, at }) =>
        model.workers.of(name, 'secret') !== undefined || shared(name)
          ? []
          : [
              {
                of: name,
                says: `no secret: whoever reaches that port can say who he is and where he comes from, and a node that wants a secret refuses.`,
                remedy: `Add worker.NAME.secret=…, the one of the node's ajp.secret, and let nobody else read the file.`,
                at,
              },
            ],
      );
    },
  },
  {
    name: 'packet-size',
    fine: 'All nodes are sent packets of one size, which the protocol allows.',
    look: (model) => {
      const all = ajpWorkers(model);
      const sizes = all?.map(({ number }) => number('max_packet_size') ?? 8192) ?? [];
      return all?.flatMap(({ name, number, at }): readonly Fault[] => {
        const size = number('max_packet_size') ?? 8192;
        const place = model.workers.of(name, 'max_packet_size')?.place ?? at;
        if (size < 8192 || size > 65536 || size % 1024 !== 0)
          return [
            {
              says: `max_packet_size=${size} of ${name} is not taken as it is: mod_jk uses ${Math.min(65536, Math.max(8192, Math.ceil(size / 1024) * 1024))}.`,
              remedy: "Write a multiple of 1024 from 8192 to 65536, the same as the node's ajp.maxPacketSize.",
              at: place,
            },
          ];
        if (size === sizes[0]) return [];
        return [
          {
            says: `max_packet_size of ${name} is ${size}, of ${all[0]!.name} ${sizes[0]}: a request with many headers works at one and fails at the other.`,
            remedy: 'Give all the same, and the nodes as well (ajp.maxPacketSize).',
            at: place,
          },
        ];
      });
    },
  },
  {
    name: 'weight',
    fine: 'Weights are whole numbers from 1.',
    look: (model) =>
      eachWorker(model, ({ name, number }) => {
        const weight = number('lbfactor');
        if (weight === undefined || weight >= 1) return [];
        return [
          {
            says: `lbfactor=${model.workers.of(name, 'lbfactor')!.value} of ${name}: mod_jk takes 1, so the node gets as much as the others.`,
            remedy: `To send nobody there write worker.${name}.activation=disabled.`,
            at: model.workers.of(name, 'lbfactor')!.place,
          },
        ];
      }),
  },
  {
    name: 'prefork-pool',
    fine: 'No more connections are kept than httpd can use.',
    look: (model) => {
      const { httpd } = model;
      if (httpd?.modules === undefined) return undefined;
      if (!httpd.modules.has('mpm_prefork_module')) return [];
      return eachWorker(model, ({ name, number }) => {
        const said = model.workers.of(name, 'connection_pool_size') ?? model.workers.of(name, 'cachesize');
        if (said === undefined || (number('connection_pool_size') ?? number('cachesize') ?? 1) <= 1) return [];
        return [
          {
            of: name,
            says: `a process of prefork uses one connection; with a pool of ${said.value} each node keeps ${said.value} for it.`,
            remedy: 'Write worker.NAME.connection_pool_size=1, or use mpm_event.',
            at: said.place,
          },
        ];
      });
    },
  },
];
