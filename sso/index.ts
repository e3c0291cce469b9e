/** The public surface: what an application imports. Re-exports only. */

export { type AjpOptions, type AjpRequest, type AjpServer, ajpOf, ajpServer, checkAjpOptions } from './ajp/index.ts';
export { type AuditEvent, auditEvents } from './audit/events.ts';
export {
  type ProbeAnswer,
  type ProbedCookies,
  type ProbedMember,
  type ProbedRequest,
  type ProbeRefusal,
  probeHeader,
  probePath,
  restMsAtMost,
  type SessionCookieNote,
  type StickyCookieNote,
} from './balancer/probe-answer.ts';
export { type ProbeAsk, type ProbePass, signProbe } from './balancer/probe-pass.ts';
export { type StickyRouteOptions, stickyCookieOf, stickyRoute } from './balancer/sticky-route.ts';
export type { ChannelParts, MakeChannel } from './channel/channel.ts';
export type { Cause } from './entry.ts';
export { SsoError, type SsoErrorCode } from './errors.ts';
export type { HandedOver } from './gossip/gossip.ts';
export type { MemberView } from './gossip/roster.ts';
export type { MetricsOptions } from './health/metrics.ts';
export type { ReadyzOptions } from './health/pages.ts';
export type { Log } from './log.ts';
export type { FinalityView, LeaseView, WhenCutOff } from './logout/finality.ts';
export { type Opened, SsoNode } from './node.ts';
export type { ClusterOptions, Limits, NodeOptions, World } from './options.ts';
export type { Principal } from './principal.ts';
export type { Receipt } from './receipt.ts';
export type { Closed, EntryView } from './registry.ts';
export { routeError, routeFromHost } from './route.ts';
export type {
  NoticeCause,
  NoticeKind,
  NoticePolicy,
  SessionListener,
  SessionNotice,
} from './session/notices/notice.ts';
export type { EndHandler, SessionEnd, SessionOptions } from './session/sessions.ts';
export type { SessionStore, StoreOptions } from './session/store.ts';
export { type CheckedOptions, checkOptions, startNode } from './start.ts';
export type { LadderOptions, RateOptions, ThrottleOptions } from './throttle/limits.ts';
export { type VerifiedAssertion, type VerifyAssertionOptions, verifyAssertion } from './valve/assertion.ts';
export type { BasicOptions } from './valve/basic.ts';
export type { Challenge } from './valve/challenge.ts';
export type { LongLivedConnection } from './valve/closable.ts';
export type { AskedByBasic, BasicAnswer } from './valve/inspect-basic.ts';
export type { Authenticate, Credentials, LoginOptions } from './valve/login.ts';
export type { ProtectOptions } from './valve/protect.ts';
export type { MapRoles } from './valve/role-mapping.ts';
export type { HookNode, SignOnHook } from './valve/settings.ts';
export type { LogoutOptions } from './valve/sign-off.ts';
export type { OpenOptions, Sso } from './valve/sso.ts';
