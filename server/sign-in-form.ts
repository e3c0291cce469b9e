/** The form that asks for name and password: labels, autofill, what went wrong announced and tied to the fields. */

import { type Html, html } from './html.ts';
import { english, type Words } from './words/english.ts';

export interface SignInForm {
  readonly csrf: string;
  /** As it came in the address; whoever answers the form decides whether it is safe. */
  readonly returnTo: string | undefined;
  readonly problem?: Problem | undefined;
  /** What was typed before. */
  readonly username?: string | undefined;
  /** Days that a browser may be kept signed on, where the operator lets people choose so. */
  readonly rememberDays?: number | undefined;
  /** How often this form came back although the browser had sent it: cookies that are blocked can count nothing. */
  readonly round?: number;
  readonly words?: Words;
}

/** Why the form is shown again. */
export interface Problem {
  readonly kind: keyof Words['signIn']['problems'];
  readonly text: Html | string;
}

/** The problem that the address of the form names (`?error=`), if it names one: what `login()` sends a browser back with. */
export function problemIn(query: Readonly<Record<string, unknown>>, words: Words = english): Problem | undefined {
  const { problems, tryAgainIn, tryAgainLater } = words.signIn;
  switch (query['error']) {
    case 'credentials':
    case 'busy':
    case 'unavailable':
      return { kind: query['error'], text: problems[query['error']].text };
    case 'throttled': {
      const seconds = /^\d{1,6}$/.test(String(query['retry_after'])) ? Number(query['retry_after']) : 0;
      return {
        kind: 'throttled',
        text: `${problems.throttled.text} ${seconds > 0 ? tryAgainIn(seconds) : tryAgainLater}`,
      };
    }
    default:
      return undefined;
  }
}

export function signInForm(form: SignInForm): Html {
  const { csrf, returnTo, problem, username, rememberDays, round, words = english } = form;
  const { signIn } = words;
  // Both, since nobody is told which of the two is wrong.
  const fault = problem?.kind === 'credentials' && html` aria-invalid="true"`;
  const described = problem !== undefined && html` aria-describedby="problem"`;
  const hasName = username !== undefined && username !== '';
  return html`${problem !== undefined && html`<div class="note ${isPassing(problem) ? 'warn' : 'bad'}" role="alert" id="problem"><strong>${signIn.problems[problem.kind].title}</strong>${problem.text}</div>`}
<form class="stacked" method="post" action="/login">
<input type="hidden" name="csrf" value="${csrf}">
${returnTo !== undefined && html`<input type="hidden" name="return_to" value="${returnTo}">`}
${round !== undefined && html`<input type="hidden" name="round" value="${round}">`}
<label for="username">${signIn.name}</label>
<input id="username" name="username" value="${username ?? ''}" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false" required maxlength="256"${!hasName && html` autofocus`}${fault}${described}>
<label for="password">${signIn.password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="4096"${hasName && html` autofocus`}${fault}${described}>
${
  rememberDays !== undefined &&
  html`<div class="check"><input type="checkbox" id="remember" name="remember" value="on" aria-describedby="remember-hint"><label for="remember">${signIn.remember(rememberDays)}</label><span class="quiet" id="remember-hint">${signIn.rememberHint}</span></div>`
}
<button>${signIn.button}</button>
</form>`;
}

/** What is nobody's fault and passes by itself. */
function isPassing({ kind }: Problem): boolean {
  return kind !== 'credentials';
}
