/** `latchkey/testing`: a cluster in a test, for an application's own tests and for ours. Needs supertest and tough-cookie. */

export { type At, Browser, type SignInOptions } from './browser.ts';
export { TestCluster, type TestClusterOptions, testCluster } from './cluster.ts';
export type { TestDisk } from './disk.ts';
export { Jar } from './jar.ts';
export type { LogLine, LogLines } from './log-lines.ts';
export { type HostOf, type NodeOptionsForTests, TestNode } from './node.ts';
export { type SignedInOptions, signedIn, signInPath } from './sign-in.ts';
