/** Every sentence that a page of `latchkey serve` may say, in English. Its shape is what other languages must say, too. */

import { type Html, html } from '../html.ts';

/** What stands in a page's frame. */
const page = {
  lang: 'en',
  language: 'English',
  languages: 'Language',
  skip: 'Skip to the content',
  pages: 'Pages',
  help: 'Help',
  start: 'To the first page',
  error: 'Error',
};

const nav = { home: 'Account', signOns: 'Your sign-ons', signOut: 'Sign out' };

const signIn = {
  title: 'Sign on',
  name: 'Name',
  password: 'Password',
  remember: (days: number) => `Keep me signed on on this device for ${days === 1 ? 'a day' : `${days} days`}`,
  rememberHint: 'Only on a device of your own.',
  button: 'Sign on',
  goesOnTo: (host: string): Html => html`to go on to <strong>${host}</strong>`,
  problems: {
    credentials: { title: 'Not signed on', text: 'The name or the password is not right.' },
    throttled: { title: 'Too many attempts', text: 'Signing on is slowed down, to stop people who guess passwords.' },
    busy: { title: 'Not at this moment', text: 'Too many people are signing on at this moment. Please try again.' },
    unavailable: {
      title: 'Not possible at the moment',
      text: 'Nobody can be signed on here just now, and it is not your password. Please try again shortly.',
    },
    tooOld: {
      title: 'Please sign on once more',
      text: 'This form was too old, or was opened in another browser. Here is a new one.',
    },
    someoneElse: { title: 'Somebody is signed on already', text: 'In this browser, in another tab.' },
  },
  tryAgainIn: (seconds: number) =>
    seconds < 90
      ? `Please try again in ${seconds === 1 ? 'one second' : `${seconds} seconds`}.`
      : `Please try again in ${Math.ceil(seconds / 60)} minutes.`,
  tryAgainLater: 'Please try again in a while.',
  goOnAs: (name: string): Html => html`Go on as ${name}`,
  orReplace: 'Whoever signs on below replaces that sign-on.',
  insecure: {
    title: 'Signing on needs a secure connection',
    text: 'This page was asked for over http. The cookie that would keep you signed on travels over https only (Secure), so signing on here cannot work.',
    open: (origin: string): Html => html`Open <a href="${origin}/">${origin}</a> instead.`,
    operator:
      'If you did use https: what stands in front of this server does not say so, or is not believed. That is for whoever runs it to put right (trustProxy in its configuration).',
  },
};

/** Why a browser that was signed on comes back as if it were not. */
const loop = {
  title: 'You keep being sent back here',
  lead: (host: string): Html =>
    html`You were led to <strong>${host}</strong> three times, and each time it sent you back to sign on. This page stops that.`,
  leadHere: 'You have sent the form three times, and each time your browser came back without the cookie it was given.',
  what: 'Which cookie did not come back',
  why: 'Why',
  toDo: 'What to do',
  cookie: (name: string, host: string): Html =>
    html`The cookie <code>${name}</code> did not reach <strong>${host}</strong>.`,
  cameHere: (host: string): Html =>
    html`It did come back to this host, <strong>${host}</strong>: you are signed on here.`,
  hostOnly: (here: string, there: string): Html =>
    html`The cookie belongs to <strong>${here}</strong> alone, because no cookieDomain is configured. A browser never sends it to <strong>${there}</strong>.`,
  outside: (there: string, domain: string): Html =>
    html`<strong>${there}</strong> is a foreign host: it lies outside the cookieDomain <code>${domain}</code>, and a browser sends the cookie to that domain only.`,
  insecureTarget: (there: string): Html =>
    html`The cookie is marked <code>Secure</code>, and <strong>${there}</strong> is reached over http: a browser sends it over https only.`,
  insecureHere: html`The cookie is marked <code>Secure</code>, and this page was reached over http: a browser neither keeps nor sends it.`,
  unknownThere: (there: string): Html =>
    html`The cookie can reach <strong>${there}</strong>, so it was probably not believed there: that application belongs to another cluster, has another secret or cookie name, or cannot reach the other nodes.`,
  blocked: 'The browser, or an extension of it, blocks or deletes cookies.',
  publicSuffix: (domain: string): Html =>
    html`The browser takes <code>${domain}</code> for a public suffix, under which strangers have their sites, and refuses cookies for it.`,
  forUser:
    'Allow cookies for this site, or try another browser. If that does not help, show this page to whoever runs this service.',
  forOperator: 'You can do nothing about this yourself. Please show this page to whoever runs this service.',
  again: 'Try once more',
  account: 'To your account',
};

const home = {
  nobody: 'Nobody is signed on',
  nobodyLead: 'Sign on once, and be known in all applications.',
  signOn: 'Sign on',
  lead: 'You are signed on.',
  name: 'Name',
  email: 'E-mail',
  roles: 'Roles',
  none: 'none',
  signedOn: 'Signed on',
  by: (means: string) => `, by ${means}`,
  means: { form: 'password', basic: 'HTTP Basic', front: 'a server in front' } as Readonly<Record<string, string>>,
  until: 'Until',
  atTheLatest: ' at the latest',
  applications: 'Applications',
  noneYet: 'none yet',
};

const signOut = {
  title: 'Sign out?',
  lead: 'It ends your sign-on in all applications.',
  asWho: (name: string): Html => html`You are signed on as <strong>${name}</strong>.`,
  button: 'Sign out everywhere',
  tooOld: { title: 'You are still signed on', text: 'The form was too old. Please send this new one.' },
  goOn: (host: string): Html => html`Go on to ${host}`,
  signOnAgain: 'Sign on again',
};

const unavailable = {
  title: 'Not possible at the moment',
  lead: 'This server has lost sight of the others, and accepts nobody until it sees them again. Please try again shortly',
  keep: ': you need not sign on again',
  again: 'Try again',
  or: ', or ',
  signOut: 'sign out',
};

const account = {
  title: 'Your sign-ons',
  lead: 'Every browser in which you are signed on. End what you do not know.',
  count: (count: number) => (count === 1 ? 'One sign-on' : `${count} sign-ons`),
  here: 'This browser',
  device: (browser: string | undefined, system: string | undefined) =>
    browser === undefined ? (system ?? 'Unknown device') : system === undefined ? browser : `${browser} on ${system}`,
  program: (name: string) => `${name} (a program)`,
  signedOn: 'Signed on',
  from: (source: string) => `from ${source}`,
  used: 'Last used',
  applications: 'Applications',
  noApplications: 'none yet',
  remembered: 'Kept signed on',
  end: 'End',
  endLabel: (device: string, place: number) => `End sign-on ${place}: ${device}`,
  endHere: 'Sign out here',
  endOthers: 'End all others',
  endAll: 'Sign out everywhere',
  endAllLead: 'Ends every one of these, this browser included.',
  endOthersLead: 'This browser stays signed on.',
  all: 'All at once',
  ended: { title: 'Ended', text: 'No node accepts it any more.' },
  endedPending: {
    title: 'Ended, not yet confirmed by every node',
    text: 'It ends there as soon as they can be reached.',
  },
  receipt: 'The receipt',
  gone: { title: 'Already ended', text: 'That sign-on was over before.' },
  page: (page: number, pages: number) => `Page ${page} of ${pages}`,
  earlier: 'Older',
  later: 'Newer',
  otherPages: 'Other pages',
};

const receipt = {
  title: 'Receipt',
  state: 'State',
  states: { complete: 'complete', pending: 'pending' },
  complete: 'Complete',
  pending: 'Pending',
  headline: {
    complete: 'You are signed out everywhere',
    pending: 'You are signed out, but not every node has confirmed it yet',
  },
  allConfirmed: (count: number) =>
    `${count === 1 ? 'The one node there is confirmed' : `All ${count} nodes confirmed`} that your sign-on has ended.`,
  someConfirmed: (count: number, silent: string) =>
    `${count === 1 ? 'One node' : `${count} nodes`} confirmed that your sign-on has ended; ${silent} did not answer, and can accept it no more.`,
  silent: (silent: string | undefined, isOne: boolean) =>
    `No answer yet from ${silent ?? 'enough nodes'}; ${isOne ? 'it is told as soon as it' : 'they are told as soon as they'} can be reached again.`,
  finalBy: (time: Html): Html =>
    html` It is final no later than ${time}: from then on no node accepts your sign-on, whether it answered or not.`,
  final: 'Final',
  noLaterThan: 'no later than ',
  ended: 'Ended',
  cause: (cause: string) => `, cause: ${cause}`,
  causes: {} as Readonly<Record<string, string>>,
  sessions: 'Sessions ended',
  confirmedBy: 'Confirmed by',
  outstanding: 'Outstanding',
  none: 'none',
  failed: 'Failed',
  number: 'Number',
  lookAgain: 'Look again',
  follows: 'With script the page does so by itself, every second.',
  absent: 'There is no such receipt: it was never issued, or is so old that it has been forgotten.',
  unknowable: 'This node does not know the receipt, and cannot ask every other node at the moment. Please try again.',
};

const errors = {
  sentences: {
    400: 'The request could not be understood.',
    403: 'This page is not for you.',
    404: 'There is no such page.',
    405: 'This address does not take that.',
    413: 'What was sent is too large.',
    415: 'What was sent cannot be read here.',
    421: 'This host is not served here.',
    503: 'This is not possible at the moment. Please try again.',
  } as Readonly<Record<number, string>>,
  other: 'Something went wrong here. It has been noted.',
  foreignForm: 'This form is too old, or came from another site. Please open the page again.',
};

export const english = { page, nav, signIn, loop, home, signOut, unavailable, account, receipt, errors };

/** What a language must be able to say. */
export type Words = typeof english;
