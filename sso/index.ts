/** The public surface: what an application imports. Re-exports only. */

export { type AuditEvent, auditEvents } from './audit/events.ts';
export { type StickyRouteOptions, stickyRoute } from './balancer/sticky-route.ts';
export type { ChannelParts, MakeChannel } from './channel/channel.ts';
export type { Cause } from './entry.ts';
export { SsoError, type SsoErrorCode } from './errors.ts';
export type { HandedOver } from './gossip/gossip.ts';
export type { MemberView } from './gossip/roster.ts';
export type { MetricsOptions } from './health/metrics.ts';
export type { ReadyzOptions } from './health/pages.ts';
export type { Log } from './log.ts';
export type { FinalityView, LeaseView, WhenCutOff } from './logout/finality.ts';
export { type Opened, SsoNode, startNode } from './node.ts';
export type { ClusterOptions, Limits, NodeOptions, World } from './options.ts';
export type { Principal } from './principal.ts';
export type { Receipt } from './receipt.ts';
export type { Closed, EntryView } from './registry.ts';
export type { EndHandler, SessionEnd, SessionOptions } from './session/sessions.ts';
export type { SessionStore } from './session/store.ts';
export { type VerifiedAssertion, type VerifyAssertionOptions, verifyAssertion } from './valve/assertion.ts';
export type { BasicOptions } from './valve/basic.ts';
export type { Challenge } from './valve/challenge.ts';
export type { LongLivedConnection } from './valve/closable.ts';
export type { Authenticate, Credentials, LoginOptions } from './valve/login.ts';
export type { ProtectOptions } from './valve/protect.ts';
export type { HookNode, SignOnHook } from './valve/settings.ts';
export type { LogoutOptions } from './valve/sign-off.ts';
export type { Sso } from './valve/sso.ts';
