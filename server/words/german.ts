/** The same in German. */

import { html } from '../html.ts';
import type { Words } from './english.ts';

const page: Words['page'] = {
  lang: 'de',
  language: 'Deutsch',
  languages: 'Sprache',
  skip: 'Zum Inhalt',
  pages: 'Seiten',
  help: 'Hilfe',
  start: 'Zur ersten Seite',
  error: 'Fehler',
};

const nav: Words['nav'] = { home: 'Konto', signOns: 'Ihre Anmeldungen', signOut: 'Abmelden' };

const signIn: Words['signIn'] = {
  title: 'Anmelden',
  name: 'Name',
  password: 'Passwort',
  remember: (days) => `Auf diesem Gerät ${days === 1 ? 'einen Tag' : `${days} Tage`} angemeldet bleiben`,
  rememberHint: 'Nur auf einem eigenen Gerät.',
  button: 'Anmelden',
  goesOnTo: (host) => html`weiter zu <strong>${host}</strong>`,
  problems: {
    credentials: { title: 'Nicht angemeldet', text: 'Der Name oder das Passwort stimmt nicht.' },
    throttled: {
      title: 'Zu viele Versuche',
      text: 'Die Anmeldung wird verlangsamt, damit niemand Passwörter erraten kann.',
    },
    busy: {
      title: 'Gerade nicht',
      text: 'In diesem Augenblick melden sich zu viele an. Bitte versuchen Sie es noch einmal.',
    },
    unavailable: {
      title: 'Im Moment nicht möglich',
      text: 'Hier kann gerade niemand angemeldet werden; an Ihrem Passwort liegt es nicht. Bitte versuchen Sie es gleich noch einmal.',
    },
    tooOld: {
      title: 'Bitte melden Sie sich noch einmal an',
      text: 'Dieses Formular war zu alt oder wurde in einem anderen Browser geöffnet. Hier ist ein neues.',
    },
    someoneElse: { title: 'Es ist schon jemand angemeldet', text: 'In diesem Browser, in einem anderen Tab.' },
  },
  tryAgainIn: (seconds) =>
    seconds < 90
      ? `Bitte versuchen Sie es in ${seconds === 1 ? 'einer Sekunde' : `${seconds} Sekunden`} noch einmal.`
      : `Bitte versuchen Sie es in ${Math.ceil(seconds / 60)} Minuten noch einmal.`,
  tryAgainLater: 'Bitte versuchen Sie es später noch einmal.',
  goOnAs: (name) => html`Weiter als ${name}`,
  orReplace: 'Wer sich unten anmeldet, löst diese Anmeldung ab.',
  insecure: {
    title: 'Zum Anmelden braucht es eine sichere Verbindung',
    text: 'Diese Seite wurde über http aufgerufen. Das Cookie, das Sie angemeldet hält, wird nur über https gesendet (Secure): Hier kann die Anmeldung nicht gelingen.',
    open: (origin) => html`Öffnen Sie stattdessen <a href="${origin}/">${origin}</a>.`,
    operator:
      'Falls Sie https verwendet haben: Was vor diesem Server steht, teilt es nicht mit, oder ihm wird nicht geglaubt. Das kann nur beheben, wer ihn betreibt (trustProxy in der Konfiguration).',
  },
};

const loop: Words['loop'] = {
  title: 'Sie werden immer wieder hierher geschickt',
  lead: (host) =>
    html`Sie wurden dreimal zu <strong>${host}</strong> geleitet und jedes Mal zum Anmelden zurückgeschickt. Diese Seite hält das an.`,
  leadHere:
    'Sie haben das Formular dreimal gesendet, und jedes Mal kam Ihr Browser ohne das Cookie zurück, das er bekommen hat.',
  what: 'Welches Cookie nicht zurückkam',
  why: 'Warum',
  toDo: 'Was zu tun ist',
  cookie: (name, host) => html`Das Cookie <code>${name}</code> ist nicht bei <strong>${host}</strong> angekommen.`,
  cameHere: (host) => html`Zu diesem Host, <strong>${host}</strong>, kam es zurück: Hier sind Sie angemeldet.`,
  hostOnly: (here, there) =>
    html`Das Cookie gehört <strong>${here}</strong> allein, weil keine cookieDomain eingestellt ist. Ein Browser sendet es nie an <strong>${there}</strong>.`,
  outside: (there, domain) =>
    html`<strong>${there}</strong> ist ein fremder Host: Er liegt außerhalb der cookieDomain <code>${domain}</code>, und nur an sie sendet ein Browser das Cookie.`,
  insecureTarget: (there) =>
    html`Das Cookie trägt das Merkmal <code>Secure</code>, und <strong>${there}</strong> wird über http aufgerufen: Ein Browser sendet es nur über https.`,
  insecureHere: html`Das Cookie trägt das Merkmal <code>Secure</code>, und diese Seite wurde über http aufgerufen: Ein Browser behält und sendet es dann nicht.`,
  unknownThere: (there) =>
    html`Das Cookie kann <strong>${there}</strong> erreichen; wahrscheinlich wurde ihm dort nicht geglaubt: Die Anwendung gehört zu einem anderen Cluster, hat ein anderes Geheimnis oder einen anderen Cookie-Namen oder erreicht die anderen Knoten nicht.`,
  blocked: 'Der Browser oder eine Erweiterung sperrt oder löscht Cookies.',
  publicSuffix: (domain) =>
    html`Der Browser hält <code>${domain}</code> für ein öffentliches Suffix, unter dem Fremde ihre Seiten haben, und nimmt dafür keine Cookies an.`,
  forUser:
    'Erlauben Sie Cookies für diese Seite, oder versuchen Sie es mit einem anderen Browser. Hilft das nicht, zeigen Sie diese Seite denen, die diesen Dienst betreiben.',
  forOperator:
    'Sie selbst können daran nichts ändern. Bitte zeigen Sie diese Seite denen, die diesen Dienst betreiben.',
  again: 'Noch einmal versuchen',
  account: 'Zu Ihrem Konto',
};

const home: Words['home'] = {
  nobody: 'Niemand ist angemeldet',
  nobodyLead: 'Melden Sie sich einmal an, und alle Anwendungen kennen Sie.',
  signOn: 'Anmelden',
  lead: 'Sie sind angemeldet.',
  name: 'Name',
  email: 'E-Mail',
  roles: 'Rollen',
  none: 'keine',
  signedOn: 'Angemeldet',
  by: (means) => `, mit ${means}`,
  means: { form: 'Passwort', basic: 'HTTP Basic', front: 'einem Server davor' },
  until: 'Bis',
  atTheLatest: ', längstens',
  applications: 'Anwendungen',
  noneYet: 'noch keine',
};

const signOut: Words['signOut'] = {
  title: 'Abmelden?',
  lead: 'Damit endet Ihre Anmeldung in allen Anwendungen.',
  asWho: (name) => html`Sie sind als <strong>${name}</strong> angemeldet.`,
  button: 'Überall abmelden',
  tooOld: { title: 'Sie sind noch angemeldet', text: 'Das Formular war zu alt. Bitte senden Sie dieses neue.' },
  goOn: (host) => html`Weiter zu ${host}`,
  signOnAgain: 'Wieder anmelden',
};

const unavailable: Words['unavailable'] = {
  title: 'Im Moment nicht möglich',
  lead: 'Dieser Server sieht die anderen nicht mehr und lässt niemanden ein, bis er sie wieder sieht. Bitte versuchen Sie es gleich noch einmal',
  keep: '; neu anmelden müssen Sie sich nicht',
  again: 'Noch einmal versuchen',
  or: ' oder ',
  signOut: 'abmelden',
};

const account: Words['account'] = {
  title: 'Ihre Anmeldungen',
  lead: 'Jeder Browser, in dem Sie angemeldet sind. Beenden Sie, was Sie nicht kennen.',
  count: (count) => (count === 1 ? 'Eine Anmeldung' : `${count} Anmeldungen`),
  here: 'Dieser Browser',
  device: (browser, system) =>
    browser === undefined
      ? (system ?? 'Unbekanntes Gerät')
      : system === undefined
        ? browser
        : `${browser} unter ${system}`,
  program: (name) => `${name} (ein Programm)`,
  signedOn: 'Angemeldet',
  from: (source) => `von ${source}`,
  used: 'Zuletzt benutzt',
  applications: 'Anwendungen',
  noApplications: 'noch keine',
  remembered: 'Bleibt angemeldet',
  end: 'Beenden',
  endLabel: (device, place) => `Anmeldung ${place} beenden: ${device}`,
  endHere: 'Hier abmelden',
  endOthers: 'Alle anderen beenden',
  endAll: 'Überall abmelden',
  endAllLead: 'Beendet jede dieser Anmeldungen, auch die in diesem Browser.',
  endOthersLead: 'Dieser Browser bleibt angemeldet.',
  all: 'Alle auf einmal',
  ended: { title: 'Beendet', text: 'Kein Knoten nimmt sie mehr an.' },
  endedPending: {
    title: 'Beendet, noch nicht von allen Knoten bestätigt',
    text: 'Dort endet sie, sobald sie erreichbar sind.',
  },
  receipt: 'Zur Quittung',
  gone: { title: 'Schon beendet', text: 'Diese Anmeldung war bereits vorbei.' },
  page: (page, pages) => `Seite ${page} von ${pages}`,
  earlier: 'Ältere',
  later: 'Neuere',
  otherPages: 'Weitere Seiten',
};

const receipt: Words['receipt'] = {
  title: 'Quittung',
  state: 'Stand',
  states: { complete: 'vollständig', pending: 'offen' },
  complete: 'Vollständig',
  pending: 'Offen',
  headline: {
    complete: 'Sie sind überall abgemeldet',
    pending: 'Sie sind abgemeldet, aber noch nicht jeder Knoten hat es bestätigt',
  },
  allConfirmed: (count) =>
    `${count === 1 ? 'Der einzige Knoten hat' : `Alle ${count} Knoten haben`} bestätigt, dass Ihre Anmeldung beendet ist.`,
  someConfirmed: (count, silent) =>
    `${count === 1 ? 'Ein Knoten hat' : `${count} Knoten haben`} bestätigt, dass Ihre Anmeldung beendet ist; ${silent} ohne Antwort, kann sie aber nicht mehr annehmen.`,
  silent: (silent, isOne) =>
    `Noch keine Antwort von ${silent ?? 'genügend Knoten'}; ${isOne ? 'er erfährt es, sobald er' : 'sie erfahren es, sobald sie'} wieder erreichbar ${isOne ? 'ist' : 'sind'}.`,
  finalBy: (time) =>
    html` Endgültig ist es spätestens ${time}: Von da an nimmt kein Knoten Ihre Anmeldung mehr an, ob er geantwortet hat oder nicht.`,
  final: 'Endgültig',
  noLaterThan: 'spätestens ',
  ended: 'Beendet',
  cause: (cause) => `, Grund: ${cause}`,
  causes: {
    logout: 'Abmeldung',
    'subject-ended': 'überall abgemeldet',
    administrator: 'durch die Verwaltung',
    replaced: 'neue Anmeldung',
    idle: 'lange unbenutzt',
    expired: 'Zeit abgelaufen',
  },
  sessions: 'Beendete Sitzungen',
  confirmedBy: 'Bestätigt von',
  outstanding: 'Noch offen',
  none: 'keinem',
  failed: 'Misslungen',
  number: 'Nummer',
  lookAgain: 'Noch einmal nachsehen',
  follows: 'Mit Script tut die Seite das von selbst, jede Sekunde.',
  absent: 'Eine solche Quittung gibt es nicht: Sie wurde nie ausgestellt, oder sie ist so alt, dass sie vergessen ist.',
  unknowable:
    'Dieser Knoten kennt die Quittung nicht und kann im Moment nicht alle anderen fragen. Bitte versuchen Sie es noch einmal.',
};

const errors: Words['errors'] = {
  sentences: {
    400: 'Die Anfrage war nicht zu verstehen.',
    403: 'Diese Seite ist nicht für Sie.',
    404: 'Diese Seite gibt es nicht.',
    405: 'Diese Adresse nimmt so etwas nicht an.',
    413: 'Was gesendet wurde, ist zu groß.',
    415: 'Was gesendet wurde, kann hier nicht gelesen werden.',
    421: 'Dieser Host wird hier nicht bedient.',
    503: 'Das ist im Moment nicht möglich. Bitte versuchen Sie es noch einmal.',
  },
  other: 'Hier ist etwas schiefgegangen. Es wurde vermerkt.',
  foreignForm: 'Dieses Formular ist zu alt, oder es kam von einer anderen Seite. Bitte öffnen Sie die Seite neu.',
};

export const german: Words = { page, nav, signIn, loop, home, signOut, unavailable, account, receipt, errors };
