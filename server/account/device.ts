/**
 * What a browser calls itself, in two words that its owner knows: the browser and the system. A user agent
 * is whatever a client writes, so this shows people their own sign-ons and decides nothing. Tables, the more
 * particular names first: nearly every browser also names those that it descends from.
 */

export interface Device {
  readonly browser: string | undefined;
  readonly system: string | undefined;
  /** No browser: `curl`, a library. */
  readonly isProgram: boolean;
}

const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\/|\bEdge\/|\bEdgiOS\//, 'Edge'],
  [/\bOPR\/|\bOPiOS\/|\bOPT\/|\bOpera\b/, 'Opera'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bYaBrowser\//, 'Yandex Browser'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bDuckDuckGo\/|\bDdg\//, 'DuckDuckGo'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bHeadlessChrome\/|\bChromium\//, 'Chromium'],
  [/\bCriOS\/|\bChrome\//, 'Chrome'],
  [/\bVersion\/[\d.]+.*\bSafari\/|\biP(?:hone|ad|od)\b.*AppleWebKit\//, 'Safari'],
  [/\bMSIE |\bTrident\//, 'Internet Explorer'],
];

const systems: readonly (readonly [RegExp, string])[] = [
  [/\bWindows Phone\b/, 'Windows Phone'],
  [/\biPad\b/, 'iPad'],
  [/\biPhone\b|\biPod\b/, 'iPhone'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bLinux\b|\bX11\b/, 'Linux'],
];

/** The name of a program, as in `curl/8.5.0`; what follows is its own affair. */
const program = /^([A-Za-z][\w.-]{0,39})(?:\/[\w.-]+)?(?:\s|$)/;

export function deviceOf(userAgent: string | undefined): Device {
  const agent = userAgent?.slice(0, 512) ?? '';
  const named = (names: typeof browsers) => names.find(([pattern]) => pattern.test(agent))?.[1];
  const [browser, system] = [named(browsers), named(systems)];
  if (browser !== undefined || system !== undefined) return { browser, system, isProgram: false };
  const name = /^Mozilla\//.test(agent) ? undefined : program.exec(agent)?.[1];
  return { browser: name, system: undefined, isProgram: name !== undefined };
}
