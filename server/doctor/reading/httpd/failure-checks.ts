/** What happens when a node is away, stands still or is restarted. */

import type { Check, Fault } from '../check.ts';
import type { HttpdModel, Member } from './model.ts';
import { isOn, type Parameter, secondsOf } from './parameters.ts';
import { filledBalancers, membersIn } from './use.ts';

/** A parameter of the member, else of its ProxyHCTemplate. */
function healthOf({ parameters }: Member, key: string, { templates }: HttpdModel): Parameter | undefined {
  return parameters.get(key) ?? templates.get(parameters.get('hctemplate')?.value ?? '')?.get(key);
}

function isChecked(member: Member, model: HttpdModel): boolean {
  const method = healthOf(member, 'hcmethod', model)?.value.toUpperCase();
  return method !== undefined && method !== 'NONE';
}

/** Above this somebody has gone away. */
const patienceSeconds = 30;
/** A machine of one's own network answers at once, or not at all. */
const connectSeconds = 5;
/** Node closes an idle connection after five. */
const nodeIdleSeconds = 5;

export const failureChecks: readonly Check<HttpdModel>[] = [
  {
    name: 'health-check',
    fine: 'Members are asked whether they are ready, by themselves.',
    look: (model) =>
      membersIn(model)?.flatMap(({ member }): readonly Fault[] => {
        const { url, place, parameters, scheme } = member;
        if (!isChecked(member, model)) {
          // AJP asks before each request instead.
          if (scheme === 'ajp' && parameters.has('ping')) return [];
          return [
            {
              says: 'no health check: a node that stands still or drains keeps getting requests until they fail.',
              of: url,
              remedy:
                scheme === 'ajp'
                  ? 'Add ping=1.'
                  : 'Load mod_watchdog and mod_proxy_hcheck, and add hcmethod=GET hcuri=/readyz hcinterval=2 hcfails=1 hcpasses=1.',
              at: place,
            },
          ];
        }
        const method = healthOf(member, 'hcmethod', model)!;
        if (model.modules !== undefined && !model.modules.has('proxy_hcheck_module'))
          return [
            {
              says: `hcmethod=${method.value} is unknown without mod_proxy_hcheck, which is not loaded: httpd does not start.`,
              of: url,
              remedy: 'Load mod_watchdog and mod_proxy_hcheck.',
              at: method.place,
            },
          ];
        if (method.value.toUpperCase() === 'TCP')
          return [
            {
              says: 'checked by TCP only: a node that drains or is not ready yet still takes connections.',
              of: url,
              remedy: 'Use hcmethod=GET hcuri=/readyz.',
              at: method.place,
            },
          ];
        // A node answers a CPING only while it is ready.
        if (method.value.toUpperCase() === 'CPING') return [];
        const uri = healthOf(member, 'hcuri', model);
        if (uri?.value.endsWith('/readyz') === true) return [];
        return [
          {
            says: `checked by ${uri?.value ?? '/'}, which answers also while the node is not ready.`,
            of: url,
            remedy: 'Use hcuri=/readyz.',
            at: uri?.place ?? method.place,
          },
        ];
      }),
  },
  {
    name: 'retry',
    fine: 'A member that failed is tried again soon.',
    look: (model) =>
      membersIn(model)?.flatMap(({ member }): readonly Fault[] => {
        const retry = member.parameters.get('retry');
        const seconds = Number(retry?.value ?? 60);
        if (seconds <= patienceSeconds) return [];
        return [
          {
            says: `left out for ${seconds} s after one failure${retry === undefined ? ' (the default)' : ''}, though a restart takes seconds.`,
            of: member.url,
            remedy: 'Add retry=5.',
            at: retry?.place ?? member.place,
          },
        ];
      }),
  },
  {
    name: 'answer-timeout',
    fine: 'A member that does not answer is given up in time.',
    look: (model) =>
      membersIn(model)?.flatMap(({ member, used: { server, balancer, outlet } }): readonly Fault[] => {
        // A WebSocket may be silent for long.
        if (outlet?.isForUpgrades === true) return [];
        const own = member.parameters.get('timeout');
        const shared = server.setting('proxytimeout') ?? server.setting('timeout');
        const seconds = secondsOf(own?.value) ?? secondsOf(shared?.words[0]) ?? 60;
        if (seconds <= patienceSeconds) return [];
        const ofBalancer = balancer.parameters.get('timeout');
        return [
          {
            says: `${seconds} s to answer${own === undefined && shared === undefined ? ' (the default)' : ''}: a node that stands still holds everybody up that long, and then answers 502.${isChecked(member, model) ? ' Its health check waits as long.' : ''}${
              ofBalancer === undefined
                ? ''
                : ' The timeout= of the balancer is another thing: how long to wait for a member that is free.'
            }`,
            of: member.url,
            remedy: 'Add timeout=15 to the BalancerMember, or ProxyTimeout 15.',
            at: own?.place ?? member.place,
          },
        ];
      }),
  },
  {
    name: 'connect-timeout',
    fine: 'A member that takes no connection is given up in time.',
    look: (model) =>
      membersIn(model)?.flatMap(({ member, used: { server } }): readonly Fault[] => {
        const { parameters } = member;
        const own = parameters.get('connectiontimeout');
        const shared = server.setting('proxytimeout') ?? server.setting('timeout');
        const seconds =
          secondsOf(own?.value) ?? secondsOf(parameters.get('timeout')?.value) ?? secondsOf(shared?.words[0]) ?? 60;
        if (seconds <= connectSeconds) return [];
        return [
          {
            says: `${own === undefined ? 'no connectiontimeout=' : `connectiontimeout=${own.value}`}: a machine that is switched off is waited for ${seconds} s before another is asked.`,
            of: member.url,
            remedy: 'Write connectiontimeout=2.',
            at: own?.place ?? member.place,
          },
        ];
      }),
  },
  {
    name: 'idle-connections',
    fine: 'No kept connection is used that the node may just be closing.',
    look: (model) =>
      membersIn(model)?.flatMap(
        ({ member: { scheme, parameters, url, place }, used: { outlet } }): readonly Fault[] => {
          // One that was upgraded is not kept for others.
          if ((scheme !== 'http' && scheme !== 'https') || outlet?.isForUpgrades === true) return [];
          if (isOn(parameters.get('disablereuse')) || parameters.get('enablereuse')?.value.toLowerCase() === 'off')
            return [];
          const seconds = secondsOf(parameters.get('ttl')?.value);
          if (seconds !== undefined && seconds < nodeIdleSeconds) return [];
          return [
            {
              says: `idle connections are kept ${seconds === undefined ? 'without end' : `${seconds} s`}; Node closes an idle one after ${nodeIdleSeconds} s, and a request that meets this is answered 502.`,
              of: url,
              remedy: `Add ttl=${nodeIdleSeconds - 1}.`,
              at: parameters.get('ttl')?.place ?? place,
            },
          ];
        },
      ),
  },
  {
    name: 'packet-size',
    fine: 'All AJP members are sent packets of one size, which the protocol allows.',
    look: (model) => {
      const members = membersIn(model)?.filter(({ member }) => member.scheme === 'ajp') ?? [];
      if (members.length === 0) return undefined;
      const sizeOf = ({ member, used: { server } }: (typeof members)[number]) =>
        Number(member.parameters.get('iobuffersize')?.value ?? server.setting('proxyiobuffersize')?.words[0] ?? 8192);
      return members.flatMap((one): readonly Fault[] => {
        const size = sizeOf(one);
        const first = sizeOf(members[0]!);
        const isAllowed = size >= 8192 && size <= 65_536;
        if (isAllowed && size === first) return [];
        return [
          {
            of: one.member.url,
            says: isAllowed
              ? `AJP packets of ${size} bytes, and of ${first} to ${members[0]!.member.url}: a request with many headers works at one and fails at the other.`
              : `AJP packets of ${size} bytes: the protocol has 8192 to 65536.`,
            remedy: "Give all the same iobuffersize= (or ProxyIOBufferSize), that of the node's ajp.maxPacketSize.",
            at: one.member.parameters.get('iobuffersize')?.place ?? one.member.place,
          },
        ];
      });
    },
  },
  {
    name: 'standby-only',
    fine: 'Every balancer has members that are not only there for the case of need.',
    look: (model) =>
      filledBalancers(model)?.flatMap(({ balancer }): readonly Fault[] => {
        const isOut = ({ parameters }: Member) => /^\+?[DS]/i.test(parameters.get('status')?.value ?? '');
        if (!balancer.members.every(isOut)) return [];
        return [
          {
            says: `All members of ${balancer.name} are switched off (status=D or S): every request gets 503.`,
            remedy: 'Take status= away from those that are to work.',
            at: balancer.members[0]!.place,
          },
        ];
      }),
  },
];
