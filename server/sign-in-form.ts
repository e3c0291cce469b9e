/** The form that asks for name and password: labels, autofill, errors that are announced. */

import { type Html, html } from './html.ts';

export interface SignInForm {
  readonly csrf: string;
  /** As it came in the address; whoever answers the form decides whether it is safe. */
  readonly returnTo: string | undefined;
  readonly failed: boolean;
}

/** The only error that a form can come back with: nobody is told whether the name is known. */
export const failedSignIn = 'credentials';

export function signInForm({ csrf, returnTo, failed }: SignInForm): Html {
  return html`${failed && html`<p class="note bad" role="alert" id="failed"><strong>Not signed on</strong>The name or the password is not right.</p>`}
<form class="stacked" method="post" action="/login">
<input type="hidden" name="csrf" value="${csrf}">
${returnTo !== undefined && html`<input type="hidden" name="return_to" value="${returnTo}">`}
<label for="username">Name</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="256" autofocus${failed && html` aria-describedby="failed"`}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="4096">
<button>Sign on</button>
</form>`;
}
